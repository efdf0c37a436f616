use std::time::Duration;

use austin_adapter_api::{Fault, FaultKind, Phase, Reply};
use austin_domain::{Content, Verdict};
use serde_json::json;

use super::support::*;

const URL: &str = "https://hooks.example.com/in?key=1";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn case(to: &str, content: Content) -> Case {
    let account = account(json!({"timeout_ms": 2_500}), &[("signing_secret", SECRET)]);
    Case::new("webhook", account, batch(&[to], &[], content))
}

#[test]
fn golden_request() {
    let expected = "\
POST https://hooks.example.com/in?key=1
accept: application/json
content-type: application/json
webhook-id: dlv_1
webhook-signature: v1,7RYtUFQYC9UK+UtORrUrggokn6CqH5LrpsRfBMJxrs8=
webhook-timestamp: 1767323045

{\"text\":\"您的订单A1已发货\"}";
    let request = case(URL, text("您的订单A1已发货")).request();
    assert_eq!(wire(&request), expected);
    assert_eq!(request.deadline, Duration::from_millis(2_500));
}

#[test]
fn payloads_go_as_they_are_and_unsigned_without_a_secret() {
    let mut case = case(
        URL,
        Content::Payload {
            body: r#"{ "a" : 1 }"#.into(),
        },
    );
    case.account = account(json!({}), &[]);
    let request = case.request();
    assert_eq!(&request.body[..], br#"{ "a" : 1 }"#);
    assert!(!request.headers.contains_key("webhook-signature"));
    assert_eq!(request.deadline, Duration::from_secs(15));
    case.account = account(json!({}), &[("signing_secret", "nonsense")]);
    assert_eq!(
        word_and_code(&case.refused()[0]),
        ("misconfigured", "bad_signing_secret")
    );
}

#[test]
fn an_address_must_be_a_url() {
    for to in [
        "",
        "hooks.example.com",
        "ftp://hooks.example.com/",
        "/in",
        "mailto:a@b.example",
    ] {
        assert_eq!(
            word_and_code(&case(to, text("x")).refused()[0]),
            ("bad_recipient", "bad_url")
        );
    }
}

#[test]
fn every_status() {
    for (expected, statuses) in [
        ("accepted", &[200_u16, 201, 202, 204][..]),
        ("bad_recipient", &[410]),
        ("bad_content", &[400, 413, 415, 422]),
        ("later", &[408, 425, 429, 500, 501, 502, 503, 504, 599]),
        (
            "elsewhere",
            &[100, 301, 302, 307, 401, 403, 404, 405, 409, 418, 600],
        ),
    ] {
        for status in statuses {
            let (verdicts, _) = case(URL, text("x")).drive(|_| http(*status, "words"));
            assert_eq!(words(&verdicts), [expected], "{status}");
        }
    }
}

#[test]
fn a_busy_server_names_its_wait() {
    for status in [429, 503] {
        let (verdicts, _) =
            case(URL, text("x")).drive(|_| http_with(status, ("retry-after", "120"), "busy"));
        match &verdicts[0] {
            Verdict::Later { after, .. } => assert_eq!(*after, Some(Duration::from_secs(120))),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn faults_are_the_recipient_s() {
    for (phase, kind, expected) in [
        (Phase::NotSent, FaultKind::Invalid, "bad_recipient"),
        (Phase::NotSent, FaultKind::Forbidden, "bad_recipient"),
        (Phase::NotSent, FaultKind::Dns, "later"),
        (Phase::NotSent, FaultKind::Connect, "later"),
        (Phase::MaybeSent, FaultKind::TimedOut, "unknown"),
    ] {
        let fault = Fault {
            phase,
            kind,
            detail: "no".into(),
        };
        let (verdicts, _) = case(URL, text("x")).drive(|_| Reply::Fault(fault.clone()));
        assert_eq!(words(&verdicts), [expected], "{kind:?}");
    }
}
