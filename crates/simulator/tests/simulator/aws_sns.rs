//! Amazon SNS, judged by a request recorded from its official SDK.

use crate::rig::{Answer, Rig, Sink, changed};

const KEYS: &str = r#"{"credentials":{"aws":{"access_key_id":"AKIDEXAMPLE","secret_access_key":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}}}"#;
const BODY: &str = "Action=Publish&Version=2010-03-31&PhoneNumber=%2B14155550123&Message=Hello+from+push&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=Transactional";
const SIGNED: [(&str, &str); 4] = [
    (
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    ),
    ("host", "sns.us-east-1.amazonaws.com"),
    ("x-amz-date", "20260102T030405Z"),
    (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/sns/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=7e9c18d2e78e435954f108a56351f57c574604858461571e0d384472edf6cbc8",
    ),
];

fn text(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    String::from_utf8(answer.body.clone()).unwrap()
}

fn element(answer: &Answer, name: &str) -> String {
    let xml = text(answer);
    let (_, rest) = xml
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("{xml}"));
    rest.split_once("</").unwrap().0.to_owned()
}

async fn send(rig: &Rig, number: &str, message: &str) -> Answer {
    let form = format!("Action=Publish&Version=2010-03-31&PhoneNumber={number}&Message={message}");
    rig.post("/sns/", &[], &form).await
}

#[tokio::test]
async fn takes_one_message_a_call_and_posts_no_receipt() {
    let mut sink = Sink::new(|_| (200, "")).await;
    let url = &sink.url;
    let rig = Rig::recorded(&format!(r#"{{"receipts":{{"url":"{url}"}}}}"#)).await;
    let sent = send(&rig, "%2B14155550123", "hi").await;
    assert_eq!((sent.status, element(&sent, "MessageId").len()), (200, 36));
    let other = rig.post("/sns/", &[], "Action=Subscribe").await;
    assert_eq!(element(&other, "Code"), "InvalidAction");
    let none = rig.post("/sns/", &[], "").await;
    assert_eq!(element(&none, "Code"), "MissingAction");
    assert_eq!(rig.summary().await["accepted"], 1);
    let shown = rig.get("/control/behaviours/default").await.json();
    assert_eq!(shown["receipts"]["promised"], 0);
    assert!(sink.try_next().is_none());
}

#[tokio::test]
async fn refusals_say_in_words_what_they_are_about() {
    let rig = Rig::recorded(
        r#"{"rules":[
            {"match":{"to":{"suffix":"4"}},"do":{"reject":{"code":"blocked"}}},
            {"match":{"to":{"suffix":"5"}},"do":{"reject":{"code":"bad_content"}}},
            {"match":{"to":{"suffix":"6"}},"do":{"fail":{"code":"throttled"}}},
            {"match":{"to":{"suffix":"7"}},"do":{"reject":{"code":"A<b","message":"c&d"}}}]}"#,
    )
    .await;
    let long = "x".repeat(1_601);
    for (number, message, status, code, words) in [
        (
            "14155550123",
            "hi",
            400,
            "InvalidParameter",
            "Invalid parameter: PhoneNumber",
        ),
        (
            "%2B14155550124",
            "hi",
            400,
            "OptedOut",
            "the recipient is on",
        ),
        (
            "%2B14155550125",
            "hi",
            400,
            "InvalidParameter",
            "Invalid parameter: Message",
        ),
        ("%2B14155550126", "hi", 400, "Throttling", "too many"),
        ("%2B14155550127", "hi", 400, "A&lt;b", "c&amp;d"),
        (
            "",
            "hi",
            400,
            "InvalidParameter",
            "Invalid parameter: PhoneNumber",
        ),
        (
            "%2B14155550123",
            "",
            400,
            "InvalidParameter",
            "Invalid parameter: Empty message",
        ),
        (
            "%2B14155550123",
            &long,
            400,
            "InvalidParameter",
            "Invalid parameter: Message too long",
        ),
    ] {
        let answer = send(&rig, number, message).await;
        assert_eq!(
            (answer.status, element(&answer, "Code").as_str()),
            (status, code)
        );
        let said = element(&answer, "Message");
        assert!(said.starts_with(words), "{said}");
    }
    assert_eq!(rig.summary().await["accepted"], 0);
}

#[tokio::test]
async fn signatures_of_the_sdk_pass_and_others_fail() {
    let rig = Rig::recorded(KEYS).await;
    for path in ["/sns", "/"] {
        assert_eq!(rig.post(path, &SIGNED, BODY).await.status, 200);
    }
    let change = |name: &str, from: &str, to: &str| changed(&SIGNED, name, from, to);
    for (headers, status, code) in [
        (
            change("authorization", "cbc8", "cbc9"),
            403,
            "SignatureDoesNotMatch",
        ),
        (
            change("host", "us-east-1", "us-east-2"),
            403,
            "SignatureDoesNotMatch",
        ),
        (
            change("x-amz-date", "T0304", "T0204"),
            403,
            "SignatureDoesNotMatch",
        ),
        (
            change("authorization", "AKID", "AKIE"),
            403,
            "InvalidClientTokenId",
        ),
        (
            change("authorization", "/sns/", "/ses/"),
            400,
            "IncompleteSignature",
        ),
        (
            change("authorization", ";x-amz-date", ""),
            400,
            "IncompleteSignature",
        ),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = rig.post("/sns", &headers, BODY).await;
        assert_eq!(
            (answer.status, element(&answer, "Code").as_str()),
            (status, code)
        );
    }
    let answer = rig
        .post("/sns", &SIGNED, &BODY.replace("123&", "124&"))
        .await;
    assert_eq!(element(&answer, "Code"), "SignatureDoesNotMatch");
    let answer = rig.post("/sns", &[], BODY).await;
    assert_eq!(element(&answer, "Code"), "MissingAuthenticationToken");
    assert_eq!(rig.summary().await["accepted"], 2);
}
