use austin_adapter_api::{Attachment, Outcome};
use austin_domain::{Content, Verdict};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::support::*;

const TO: [&str; 3] = [
    "li.lei@corp.example",
    "Han@corp.example",
    "wei.hua@corp.example",
];

fn case(to: &[&str]) -> Case {
    let settings = json!({
        "from": "shop@example.com", "from_name": "商城", "reply_to": "help@example.com",
    });
    let content = Content::Email {
        subject: "您的订单".into(),
        html: Some("<p>已发货</p>".into()),
        text: Some("shipped".into()),
    };
    Case::new(
        "sendgrid-email",
        account(settings, &[("api_key", "SG.k3y-0f-test")]),
        batch(to, &[], content),
    )
}

#[test]
fn golden_request() {
    let expected = r#"POST https://api.sendgrid.com/v3/mail/send
accept: application/json
authorization: Bearer SG.k3y-0f-test
content-type: application/json

{"content":[{"type":"text/plain","value":"shipped"},{"type":"text/html","value":"<p>已发货</p>"}],"from":{"email":"shop@example.com","name":"商城"},"personalizations":[{"custom_args":{"austin_delivery":"dlv_1"},"to":[{"email":"li.lei@corp.example"}]},{"custom_args":{"austin_delivery":"dlv_2"},"to":[{"email":"Han@corp.example"}]}],"reply_to":{"email":"help@example.com"},"subject":"您的订单"}"#;
    assert_eq!(wire(&case(&TO[..2]).request()), expected);
}

#[test]
fn attachments_and_only_what_is_there() {
    let mut case = case(&TO[..1]);
    case.account.settings = serde_json::from_value(json!({"from": "shop@example.com"})).unwrap();
    case.batch.items[0].content = std::sync::Arc::new(Content::Email {
        subject: "s".into(),
        html: None,
        text: Some("t".into()),
    });
    case.batch.attachments = [Attachment {
        name: "发票.pdf".into(),
        content_type: "application/pdf".into(),
        data: vec![0, 159, 146, 150].into(),
    }]
    .into();
    let body: Value = serde_json::from_slice(&case.request().body).unwrap();
    assert_eq!(
        body,
        json!({
            "personalizations": [{"to": [{"email": "li.lei@corp.example"}],
                                  "custom_args": {"austin_delivery": "dlv_1"}}],
            "from": {"email": "shop@example.com"},
            "subject": "s",
            "content": [{"type": "text/plain", "value": "t"}],
            "attachments": [{"content": "AJ+Slg==", "type": "application/pdf",
                             "filename": "发票.pdf", "disposition": "attachment"}],
        })
    );
}

