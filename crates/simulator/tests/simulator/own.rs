//! The own protocol.

use crate::rig::{Rig, own};

#[tokio::test]
async fn answers_in_order_with_unique_ids() {
    let rig = Rig::new().await;
    let answer = rig
        .send(
            "/sim/send",
            &[("dlv_1", "+8613711112222"), ("dlv_2", "+8613711112223")],
        )
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    let results = answer.json()["results"].clone();
    assert_eq!(results[0]["reference"], "dlv_1");
    assert_eq!(results[1]["reference"], "dlv_2");
    assert_eq!(results[0]["code"], "ok");
    assert_eq!(results[0]["segments"], 1);
    let id = results[0]["id"].as_str().unwrap();
    assert!(id.starts_with("sim-"), "{id}");
    assert_ne!(results[1]["id"], id);
}

#[tokio::test]
async fn wrong_requests_are_named() {
    let rig = Rig::new().await;
    let cases = [
        ("{", "EOF"),
        (r#"{"messages":[]}"#, "1 to 1000"),
        (
            r#"{"messages":[{"to":"+86"}]}"#,
            "missing field `reference`",
        ),
        (
            r#"{"messages":[{"reference":"a","to":"b","txt":"c"}]}"#,
            "unknown field `txt`",
        ),
        (r#"{"messages":[]} x"#, "trailing"),
    ];
    for (body, why) in cases {
        let answer = rig.post("/sim/send", &[], body).await;
        assert_eq!(answer.status, 400, "{body}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(why), "{body}: {message}");
    }
    assert_eq!(rig.summary().await["accepted"], 0);
    assert_eq!(rig.get("/sim/send").await.status, 405);
    assert_eq!(rig.get("/nowhere").await.status, 404);
    assert_eq!(
        rig.send("/a/nobody/sim/send", &[("a", "b")])
            .await
            .unwrap()
            .status,
        404
    );
}

#[tokio::test]
async fn asks_for_its_token() {
    let rig = Rig::new().await;
    rig.behave("default", r#"{"credentials":{"token":"sesame"}}"#)
        .await;
    let body = own(&[("dlv_1", "+8613711112222")]);
    assert_eq!(rig.post("/sim/send", &[], &body).await.status, 401);
    let wrong = [("authorization", "Bearer sesam")];
    assert_eq!(rig.post("/sim/send", &wrong, &body).await.status, 401);
    let right = [("authorization", "Bearer sesame")];
    assert_eq!(rig.post("/sim/send", &right, &body).await.status, 200);
    assert_eq!(rig.summary().await["accepted"], 1);
}

#[tokio::test]
async fn can_be_asked_about_a_reference() {
    let rig = Rig::new().await;
    let sent = rig
        .send("/sim/send", &[("dlv_1", "+8613711112222")])
        .await
        .unwrap();
    let known = rig.get("/sim/query?reference=dlv_1").await.json();
    assert_eq!(known["accepted"], true);
    assert_eq!(known["count"], 1);
    assert_eq!(known["id"], sent.json()["results"][0]["id"]);
    assert_eq!(known["status"], "accepted");
    let unknown = rig.get("/sim/query?reference=dlv_2").await.json();
    assert_eq!(unknown["accepted"], false);
    assert_eq!(rig.get("/sim/query").await.status, 400);
}

#[tokio::test]
async fn counts_doubles_per_reference() {
    let rig = Rig::new().await;
    rig.behave("other", "{}").await;
    for (path, reference) in [
        ("/sim/send", "dlv_1"),
        ("/sim/send", "dlv_2"),
        ("/a/other/sim/send", "dlv_2"),
        ("/sim/send", "dlv_2"),
        ("/sim/send", "dlv_3"),
    ] {
        rig.send(path, &[(reference, "+8613711112222")])
            .await
            .unwrap();
    }
    let summary = rig.summary().await;
    assert_eq!(summary["accepted"], 5);
    assert_eq!(summary["distinct_references"], 3);
    assert_eq!(summary["doubled_count"], 1);
    assert_eq!(summary["extra_count"], 2);
    assert_eq!(summary["doubled"][0]["reference"], "dlv_2");
    assert_eq!(summary["doubled"][0]["count"], 3);
    assert_eq!(summary["by_behaviour"]["default"], 4);
    assert_eq!(summary["by_behaviour"]["other"], 1);
    let by_second = summary["by_second"].as_object().unwrap().values();
    assert_eq!(by_second.map(|n| n.as_u64().unwrap()).sum::<u64>(), 5);
}

#[tokio::test]
async fn tokens_open_sends_until_they_run_out_or_are_revoked() {
    let rig = Rig::new().await;
    rig.behave(
        "t",
        r#"{"credentials":{"token":"sesame"},"tokens":{"life_ms":600000}}"#,
    )
    .await;
    let secret = [("authorization", "Bearer sesame")];
    let body = own(&[("dlv_1", "+8613711112222")]);
    let refused = rig.post("/a/t/sim/send", &secret, &body).await;
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (401, Some("token_invalid"))
    );
    let wrong = [("authorization", "Bearer open")];
    assert_eq!(rig.post("/a/t/sim/token", &wrong, "{}").await.status, 401);
    let given = rig.post("/a/t/sim/token", &secret, "{}").await.json();
    assert_eq!(given["expires_in_ms"], 600_000);
    let bearer = format!("Bearer {}", given["token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(rig.post("/a/t/sim/send", &headers, &body).await.status, 200);
    let revoked = rig
        .call("DELETE", "/control/behaviours/t/tokens", &[], "")
        .await;
    assert_eq!(revoked.unwrap().status, 204);
    assert_eq!(rig.post("/a/t/sim/send", &headers, &body).await.status, 401);
    let shown = rig.get("/control/behaviours/t").await.json();
    assert_eq!(shown["tokens_given"], 1);
}

#[tokio::test]
async fn receipts_are_kept_to_be_fetched_as_often_as_asked() {
    let rig = Rig::new().await;
    rig.behave("p", r#"{"receipts":{"pull":true},"balance":1234500}"#)
        .await;
    let sent = [("dlv_1", "+8613711112222"), ("dlv_2", "+8613711112223")];
    rig.send("/a/p/sim/send", &sent).await.unwrap();
    let mut page = rig.get("/a/p/sim/receipts?after=0&limit=1").await.json();
    while page["receipts"] == serde_json::json!([]) || page["more"] == false {
        page = rig.get("/a/p/sim/receipts?after=0&limit=1").await.json();
    }
    assert_eq!((&page["cursor"], &page["more"]), (&1.into(), &true.into()));
    let rest = rig.get("/a/p/sim/receipts?after=1").await.json();
    assert_eq!((&rest["cursor"], &rest["more"]), (&2.into(), &false.into()));
    assert_ne!(
        rest["receipts"][0]["reference"],
        page["receipts"][0]["reference"]
    );
    let none = rig.get("/a/p/sim/receipts?after=2").await.json();
    assert_eq!(
        (&none["cursor"], &none["receipts"]),
        (&2.into(), &serde_json::json!([]))
    );
    let balance = rig.get("/a/p/sim/balance").await.json();
    assert_eq!(
        (&balance["amount"], &balance["unit"]),
        (&1_234_500.into(), &"CNY".into())
    );
    let recall = |reference| format!(r#"{{"reference":"{reference}"}}"#);
    let late = rig
        .post("/a/p/sim/recall", &[], &recall("dlv_1"))
        .await
        .json();
    assert_eq!(late["code"], "too_late");
    let unknown = rig
        .post("/a/p/sim/recall", &[], &recall("dlv_9"))
        .await
        .json();
    assert_eq!(unknown["code"], "unknown");
}
