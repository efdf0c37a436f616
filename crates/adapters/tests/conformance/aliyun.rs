use std::sync::Arc;

use austin_domain::Verdict;
use serde_json::{Value, json};

use super::support::*;

fn case(to: &[&str]) -> Case {
    let settings = json!({"sign_name": "阿里云短信测试", "template_code": "SMS_154950909"});
    let secrets = [
        ("access_key_id", "testAccessKeyId"),
        ("access_key_secret", "testAccessKeySecret"),
    ];
    let vars = [("code", "4370"), ("minutes", "5")];
    Case::new(
        "aliyun-sms",
        account(settings, &secrets),
        batch(to, &vars, text("4370")),
    )
}

fn different(to: &[&str], codes: &[&str]) -> Case {
    let mut case = case(to);
    for (item, code) in case.batch.items.iter_mut().zip(codes) {
        item.vars = Arc::new([("code".to_owned(), (*code).to_owned())].into());
    }
    case
}

fn fields(request: &austin_adapter_api::HttpRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body)
        .into_owned()
        .collect()
}

fn field(request: &austin_adapter_api::HttpRequest, name: &str) -> String {
    fields(request)
        .into_iter()
        .find(|(known, _)| known == name)
        .unwrap()
        .1
}

fn ok() -> Value {
    json!({"Message": "OK", "RequestId": "873043ac", "Code": "OK", "BizId": "900619746936498440^0"})
}

fn refusal(code: &str) -> Value {
    json!({"Message": "触发天级流控Permits:10", "RequestId": "873043ac", "Code": code})
}

#[test]
fn golden_send_sms() {
    let expected = "\
POST https://dysmsapi.aliyuncs.com/
accept: application/json
authorization: ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=07bcd85dca3be2c7134a43da4cdb9430ec7bad60e6c71da1bfba96bc17b3c5ac
content-type: application/x-www-form-urlencoded
x-acs-action: SendSms
x-acs-content-sha256: 08b18b13d56f0f4104b2f21fe6f4e0916ad0fa125de04d28e457f9064e6738d6
x-acs-date: 2026-01-02T03:04:05Z
x-acs-signature-nonce: 000000000000000000000000000000ab
x-acs-version: 2017-05-25

PhoneNumbers=13711112222&SignName=%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%E4%BF%A1%E6%B5%8B%E8%AF%95&TemplateCode=SMS_154950909&OutId=dlv_1&TemplateParam=%7B%22code%22%3A%224370%22%2C%22minutes%22%3A%225%22%7D";
    assert_eq!(wire(&case(&MAINLAND[..1]).request()), expected);
}

#[test]
fn golden_send_batch_sms() {
    let expected = "\
POST https://dysmsapi.aliyuncs.com/
accept: application/json
authorization: ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=2be17dcdd0ea4c7f560cf6dba83338aa845b7a5100615498a8e33af9ae4d9885
content-type: application/x-www-form-urlencoded
x-acs-action: SendBatchSms
x-acs-content-sha256: 8261a929c31790044affe47011924f62f70312a6ee46ad8de016152a989f2ab7
x-acs-date: 2026-01-02T03:04:05Z
x-acs-signature-nonce: 000000000000000000000000000000ab
x-acs-version: 2017-05-25

PhoneNumberJson=%5B%2213711112222%22%2C%2213711112223%22%5D&SignNameJson=%5B%22%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%E4%BF%A1%E6%B5%8B%E8%AF%95%22%2C%22%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%E4%BF%A1%E6%B5%8B%E8%AF%95%22%5D&TemplateCode=SMS_154950909&TemplateParamJson=%5B%7B%22code%22%3A%221%22%7D%2C%7B%22code%22%3A%222%20%26%2A~%2B%2F%3D%22%7D%5D";
    let case = different(&MAINLAND[..2], &["1", "2 &*~+/="]);
    assert_eq!(wire(&case.request()), expected);
}

