//! Amazon SES v2, judged by a request recorded from its official SDK.

use serde_json::{Value, json};

use crate::rig::{Rig, Sink};

const KEYS: &str = r#"{"credentials":{"aws":{"access_key_id":"AKIDEXAMPLE","secret_access_key":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}}}"#;
const PATH: &str = "/v2/email/outbound-emails";
const BODY: &str = r#"{"FromEmailAddress": "a@example.com", "Destination": {"ToAddresses": ["b@example.com"]}, "Content": {"Simple": {"Subject": {"Data": "Hi \u4f60\u597d", "Charset": "UTF-8"}, "Body": {"Text": {"Data": "body"}}}}}"#;
const SIGNED: [(&str, &str); 4] = [
    ("content-type", "application/json"),
    ("host", "email.us-east-1.amazonaws.com"),
    ("x-amz-date", "20260102T030405Z"),
    (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=4c971e80d9973fd5768a69d205fe6804c3031bafc15bdfb0f29f39eac1efc3b3",
    ),
];

#[tokio::test]
async fn takes_what_the_official_sdk_signed() {
    let rig = Rig::recorded(KEYS).await;
    let answer = rig.post(PATH, &SIGNED, BODY).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert!(
        answer.json()["MessageId"]
            .as_str()
            .unwrap()
            .starts_with("0100")
    );
    let error = async |headers: &[(&str, &str)], body: &str| {
        let answer = rig.post(PATH, headers, body).await;
        let name = answer.header("x-amzn-errortype").unwrap();
        (answer.status, name.split(':').next().unwrap().to_owned())
    };
    let mismatch = (403, "InvalidSignatureException".to_owned());
    assert_eq!(
        error(&SIGNED, &BODY.replace("body\"}", "other\"}")).await,
        mismatch
    );
    let unsigned = (403, "MissingAuthenticationTokenException".to_owned());
    assert_eq!(error(&SIGNED[..1], BODY).await, unsigned);
    assert_eq!(rig.summary().await["accepted"], 1);
}

fn raw(to: &str, data: &str) -> String {
    json!({
        "FromEmailAddress": "shop@example.com", "Destination": {"ToAddresses": [to]},
        "Content": {"Raw": {"Data": data}},
        "EmailTags": [{"Name": "austin_delivery", "Value": format!("dlv_{to}")}],
    })
    .to_string()
}

#[tokio::test]
async fn posts_an_event_for_each_mail() {
    let mut sink = Sink::new(|_| (200, "{}")).await;
    let url = &sink.url;
    let rig = Rig::recorded(&format!(
        r#"{{"receipts":{{"url":"{url}","fail":{{"share":1,"code":"5.1.1"}}}}}}"#
    ))
    .await;
    let mut ids = Vec::new();
    for to in ["li@corp.example", "han@corp.example"] {
        let answer = rig
            .post(&format!("/ses{PATH}"), &[], &raw(to, "aGk="))
            .await;
        ids.push(answer.json()["MessageId"].clone());
    }
    for _ in 0..2 {
        let post = sink.next().await;
        assert!(
            post.head.contains("content-type: text/plain"),
            "{}",
            post.head
        );
        let envelope = post.json();
        assert_eq!(envelope["Type"], "Notification");
        let event: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
        assert_eq!(event["eventType"], "Bounce");
        assert_eq!(event["bounce"]["bouncedRecipients"][0]["status"], "5.1.1");
        assert!(ids.contains(&event["mail"]["messageId"]));
        let to = event["mail"]["destination"][0].as_str().unwrap();
        assert_eq!(
            event["mail"]["tags"]["austin_delivery"][0],
            format!("dlv_{to}")
        );
    }
}

#[tokio::test]
async fn refuses_with_an_exception() {
    let rules = r#"{"rules":[{"match":{"to":{"prefix":"bad"}},"do":{"reject":{"code":"blocked"}}},
                             {"match":{"to":{"prefix":"fast"}},"do":{"fail":{"code":"throttled"}}}]}"#;
    let rig = Rig::recorded(rules).await;
    for (body, status, name) in [
        (raw("bad@corp.example", "aGk="), 400, "MessageRejected"),
        (
            raw("fast@corp.example", "aGk="),
            429,
            "TooManyRequestsException",
        ),
        (raw("nobody", "aGk="), 400, "BadRequestException"),
        (raw("li@corp.example", "?"), 400, "BadRequestException"),
        ("{}".into(), 400, "BadRequestException"),
        ("<".into(), 400, "BadRequestException"),
    ] {
        let answer = rig.post(PATH, &[], &body).await;
        let header = answer.header("x-amzn-errortype").unwrap();
        assert_eq!(
            (answer.status, header.split(':').next()),
            (status, Some(name)),
            "{body}"
        );
        assert!(answer.json()["message"].is_string());
    }
    let elsewhere = rig.post("/v2/email/identities", &[], "{}").await;
    assert_eq!(elsewhere.status, 404);
    assert_eq!(rig.summary().await["accepted"], 0);
}
