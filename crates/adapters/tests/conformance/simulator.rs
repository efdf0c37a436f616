use std::time::Duration;

use austin_adapter_api::question::{Answer, Asking, Found, Question, Subject};
use austin_adapter_api::sign::{hex, hmac_sha256};
use austin_adapter_api::{Fault, FaultKind, Outcome, Phase, Reply, State, Step, TokenWant};
use austin_domain::verdict::Acceptance;
use austin_domain::{Channel, Content, Verdict};
use http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::support::*;

fn case(to: &[&str], content: Content) -> Case {
    let settings = json!({"endpoint": "http://127.0.0.1:7071"});
    Case::new(
        "simulator",
        account(settings, &[("token", "sim-token-1")]),
        batch(to, &[("code", "4370")], content),
    )
}

fn sms(to: &[&str]) -> Case {
    case(to, text("您的验证码4370"))
}

fn results(list: &[Value]) -> Value {
    json!({ "results": list })
}

#[test]
fn golden_request() {
    let expected = "\
POST http://127.0.0.1:7071/sim/send
accept: application/json
authorization: Bearer sim-token-1
content-type: application/json

{\"account\":\"acme-1\",\"class\":\"verification\",\"messages\":[{\"reference\":\"dlv_1\",\"to\":\"+8613711112222\",\"text\":\"您的验证码4370\",\"vars\":{\"code\":\"4370\"}}]}";
    assert_eq!(wire(&sms(&MAINLAND[..1]).request()), expected);
}

#[test]
fn it_carries_every_channel_and_content() {
    assert_eq!(adapter("simulator").descriptor().channels, Channel::ALL);
    let words = |content| -> String {
        let request = case(&["u-1"], content).request();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        body["messages"][0]["text"].as_str().unwrap().to_owned()
    };
    let email = Content::Email {
        subject: "s".into(),
        html: Some("<b>".into()),
        text: None,
    };
    let read: Value = serde_json::from_str(&words(email)).unwrap();
    assert_eq!(read, json!({"subject": "s", "html": "<b>", "text": null}));
    let payload = r#"{ "a" : [1] }"#;
    assert_eq!(
        words(Content::Payload {
            body: payload.into()
        }),
        payload
    );
}

#[test]
fn a_call_refused_by_its_code() {
    for (code, status, expected) in [
        ("account_suspended", 403, "misconfigured"),
        ("throttled", 429, "throttled"),
        ("later", 503, "later"),
        ("elsewhere", 400, "elsewhere"),
        ("bad_content", 400, "bad_content"),
        ("bad_recipient", 400, "bad_recipient"),
        ("bad_request", 400, "elsewhere"),
        ("unauthorized", 401, "misconfigured"),
    ] {
        let answer = json!({"code": code, "message": "said so"});
        let verdicts = sms(&MAINLAND[..2]).answered(status, &answer);
        assert_eq!(words(&verdicts), [expected; 2], "{code}");
    }
}

#[test]
fn every_code_and_a_missing_result() {
    for (code, expected) in [
        ("ok", "accepted"),
        ("bad_recipient", "bad_recipient"),
        ("blocked", "bad_recipient"),
        ("bad_content", "bad_content"),
        ("later", "later"),
        ("throttled", "throttled"),
        ("elsewhere", "elsewhere"),
        ("number_limit", "number_refused"),
        ("account_suspended", "misconfigured"),
        ("never_heard_of", "elsewhere"),
    ] {
        let other = json!({"reference": "dlv_2", "code": "ok", "id": "sim-2"});
        let answer = results(&[
            other,
            json!({"reference": "dlv_1", "code": code, "id": "sim-1"}),
        ]);
        let verdicts = sms(&MAINLAND).answered(200, &answer);
        assert_eq!(
            words(&verdicts),
            [expected, "accepted", "unknown"],
            "{code}"
        );
    }
}

#[test]
fn acceptance_and_waits() {
    let answer = results(&[
        json!({"reference": "dlv_1", "code": "ok", "id": "sim-1", "segments": 2, "cost": 500}),
        json!({"reference": "dlv_2", "code": "throttled", "retry_after": 3, "message": "slow"}),
        json!({"reference": "dlv_3", "code": "later", "retry_after": 9}),
    ]);
    let verdicts = sms(&MAINLAND).answered(200, &answer);
    let expected = Acceptance {
        vendor_id: Some("sim-1".into()),
        receipt_key: None,
        segments: Some(2),
        cost: Some(500),
    };
    assert_eq!(verdicts[0], Verdict::Accepted(expected));
    let seconds = |wait: &Option<Duration>| wait.map(|wait| wait.as_secs());
    match (&verdicts[1], &verdicts[2]) {
        (Verdict::Throttled { pause, .. }, Verdict::Later { after, .. }) => {
            assert_eq!((seconds(pause), seconds(after)), (Some(3), Some(9)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_status_without_a_code() {
    for (status, expected) in [
        (400, "elsewhere"),
        (401, "misconfigured"),
        (403, "misconfigured"),
        (302, "misconfigured"),
        (408, "unknown"),
        (429, "throttled"),
        (500, "elsewhere"),
        (502, "unknown"),
        (503, "throttled"),
    ] {
        let (verdicts, _) =
            sms(&MAINLAND[..2]).drive(|_| http_with(status, ("retry-after", "4"), "no"));
        assert_eq!(words(&verdicts), [expected; 2], "{status}");
        if let Verdict::Throttled { pause, .. } = &verdicts[0] {
            assert_eq!(*pause, Some(Duration::from_secs(4)));
        }
    }
}

fn signed(key: &str, body: &str) -> HeaderMap {
    let signature = hex(&hmac_sha256(key.as_bytes(), body.as_bytes()));
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-sim-signature",
        HeaderValue::from_str(&signature).unwrap(),
    );
    headers
}

#[test]
fn receipts_must_be_signed() {
    let case = sms(&MAINLAND);
    let body = r#"{"receipts":[]}"#;
    // Computed apart from this code.
    let known = "aa17c0a8fa44f2e9af694e6ece451bf829ed6cc01d78e50ecde55b35a01b0e81";
    assert_eq!(signed("sim-token-1", body)["x-sim-signature"], known);
    assert!(
        case.receipts_with(signed("sim-token-1", body), body.as_bytes())
            .is_ok()
    );
    let refused = |case: &Case, headers| {
        case.receipts_with(headers, body.as_bytes())
            .unwrap_err()
            .status
            .as_u16()
    };
    assert_eq!(refused(&case, HeaderMap::new()), 401);
    assert_eq!(refused(&case, signed("sim-token-2", body)), 401);
    assert_eq!(refused(&case, signed("sim-token-1", "other")), 401);
    let mut open = sms(&MAINLAND);
    open.account.secrets.clear();
    assert_eq!(refused(&open, signed("", body)), 401);
}

#[test]
fn receipts_are_read_and_answered() {
    let body = json!({"receipts": [
        {"id": "sim-1", "reference": "dlv_1", "to": "+8613711112222", "status": "delivered",
         "code": "DELIVRD", "at": "2026-01-02T03:04:05Z", "segments": 1},
        {"id": "sim-2", "status": "undelivered", "at": 1_767_323_045_000_i64},
        {"id": "sim-3", "status": "on its way"},
        {"status": "delivered"},
    ]})
    .to_string();
    let case = sms(&MAINLAND);
    let read = case
        .receipts_with(signed("sim-token-1", &body), body.as_bytes())
        .unwrap();
    assert_eq!(&read.body[..], br#"{"ok":true}"#);
    let outcomes: Vec<String> = read
        .receipts
        .iter()
        .map(|receipt| format!("{:?}", receipt.outcome))
        .collect();
    assert_eq!(outcomes, ["Delivered", "Undelivered", "Pending", "Pending"]);
    assert_eq!(read.receipts[0].at, read.receipts[1].at);
    assert_eq!(read.receipts[0].reference.as_deref(), Some("dlv_1"));
    assert_eq!(read.receipts[3].detail, "entry 3: has no id");
}

fn by_token() -> Case {
    let settings = json!({"endpoint": "http://127.0.0.1:7071", "auth": "token"});
    Case::new(
        "simulator",
        account(settings, &[("token", "sim-token-1")]),
        batch(&MAINLAND[..1], &[], text("x")),
    )
}

fn wanted(step: Step) -> (TokenWant, State) {
    match step {
        Step::Token { want, state } => (want, state),
        step => panic!("no token is wanted: {step:?}"),
    }
}

#[test]
fn a_refused_token_is_replaced_and_the_call_made_again() {
    let case = by_token();
    let (want, state) = wanted(case.start());
    assert_eq!(
        (want.name.as_str(), want.refused.is_none()),
        ("access", true)
    );
    let Step::Call { call, state } = case.resume(state, Reply::Token("first".into())) else {
        panic!("no call")
    };
    assert_eq!(as_http(call).headers["authorization"], "Bearer first");
    let refused = http(401, json!({"code": "token_invalid"}).to_string());
    let (want, state) = wanted(case.resume(state, refused));
    assert_eq!(want.refused.unwrap().expose_secret(), "first");
    let Step::Call { call, state } = case.resume(state, Reply::Token("second".into())) else {
        panic!("no call")
    };
    assert_eq!(as_http(call).headers["authorization"], "Bearer second");
    let ok = json!({"results": [{"reference": "dlv_1", "code": "ok", "id": "sim-1"}]});
    let Step::Done(verdicts) = case.resume(state, http(200, ok.to_string())) else {
        panic!("no end")
    };
    assert_eq!(words(&verdicts), ["accepted"]);
}

#[test]
fn without_a_token_nothing_was_sent() {
    let case = by_token();
    let (_, state) = wanted(case.start());
    let fault = Reply::Fault(Fault {
        phase: Phase::NotSent,
        kind: FaultKind::Connect,
        detail: "no token".into(),
    });
    let Step::Done(verdicts) = case.resume(state, fault) else {
        panic!("no end")
    };
    assert_eq!(words(&verdicts), ["elsewhere"]);
}

fn subject() -> Subject {
    Subject {
        reference: "dlv_1".into(),
        to: "+8613711112222".into(),
        vendor_id: None,
        sent_at: context().now,
    }
}

/// The request of a question and the answer to this reply.
fn asked(question: &Question, reply: &Value) -> (String, Answer) {
    let settings = json!({"endpoint": "http://127.0.0.1:7071", "query": true, "pull": true});
    let account = account(settings, &[("token", "sim-token-1")]);
    let simulator = adapter("simulator");
    let Asking::Call { call, state } = simulator.ask(&account, question, &context()) else {
        panic!("no call")
    };
    let request = as_http(call);
    assert_eq!(request.headers["authorization"], "Bearer sim-token-1");
    let reply = http(200, reply.to_string());
    match simulator.answer(&account, question, state, reply, &context()) {
        Asking::Done(answer) => (format!("{} {}", request.method, request.url), answer),
        asking => panic!("{asking:?}"),
    }
}

#[test]
fn what_became_of_a_message() {
    let query = Question::Query(subject());
    let known =
        json!({"reference": "dlv_1", "accepted": true, "id": "sim-1", "status": "delivered"});
    let (line, answer) = asked(&query, &known);
    assert_eq!(line, "GET http://127.0.0.1:7071/sim/query?reference=dlv_1");
    let Answer::Found(Found::Known {
        acceptance,
        receipt,
    }) = answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(acceptance.vendor_id.as_deref(), Some("sim-1"));
    assert_eq!(receipt.unwrap().outcome, Outcome::Delivered);
    let (_, answer) = asked(&query, &json!({"reference": "dlv_1", "accepted": false}));
    assert!(matches!(answer, Answer::Found(Found::Absent)), "{answer:?}");
    for other in [json!({"reference": "dlv_2", "accepted": false}), json!([1])] {
        let (_, answer) = asked(&query, &other);
        assert!(matches!(answer, Answer::Failed(_)), "{other}: {answer:?}");
    }
}

#[test]
fn tokens_receipts_recalls_and_the_balance_are_asked_for() {
    let token = Question::Token {
        name: "access".into(),
    };
    let (line, answer) = asked(&token, &json!({"token": "t", "expires_in_ms": 5000}));
    assert_eq!(line, "POST http://127.0.0.1:7071/sim/token");
    let Answer::Token(token) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(token.expires_in, Some(Duration::from_secs(5)));
    let pull = Question::Pull {
        cursor: State(json!(7)),
    };
    let page = json!({"receipts": [{"id": "sim-1", "status": "delivered"}, 5], "cursor": 9,
        "more": true});
    let (line, answer) = asked(&pull, &page);
    assert_eq!(line, "GET http://127.0.0.1:7071/sim/receipts?after=7");
    let Answer::Receipts(pulled) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(
        (pulled.receipts.len(), pulled.more),
        (2, true),
        "none is dropped"
    );
    assert_eq!(pulled.cursor, State(json!(9)));
    let (_, answer) = asked(&Question::Recall(subject()), &json!({"code": "too_late"}));
    assert!(matches!(answer, Answer::NotRecalled(_)), "{answer:?}");
    let (_, answer) = asked(&Question::Balance, &json!({"amount": 5, "unit": "CNY"}));
    assert!(matches!(answer, Answer::Balance(_)), "{answer:?}");
}

#[test]
fn an_account_that_is_not_to_be_asked_says_so_without_a_call() {
    let account = account(json!({"endpoint": "http://127.0.0.1:7071"}), &[]);
    let pull = Question::Pull {
        cursor: State::default(),
    };
    for question in [pull, Question::Query(subject())] {
        let asking = adapter("simulator").ask(&account, &question, &context());
        assert!(
            matches!(asking, Asking::Done(Answer::Unsupported)),
            "{asking:?}"
        );
    }
}
