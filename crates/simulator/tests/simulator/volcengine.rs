//! Volcengine, judged by requests recorded from its official SDK.

use serde_json::{Value, json};

use crate::rig::{Answer, Rig, Sink, changed};

const SEND: &str = "/volcengine/?Action=SendSms&Version=2020-01-01";
const BATCH: &str = "/volcengine/?Action=SendBatchSms&Version=2021-01-01";
const DETAILS: &str = "/volcengine/?Action=GetSmsSendDetails&Version=2021-01-11";
const KEYS: &str = r#"{"credentials":{"volcengine":{"access_key_id":"AKLTexample","secret_access_key":"SecretExample=="}}}"#;
const SIGNED_BODY: &str = r#"{"SmsAccount": "A1230000", "Sign": "\u77ed\u4fe1\u670d\u52a1", "TemplateID": "ST_6f8c0000", "TemplateParam": "{\"code\":\"1234\"}", "PhoneNumbers": "13711112222,13711112223", "Tag": "task-42"}"#;
const SIGNED: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("host", "sms.volcengineapi.com"),
    (
        "x-content-sha256",
        "17513aab2e6fe08a65be30aeab7c3b444340efbc27bd29a6946f1701d8be760c",
    ),
    ("x-date", "20260102T030405Z"),
    (
        "authorization",
        "HMAC-SHA256 Credential=AKLTexample/20260102/cn-north-1/volcSMS/request, SignedHeaders=content-type;host;x-content-sha256;x-date, Signature=226910c52e089255e4323aa774d6faefbfbd5c5ffc685b91899bcbc401eae39d",
    ),
];
const SIGNED_BATCH_BODY: &str = r#"{"SmsAccount": "A1230000", "Sign": "\u77ed\u4fe1\u670d\u52a1", "TemplateID": "ST_6f8c0000", "Messages": [{"PhoneNumber": "13711112222", "TemplateParam": "{\"code\":\"1\"}"}], "Tag": "t"}"#;
const SIGNED_BATCH: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("host", "sms.volcengineapi.com"),
    (
        "x-content-sha256",
        "d56028cdea362f9104a39fba0c5ddc0b219beb5c278bb6032becdacf55cc74a0",
    ),
    ("x-date", "20260102T030405Z"),
    (
        "authorization",
        "HMAC-SHA256 Credential=AKLTexample/20260102/cn-north-1/volcSMS/request, SignedHeaders=content-type;host;x-content-sha256;x-date, Signature=5f53f3eb19ff6acb3dd037175fac6e65cc86459b6c9ad462f5a7483b8910e136",
    ),
];

fn send(numbers: &str, tag: &str) -> String {
    json!({"SmsAccount": "A1", "Sign": "s", "TemplateID": "ST_1", "TemplateParam": "{}",
           "PhoneNumbers": numbers, "Tag": tag})
    .to_string()
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200);
    serde_json::from_value(answer.json()["Result"]["MessageID"].clone()).unwrap()
}

