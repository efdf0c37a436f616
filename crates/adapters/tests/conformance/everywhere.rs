//! What holds for every adapter, whatever it is told.

use austin_adapter_api::{
    Fault, FaultKind, Phase, Reply, SmppPart, SmppReply, SmtpReply, State, Step, validate,
};
use austin_domain::Content;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::*;

const SECRET: &str = "whsec_YSB0ZXN0IHNlY3JldCBvZiAzMCBieXRlcywgbm8gMQ==";

/// One case per adapter, with a batch that takes more than one call where there is such.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = phone_cases();
    cases.extend(mail_cases());
    cases
}

fn case(name: &str, settings: Value, secrets: &[&str], to: &[&str], content: Content) -> Case {
    let secrets: Vec<_> = secrets.iter().map(|name| (*name, SECRET)).collect();
    Case::new(
        name,
        account(settings, &secrets),
        batch(to, &[("code", "4370")], content),
    )
}

fn phone_cases() -> Vec<Case> {
    let sms = [MAINLAND[0], ABROAD, MAINLAND[1]];
    vec![
        case(
            "tencent-sms",
            json!({"sdk_app_id": "1400006666", "sign_name": "腾讯云", "template_id": "77"}),
            &["secret_id", "secret_key"],
            &sms,
            text("4370"),
        ),
        case(
            "aliyun-sms",
            json!({"sign_name": "阿里云", "template_code": "SMS_1"}),
            &["access_key_id", "access_key_secret"],
            &sms,
            text("4370"),
        ),
        case(
            "smpp",
            json!({"host": "smsc.example.com", "system_id": "acme", "source_addr": "ACME"}),
            &["password"],
            &sms,
            text("4370"),
        ),
        case(
            "yunpian-sms",
            json!({"sign_name": "云片网"}),
            &["apikey"],
            &sms,
            text("4370"),
        ),
        case(
            "volcengine-sms",
            json!({"sms_account": "A1230000", "sign": "火山引擎", "template_id": "ST_1"}),
            &["access_key_id", "secret_access_key", "session_token"],
            &sms,
            text("4370"),
        ),
        case(
            "twilio-sms",
            json!({"account_sid": "AC1", "from": "+15005550006",
                   "status_callback": "https://push.example/v1/receipts/acme-1/token"}),
            &["auth_token"],
            &sms,
            text("4370"),
        ),
        case(
            "aws-sns-sms",
            json!({"region": "us-east-1"}),
            &["access_key_id", "secret_access_key", "session_token"],
            &sms,
            text("4370"),
        ),
        case(
            "simulator",
            json!({"endpoint": "http://127.0.0.1:1"}),
            &["token"],
            &sms,
            text("4370"),
        ),
        case(
            "webhook",
            json!({}),
            &["signing_secret"],
            &["https://hooks.example.com/1", "https://hooks.example.com/2"],
            text("4370"),
        ),
    ]
}

fn mail_cases() -> Vec<Case> {
    // One twice, so that there are two calls.
    let people = [
        "li.lei@corp.example",
        "han@corp.example",
        "li.lei@corp.example",
    ];
    let email = || Content::Email {
        subject: "s".into(),
        html: None,
        text: Some("t".into()),
    };
    vec![
        case(
            "smtp",
            json!({"host": "mail.example.com", "from": "shop@example.com", "username": "shop"}),
            &["password"],
            &["li.lei@corp.example", "han@corp.example"],
            email(),
        ),
        case(
            "sendgrid-email",
            json!({"from": "shop@example.com"}),
            &["api_key"],
            &people,
            email(),
        ),
        case(
            "aws-ses-email",
            json!({"region": "us-east-1", "from": "shop@example.com"}),
            &["access_key_id", "secret_access_key"],
            &people,
            email(),
        ),
        case(
            "aliyun-dm-email",
            json!({"account_name": "shop@example.com"}),
            &["access_key_id", "access_key_secret"],
            &people,
            email(),
        ),
    ]
}

#[test]
fn every_adapter_is_here_and_its_accounts_are_whole() {
    let mut here: Vec<String> = cases()
        .iter()
        .map(|case| {
            let descriptor = case.adapter.descriptor();
            let faults = validate(descriptor, &case.account.settings, &case.account.secrets);
            assert_eq!(faults, [], "{}", descriptor.name);
            assert!(descriptor.batching.max_recipients > 0 && !descriptor.channels.is_empty());
            descriptor.name.clone()
        })
        .collect();
    let mut registered: Vec<String> = austin_adapters::registry()
        .iter()
        .map(|adapter| adapter.descriptor().name.clone())
        .collect();
    here.sort();
    registered.sort();
    assert_eq!(here, registered);
    assert!(austin_adapters::find("no-such-vendor").is_none());
}

