//! SendGrid: mails, refusals, and events whose signature its own recipe verifies.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::rig::{Rig, Sink};

const PATH: &str = "/v3/mail/send";

fn mail(to: &[&str]) -> Value {
    let one = |to: &&str| json!({"to": [{"email": to}], "custom_args": {"austin_delivery": format!("dlv_{to}")}});
    json!({
        "personalizations": to.iter().map(one).collect::<Vec<_>>(),
        "from": {"email": "shop@example.com"},
        "subject": "s",
        "content": [{"type": "text/plain", "value": "t"}, {"type": "text/html", "value": "<p>"}],
    })
}

#[tokio::test]
async fn posts_signed_events_under_one_message_id() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let key = STANDARD.encode(pair.to_pkcs8v1().unwrap());
    let mut sink = Sink::new(|_| (200, "")).await;
    let url = &sink.url;
    let rig = Rig::recorded(&format!(
        r#"{{"receipts":{{"url":"{url}","token":"{key}"}}}}"#
    ))
    .await;
    let body = mail(&["li@corp.example", "han@corp.example"]).to_string();
    let answer = rig.post(&format!("/sendgrid{PATH}"), &[], &body).await;
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    let id = answer.header("x-message-id").unwrap();
    let post = sink.next().await;
    let events = post.json();
    assert_eq!(events.as_array().unwrap().len(), 2);
    for (event, to) in events.as_array().unwrap().iter().zip(["li", "han"]) {
        assert_eq!(event["event"], "delivered");
        assert_eq!(event["austin_delivery"], format!("dlv_{to}@corp.example"));
        let own = event["sg_message_id"].as_str().unwrap();
        assert_eq!(own.split('.').next(), Some(id));
    }
    let header = |name: &str| {
        let prefix = format!("x-twilio-email-event-webhook-{name}: ");
        let line = post
            .head
            .lines()
            .find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_else(|| panic!("{}", post.head)).to_owned()
    };
    assert_eq!(header("timestamp"), "1767323045");
    let signed = format!("{}{}", header("timestamp"), post.body);
    let signature = STANDARD.decode(header("signature")).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key())
        .verify(signed.as_bytes(), &signature)
        .unwrap();
}

#[tokio::test]
async fn refuses_a_whole_call_naming_the_field() {
    let rules = r#"{"rules":[{"match":{"to":{"prefix":"bad"}},"do":{"reject":{"code":"bad_recipient"}}},
                             {"match":{"to":{"prefix":"fast"}},"do":{"fail":{"code":"throttled"}}}],
                    "credentials":{"sendgrid_api_key":"SG.k3y"}}"#;
    let rig = Rig::recorded(rules).await;
    let key = [("authorization", "Bearer SG.k3y")];
    let without = |name: &str| {
        let mut body = mail(&["li@corp.example"]);
        body.as_object_mut().unwrap().remove(name);
        body
    };
    for (body, status, field) in [
        (
            mail(&["li@corp.example", "bad@corp.example"]),
            400,
            json!("personalizations.0.to.0.email"),
        ),
        (
            mail(&["nobody"]),
            400,
            json!("personalizations.0.to.0.email"),
        ),
        (mail(&["fast@corp.example"]), 429, Value::Null),
        (mail(&[]), 400, json!("personalizations")),
        (without("from"), 400, json!("from.email")),
        (without("subject"), 400, json!("subject")),
        (without("content"), 400, json!("content")),
        (json!(7), 400, json!("personalizations")),
    ] {
        let answer = rig.post(PATH, &key, &body.to_string()).await;
        let error = answer.json()["errors"][0].clone();
        assert_eq!((answer.status, &error["field"]), (status, &field), "{body}");
        assert!(error["message"].is_string());
    }
    let wrong = [("authorization", "Bearer SG.other")];
    for headers in [&wrong[..], &[]] {
        let answer = rig
            .post(PATH, headers, &mail(&["li@corp.example"]).to_string())
            .await;
        assert_eq!(answer.status, 401);
    }
    assert_eq!(rig.summary().await["accepted"], 0);
    let answer = rig
        .post(PATH, &key, &mail(&["li@corp.example"]).to_string())
        .await;
    assert_eq!(answer.status, 202);
}
