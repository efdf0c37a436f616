//! Vendor callbacks.

use std::time::Duration;

use austin_adapter_api::sign::{hex, hmac_sha256};
use serde_json::json;

use crate::app::{App, message};

#[tokio::test]
async fn a_signed_receipt_moves_its_delivery_and_repeats_change_nothing() {
    let app = App::ready().await;
    let sent = app
        .post("/v1/messages", &message(&json!("+8613711112201")))
        .await
        .expect(202);
    let id = sent["deliveries"][0]["id"].as_str().unwrap();
    app.settled(id, "sent").await;
    let body = json!({"receipts": [
        {"id": format!("sim-{id}"), "reference": id, "status": "delivered", "code": "DELIVRD"},
    ]})
    .to_string();
    let signature = hex(&hmac_sha256(b"sim-secret", body.as_bytes()));
    let signed = [("x-sim-signature", signature.as_str())];
    for _ in 0..2 {
        let answer = app
            .call("POST", "/v1/receipts/sim-1", None, &signed, body.clone())
            .await;
        assert_eq!(answer.expect(200), json!({"ok": true}));
    }
    let told = app.settled(id, "delivered").await;
    assert_eq!(told["receipts"].as_array().unwrap().len(), 1);
    assert_eq!(told["receipts"][0]["code"], "DELIVRD");
    let last = told["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!(last["event"], "delivered");
}

#[tokio::test]
async fn receipts_without_proof_are_refused() {
    let app = App::ready().await;
    let body = r#"{"receipts":[]}"#;
    let post = |path: &'static str, signature: &'static str| {
        let headers = [("x-sim-signature", signature)];
        let app = &app;
        async move { app.call("POST", path, None, &headers, body).await }
    };
    post("/v1/receipts/sim-1", "00")
        .await
        .problem(401, "receipt_refused");
    post("/v1/receipts/nobody", "00")
        .await
        .problem(404, "not_found");
    post("/v1/receipts/sim-1/wrong-token", "00")
        .await
        .problem(404, "not_found");
    let get = app.call("GET", "/v1/receipts/sim-1", None, &[], "").await;
    get.problem(401, "receipt_refused");
}

#[tokio::test]
async fn the_token_in_the_path_stands_for_a_missing_signature() {
    let app = App::ready().await;
    let account = json!({
        "key": "yp-1", "channel": "sms", "adapter": "yunpian-sms", "secrets": {"apikey": "k"},
    });
    let made = app.post("/v1/accounts", &account).await.expect(201);
    let url = made["receipt_url"].as_str().unwrap();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = "sms_status=%5B%7B%22sid%22%3A9527%2C%22report_status%22%3A%22SUCCESS%22%7D%5D";
    let answer = app.call("POST", url, None, &form, body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (200, "SUCCESS")
    );
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    let bare = app
        .call("POST", "/v1/receipts/yp-1", None, &form, body)
        .await;
    bare.problem(404, "not_found");
    let broken = app.call("POST", url, None, &form, "sms=1").await;
    broken.problem(400, "receipt_refused");
}

#[tokio::test]
async fn the_senders_word_of_success_is_evidence_like_a_receipt() {
    let app = App::ready().await;
    let (own, other) = (
        app.key("shop", "sender").await,
        app.key("rival", "sender").await,
    );
    let sent = app
        .post_as(&own, "/v1/messages", &message(&json!("+8613711112201")))
        .await
        .expect(202);
    let id = sent["deliveries"][0]["id"].as_str().unwrap();
    app.settled(id, "sent").await;
    let path = format!("/v1/deliveries/{id}/success");
    let word = json!({});
    app.post_as(&other, &path, &word)
        .await
        .problem(404, "not_found");
    let reader = app.key("shop", "reader").await;
    app.post_as(&reader, &path, &word)
        .await
        .problem(403, "forbidden");
    for _ in 0..2 {
        let answer = app.post_as(&own, &path, &word).await.expect(200);
        assert_eq!(answer, json!({"id": id, "state": "delivered"}));
    }
    let told = app.settled(id, "delivered").await;
    assert_eq!(told["receipts"].as_array().unwrap().len(), 1);
    let last = told["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["event"], &last["code"]),
        (&json!("delivered"), &json!("success_event"))
    );
    app.post("/v1/deliveries/dlv_nonsense/success", &word)
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn success_of_what_no_vendor_was_called_for_is_a_conflict() {
    let app = App::ready().await;
    let mut later = message(&json!("+8613711112202"));
    let now = app.engine.parts().clock.now();
    let after = |hours: u64| now.plus(Duration::from_secs(hours * 3_600)).to_string();
    later["send_at"] = json!(after(24));
    later["expires_at"] = json!(after(48));
    let sent = app.post("/v1/messages", &later).await.expect(202);
    let id = sent["deliveries"][0]["id"].as_str().unwrap();
    let path = format!("/v1/deliveries/{id}/success");
    let refused = app.post(&path, &json!({})).await.problem(409, "conflict");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("scheduled"), "{detail}");
}
