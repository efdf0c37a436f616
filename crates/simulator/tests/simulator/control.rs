//! The control API.

use crate::rig::Rig;

#[tokio::test]
async fn behaviours_are_set_shown_and_removed() {
    let rig = Rig::new().await;
    let rules = r#"{"rules":[{"match":{"every":2},"do":{"reject":{"code":"later"}}}],
                    "credentials":{"tencent":{"secret_id":"id","secret_key":"hush"}}}"#;
    let shown = rig.put("/control/behaviours/x", rules).await;
    assert_eq!(shown.status, 200);
    for reference in ["a", "b", "c", "d"] {
        rig.send("/a/x/sim/send", &[(reference, "+8613711112222")])
            .await
            .unwrap();
    }
    let shown = rig.get("/control/behaviours/x").await;
    assert_eq!(shown.json()["fired"], serde_json::json!([2]));
    assert!(!String::from_utf8_lossy(&shown.body).contains("hush"));
    let all = rig.get("/control/behaviours").await.json();
    assert!(all["behaviours"].get("default").is_some());
    let removed = rig
        .call("DELETE", "/control/behaviours/x", &[], "")
        .await
        .unwrap();
    assert_eq!(removed.status, 204);
    assert_eq!(rig.get("/control/behaviours/x").await.status, 404);
    let again = rig
        .call("DELETE", "/control/behaviours/x", &[], "")
        .await
        .unwrap();
    assert_eq!(again.status, 404);
    assert_eq!(
        rig.summary().await["by_behaviour"]["x"],
        2,
        "counts outlive it"
    );
}

#[tokio::test]
async fn faulty_behaviours_are_refused_with_the_place() {
    let rig = Rig::new().await;
    let cases = [
        (
            r#"{"rules":[{"do":"accept"},{"do":{"reject":{"cod":"x"}}}]}"#,
            "rules[1].do",
        ),
        (r#"{"speed":1}"#, "unknown field `speed`"),
        (
            r#"{"rules":[{"do":{"delay":{"ms":[9,1]}}}]}"#,
            "[least, most]",
        ),
        (r#"{"receipts":{"url":"ftp://x/"}}"#, "receipts.url"),
        ("{} {}", "trailing"),
    ];
    for (body, why) in cases {
        let answer = rig.put("/control/behaviours/default", body).await;
        assert_eq!(answer.status, 422, "{body}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(why), "{body}: {error}");
    }
    assert_eq!(rig.put("/control/behaviours/a%20b", "{}").await.status, 422);
    let shown = rig.get("/control/behaviours/default").await.json();
    assert_eq!(
        shown["behaviour"]["rules"],
        serde_json::json!([]),
        "nothing changed"
    );
}

#[tokio::test]
async fn the_ledger_is_listed_and_forgotten() {
    let rig = Rig::new().await;
    rig.send("/sim/send", &[("dlv_1", "+8613711112222")])
        .await
        .unwrap();
    let found = rig.get("/control/ledger?reference=dlv_1").await.json();
    assert_eq!(found["count"], 1);
    assert_eq!(found["entries"][0]["to"], "+8613711112222");
    assert_eq!(found["entries"][0]["behaviour"], "default");
    assert_eq!(found["entries"][0]["vendor"], "own");
    // SHA-256 of "hi".
    assert_eq!(found["entries"][0]["digest"], "8f434346648f6b96");
    assert_eq!(
        rig.get("/control/ledger").await.json()["entries"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let cleared = rig
        .call("DELETE", "/control/ledger", &[], "")
        .await
        .unwrap();
    assert_eq!(cleared.status, 204);
    let summary = rig.summary().await;
    assert_eq!(
        (&summary["accepted"], &summary["distinct_references"]),
        (&0.into(), &0.into())
    );
}

#[tokio::test]
async fn says_what_it_is() {
    let rig = Rig::new().await;
    assert_eq!(rig.get("/livez").await.body, b"ok");
    let overview = rig.get("/").await.json();
    assert_eq!(overview["simulator"], "austin");
    assert_eq!(rig.get("/control").await.json(), overview);
    assert_eq!(rig.get("/control/nothing").await.status, 404);
}