#[test]
fn every_required_field_is_demanded() {
    for case in cases() {
        let descriptor = case.adapter.descriptor();
        for field in descriptor.settings.iter().filter(|field| field.required) {
            let mut settings = case.account.settings.clone();
            settings.remove(&field.name);
            assert_eq!(
                validate(descriptor, &settings, &case.account.secrets).len(),
                1
            );
        }
        for field in descriptor.secrets.iter().filter(|field| field.required) {
            let mut secrets = case.account.secrets.clone();
            secrets.remove(&field.name);
            assert_eq!(
                validate(descriptor, &case.account.settings, &secrets).len(),
                1
            );
        }
    }
}

#[test]
fn garbage_is_never_an_acceptance_and_never_a_refusal_of_people() {
    let huge = format!("{{\"Code\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    let deep = "[".repeat(100_000);
    let bodies: Vec<bytes::Bytes> = vec![
        "".into(),
        "<html>gateway</html>".into(),
        "{\"Response\":{\"SendStatusSet\":[{\"Code\":\"O".into(),
        "null".into(),
        "[]".into(),
        "{}".into(),
        "\"OK\"".into(),
        r#"{"Response":{"SendStatusSet":[7,null,{}]}}"#.into(),
        r#"{"Response":{"Error":{"Code":7}},"Code":[],"code":{},"results":{},"data":7}"#.into(),
        r#"{"data":[null,7,{"mobile":{},"code":"x"}],"results":[null,7,{"reference":7}]}"#.into(),
        r#"{"ResponseMetadata":{"Error":{"Code":{}}},"Result":{"MessageID":[7,null,""]},"sid":[]}"#
            .into(),
        "<PublishResponse><PublishResult><MessageId></MessageId></PublishResult>".into(),
        "<ErrorResponse><Error><Code><Code>x</Code></Error>".into(),
        vec![0xff, 0xfe, 0x00].into(),
        deep.into(),
        huge.into(),
    ];
    for case in cases() {
        let name = case.adapter.descriptor().name.clone();
        let count = case.batch.items.len();
        for body in &bodies {
            let start = &body[..body.len().min(40)];
            let (verdicts, _) = case.drive(|_| http(200, body.clone()));
            assert_eq!(verdicts.len(), count, "{name} {start:?}");
            // A webhook is accepted by its status alone.
            let expected: &[&str] = match name.as_str() {
                "webhook" => &["accepted"],
                _ => &["unknown", "elsewhere"],
            };
            for verdict in &verdicts {
                assert!(
                    expected.contains(&verdict.as_str()),
                    "{name} {start:?} {verdict:?}"
                );
                let cause = verdict.cause();
                assert!(
                    cause.is_none_or(|c| c.detail.chars().count() <= 300 && c.code.len() <= 80)
                );
            }
        }
    }
}

#[test]
fn statuses_without_a_code() {
    for case in cases() {
        let name = case.adapter.descriptor().name.clone();
        if matches!(name.as_str(), "smpp" | "smtp" | "webhook") {
            continue;
        }
        for (status, expected) in [
            (200, "unknown"),
            (302, "misconfigured"),
            (401, "misconfigured"),
            (403, "misconfigured"),
            (404, "misconfigured"),
            (408, "unknown"),
            (413, "elsewhere"),
            (429, "throttled"),
            (500, "elsewhere"),
            (502, "unknown"),
            (503, "throttled"),
            (504, "unknown"),
        ] {
            let (verdicts, _) = case.drive(|_| http(status, "<html>"));
            assert_eq!(words(&verdicts), vec![expected; 3], "{name} {status}");
        }
    }
}

#[test]
fn faults_in_both_phases() {
    for case in cases() {
        let name = case.adapter.descriptor().name.clone();
        for kind in [
            FaultKind::Connect,
            FaultKind::TimedOut,
            FaultKind::Cut,
            FaultKind::TooLarge,
        ] {
            let fault = |phase| Fault {
                phase,
                kind,
                detail: format!("no answer {SECRET}"),
            };
            let (verdicts, _) = case.drive(|_| Reply::Fault(fault(Phase::MaybeSent)));
            assert_eq!(
                (verdicts.len(), verdicts[0].as_str()),
                (case.batch.items.len(), "unknown")
            );
            assert_eq!(verdicts[0].cause().unwrap().code, kind.as_str());
            let (verdicts, _) = case.drive(|_| Reply::Fault(fault(Phase::NotSent)));
            let expected = if name == "webhook" {
                "later"
            } else {
                "elsewhere"
            };
            assert_eq!(
                words(&verdicts),
                vec![expected; case.batch.items.len()],
                "{name}"
            );
            assert!(!format!("{verdicts:?}").contains(SECRET), "{name}");
        }
    }
}

#[test]
fn secrets_and_addresses_stay_out_of_sight() {
    for case in cases() {
        let name = case.adapter.descriptor().name.clone();
        let (call, _) = case.call();
        let shown = format!("{call:?} {:?}", case.account);
        assert!(!shown.contains(SECRET), "{name}: {shown}");
        assert!(
            !shown.contains("13711112222") && !shown.contains("li.lei"),
            "{name}: {shown}"
        );

        let own = case.batch.items[0].to.clone();
        let echo = format!("{SECRET} 13711112222 008613711112222 {own}");
        let answers = [
            json!({"Response": {"Error": {"Code": format!("Bad{SECRET}"), "Message": echo}}}),
            json!({"Response": {"SendStatusSet": [{"PhoneNumber": MAINLAND[0], "Code": "X", "Message": echo}]}}),
            json!({"Code": format!("Bad{SECRET}"), "Message": echo}),
            json!({"ResponseMetadata": {"Error": {"Code": format!("Bad{SECRET}"), "Message": echo}}}),
            json!({"code": 99999, "message": echo}),
            json!({"sid": "SM1", "status": "failed", "error_code": 30007, "error_message": echo}),
            json!({"code": 4711, "msg": echo, "detail": echo}),
            json!({"data": [{"code": 4711, "mobile": "13711112222", "msg": echo}]}),
            json!({"results": [{"reference": "dlv_1", "code": "x", "message": echo}]}),
            json!({"errors": [{"field": format!("x.{SECRET}"), "message": echo}]}),
            json!({"__type": format!("Bad{SECRET}"), "message": echo}),
            json!({ "unexpected": echo }),
        ];
        let xml = format!("<Error><Code>Bad{SECRET}</Code><Message>{echo}</Message></Error>");
        let answers = answers.iter().map(Value::to_string).chain([xml]);
        for answer in answers {
            for status in [200, 400, 500] {
                let (verdicts, _) = case.drive(|_| http(status, answer.clone()));
                let first = format!("{:?}", verdicts[0]);
                assert!(
                    !format!("{verdicts:?}").contains(SECRET),
                    "{name}: {verdicts:?}"
                );
                assert!(!first.contains(&own), "{name}: {first}");
                let is_sms = own.starts_with('+');
                assert!(!is_sms || !first.contains("13711112222"), "{name}: {first}");
            }
        }
    }
}

#[test]
fn adapters_without_receipts_say_so() {
    for case in cases() {
        let answer = case.receipts(b"");
        if !case.adapter.descriptor().capabilities.receipts {
            assert_eq!(answer.unwrap_err().status.as_u16(), 404);
        }
    }
}

/// Field names of vendors' answers and receipts.
const NAMES: &[&str] = &[
    "Response",
    "SendStatusSet",
    "Error",
    "Code",
    "Message",
    "SerialNo",
    "PhoneNumber",
    "Fee",
    "BizId",
    "code",
    "msg",
    "data",
    "mobile",
    "sid",
    "count",
    "fee",
    "results",
    "reference",
    "id",
    "segments",
    "retry_after",
    "biz_id",
    "phone_number",
    "success",
    "report_status",
    "receipts",
    "status",
    "at",
    "user_receive_time",
    "errors",
    "field",
    "message",
    "MessageId",
    "EnvId",
    "__type",
    "event",
    "sg_message_id",
    "email",
    "austin_delivery",
    "Type",
    "eventType",
    "mail",
    "messageId",
    "tags",
    "bounce",
    "bouncedRecipients",
    "type",
    "env_id",
    "ResponseMetadata",
    "Result",
    "MessageID",
    "message_id",
    "status_code",
    "recv_time",
    "error_code",
    "num_segments",
    "sendDetailsResults",
    "PullSmsSendStatusSet",
    "SmsSendDetailDTOs",
    "SmsSendDetailDTO",
    "OutId",
    "balance",
];

/// JSON that looks like vendors' answers now and then.
fn json_text() -> impl Strategy<Value = String> {
    let names = prop::sample::select(NAMES);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "Ok",
            "OK",
            "ok",
            "13711112222",
            "dlv_1",
            "SUCCESS",
            "Notification",
            "Bounce",
            "delivered",
            "dm:Deliver:Fail",
            "2026-01-02 03:04:05"
        ])
        .prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..5).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    });
    value.prop_map(|value| value.to_string())
}

