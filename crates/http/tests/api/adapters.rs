//! Adapters that are uploaded: drafts, checks, trials, and what is refused.

use serde_json::{Value, json};

use crate::app::App;

const PATH: &str = "/v1/adapters/acme-sms";

fn upload(examples: &Value) -> Value {
    json!({"definition": {"about": examples}, "examples": examples, "reason": "tests"})
}

/// Uploads, checks and answers the number of a version.
async fn checked(app: &App, examples: &Value) -> u64 {
    let made = app.put(PATH, &upload(examples)).await.expect(201);
    let body = json!({"version": made["version"]});
    let check = app.post(&format!("{PATH}/check"), &body).await.expect(200);
    assert_eq!(check["state"], "checked", "{check:#}");
    made["version"].as_u64().unwrap()
}

async fn go(app: &App, word: &str, body: &Value) -> crate::app::Answer {
    app.post(&format!("{PATH}/{word}"), body).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, step by step")]
async fn a_version_goes_from_draft_to_use_and_back() {
    let app = App::start().await;
    let one = checked(&app, &json!(["one"])).await;
    let read = app.get(PATH).await.expect(200);
    assert_eq!(
        (&read["built_in"], &read["uploaded"]["active"]),
        (&json!(false), &Value::Null)
    );
    let fault = read["uploaded"]["fault"].as_str().unwrap();
    assert!(fault.contains("no active version"), "{fault}");
    go(
        &app,
        "activate",
        &json!({"version": one, "reason": "first"}),
    )
    .await
    .expect(200);

    // Accounts are checked against its descriptor, and messages go out through it.
    let account = json!({"key": "acme-1", "channel": "sms", "adapter": "acme-sms",
        "settings": {"endpoint": "http://vendor.example"}});
    app.post("/v1/accounts", &account).await.expect(201);
    let mut wrong = account.clone();
    (wrong["key"], wrong["settings"]) = (json!("acme-2"), json!({}));
    app.post("/v1/accounts", &wrong)
        .await
        .fields(&[("/settings/endpoint", "required")]);

    let two = checked(&app, &json!(["one", "two"])).await;
    let trial = json!({"version": two, "percent": 10, "promote_after": "10m"});
    let read = go(&app, "canary", &trial).await.expect(200);
    let canary = &read["uploaded"]["canary"];
    assert_eq!(
        (&canary["version"], &canary["promote_after"]),
        (&json!(2), &json!(600))
    );
    let read = go(&app, "activate", &json!({"version": two}))
        .await
        .expect(200);
    let uploaded = &read["uploaded"];
    assert_eq!(
        (&uploaded["active"], &uploaded["former"]),
        (&json!(2), &json!(1))
    );
    let read = go(&app, "rollback", &json!({"reason": "no good"}))
        .await
        .expect(200);
    assert_eq!(read["uploaded"]["active"], 1);
    assert_eq!(read["uploaded"]["versions"][0]["note"], "no good");
    go(&app, "rollback", &json!({}))
        .await
        .problem(409, "conflict");

    let diff = app
        .get(&format!("{PATH}/versions/2/diff?against=1"))
        .await
        .expect(200);
    assert!(
        diff["diff"].as_str().unwrap().contains("+  \"two\""),
        "{diff}"
    );
    let listed = app.get("/v1/adapters").await.expect(200);
    let names: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["name"])
        .collect();
    assert!(
        names.contains(&&json!("acme-sms")) && names.contains(&&json!("simulator")),
        "{names:?}"
    );
    let audit = app
        .get("/v1/audit?subject=adapter/acme-sms&limit=9")
        .await
        .expect(200);
    assert_eq!(audit["items"][0]["action"], "rollback");
    assert_eq!(audit["items"][0]["author"], "app/admin");
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_field() {
    let app = App::start().await;
    let body = json!({"definition": {"fault": "it is broken"}, "examples": {}});
    app.put(PATH, &body).await.fields(&[
        ("/definition/fault", "invalid"),
        ("/examples", "wrong_type"),
    ]);
    app.put("/v1/adapters/Acme", &upload(&json!([])))
        .await
        .fields(&[("/name", "invalid_key")]);
    app.put("/v1/adapters/simulator", &upload(&json!([])))
        .await
        .problem(409, "conflict");
    app.get(PATH).await.problem(404, "not_found");

    let made = app
        .put(PATH, &upload(&json!(["good", "bad"])))
        .await
        .expect(201);
    app.put(PATH, &upload(&json!(["good", "bad"])))
        .await
        .expect(200);
    let version = json!({"version": made["version"]});
    let check = go(&app, "check", &version).await.expect(200);
    assert_eq!(
        (&check["passed"], &check["state"]),
        (&json!(false), &json!("draft"))
    );
    assert_eq!(check["failures"][0]["pointer"], "/expect");
    go(&app, "activate", &version)
        .await
        .problem(409, "conflict");
    let trial = json!({"version": 1, "percent": 60, "promote_after": "soon"});
    go(&app, "canary", &trial).await.fields(&[
        ("/percent", "out_of_range"),
        ("/promote_after", "invalid_duration"),
    ]);
    go(&app, "activate", &json!({"version": 7}))
        .await
        .problem(404, "not_found");
    app.put(PATH, &upload(&json!([]))).await.expect(201);
    let detail = go(&app, "check", &json!({"version": 2}))
        .await
        .problem(409, "conflict");
    assert!(
        detail["detail"].as_str().unwrap().contains("no examples"),
        "{detail}"
    );
}

#[tokio::test]
async fn what_is_used_is_not_deleted_and_what_does_not_fit_is_not_activated() {
    let app = App::start().await;
    checked(&app, &json!(["one"])).await;
    go(&app, "activate", &json!({"version": 1}))
        .await
        .expect(200);
    let account = json!({"key": "acme-1", "channel": "sms", "adapter": "acme-sms",
        "settings": {"endpoint": "http://vendor.example"}});
    app.post("/v1/accounts", &account).await.expect(201);
    let delete = |path: String| {
        let app = &app;
        async move { app.call("DELETE", &path, Some(&app.admin), &[], "").await }
    };
    delete(PATH.into()).await.problem(409, "conflict");
    delete(format!("{PATH}/versions/1"))
        .await
        .problem(409, "conflict");

    let mut asking = upload(&json!(["two"]));
    asking["definition"]["asks"] = json!("region");
    app.put(PATH, &asking).await.expect(201);
    go(&app, "check", &json!({"version": 2})).await.expect(200);
    let refused = go(&app, "activate", &json!({"version": 2}))
        .await
        .problem(409, "conflict");
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("acme-1") && detail.contains("/settings/region"),
        "{detail}"
    );
    assert_eq!(app.get(PATH).await.expect(200)["uploaded"]["active"], 1);

    delete(format!("{PATH}/versions/2")).await.expect(204);
    delete("/v1/accounts/acme-1".into()).await.expect(204);
    delete(PATH.into()).await.expect(204);
    app.get(PATH).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_live_check_sends_one_message_and_shows_it() {
    let app = App::start().await;
    app.put(PATH, &upload(&json!(["one"]))).await.expect(201);
    let body = json!({"version": 1, "live": {"endpoint": "http://vendor.example"}});
    let check = go(&app, "check", &body).await.expect(200);
    assert_eq!(check["live"]["verdict"], "accepted", "{check:#}");
    assert_eq!(check["passed"], true);
    let body = json!({"version": 1, "live": {"endpoint": "nowhere"}});
    go(&app, "check", &body)
        .await
        .fields(&[("/live/settings/endpoint", "bad_url")]);
    assert!(
        app.ledger.states().is_empty(),
        "nothing was accepted for a check"
    );
}
