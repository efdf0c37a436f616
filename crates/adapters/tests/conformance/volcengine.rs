use std::sync::Arc;

use austin_domain::Verdict;
use serde_json::{Value, json};

use super::support::*;

fn case(to: &[&str]) -> Case {
    let settings =
        json!({"sms_account": "A1230000", "sign": "短信服务", "template_id": "ST_6f8c0000"});
    let secrets = [
        ("access_key_id", "AKLTexample"),
        ("secret_access_key", "SecretExample=="),
    ];
    let vars = [("code", "1234"), ("minutes", "5")];
    Case::new(
        "volcengine-sms",
        account(settings, &secrets),
        batch(to, &vars, text("1234")),
    )
}

fn different(to: &[&str], codes: &[&str]) -> Case {
    let mut case = case(to);
    for (item, code) in case.batch.items.iter_mut().zip(codes) {
        item.vars = Arc::new([("code".to_owned(), (*code).to_owned())].into());
    }
    case
}

fn body(request: &austin_adapter_api::HttpRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn ok(ids: &[&str]) -> Value {
    json!({"ResponseMetadata": {"RequestId": "20260102", "Action": "SendSms", "Version": "2020-01-01",
                                "Service": "volcSMS", "Region": "cn-north-1"},
           "Result": {"MessageID": ids}})
}

fn refusal(code: &str) -> Value {
    json!({"ResponseMetadata": {"RequestId": "20260102", "Error": {"CodeN": 1, "Code": code, "Message": "不行"}}})
}

/// How many numbers a call has.
fn count(request: &austin_adapter_api::HttpRequest) -> usize {
    let body = body(request);
    match body["PhoneNumbers"].as_str() {
        Some(numbers) => numbers.split(',').count(),
        None => body["Messages"].as_array().unwrap().len(),
    }
}

#[test]
fn golden_send_sms() {
    let expected = "\
POST https://sms.volcengineapi.com/?Action=SendSms&Version=2020-01-01
accept: application/json
authorization: HMAC-SHA256 Credential=AKLTexample/20260102/cn-north-1/volcSMS/request, SignedHeaders=content-type;host;x-content-sha256;x-date, Signature=87ba1501d265fbb0c695a8232b6ce9cfdfa1689d60b5f74441771040cc123b1b
content-type: application/json
x-content-sha256: 2e82821e9ada021769b74c7240bf3cb0efdc33630f455e8d67f675efe3cb9c59
x-date: 20260102T030405Z

{\"SmsAccount\":\"A1230000\",\"Sign\":\"短信服务\",\"TemplateID\":\"ST_6f8c0000\",\"Tag\":\"call_000000000000000000000000000000ab\",\"PhoneNumbers\":\"13711112222,13711112223\",\"TemplateParam\":\"{\\\"code\\\":\\\"1234\\\",\\\"minutes\\\":\\\"5\\\"}\"}";
    assert_eq!(wire(&case(&MAINLAND[..2]).request()), expected);
}

#[test]
fn golden_send_batch_sms() {
    let expected = "\
POST https://sms.volcengineapi.com/?Action=SendBatchSms&Version=2021-01-01
accept: application/json
authorization: HMAC-SHA256 Credential=AKLTexample/20260102/cn-north-1/volcSMS/request, SignedHeaders=content-type;host;x-content-sha256;x-date, Signature=7197977ded90bb0cb92ce0409fc35e073c88177adf6058f703f0aa514837d845
content-type: application/json
x-content-sha256: bd219f40236324067592deaa488df1bc813ca9ac6dc8f4928ebe74583e76ed25
x-date: 20260102T030405Z

{\"SmsAccount\":\"A1230000\",\"Sign\":\"短信服务\",\"TemplateID\":\"ST_6f8c0000\",\"Tag\":\"call_000000000000000000000000000000ab\",\"Messages\":[{\"PhoneNumber\":\"13711112222\",\"TemplateParam\":\"{\\\"code\\\":\\\"1\\\"}\"},{\"PhoneNumber\":\"13711112223\",\"TemplateParam\":\"{\\\"code\\\":\\\"2\\\"}\"}]}";
    let case = different(&MAINLAND[..2], &["1", "2"]);
    assert_eq!(wire(&case.request()), expected);
}

#[test]
fn numbers_references_and_parameters() {
    let single = body(&case(&MAINLAND[..1]).request());
    assert_eq!(single["Tag"], "dlv_1");
    assert_eq!(single["PhoneNumbers"], "13711112222");
    let mut abroad = case(&[ABROAD]);
    abroad.account.settings.insert("from".into(), json!("Acme"));
    let abroad = body(&abroad.request());
    assert_eq!(
        (&abroad["PhoneNumbers"], &abroad["From"]),
        (&json!(ABROAD), &json!("Acme"))
    );

    let mut own = case(&MAINLAND[..1]);
    own.account.settings.insert("from".into(), json!("Acme"));
    own.batch.vendor_template = Some(vendor_template("ST_1", Some("商城"), Some(&["minutes"])));
    let sent = body(&own.request());
    assert_eq!(
        (&sent["TemplateID"], &sent["Sign"], &sent["From"]),
        (&json!("ST_1"), &json!("商城"), &Value::Null)
    );
    assert_eq!(sent["TemplateParam"], r#"{"minutes":"5"}"#);
    own.batch.vendor_template = Some(vendor_template("ST_1", None, Some(&["x"])));
    assert_eq!(
        word_and_code(&own.refused()[0]),
        ("elsewhere", "unknown_param")
    );
    own.batch.vendor_template = None;
    own.account.settings.remove("template_id");
    assert_eq!(
        word_and_code(&own.refused()[0]),
        ("elsewhere", "missing_template_id")
    );
    own.account.settings.remove("sign");
    assert_eq!(
        word_and_code(&own.refused()[0]),
        ("elsewhere", "missing_sign")
    );
    own.account.settings.remove("sms_account");
    assert_eq!(
        word_and_code(&own.refused()[0]),
        ("misconfigured", "missing_field")
    );
}

#[test]
fn temporary_keys_send_their_token_signed() {
    let mut case = case(&MAINLAND[..1]);
    case.account
        .secrets
        .insert("session_token".into(), "t0ken".into());
    let request = case.request();
    assert_eq!(request.headers["x-security-token"], "t0ken");
    let authorization = request.headers["authorization"].to_str().unwrap();
    assert!(
        authorization.contains("host;x-content-sha256;x-date;x-security-token, "),
        "{authorization}"
    );
}

#[test]
fn a_batch_parts_by_limit_and_country() {
    let numbers: Vec<String> = (0..401).map(|n| format!("+861371111{n:04}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let codes: Vec<String> = (0..401).map(|n| n.to_string()).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    for case in [case(&numbers), different(&numbers, &codes)] {
        let (verdicts, calls) = case.drive(|call| {
            let ids: Vec<String> = (0..count(&as_http(call))).map(|n| n.to_string()).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            http(200, ok(&ids).to_string())
        });
        assert_eq!((words(&verdicts), calls), (vec!["accepted"; 401], 3));
    }
    let (verdicts, calls) =
        case(&[MAINLAND[0], ABROAD]).drive(|_| http(200, ok(&["1"]).to_string()));
    assert_eq!((words(&verdicts), calls), (vec!["accepted"; 2], 2));
}

#[test]
fn ids_stand_in_the_order_of_the_numbers() {
    let verdicts = case(&MAINLAND).answered(200, &ok(&["a", "b", "c"]));
    let ids: Vec<_> = verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Accepted(acceptance) => acceptance.vendor_id.as_deref().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let short = case(&MAINLAND).answered(200, &ok(&["a", "b"]));
    assert_eq!(words(&short), ["unknown"; 3]);
    assert_eq!(word_and_code(&short[0]).1, "missing_id");
}

/// The classes of the vendor's code lists, and what each means here.
const CODES: &[(&str, &[&str])] = &[
    (
        "later",
        &[
            "RE:0500",
            "InternalError",
            "InternalServiceError",
            "ServiceUnavailableTemp",
            "SY:0500",
            "SY:0501",
            "UN:0900",
        ],
    ),
    (
        "number_refused",
        &["RE:0011", "NE:0103", "NE:0106", "CR:0202", "CR:0213"],
    ),
    ("throttled", &["FlowLimitExceeded", "CR:0206", "CR:0208"]),
    (
        "bad_recipient",
        &["RE:0006", "NE:0100", "NE:0104", "NE:0105", "CR:0201"],
    ),
    ("bad_content", &["CR:0200", "CR:0216"]),
    (
        "misconfigured",
        &[
            "RE:0000",
            "RE:0001",
            "RE:0002",
            "RE:0003",
            "RE:0004",
            "RE:0005",
            "RE:0007",
            "RE:0010",
            "RE:0012",
            "RE:0013",
            "CR:0204",
            "CR:0212",
            "CR:0215",
            "InvalidTimestamp",
            "MissingAuthenticationToken",
            "MissingSignature",
            "InvalidAuthorization",
            "InvalidCredential",
            "InvalidSecretToken",
            "InvalidAccessKey",
            "SignatureDoesNotMatch",
            "LackPolicy",
            "AccessDenied",
            "ServiceNotFound",
            "InvalidActionOrVersion",
        ],
    ),
    (
        "elsewhere",
        &[
            "RE:0009",
            "CR:0203",
            "CR:0205",
            "CE:0300",
            "CE:0301",
            "CE:0302",
            "CE:0304",
            "MissingParameter",
            "MissingRequestInfo",
            "RE:9999",
            "NeverHeardOf",
        ],
    ),
    ("unknown", &["InternalServiceTimeout"]),
];

#[test]
fn every_code() {
    for (expected, codes) in CODES {
        for code in *codes {
            for status in [200, 400] {
                let verdicts = case(&MAINLAND[..1]).answered(status, &refusal(code));
                assert_eq!(word_and_code(&verdicts[0]), (*expected, *code));
            }
        }
    }
    let odd = refusal("NeverHeardOf");
    assert_eq!(
        words(&case(&MAINLAND[..1]).answered(502, &odd)),
        ["unknown"]
    );
}

#[test]
fn an_unapproved_template_of_its_own_does_not_stop_the_account() {
    let mut case = case(&MAINLAND[..1]);
    case.batch.vendor_template = Some(vendor_template("ST_1", None, None));
    for code in ["RE:0004", "RE:0005"] {
        assert_eq!(words(&case.answered(200, &refusal(code))), ["elsewhere"]);
    }
}

#[test]
fn one_number_s_fault_is_not_the_others() {
    for (code, expected) in [("RE:0006", "bad_recipient"), ("RE:0011", "number_refused")] {
        for case in [case(&MAINLAND), different(&MAINLAND, &["1", "2", "3"])] {
            let (verdicts, _) = case.drive(|call| {
                let request = as_http(call);
                let ids = &["a", "b", "c"][..count(&request)];
                let bad = std::str::from_utf8(&request.body)
                    .unwrap()
                    .contains("13711112223");
                let answer = if bad { refusal(code) } else { ok(ids) };
                http(200, answer.to_string())
            });
            assert_eq!(words(&verdicts), ["accepted", expected, "accepted"]);
        }
    }
}

#[test]
fn receipts_are_read_and_answered() {
    let case = case(&MAINLAND);
    let list = json!([
        {"account": "2000", "sub_account": "A1230000", "status_code": "0", "description": "OK",
         "mobile": "13711112222", "message_id": "bde1b10d", "msg_count": 2, "ext": "dlv_1",
         "send_time": 1_669_171_012_444_i64, "recv_time": 1_669_171_014_555_i64},
        {"status_code": "NE:0100", "description": "空号", "message_id": "bde1b10e", "ext": "call_00ab"},
        {"status_code": "0", "ext": "dlv_3"},
    ]);
    let read = case.receipts(list.to_string().as_bytes()).unwrap();
    assert_eq!(read.status.as_u16(), 200);
    let [first, second, third] = &read.receipts[..] else {
        panic!("{read:?}");
    };
    assert_eq!(
        (
            first.key.as_deref(),
            first.reference.as_deref(),
            first.segments
        ),
        (Some("bde1b10d"), Some("dlv_1"), Some(2))
    );
    assert_eq!(first.at, Some("2022-11-23T02:36:54.555Z".parse().unwrap()));
    assert_eq!(
        (second.reference.as_deref(), second.code.as_str(), second.at),
        (None, "NE:0100", None)
    );
    assert_eq!(
        format!("{:?}{:?}", first.outcome, second.outcome),
        "DeliveredUndelivered"
    );
    assert_eq!(third.detail, "entry 2: has no message_id");
    for (body, detail) in [
        ("", "the body is not a JSON array"),
        ("[7]", "entry 0: has no message_id"),
        (r#"[{"message_id":"1"}]"#, "entry 0: has no status_code"),
    ] {
        let refused = case.receipts(body.as_bytes()).unwrap_err();
        assert_eq!(refused.status.as_u16(), 400);
        assert!(refused.detail.starts_with(detail), "{}", refused.detail);
    }
}

/// Every documented code of a receipt but success.
const FAILURES: &[&str] = &[
    "NE:0100", "NE:0103", "NE:0104", "NE:0105", "NE:0106", "CR:0200", "CR:0201", "CR:0202",
    "CR:0203", "CR:0204", "CR:0205", "CR:0206", "CR:0208", "CR:0212", "CR:0213", "CR:0215",
    "CR:0216", "CE:0300", "CE:0301", "CE:0302", "CE:0304", "SY:0500", "SY:0501", "UN:0900",
];

#[test]
fn every_failure_in_a_receipt_is_undelivered() {
    for code in FAILURES {
        let list = json!([{"status_code": code, "message_id": "1"}]).to_string();
        let read = case(&MAINLAND).receipts(list.as_bytes()).unwrap();
        let receipt = &read.receipts[0];
        assert_eq!(receipt.code, *code);
        assert_eq!(format!("{:?}", receipt.outcome), "Undelivered");
    }
}