#[test]
fn numbers_references_and_parameters() {
    let request = case(&MAINLAND).request();
    assert_eq!(
        field(&request, "PhoneNumbers"),
        "13711112222,13711112223,13711112224"
    );
    assert_eq!(
        field(&request, "OutId"),
        "call_000000000000000000000000000000ab"
    );
    assert_eq!(
        field(&case(&[ABROAD]).request(), "PhoneNumbers"),
        "14155550100"
    );

    let mut own = case(&MAINLAND[..1]);
    own.batch.vendor_template = Some(vendor_template("SMS_1", Some("商城"), Some(&["minutes"])));
    let request = own.request();
    assert_eq!(field(&request, "TemplateCode"), "SMS_1");
    assert_eq!(field(&request, "SignName"), "商城");
    assert_eq!(field(&request, "TemplateParam"), r#"{"minutes":"5"}"#);
    own.batch.vendor_template = Some(vendor_template("SMS_1", None, Some(&[])));
    assert!(
        fields(&own.request())
            .iter()
            .all(|(name, _)| name != "TemplateParam")
    );
    own.batch.vendor_template = Some(vendor_template("SMS_1", None, Some(&["x"])));
    assert_eq!(
        word_and_code(&own.refused()[0]),
        ("elsewhere", "unknown_param")
    );
    own.batch.vendor_template = None;
    own.account.settings.remove("sign_name");
    assert_eq!(
        word_and_code(&own.refused()[0]),
        ("elsewhere", "missing_sign_name")
    );
}

#[test]
fn a_batch_parts_by_limit_and_country() {
    let numbers: Vec<String> = (0..201).map(|n| format!("+861371111{n:04}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let (verdicts, calls) = case(&numbers).drive(|_| http(200, ok().to_string()));
    assert_eq!((verdicts.len(), calls), (201, 1));
    let codes: Vec<String> = (0..201).map(|n| n.to_string()).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let (verdicts, calls) = different(&numbers, &codes).drive(|_| http(200, ok().to_string()));
    assert_eq!((verdicts.len(), calls), (201, 3));
    let (_, calls) = case(&[MAINLAND[0], ABROAD]).drive(|_| http(200, ok().to_string()));
    assert_eq!(calls, 2);
}

#[test]
fn acceptance_and_receipt_share_a_key() {
    let case = case(&[MAINLAND[0], ABROAD]);
    let keys: Vec<Option<String>> = case
        .answered(200, &ok())
        .into_iter()
        .map(|verdict| match verdict {
            Verdict::Accepted(acceptance) => {
                assert_eq!(
                    acceptance.vendor_id.as_deref(),
                    Some("900619746936498440^0")
                );
                acceptance.receipt_key
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let body = json!([
        {"phone_number": "13711112222", "send_time": "2026-01-02 03:04:05",
         "report_time": "2026-01-02 03:04:06", "success": true, "err_code": "DELIVERED",
         "err_msg": "用户接收成功", "sms_size": "2", "biz_id": "900619746936498440^0",
         "out_id": "dlv_1"},
        {"phone_number": "14155550100", "report_time": "2026-01-02 03:04:06", "success": false,
         "err_code": "MOBILE_NOT_ON_SERVICE", "err_msg": "停机", "biz_id": "900619746936498440^0",
         "out_id": "call_00ab"},
        {"phone_number": "13711112222", "success": "yes", "biz_id": "1^0"},
    ]);
    let read = case.receipts(body.to_string().as_bytes()).unwrap();
    assert_eq!(read.body, r#"{"code":0,"msg":"接收成功"}"#);
    assert_eq!(
        [&read.receipts[0].key, &read.receipts[1].key],
        [&keys[0], &keys[1]]
    );
    let first = &read.receipts[0];
    assert_eq!(
        (first.reference.as_deref(), first.segments),
        (Some("dlv_1"), Some(2))
    );
    assert_eq!(first.at, Some("2026-01-01T19:04:06Z".parse().unwrap()));
    let second = &read.receipts[1];
    assert_eq!(
        (second.reference.as_deref(), second.code.as_str()),
        (None, "MOBILE_NOT_ON_SERVICE")
    );
    assert_eq!(
        format!("{:?}{:?}", first.outcome, second.outcome),
        "DeliveredUndelivered"
    );
    assert!(
        read.receipts[2]
            .detail
            .starts_with("entry 2: has no true or false")
    );
}

/// The classes of the vendor's code list, and what each means here.
const CODES: &[(&str, &[&str])] = &[
    (
        "later",
        &[
            "isp.SYSTEM_ERROR",
            "isv.SYSTEM_ERROR",
            "ServiceUnavailable",
            "InternalError",
        ],
    ),
    (
        "throttled",
        &["Throttling.User", "Throttling.Api", "Throttling"],
    ),
    (
        "bad_recipient",
        &[
            "isv.MOBILE_NUMBER_ILLEGAL",
            "isv.TO_BLACKLISTED",
            "isv.CUSTOMER_REFUSED",
        ],
    ),
    (
        "bad_content",
        &[
            "isv.SMS_CONTENT_ILLEGAL",
            "isv.TEMPLATE_PARAMS_ILLEGAL",
            "isv.PARAM_LENGTH_LIMIT",
            "isv.PARAM_NOT_SUPPORT_URL",
        ],
    ),
    (
        "misconfigured",
        &[
            "isv.AMOUNT_NOT_ENOUGH",
            "isv.OUT_OF_SERVICE",
            "isv.ACCOUNT_NOT_EXISTS",
            "isv.ACCOUNT_ABNORMAL",
            "isv.PRODUCT_UN_SUBSCRIPT",
            "isv.PRODUCT_UNSUBSCRIBE",
            "isp.RAM_PERMISSION_DENY",
            "isv.DAY_LIMIT_CONTROL",
            "isv.MONTH_LIMIT_CONTROL",
            "isv.DENY_IP_RANGE",
            "isv.SMS_SIGNATURE_ILLEGAL",
            "isv.SMS_SIGN_ILLEGAL",
            "isv.SIGN_STATE_ILLEGAL",
            "isv.SMS_TEMPLATE_ILLEGAL",
            "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
            "InvalidAccessKeyId.NotFound",
            "SignatureDoesNotMatch",
            "InvalidTimeStamp.Expired",
        ],
    ),
    (
        "number_refused",
        &[
            "isv.BUSINESS_LIMIT_CONTROL",
            "isv.BLACK_KEY_CONTROL_LIMIT",
            "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
        ],
    ),
    (
        "elsewhere",
        &[
            "isv.INVALID_PARAMETERS",
            "isv.TEMPLATE_MISSING_PARAMETERS",
            "isv.INVALID_JSON_PARAM",
            "isv.MOBILE_COUNT_OVER_LIMIT",
            "isv.EXTEND_CODE_ERROR",
            "isv.NEVER_HEARD_OF",
        ],
    ),
    ("unknown", &["SignatureNonceUsed"]),
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
    case.batch.vendor_template = Some(vendor_template("SMS_1", None, None));
    assert_eq!(
        words(&case.answered(200, &refusal("isv.SMS_TEMPLATE_ILLEGAL"))),
        ["elsewhere"]
    );
}

#[test]
fn one_number_s_fault_is_not_the_others() {
    for (code, expected) in [
        ("isv.MOBILE_NUMBER_ILLEGAL", "bad_recipient"),
        ("isv.BUSINESS_LIMIT_CONTROL", "number_refused"),
    ] {
        let (verdicts, _) = case(&MAINLAND).drive(|call| {
            let bad = field(&as_http(call), "PhoneNumbers").contains("13711112223");
            let answer = if bad { refusal(code) } else { ok() };
            http(200, answer.to_string())
        });
        assert_eq!(words(&verdicts), ["accepted", expected, "accepted"]);
    }
    let case = different(&MAINLAND, &["1", "bad", "3"]);
    let (verdicts, _) = case.drive(|call| {
        let bad = String::from_utf8(as_http(call).body.to_vec())
            .unwrap()
            .contains("bad");
        let answer = if bad {
            refusal("isv.SMS_CONTENT_ILLEGAL")
        } else {
            ok()
        };
        http(200, answer.to_string())
    });
    assert_eq!(words(&verdicts), ["accepted", "bad_content", "accepted"]);
}

#[test]
fn the_account_s_fault_ends_the_batch() {
    let (verdicts, calls) = case(&[MAINLAND[0], ABROAD])
        .drive(|_| http(200, refusal("isv.AMOUNT_NOT_ENOUGH").to_string()));
    assert_eq!((words(&verdicts), calls), (vec!["misconfigured"; 2], 1));
}
