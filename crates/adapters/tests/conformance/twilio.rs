use austin_adapters::twilio_sms;
use austin_domain::Verdict;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::support::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const CALLBACK: &str = "https://push.example/v1/receipts/acme-1";

fn case(to: &[&str]) -> Case {
    let settings = json!({"account_sid": "AC0123456789abcdef", "from": "+15005550006"});
    Case::new(
        "twilio-sms",
        account(settings, &[("auth_token", TOKEN)]),
        batch(
            to,
            &[("code", "4370"), ("minutes", "5")],
            text("Your code is 4370"),
        ),
    )
}

fn fields(request: &austin_adapter_api::HttpRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body)
        .into_owned()
        .collect()
}

fn field(request: &austin_adapter_api::HttpRequest, name: &str) -> Option<String> {
    let mut fields = fields(request).into_iter();
    fields
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

fn created() -> Value {
    json!({"sid": "SM0123", "status": "queued", "num_segments": "2", "price": null,
           "error_code": null, "error_message": null, "account_sid": "AC0123456789abcdef"})
}

fn refusal(code: i64, status: u16) -> Value {
    json!({"code": code, "message": "no", "more_info": "https://example.com", "status": status})
}

/// The headers of a form signed for this URL.
pub(super) fn signed(url: &str, token: &str, body: &[u8]) -> HeaderMap {
    let signature = twilio_sms::sign::sign_form(token, url, body);
    HeaderMap::from_iter([
        (
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
        ),
        (
            HeaderName::from_static("x-twilio-signature"),
            signature.parse().unwrap(),
        ),
    ])
}

#[test]
fn golden_message() {
    let expected = "\
POST https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef/Messages.json
accept: application/json
authorization: Basic QUMwMTIzNDU2Nzg5YWJjZGVmOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm
content-type: application/x-www-form-urlencoded

To=%2B14155550100&From=%2B15005550006&Body=Your%20code%20is%204370&StatusCallback=https%3A%2F%2Fpush.example%2Fv1%2Freceipts%2Facme-1%3Freference%3Ddlv_1&ValidityPeriod=300";
    let mut case = case(&[ABROAD]);
    let settings = &mut case.account.settings;
    settings.insert("status_callback".into(), json!(CALLBACK));
    settings.insert("validity_period".into(), json!(300));
    assert_eq!(wire(&case.request()), expected);
}

#[test]
fn senders_keys_and_content_templates() {
    let mut case = case(&[ABROAD]);
    let settings = &mut case.account.settings;
    settings.insert("messaging_service_sid".into(), json!("MG1"));
    settings.insert("api_key_sid".into(), json!("SK1"));
    assert_eq!(
        word_and_code(&case.refused()[0]),
        ("misconfigured", "missing_field")
    );
    case.account
        .secrets
        .insert("api_key_secret".into(), "s3cret".into());
    let request = case.request();
    assert_eq!(field(&request, "MessagingServiceSid").unwrap(), "MG1");
    assert_eq!(field(&request, "From"), None);
    // SK1:s3cret
    assert_eq!(request.headers["authorization"], "Basic U0sxOnMzY3JldA==");

    let service = "MG0123456789abcdef0123456789abcdef";
    for (sign, name) in [("ACME", "From"), (service, "MessagingServiceSid")] {
        case.batch.vendor_template = Some(vendor_template("", Some(sign), None));
        assert_eq!(field(&case.request(), name).unwrap(), sign);
    }
    case.batch.vendor_template = Some(vendor_template("HX1", None, None));
    let request = case.request();
    assert_eq!(field(&request, "ContentSid").unwrap(), "HX1");
    assert_eq!(field(&request, "Body"), None);
    let variables = field(&request, "ContentVariables").unwrap();
    assert_eq!(variables, r#"{"code":"4370","minutes":"5"}"#);
    let params: &[&str] = &["minutes", "code"];
    case.batch.vendor_template = Some(vendor_template("HX1", None, Some(params)));
    let variables = field(&case.request(), "ContentVariables").unwrap();
    assert_eq!(variables, r#"{"1":"5","2":"4370"}"#);
    case.batch.vendor_template = Some(vendor_template("HX1", None, Some(&["x"])));
    assert_eq!(
        word_and_code(&case.refused()[0]),
        ("elsewhere", "unknown_param")
    );
    case.batch.vendor_template = None;
    case.account.settings.remove("messaging_service_sid");
    case.account.settings.remove("from");
    assert_eq!(
        word_and_code(&case.refused()[0]),
        ("misconfigured", "missing_sender")
    );
}

#[test]
fn a_callback_url_with_a_query_keeps_it() {
    let mut case = case(&[ABROAD]);
    let url = format!("{CALLBACK}?a=b#part");
    case.account
        .settings
        .insert("status_callback".into(), json!(url));
    assert_eq!(
        field(&case.request(), "StatusCallback").unwrap(),
        format!("{CALLBACK}?a=b&reference=dlv_1")
    );
}

#[test]
fn one_number_a_call() {
    let mut sent = Vec::new();
    let (verdicts, calls) = case(&[MAINLAND[0], ABROAD]).drive(|call| {
        sent.push(field(&as_http(call), "To").unwrap());
        http(201, created().to_string())
    });
    assert_eq!((words(&verdicts), calls), (vec!["accepted"; 2], 2));
    assert_eq!(sent, [MAINLAND[0], ABROAD]);
    let descriptor = case(&[ABROAD]).adapter.descriptor().clone();
    assert_eq!(descriptor.batching.max_recipients, 1);
}

#[test]
fn acceptances() {
    let accepted = |answer: &Value| match &case(&[ABROAD]).answered(201, answer)[0] {
        Verdict::Accepted(acceptance) => acceptance.clone(),
        other => panic!("{other:?}"),
    };
    let acceptance = accepted(&created());
    assert_eq!(
        (acceptance.vendor_id.as_deref(), acceptance.segments),
        (Some("SM0123"), Some(2))
    );
    // A messaging service has not chosen the sender yet.
    let service = json!({"sid": "SM0123", "status": "accepted", "num_segments": "0"});
    assert_eq!(accepted(&service).segments, None);

    let failed =
        json!({"sid": "SM1", "status": "failed", "error_code": 30006, "error_message": "x"});
    let verdicts = case(&[ABROAD]).answered(201, &failed);
    assert_eq!(word_and_code(&verdicts[0]), ("bad_recipient", "30006"));
    let failed = json!({"sid": "SM1", "status": "failed", "error_code": null});
    let verdicts = case(&[ABROAD]).answered(201, &failed);
    assert_eq!(word_and_code(&verdicts[0]), ("elsewhere", "failed"));
}

/// The classes of the vendor's code list, and what each means here.
const CODES: &[(&str, &[i64])] = &[
    ("later", &[30001, 21730, 20500, 20503]),
    ("number_refused", &[30003, 21408, 21612]),
    ("throttled", &[20429, 14107, 21611]),
    (
        "bad_recipient",
        &[21211, 21614, 21635, 30005, 30006, 21610, 30004],
    ),
    ("bad_content", &[21602, 21617, 21619]),
    (
        "misconfigured",
        &[
            21212, 21603, 21606, 21659, 21660, 21703, 21705, 10001, 20003, 20005, 20008, 20404,
            30002, 30034, 63038, 21609,
        ],
    ),
    ("elsewhere", &[30007, 30008, 21604, 21655, 21656, 99999, -1]),
];

#[test]
fn every_code() {
    for (expected, codes) in CODES {
        for code in *codes {
            let verdicts = case(&[ABROAD]).answered(400, &refusal(*code, 400));
            let (word, said) = word_and_code(&verdicts[0]);
            assert_eq!((word, said), (*expected, code.to_string().as_str()));
        }
    }
    for (status, expected) in [
        (401, "misconfigured"),
        (429, "throttled"),
        (500, "elsewhere"),
    ] {
        let verdicts = case(&[ABROAD]).answered(status, &refusal(99_999, status));
        assert_eq!(words(&verdicts), [expected]);
    }
}

#[test]
fn a_throttled_call_waits_as_long_as_it_is_told() {
    let reply = || http_with(429, ("retry-after", "7"), r#"{"code":20429,"message":"x"}"#);
    let (verdicts, _) = case(&[ABROAD]).drive(|_| reply());
    match &verdicts[0] {
        Verdict::Throttled { pause, .. } => assert_eq!(pause.unwrap().as_secs(), 7),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_sender_of_the_template_does_not_stop_the_account() {
    let mut case = case(&[ABROAD]);
    case.batch.vendor_template = Some(vendor_template("", Some("ACME"), None));
    assert_eq!(
        words(&case.answered(400, &refusal(21606, 400))),
        ["elsewhere"]
    );
}

#[test]
fn receipts_are_authenticated_and_read() {
    let case = case(&[ABROAD]);
    let url = format!("{CALLBACK}?reference=dlv_1");
    let read = |body: &str| {
        let headers = signed(&url, TOKEN, body.as_bytes());
        case.receipts_at(&url, headers, body.as_bytes())
    };
    let form = |status: &str, more: &str| {
        format!(
            "MessageSid=SM0123&MessageStatus={status}&SmsSid=SM0123&SmsStatus={status}\
             &AccountSid=AC0&From=%2B15005550006&To=%2B14155550100&ApiVersion=2010-04-01{more}"
        )
    };
    for (status, outcome) in [
        ("delivered", "Delivered"),
        ("read", "Delivered"),
        ("undelivered", "Undelivered"),
        ("failed", "Undelivered"),
        ("canceled", "Undelivered"),
        ("accepted", "Pending"),
        ("scheduled", "Pending"),
        ("queued", "Pending"),
        ("sending", "Pending"),
        ("sent", "Pending"),
        ("partially_delivered", "Pending"),
        ("receiving", "Pending"),
        ("received", "Pending"),
        ("never_heard_of", "Pending"),
    ] {
        let receipts = read(&form(status, "")).unwrap();
        assert_eq!((receipts.status.as_u16(), receipts.body.len()), (200, 0));
        let receipt = &receipts.receipts[0];
        assert_eq!(
            (receipt.key.as_deref(), receipt.reference.as_deref()),
            (Some("SM0123"), Some("dlv_1"))
        );
        assert_eq!(format!("{:?}", receipt.outcome), outcome, "{status}");
        assert_eq!(receipt.code, status);
    }
    let failed = read(&form("undelivered", "&ErrorCode=30003&ErrorMessage=off")).unwrap();
    let receipt = &failed.receipts[0];
    assert_eq!(
        (receipt.code.as_str(), receipt.detail.as_str()),
        ("30003", "undelivered: off")
    );
    assert!(receipt.raw.contains("ErrorCode=30003"));
    for (body, detail) in [
        ("MessageStatus=sent", "the form has no MessageSid"),
        ("MessageSid=SM1", "the form has no MessageStatus"),
    ] {
        let refused = read(body).unwrap_err();
        assert_eq!(
            (refused.status.as_u16(), refused.detail.as_str()),
            (400, detail)
        );
    }
}

#[test]
fn receipts_that_prove_nothing_are_refused() {
    let mut case = case(&[ABROAD]);
    let url = format!("{CALLBACK}?reference=dlv_1");
    let body = b"MessageSid=SM0123&MessageStatus=delivered";
    let good = signed(&url, TOKEN, body);
    let status = |case: &Case, url: &str, headers: &HeaderMap, body: &[u8]| match case.receipts_at(
        url,
        headers.clone(),
        body,
    ) {
        Ok(_) => 200,
        Err(refused) => {
            assert!(!refused.detail.contains(TOKEN));
            refused.status.as_u16()
        }
    };
    assert_eq!(status(&case, &url, &good, body), 200);
    let other = "MessageSid=SM0123&MessageStatus=undelivered";
    assert_eq!(status(&case, &url, &good, other.as_bytes()), 401);
    let elsewhere = url.replace("dlv_1", "dlv_2");
    assert_eq!(status(&case, &elsewhere, &good, body), 401);
    assert_eq!(status(&case, &url, &signed(&url, "other", body), body), 401);
    assert_eq!(status(&case, &url, &HeaderMap::new(), body), 401);
    let mut json = good.clone();
    json.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    assert_eq!(status(&case, &url, &json, body), 401);

    // Behind a proxy the URL seen is another than the one that was given; the query is not.
    let seen = "http://10.0.0.7/v1/receipts/acme-1?reference=dlv_1";
    assert_eq!(status(&case, seen, &good, body), 401);
    let settings = &mut case.account.settings;
    settings.insert("status_callback".into(), json!(CALLBACK));
    assert_eq!(status(&case, seen, &good, body), 200);
    let seen = "http://10.0.0.7/v1/receipts/acme-1?reference=dlv_2";
    assert_eq!(status(&case, seen, &good, body), 401);

    case.account.secrets.clear();
    assert_eq!(status(&case, &url, &signed(&url, "", body), body), 401);
}
