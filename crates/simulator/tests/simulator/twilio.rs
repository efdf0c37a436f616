//! Twilio, its signature judged by vectors of the official library.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::rig::{Answer, Rig, Sink};

const SEND: &str = "/twilio/2010-04-01/Accounts/AC1/Messages.json";
const KEYS: &str = r#"{"credentials":{"twilio":{"account_sid":"AC1","auth_token":"t0ken"}}}"#;

fn code(answer: &Answer) -> (u16, i64) {
    let code = answer.json()["code"].as_i64();
    (answer.status, code.unwrap_or_default())
}

#[tokio::test]
async fn takes_one_message_a_call() {
    let rig = Rig::recorded(
        r#"{"rules":[{"match":{"to":{"suffix":"4"}},"do":{"reject":{"code":"blocked"}}},
                     {"match":{"to":{"suffix":"5"}},"do":{"reject":{"code":"isv.X"}}}]}"#,
    )
    .await;
    let form = "To=%2B14155550123&From=%2B15005550006&Body=hi\
                &StatusCallback=http%3A%2F%2F127.0.0.1%3A9%2F%3Freference%3Ddlv_1";
    let sent = rig.post(SEND, &[], form).await;
    assert_eq!(sent.status, 201);
    let sent = sent.json();
    assert_eq!(
        [&sent["status"], &sent["num_segments"], &sent["to"]],
        [&json!("queued"), &json!("1"), &json!("+14155550123")]
    );
    let sid = sent["sid"].as_str().unwrap();
    assert!(sid.starts_with("SM") && sid.len() == 34);
    let known = rig.get("/sim/query?reference=dlv_1").await.json();
    assert_eq!(known["accepted"], true);
    let template =
        "To=%2B14155550123&MessagingServiceSid=MG1&ContentSid=HX1&ContentVariables=%7B%7D";
    assert_eq!(rig.post(SEND, &[], template).await.status, 201);
    let long = format!(
        "To=%2B14155550123&From=%2B15005550006&Body={}",
        "x".repeat(1_601)
    );
    for (form, expected) in [
        ("From=x&Body=hi", (400, 21_604)),
        ("To=%2B14155550123&Body=hi", (400, 21_603)),
        ("To=%2B14155550123&From=x", (400, 21_602)),
        ("To=14155550123&From=x&Body=hi", (400, 21_211)),
        ("To=%2B14155550124&From=x&Body=hi", (400, 21_610)),
        ("To=%2B14155550125&From=x&Body=hi", (500, 20_500)),
        (&long, (400, 21_617)),
    ] {
        assert_eq!(code(&rig.post(SEND, &[], form).await), expected, "{form}");
    }
    assert_eq!(rig.summary().await["accepted"], 2);
}

#[tokio::test]
async fn who_signs_in_wrongly_is_refused() {
    let rig = Rig::recorded(KEYS).await;
    let form = "To=%2B14155550123&From=%2B15005550006&Body=hi";
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let send = async |path: &str, pair: &str| {
        let authorization = basic(pair);
        let headers = [("authorization", authorization.as_str())];
        rig.post(path, &headers, form).await
    };
    assert_eq!(send(SEND, "AC1:t0ken").await.status, 201);
    assert_eq!(code(&send(SEND, "AC1:other").await), (401, 20_003));
    let other = SEND.replace("AC1", "AC2");
    assert_eq!(code(&send(&other, "AC1:t0ken").await), (401, 20_003));
    assert_eq!(code(&rig.post(SEND, &[], form).await), (401, 20_003));
    let other = SEND.replace("Messages", "Calls");
    assert_eq!(code(&send(&other, "AC1:t0ken").await), (404, 20_404));
    assert_eq!(rig.summary().await["accepted"], 1);
}

#[tokio::test]
async fn receipts_are_signed_one_a_post_and_go_where_the_call_says() {
    let elsewhere = Sink::new(|_| (500, "")).await;
    let mut sink = Sink::new(|_| (204, "")).await;
    let rig = Rig::new().await;
    let url = &elsewhere.url;
    rig.behave(
        "default",
        &format!(r#"{{"receipts":{{"url":"{url}","token":"12345","fail":{{"share":1,"code":"30003"}}}}}}"#),
    )
    .await;
    let mut sids = Vec::new();
    for reference in ["dlv_1", "dlv_2"] {
        let callback = format!("{}?reference={reference}", sink.url);
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("To", "+14155550123")
            .append_pair("From", "+15005550006")
            .append_pair("Body", "hi")
            .append_pair("StatusCallback", &callback)
            .finish();
        let sent = rig.post(SEND, &[], &form).await.json();
        sids.push(sent["sid"].as_str().unwrap().to_owned());
        let post = sink.next().await;
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(post.body.as_bytes())
            .into_owned()
            .collect();
        let field = |name: &str| fields.iter().find(|(k, _)| k == name).unwrap().1.clone();
        assert_eq!(field("MessageSid"), *sids.last().unwrap());
        assert_eq!(
            [field("MessageStatus"), field("ErrorCode"), field("To")],
            ["undelivered", "30003", "+14155550123"]
        );
        let mut sorted = fields.clone();
        sorted.sort();
        let signed: String = sorted.iter().map(|(k, v)| format!("{k}{v}")).collect();
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345");
        let tag = hmac::sign(&key, format!("{callback}{signed}").as_bytes());
        // The head as the sink kept it, in lower case.
        let signature = STANDARD.encode(tag.as_ref());
        assert!(
            post.head
                .contains(&format!("x-twilio-signature: {signature}")),
            "{}",
            post.head
        );
    }
    let fetch = async |sid: &str| {
        let path = format!("/twilio/2010-04-01/Accounts/AC1/Messages/{sid}.json");
        rig.get(&path).await
    };
    let known = fetch(&sids[0]).await.json();
    assert_eq!(
        [&known["sid"], &known["status"], &known["error_code"]],
        [&json!(sids[0]), &json!("undelivered"), &json!(30_003)]
    );
    assert_eq!(code(&fetch("SM0").await), (404, 20_404));
    assert_eq!(code(&fetch("nonsense").await), (404, 20_404));
}
