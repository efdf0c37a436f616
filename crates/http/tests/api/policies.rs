//! Policies: what is refused, what is kept, how one comes back.

use serde_json::json;

use crate::app::{Answer, App};

const NIGHT: &str = "/v1/policies/night";

async fn delete(app: &App) -> Answer {
    app.call("DELETE", NIGHT, Some(&app.admin), &[], "").await
}

#[tokio::test]
async fn every_fault_of_a_policy_is_named_at_once() {
    let app = App::start().await;
    let body = json!({
        "dedupe": {}, "dedup": {"window": "soon"}, "applies_to": {"channels": ["fax"]},
        "cap": [{"per": "recipient", "count": 0, "window": "1d"}], "reason": "x".repeat(129),
    });
    app.put(NIGHT, &body).await.fields(&[
        ("/dedupe", "unknown_field"),
        ("/dedup/window", "invalid_duration"),
        ("/applies_to/channels/0", "unknown_value"),
        ("/cap/0/count", "out_of_range"),
        ("/reason", "too_long"),
    ]);
    app.put("/v1/policies/No", &json!({}))
        .await
        .fields(&[("/name", "invalid_key")]);
    app.get(NIGHT).await.problem(404, "not_found");
    let versions = app.get(&format!("{NIGHT}/versions")).await;
    versions.problem(404, "not_found");
}

#[tokio::test]
async fn a_policy_is_kept_in_versions_and_comes_back_in_one_call() {
    let app = App::start().await;
    let first = json!({"description": "nights", "quiet_hours": "hold"});
    let mut body = first.clone();
    body["reason"] = json!("complaints");
    let made = app.put(NIGHT, &body).await.expect(200);
    assert_eq!((&made["version"], &made["document"]), (&json!(1), &first));
    assert_eq!(made["reason"], "complaints");
    let second = json!({"quiet_hours": "none"});
    app.put(NIGHT, &second).await.expect(200);
    let read = app.get(NIGHT).await.expect(200);
    assert_eq!((&read["version"], &read["document"]), (&json!(2), &second));
    assert_eq!(read["history"][1]["detail"]["reason"], "complaints");
    let listed = app.get("/v1/policies").await.expect(200);
    assert_eq!(listed["items"][0]["name"], "night");

    delete(&app).await.expect(204);
    app.get(NIGHT).await.problem(404, "not_found");
    delete(&app).await.problem(404, "not_found");
    let revert = format!("{NIGHT}/revert");
    let back = app.post(&revert, &json!({"version": 1})).await.expect(200);
    assert_eq!((&back["version"], &back["document"]), (&json!(4), &first));
    assert_eq!(back["reason"], "back to version 1");
    for version in [3, 9] {
        let gone = app.post(&revert, &json!({"version": version})).await;
        gone.problem(404, "not_found");
    }
    let page = app.get(&format!("{NIGHT}/versions?limit=2")).await;
    let page = page.expect(200);
    assert_eq!(page["items"][1]["document"], json!(null));
    let cursor = page["cursor"].as_str().unwrap();
    let rest = app.get(&format!("{NIGHT}/versions?cursor={cursor}")).await;
    assert_eq!(rest.expect(200)["items"].as_array().unwrap().len(), 2);
}