fn error(answer: &Answer) -> String {
    let answer = answer.json();
    let code = &answer["ResponseMetadata"]["Error"]["Code"];
    code.as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

#[tokio::test]
async fn takes_or_refuses_whole_calls() {
    let rig = Rig::recorded(
        r#"{"rules":[{"match":{"to":{"suffix":"4"}},"do":{"reject":{"code":"blocked"}}}]}"#,
    )
    .await;
    let sent = rig
        .post(SEND, &[], &send("13711112222,13711112223", "task-42"))
        .await;
    let ids = ids(&sent);
    assert!(ids.len() == 2 && ids[0] < ids[1] && ids[0].len() == 36);
    let known = rig
        .get("/sim/query?reference=task-42&to=13711112223")
        .await
        .json();
    assert_eq!(known["accepted"], true);
    let both = "13711112222,13711112224";
    let cases = [
        (send(both, ""), "CR:0201"),
        (send("1371", ""), "RE:0006"),
        (send("", ""), "RE:0009"),
        (send(both, "").replace("ST_1", "1"), "RE:0005"),
        (send(both, "").replace("\"s\"", "\"\""), "RE:0004"),
        (send(both, "").replace("A1", ""), "RE:0003"),
        (send(both, "").replace("{}", "x"), "RE:0009"),
        ("{".into(), "RE:0009"),
    ];
    for (body, code) in cases {
        assert_eq!(error(&rig.post(SEND, &[], &body).await), code, "{body}");
    }
    let other = SEND.replace("SendSms", "AddSign");
    let other = rig.post(&other, &[], "{}").await;
    assert_eq!(
        (other.status, error(&other).as_str()),
        (404, "InvalidActionOrVersion")
    );
    assert_eq!(rig.summary().await["accepted"], 2, "all or none of a call");
}

#[tokio::test]
async fn takes_texts_per_number() {
    let rig = Rig::recorded(
        r#"{"rules":[{"match":{"text_contains":"bad"},"do":{"reject":{"code":"bad_content"}}}]}"#,
    )
    .await;
    let batch = |word: &str| {
        json!({"SmsAccount": "A1", "Sign": "s", "TemplateID": "ST_1", "Messages": [
            {"PhoneNumber": "13711112222", "TemplateParam": "{\"code\":\"1\"}"},
            {"PhoneNumber": "+14155550123", "TemplateParam": format!("{{\"code\":\"{word}\"}}")}]})
        .to_string()
    };
    assert_eq!(ids(&rig.post(BATCH, &[], &batch("2")).await).len(), 2);
    assert_eq!(error(&rig.post(BATCH, &[], &batch("bad")).await), "CR:0200");
}

#[tokio::test]
async fn signatures_of_the_sdk_pass() {
    let rig = Rig::recorded(KEYS).await;
    assert_eq!(ids(&rig.post(SEND, &SIGNED, SIGNED_BODY).await).len(), 2);
    let batch = "/?Action=SendBatchSms&Version=2021-01-01";
    let answer = rig.post(batch, &SIGNED_BATCH, SIGNED_BATCH_BODY).await;
    assert_eq!(ids(&answer).len(), 1);
}

#[tokio::test]
async fn signatures_with_anything_changed_fail() {
    let rig = Rig::recorded(KEYS).await;
    let change = |name: &str, from: &str, to: &str| changed(&SIGNED, name, from, to);
    let cases = [
        (
            change("authorization", "39d", "39e"),
            401,
            "SignatureDoesNotMatch",
        ),
        (
            change("host", "sms.", "sms2."),
            401,
            "SignatureDoesNotMatch",
        ),
        (
            change("x-content-sha256", "175", "176"),
            401,
            "SignatureDoesNotMatch",
        ),
        (
            change("x-date", "0405Z", "0406Z"),
            401,
            "SignatureDoesNotMatch",
        ),
        (change("x-date", "T0304", "T0204"), 400, "InvalidTimestamp"),
        (change("x-date", "T03", " 03"), 400, "InvalidAuthorization"),
        (
            change("authorization", "AKLT", "AKLU"),
            401,
            "InvalidAccessKey",
        ),
        (
            change("authorization", "host;", ""),
            400,
            "InvalidAuthorization",
        ),
        (
            change("authorization", "volcSMS", "sms"),
            400,
            "InvalidAuthorization",
        ),
        (
            change("authorization", "HMAC", "MAC"),
            400,
            "InvalidAuthorization",
        ),
    ];
    for (headers, status, code) in cases {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = rig.post(SEND, &headers, SIGNED_BODY).await;
        assert_eq!(
            (answer.status, error(&answer).as_str()),
            (status, code),
            "{headers:?}"
        );
    }
    let other = SIGNED_BODY.replace("2223", "2224");
    let answer = rig.post(SEND, &SIGNED, &other).await;
    assert_eq!(error(&answer), "SignatureDoesNotMatch");
    let query = SEND.replace("2020-01-01", "2020-01-02");
    let answer = rig.post(&query, &SIGNED, SIGNED_BODY).await;
    assert_eq!(error(&answer), "SignatureDoesNotMatch");
    let unsigned = rig.post(SEND, &[], SIGNED_BODY).await;
    assert_eq!(error(&unsigned), "MissingAuthenticationToken");
    assert_eq!(rig.summary().await["accepted"], 0);
}

#[tokio::test]
async fn receipts_are_posted_and_details_can_be_asked() {
    let mut sink = Sink::new(|n| (if n == 0 { 500 } else { 200 }, "")).await;
    let rig = Rig::new().await;
    let sent = rig.post(SEND, &[], &send("13711112223", "")).await;
    let before = ids(&sent).remove(0);
    let url = &sink.url;
    let plan = format!(
        r#"{{"receipts":{{"url":"{url}","fail":{{"share":1,"code":"NE:0100"}},"retry":{{"first_ms":5}}}}}}"#
    );
    rig.behave("default", &plan).await;
    let sent = rig.post(SEND, &[], &send("13711112222", "dlv_1")).await;
    let id = ids(&sent).remove(0);
    sink.next().await;
    let receipt = sink.next().await.json();
    let receipt = &receipt[0];
    assert_eq!(
        [
            &receipt["message_id"],
            &receipt["status_code"],
            &receipt["ext"]
        ],
        [&json!(id), &json!("NE:0100"), &json!("dlv_1")]
    );
    assert_eq!(
        [&receipt["mobile"], &receipt["msg_count"]],
        [&json!("13711112222"), &json!(1)]
    );
    let details = async |number: &str, id: &str| {
        let asked = json!({"subAccount": "A1", "phoneNumber": number, "messageId": id,
                           "sendDate": "20260102", "pageIndex": 1, "pageSize": 10});
        let answer = rig.post(DETAILS, &[], &asked.to_string()).await.json();
        answer["Result"]["sendDetailsResults"].clone()
    };
    let failed = details("+8613711112222", &id).await;
    assert_eq!(
        (&failed[0]["status"], &failed[0]["messageId"]),
        (&json!(2), &json!(id))
    );
    let open = details("13711112223", "").await;
    assert_eq!(
        (&open[0]["status"], &open[0]["messageId"]),
        (&json!(1), &json!(before))
    );
    assert_eq!(
        details("13711112223", &id).await,
        json!([]),
        "another number's message"
    );
    assert_eq!(details("13711112224", "").await, Value::Array(vec![]));
    assert_eq!(error(&rig.post(DETAILS, &[], "{}").await), "RE:0009");
}