/// Pieces of XML, which now and then make an answer.
fn xml_piece() -> impl Strategy<Value = String> {
    let tags = vec![
        "<PublishResult>",
        "</PublishResult>",
        "<MessageId>",
        "</MessageId>",
        "<Error>",
        "</Error>",
        "<Code>",
        "</Code>",
        "<Code",
        "<Message>",
        "</Message>",
        "&amp;",
    ];
    prop_oneof![prop::sample::select(tags).prop_map(str::to_owned), ".{0,6}",]
}

fn bytes_or_json() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        json_text().prop_map(String::into_bytes),
        json_text().prop_map(|text| format!("sms_status={text}").into_bytes()),
        ".{0,20}".prop_map(|text| format!("MessageSid={text}&MessageStatus={text}").into_bytes()),
        prop::collection::vec(xml_piece(), 0..8).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_answer_gives_one_verdict_per_item(body in bytes_or_json(), status in 100_u16..600) {
        for case in cases() {
            let (verdicts, _) = case.drive(|_| http(status, body.clone()));
            prop_assert_eq!(verdicts.len(), case.batch.items.len());
        }
    }

    #[test]
    fn any_smpp_reply_gives_one_verdict(statuses in prop::collection::vec(prop_oneof![Just(0), any::<u32>(), 0_u32..256], 0..4), id in ".{0,20}", cut in any::<bool>()) {
        for case in cases() {
            let reply = || {
                let answered = |status: &u32| SmppPart::Answered { status: *status, message_id: id.clone() };
                let mut parts: Vec<SmppPart> = statuses.iter().map(answered).collect();
                if cut {
                    parts.push(SmppPart::Missing(Fault { phase: Phase::MaybeSent, kind: FaultKind::Cut, detail: "cut".into() }));
                }
                match statuses.first() {
                    Some(status) if parts.len() == 1 => SmppReply::NotBound(*status),
                    _ => SmppReply::Submitted(parts),
                }
            };
            let (verdicts, _) = case.drive(|_| Reply::Smpp(reply()));
            prop_assert_eq!(verdicts.len(), case.batch.items.len());
        }
    }

    #[test]
    fn any_smtp_reply_gives_one_verdict(code in any::<u16>(), text in prop::collection::vec(".{0,30}", 0..3)) {
        for case in cases() {
            let reply = || SmtpReply { code, text: text.clone(), stage: "rcpt" };
            let (verdicts, _) = case.drive(|_| Reply::Smtp(reply()));
            prop_assert_eq!(verdicts.len(), case.batch.items.len());
        }
    }

    #[test]
    fn any_state_is_survived(state in json_text(), body in bytes_or_json()) {
        for case in cases() {
            let state = State(serde_json::from_str(&state).unwrap());
            if let Step::Done(verdicts) = case.resume(state, http(200, body.clone())) {
                prop_assert_eq!(verdicts.len(), case.batch.items.len());
            }
        }
    }

    #[test]
    fn any_answer_to_a_question_is_survived(body in bytes_or_json(), status in 100_u16..600) {
        use austin_adapter_api::question::{Question, Subject};
        let subject = |id: Option<&str>| Subject {
            reference: "dlv_1".into(),
            to: MAINLAND[0].into(),
            vendor_id: id.map(str::to_owned),
            sent_at: context().now,
        };
        let questions = [
            Question::Pull { cursor: State::default() },
            Question::Query(subject(None)),
            Question::Query(subject(Some("13711112222"))),
            Question::Balance,
        ];
        for case in cases() {
            for question in &questions {
                let reply = http(status, body.clone());
                let state = State::default();
                let answer = case.adapter.answer(&case.account, question, state, reply, &context());
                let shown = format!("{answer:?}");
                prop_assert!(!shown.contains(SECRET));
            }
        }
    }

    #[test]
    fn any_receipt_request_is_answered_or_refused(body in bytes_or_json()) {
        for mut case in cases() {
            let refused = |status: u16| matches!(status, 400 | 401 | 404);
            if let Err(error) = case.receipts(&body) {
                prop_assert!(refused(error.status.as_u16()));
            }
            // The simulator's body behind a good signature.
            case.account.secrets.insert("token".into(), "k3yk3y".into());
            let signature = austin_adapter_api::sign::hmac_sha256(b"k3yk3y", &body);
            let signature = austin_adapter_api::sign::hex(&signature);
            let headers = [(http::HeaderName::from_static("x-sim-signature"), signature.parse().unwrap())];
            if let Err(error) = case.receipts_with(headers.into_iter().collect(), &body) {
                prop_assert!(refused(error.status.as_u16()));
            }
            // Twilio's form behind a good signature.
            let headers = super::twilio::signed("https://push.example/v1/receipts/acme-1/token", SECRET, &body);
            if let Err(error) = case.receipts_with(headers, &body) {
                prop_assert!(refused(error.status.as_u16()));
            }
        }
    }
}
