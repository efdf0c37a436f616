//! What each vendor says of a clock that is off stops the account and names the clock.

use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::everywhere::cases;
use super::support::*;
use austin_adapter_api::question::{Answer, Asking, Question, Subject};
use austin_adapter_api::{HttpReply, Reply, State};
use austin_domain::{Timestamp, Verdict};

/// 7 min 5 s after the time of [`context`].
const DATE: &str = "Fri, 02 Jan 2026 03:11:10 GMT";

fn tencent() -> Value {
    json!({"Response": {"RequestId": "1", "Error": {
        "Code": "AuthFailure.SignatureExpire", "Message": "签名过期"}}})
}

fn aliyun() -> Value {
    json!({"Code": "InvalidTimeStamp.Expired", "RequestId": "1",
           "Message": "Specified time stamp or date value is expired."})
}

fn volcengine() -> Value {
    json!({"ResponseMetadata": {"RequestId": "1", "Error": {"CodeN": 100_006,
        "Code": "InvalidTimestamp", "Message": "The signature of the request is expired."}}})
}

fn sns() -> String {
    "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired: \
     20260102T030405Z is now earlier than 20260102T030610Z</Message></Error></ErrorResponse>"
        .to_owned()
}

fn ses() -> Value {
    json!({"__type": "InvalidSignatureException", "message":
        "Signature expired: 20260102T030405Z is now earlier than 20260102T030610Z"})
}

fn refusals() -> Vec<(&'static str, u16, String)> {
    vec![
        ("tencent-sms", 200, tencent().to_string()),
        ("aliyun-sms", 400, aliyun().to_string()),
        ("aliyun-dm-email", 400, aliyun().to_string()),
        ("volcengine-sms", 400, volcengine().to_string()),
        ("aws-sns-sms", 403, sns()),
        ("aws-ses-email", 403, ses().to_string()),
    ]
}

fn dated(status: u16, body: &str, date: Option<&'static str>) -> Reply {
    let headers = date.map(|date| (http::header::DATE, HeaderValue::from_static(date)));
    Reply::Http(HttpReply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers.into_iter().collect::<HeaderMap>(),
        body: body.to_owned().into(),
    })
}

fn case(name: &str) -> Case {
    let found = cases()
        .into_iter()
        .find(|case| case.adapter.descriptor().name == name);
    found.unwrap_or_else(|| panic!("no case for {name}"))
}

#[test]
fn a_clock_that_is_off_stops_the_account_and_is_named() {
    for (name, status, body) in refusals() {
        for (date, expected) in [
            (Some(DATE), "clock is 7 min 5 s behind the vendor's"),
            (
                Some("Fri, 02 Jan 2026 02:04:05 GMT"),
                "clock is 1 h ahead of the vendor's",
            ),
            (None, "does not say what time it has"),
        ] {
            let (verdicts, calls) = case(name).drive(|_| dated(status, &body, date));
            assert_eq!(calls, 1, "{name}: every further call would fail too");
            for verdict in verdicts {
                let Verdict::Misconfigured(cause) = &verdict else {
                    panic!("{name}: {verdict:?}");
                };
                assert!(cause.detail.contains(expected), "{name}: {}", cause.detail);
            }
        }
    }
}

#[test]
fn questions_name_it_too() {
    let subject = Subject {
        reference: "dlv_1".into(),
        to: MAINLAND[0].into(),
        vendor_id: Some("1".into()),
        sent_at: Timestamp::from_seconds(1_767_323_000),
    };
    for name in ["tencent-sms", "aliyun-sms", "volcengine-sms"] {
        let found = refusals().into_iter().find(|(of, ..)| *of == name);
        let (_, status, body) = found.unwrap();
        let (case, question) = (case(name), Question::Query(subject.clone()));
        let reply = dated(status, &body, Some(DATE));
        let answer = case.adapter.answer(
            &case.account,
            &question,
            State::default(),
            reply,
            &context(),
        );
        let Asking::Done(Answer::Failed(Verdict::Misconfigured(cause))) = answer else {
            panic!("{name}: {answer:?}");
        };
        assert!(cause.detail.contains("7 min 5 s behind"), "{cause:?}");
    }
}