#[test]
fn different_words_and_the_same_address_go_in_calls_of_their_own() {
    let mut case = case(&[TO[0], TO[0], TO[1]]);
    case.batch.items[2].content = std::sync::Arc::new(Content::Email {
        subject: "other".into(),
        html: None,
        text: Some("t".into()),
    });
    let (verdicts, calls) = case.drive(|_| http(202, ""));
    assert_eq!((words(&verdicts), calls), (vec!["accepted"; 3], 3));
    let people: Vec<String> = (0..1_001).map(|n| format!("p{n}@corp.example")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let (verdicts, calls) = self::case(&people).drive(|_| http(202, ""));
    assert_eq!((verdicts.len(), calls), (1_001, 2));
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let refusal = |change: &dyn Fn(&mut Case)| {
        let mut case = case(&TO[..1]);
        change(&mut case);
        let refused = case.refused();
        let (word, code) = word_and_code(&refused[0]);
        format!("{word} {code}")
    };
    assert_eq!(
        refusal(&|case| case.batch.items[0].to = "nobody".into()),
        "bad_recipient bad_address"
    );
    assert_eq!(
        refusal(&|case| case.batch.items[0].content = std::sync::Arc::new(text("x"))),
        "bad_content not_email"
    );
    for name in ["from", "from_name", "reply_to"] {
        let set = |case: &mut Case| {
            let value = "a\r\nb".into();
            case.account.settings.insert(name.into(), value);
        };
        assert_eq!(refusal(&set), "misconfigured bad_setting", "{name}");
    }
    assert_eq!(
        refusal(&|case| case.account.secrets.clear()),
        "misconfigured missing_field"
    );
}

/// One bad address of a batch is that person's alone, even before anything is called.
#[test]
fn a_bad_address_does_not_cost_the_others() {
    let case = case(&["li.lei@corp.example", "nobody", "han@corp.example"]);
    let (verdicts, calls) = case.drive(|_| http(202, ""));
    assert_eq!(words(&verdicts), ["accepted", "bad_recipient", "accepted"]);
    assert_eq!(calls, 1);
}

#[test]
fn acceptance_and_events_share_a_key() {
    let case = case(&TO[..2]);
    let (verdicts, _) = case.drive(|_| http_with(202, ("x-message-id", "14c5d75ce93"), ""));
    let keys: Vec<Option<String>> = verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Accepted(acceptance) => {
                assert_eq!(acceptance.vendor_id.as_deref(), Some("14c5d75ce93"));
                acceptance.receipt_key.clone()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let body = json!([
        {"email": "li.lei@corp.example", "timestamp": 1_767_323_046, "event": "delivered",
         "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
         "response": "250 OK", "austin_delivery": "dlv_1"},
        {"email": "han@corp.example", "timestamp": 1_767_323_047, "event": "bounce",
         "type": "bounce", "sg_message_id": "14c5d75ce93.filter0001",
         "reason": "550 5.1.1 unknown user", "status": "5.1.1"},
        {"email": "x@corp.example", "event": "delivered"},
    ]);
    let read = case.receipts(body.to_string().as_bytes()).unwrap();
    assert_eq!(
        [&read.receipts[0].key, &read.receipts[1].key],
        [&keys[0], &keys[1]]
    );
    let [first, second, third] = &read.receipts[..] else {
        panic!("{read:?}")
    };
    assert_eq!(
        (
            first.outcome,
            first.reference.as_deref(),
            first.detail.as_str()
        ),
        (Outcome::Delivered, Some("dlv_1"), "delivered: 250 OK")
    );
    assert_eq!(first.at, Some("2026-01-02T03:04:06Z".parse().unwrap()));
    assert_eq!(
        (second.outcome, second.code.as_str(), second.detail.as_str()),
        (
            Outcome::Undelivered,
            "5.1.1",
            "bounce: bounce: 550 5.1.1 unknown user"
        )
    );
    assert!(
        third
            .detail
            .starts_with("entry 2: has neither sg_message_id")
    );
}

#[test]
fn every_event() {
    for (event, outcome) in [
        ("processed", Outcome::Pending),
        ("deferred", Outcome::Pending),
        ("delivered", Outcome::Delivered),
        ("bounce", Outcome::Undelivered),
        ("dropped", Outcome::Undelivered),
        ("open", Outcome::Pending),
        ("click", Outcome::Pending),
        ("spamreport", Outcome::Pending),
        ("unsubscribe", Outcome::Pending),
        ("group_unsubscribe", Outcome::Pending),
        ("group_resubscribe", Outcome::Pending),
        ("never_heard_of", Outcome::Pending),
    ] {
        let body = json!([{"event": event, "austin_delivery": "dlv_1"}]);
        let read = case(&TO[..1])
            .receipts(body.to_string().as_bytes())
            .unwrap();
        let receipt = &read.receipts[0];
        assert_eq!((receipt.outcome, receipt.code.as_str()), (outcome, event));
    }
}

fn signed(signature: &'static str, timestamp: &'static str) -> HeaderMap {
    let pairs = [
        ("x-twilio-email-event-webhook-signature", signature),
        ("x-twilio-email-event-webhook-timestamp", timestamp),
    ];
    let pair = |(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    pairs.into_iter().map(pair).collect()
}

#[test]
fn the_vendor_s_signature_is_demanded_where_its_key_is_known() {
    let file: Value = serde_json::from_str(include_str!("../vectors/sendgrid.json")).unwrap();
    let given = file["vectors"][0]["inputs"].clone();
    let given = |name: &str| -> &'static str {
        Box::leak(given[name].as_str().unwrap().to_owned().into_boxed_str())
    };
    let mut case = case(&TO[..1]);
    case.account.settings.insert(
        "event_webhook_public_key".into(),
        given("public_key_base64").into(),
    );
    let payload = given("payload").as_bytes();
    let good = signed(given("signature"), given("timestamp"));
    let read = case.receipts_with(good.clone(), payload).unwrap();
    assert_eq!(read.receipts[0].code, "5.1.1");
    let status = |headers: HeaderMap, body: &[u8]| {
        let refused = case.receipts_with(headers, body).unwrap_err();
        refused.status.as_u16()
    };
    // Every byte counts, the last line break too.
    assert_eq!(status(good.clone(), payload.trim_ascii_end()), 401);
    assert_eq!(
        status(signed(given("signature"), "1767323046"), payload),
        401
    );
    assert_eq!(status(signed("AAAA", given("timestamp")), payload), 401);
    assert_eq!(status(signed("?", given("timestamp")), payload), 401);
    assert_eq!(status(HeaderMap::new(), payload), 401);
    case.account
        .settings
        .insert("event_webhook_public_key".into(), "AAAA".into());
    let refused = case.receipts_with(good, payload).unwrap_err();
    assert_eq!(refused.status.as_u16(), 401);
}

fn errors(field: &str) -> Value {
    json!({"errors": [{"message": "m", "field": field, "help": null}]})
}

/// Every documented status and, for a 400, the fields it may name.
#[test]
fn every_refusal() {
    for (status, field, expected, code) in [
        (
            400,
            "personalizations.0.to.0.email",
            "bad_recipient",
            "400 personalizations.to.email",
        ),
        (400, "from.email", "misconfigured", "400 from.email"),
        (400, "reply_to.email", "misconfigured", "400 reply_to.email"),
        (400, "content.0.value", "bad_content", "400 content.value"),
        (400, "subject", "bad_content", "400 subject"),
        (
            400,
            "attachments.0.content",
            "bad_content",
            "400 attachments.content",
        ),
        (
            400,
            "personalizations.0.custom_args",
            "elsewhere",
            "400 personalizations.custom_args",
        ),
        (400, "", "elsewhere", "400"),
        (401, "", "misconfigured", "http_401"),
        (403, "from", "misconfigured", "http_403"),
        (404, "", "misconfigured", "http_404"),
        (405, "", "misconfigured", "http_405"),
        (413, "", "elsewhere", "http_413"),
        (415, "", "elsewhere", "http_415"),
        (429, "", "throttled", "http_429"),
        (500, "", "elsewhere", "http_500"),
        (503, "", "throttled", "http_503"),
    ] {
        let verdicts = case(&TO[..1]).answered(status, &errors(field));
        assert_eq!(
            word_and_code(&verdicts[0]),
            (expected, code),
            "{status} {field}"
        );
    }
    let several = json!({"errors": [
        {"message": "m", "field": "subject"},
        {"message": "m", "field": "personalizations.0.to.0.email"},
    ]});
    let verdicts = case(&TO[..1]).answered(400, &several);
    assert_eq!(words(&verdicts), ["bad_recipient"]);
}

#[test]
fn one_person_s_fault_is_not_the_others() {
    let (verdicts, _) = case(&TO).drive(|call| {
        let body = String::from_utf8(as_http(call).body.to_vec()).unwrap();
        if body.contains("Han@") {
            return http(400, errors("personalizations.1.to.0.email").to_string());
        }
        http(202, "")
    });
    assert_eq!(words(&verdicts), ["accepted", "bad_recipient", "accepted"]);
}

#[test]
fn the_window_s_end_is_the_pause() {
    for (header, seconds) in [
        (("x-ratelimit-reset", "1767323052"), Some(7)),
        (("x-ratelimit-reset", "1"), Some(0)),
        (("x-ratelimit-reset", "9999999999"), Some(3_600)),
        (("retry-after", "9"), Some(9)),
        (("x-other", "9"), None),
    ] {
        let (verdicts, _) = case(&TO[..1]).drive(|_| http_with(429, header, ""));
        match &verdicts[0] {
            Verdict::Throttled { pause, .. } => {
                assert_eq!(pause.map(|pause| pause.as_secs()), seconds, "{header:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
