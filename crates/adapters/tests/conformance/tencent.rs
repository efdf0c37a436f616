use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde_json::{Value, json};

use super::support::*;

fn acme(extra: Value) -> austin_adapter_api::Account {
    let mut settings = json!({
        "sdk_app_id": "1400006666", "sign_name": "腾讯云", "template_id": "77",
    });
    settings
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    let secrets = [
        ("secret_id", "AKIDEXAMPLE0000000000000000000000001"),
        ("secret_key", "SecretKeyExample00000000000000001"),
    ];
    account(settings, &secrets)
}

fn case(to: &[&str]) -> Case {
    let vars = [("code", "4370"), ("minutes", "5")];
    Case::new(
        "tencent-sms",
        acme(json!({})),
        batch(to, &vars, text("验证码4370，5分钟有效")),
    )
}

fn mapped(to: &[&str]) -> Case {
    let mut case = case(to);
    case.batch.vendor_template = Some(vendor_template("1110", None, Some(&["code", "minutes"])));
    case
}

fn body(case: &Case) -> Value {
    serde_json::from_slice(&case.request().body).unwrap()
}

fn status(number: &str, code: &str) -> Value {
    let serial = if code == "Ok" {
        "5000:1045710669157053657849499619"
    } else {
        ""
    };
    json!({
        "SerialNo": serial, "PhoneNumber": number, "Fee": i32::from(code == "Ok"),
        "SessionContext": "x", "Code": code, "Message": "said so", "IsoCode": "CN",
    })
}

fn statuses(list: &[Value]) -> Value {
    json!({"Response": {"SendStatusSet": list, "RequestId": "a0aabda6"}})
}

fn error(code: &str) -> Value {
    json!({"Response": {"Error": {"Code": code, "Message": "said so"}, "RequestId": "a0aabda6"}})
}

#[test]
fn golden_request() {
    let expected = "\
POST https://sms.tencentcloudapi.com/
accept: application/json
authorization: TC3-HMAC-SHA256 Credential=AKIDEXAMPLE0000000000000000000000001/2026-01-02/sms/tc3_request, SignedHeaders=content-type;host, Signature=784c269dd533833bc0e398eef9d6c680bf6068377a82da574574e9400b0c6f27
content-type: application/json
x-tc-action: SendSms
x-tc-region: ap-guangzhou
x-tc-timestamp: 1767323045
x-tc-version: 2021-01-11

{\"PhoneNumberSet\":[\"+8613711112222\",\"+8613711112223\"],\"SmsSdkAppId\":\"1400006666\",\"TemplateId\":\"1110\",\"SignName\":\"腾讯云\",\"TemplateParamSet\":[\"4370\",\"5\"],\"SessionContext\":\"call_000000000000000000000000000000ab\"}";
    assert_eq!(wire(&mapped(&MAINLAND[..2]).request()), expected);
}

#[test]
fn golden_request_to_another_endpoint_with_the_whole_text() {
    let mut case = case(&[ABROAD]);
    case.account = account(
        json!({"sdk_app_id": "1400006666", "template_id": "77", "region": "ap-singapore",
               "endpoint": "http://127.0.0.1:8080/"}),
        &[
            ("secret_id", "AKID1"),
            ("secret_key", "SecretKeyExample00000000000000001"),
        ],
    );
    let expected = "\
POST http://127.0.0.1:8080/
accept: application/json
authorization: TC3-HMAC-SHA256 Credential=AKID1/2026-01-02/sms/tc3_request, SignedHeaders=content-type;host, Signature=d4d000b5de6c43e3e87727301d16c5a12deffa24deafe84f01f3fc9511c857e5
content-type: application/json
x-tc-action: SendSms
x-tc-region: ap-singapore
x-tc-timestamp: 1767323045
x-tc-version: 2021-01-11

{\"PhoneNumberSet\":[\"+14155550100\"],\"SmsSdkAppId\":\"1400006666\",\"TemplateId\":\"77\",\"TemplateParamSet\":[\"验证码4370，5分钟有效\"],\"SessionContext\":\"dlv_1\"}";
    assert_eq!(wire(&case.request()), expected);
}

#[test]
fn what_fills_the_template() {
    let one = &MAINLAND[..1];
    let mut own = case(one);
    own.batch.vendor_template = Some(vendor_template("1110", Some("商城"), Some(&["minutes"])));
    let body_of_own = body(&own);
    assert_eq!(body_of_own["TemplateParamSet"], json!(["5"]));
    assert_eq!(body_of_own["SignName"], "商城");

    own.batch.vendor_template = Some(vendor_template("1110", None, Some(&[])));
    assert_eq!(body(&own)["TemplateParamSet"], json!([]));

    own.batch.vendor_template = Some(vendor_template("1110", None, Some(&["cöde"])));
    assert_eq!(
        word_and_code(&own.refused()[0]),
        ("elsewhere", "unknown_param")
    );

    own.batch.vendor_template = Some(vendor_template("1110", None, None));
    assert_eq!(
        word_and_code(&own.refused()[0]),
        ("elsewhere", "missing_params")
    );
    own.account = acme(json!({"param_mode": "vars"}));
    assert_eq!(body(&own)["TemplateParamSet"], json!(["4370", "5"]));
    own.account = acme(json!({"param_mode": "content"}));
    assert_eq!(
        body(&own)["TemplateParamSet"],
        json!(["验证码4370，5分钟有效"])
    );

    let mut single = case(one);
    single.batch = batch(one, &[("code", "4370")], text("验证码4370"));
    single.batch.vendor_template = Some(vendor_template("1110", None, None));
    assert_eq!(body(&single)["TemplateParamSet"], json!(["4370"]));
}

#[test]
fn what_is_missing_is_named() {
    let mut case = case(&MAINLAND[..1]);
    let keys = [("secret_id", "AKID"), ("secret_key", "key12345")];
    for (settings, secrets, expected) in [
        (
            json!({"sdk_app_id": "1", "sign_name": "s"}),
            &keys[..],
            ("elsewhere", "missing_template_id"),
        ),
        (
            json!({"sdk_app_id": "1", "template_id": "7"}),
            &keys[..],
            ("elsewhere", "missing_sign_name"),
        ),
        (
            json!({"template_id": "7", "sign_name": "s"}),
            &keys[..],
            ("misconfigured", "missing_field"),
        ),
        (
            json!({"sdk_app_id": "1", "template_id": "7", "sign_name": "s"}),
            &keys[..1],
            ("misconfigured", "missing_field"),
        ),
        (
            json!({"sdk_app_id": "1", "template_id": "7", "sign_name": "s", "endpoint": "x"}),
            &keys[..],
            ("misconfigured", "bad_endpoint"),
        ),
        (
            json!({"sdk_app_id": "1", "template_id": "7", "sign_name": "s", "region": "a\r\nb"}),
            &keys[..],
            ("misconfigured", "bad_header"),
        ),
    ] {
        case.account = account(settings.clone(), secrets);
        assert_eq!(word_and_code(&case.refused()[0]), expected, "{settings}");
    }
}

#[test]
fn a_mixed_batch_takes_two_calls_and_keeps_its_order() {
    let to = [MAINLAND[0], ABROAD, MAINLAND[1]];
    let mut sets = Vec::new();
    let (verdicts, calls) = mapped(&to).drive(|call| {
        let body: Value = serde_json::from_slice(&as_http(call).body).unwrap();
        let numbers = body["PhoneNumberSet"].as_array().unwrap().clone();
        let list: Vec<Value> = numbers
            .iter()
            .map(|number| {
                let mut status = status(number.as_str().unwrap(), "Ok");
                status["SerialNo"] = json!(format!("sn{number}"));
                status
            })
            .collect();
        sets.push(Value::from(numbers));
        http(200, statuses(&list).to_string())
    });
    assert_eq!(calls, 2);
    assert_eq!(sets, [json!([MAINLAND[0], MAINLAND[1]]), json!([ABROAD])]);
    for (verdict, number) in verdicts.iter().zip(to) {
        let expected = Acceptance {
            vendor_id: Some(format!("sn\"{number}\"")),
            segments: Some(1),
            ..Acceptance::default()
        };
        assert_eq!(*verdict, Verdict::Accepted(expected));
    }
}

#[test]
fn each_number_has_its_own_verdict_whatever_the_order_and_spelling() {
    let answer = statuses(&[
        status("+86 13711112224", "FailedOperation.PhoneNumberInBlacklist"),
        status("13711112222", "Ok"),
    ]);
    let verdicts = mapped(&MAINLAND).answered(200, &answer);
    let expected = Acceptance {
        vendor_id: Some("5000:1045710669157053657849499619".into()),
        segments: Some(1),
        ..Acceptance::default()
    };
    assert_eq!(verdicts[0], Verdict::Accepted(expected));
    assert_eq!(word_and_code(&verdicts[1]), ("unknown", "missing_status"));
    let expected = ("bad_recipient", "FailedOperation.PhoneNumberInBlacklist");
    assert_eq!(word_and_code(&verdicts[2]), expected);
}

#[test]
fn a_number_in_the_batch_twice_has_two_calls() {
    let to = [MAINLAND[0], MAINLAND[0]];
    let answer = statuses(&[status(MAINLAND[0], "Ok")]).to_string();
    let (verdicts, calls) = mapped(&to).drive(|_| http(200, answer.clone()));
    assert_eq!((words(&verdicts), calls), (vec!["accepted"; 2], 2));
}

#[test]
fn a_refused_call_is_split_to_find_the_bad_number() {
    let (verdicts, _) = mapped(&MAINLAND).drive(|call| {
        let body: Value = serde_json::from_slice(&as_http(call).body).unwrap();
        let numbers = body["PhoneNumberSet"].as_array().unwrap();
        let bad = numbers.contains(&json!(MAINLAND[1]));
        let answer = if bad {
            error("InvalidParameterValue.IncorrectPhoneNumber")
        } else {
            let ok = |number: &Value| status(number.as_str().unwrap(), "Ok");
            statuses(&numbers.iter().map(ok).collect::<Vec<_>>())
        };
        http(200, answer.to_string())
    });
    assert_eq!(words(&verdicts), ["accepted", "bad_recipient", "accepted"]);
}

/// The classes of the vendor's code list, and what each means here.
const CODES: &[(&str, &[&str])] = &[
    (
        "later",
        &[
            "InternalError",
            "InternalError.Timeout",
            "InternalError.SendAndRecvFail",
            "InternalError.OtherError",
            "InternalError.UnknownError",
            "InternalError.ParseBackendResponseFail",
            "FailedOperation.MarketingSendTimeConstraint",
        ],
    ),
    (
        "number_refused",
        &[
            "LimitExceeded.PhoneNumberThirtySecondLimit",
            "LimitExceeded.PhoneNumberOneHourLimit",
            "LimitExceeded.PhoneNumberDailyLimit",
            "LimitExceeded.PhoneNumberSameContentDailyLimit",
        ],
    ),
    (
        "throttled",
        &[
            "RequestLimitExceeded",
            "RequestLimitExceeded.UinLimitExceeded",
            "LimitExceeded.DeliveryFrequencyLimit",
            "LimitExceeded.GlobalSmsSendingRateLimit",
        ],
    ),
    (
        "bad_recipient",
        &[
            "InvalidParameterValue.IncorrectPhoneNumber",
            "FailedOperation.PhoneNumberInBlacklist",
            "FailedOperation.PhoneNumberParseFail",
        ],
    ),
    (
        "bad_content",
        &[
            "FailedOperation.ContainSensitiveWord",
            "InvalidParameter.DirtyWordFound",
            "InvalidParameterValue.ContentLengthLimit",
            "InvalidParameterValue.TemplateParameterFormatError",
            "InvalidParameterValue.TemplateParameterLengthLimit",
            "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        ],
    ),
    (
        "misconfigured",
        &[
            "FailedOperation.InsufficientBalanceInSmsPackage",
            "UnauthorizedOperation.ServiceSuspendDueToArrears",
            "UnauthorizedOperation.SdkAppIdIsDisabled",
            "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
            "UnauthorizedOperation.RequestIpNotInWhitelist",
            "UnauthorizedOperation.RequestPermissionDeny",
            "UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny",
            "AuthFailure.SignatureFailure",
            "AuthFailure.SignatureExpire",
            "AuthFailure.SecretIdNotFound",
            "FailedOperation.SignatureIncorrectOrUnapproved",
            "FailedOperation.TemplateIncorrectOrUnapproved",
            "FailedOperation.TemplateUnapprovedOrNotExist",
            "LimitExceeded.AppMainlandChinaDailyLimit",
            "LimitExceeded.AppDailyLimit",
            "LimitExceeded.AppGlobalDailyLimit",
            "LimitExceeded.DailyLimit",
            "InvalidParameterValue.SdkAppIdNotExist",
        ],
    ),
    (
        "elsewhere",
        &[
            "UnsupportedOperation.UnsupportedRegion",
            "MissingParameter",
            "MissingParameter.EmptyPhoneNumberSet",
            "InvalidParameter",
            "InvalidParameterValue.SomethingElse",
            "LimitExceeded.PhoneNumberCountLimit",
            "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
            "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
            "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
            "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone",
            "Never.HeardOf",
        ],
    ),
];

#[test]
fn every_code_of_a_call_and_of_a_number() {
    for (expected, codes) in CODES {
        for code in *codes {
            let case = case(&MAINLAND[..1]);
            for answer in [error(code), statuses(&[status(MAINLAND[0], code)])] {
                let verdicts = case.answered(200, &answer);
                assert_eq!(word_and_code(&verdicts[0]), (*expected, *code));
            }
        }
    }
}

#[test]
fn an_unapproved_template_of_its_own_does_not_stop_the_account() {
    let code = "FailedOperation.TemplateIncorrectOrUnapproved";
    assert_eq!(
        words(&mapped(&MAINLAND[..1]).answered(200, &error(code))),
        ["elsewhere"]
    );
}

#[test]
fn waits_and_explanations() {
    let case = case(&MAINLAND[..1]);
    let after = |code: &str| match &case.answered(200, &error(code))[0] {
        Verdict::Later { after, .. } | Verdict::NumberRefused { after, .. } => {
            after.map(|after| after.as_secs())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        after("LimitExceeded.PhoneNumberThirtySecondLimit"),
        Some(30)
    );
    // 11:04:05 in Beijing: 20 h 55 min 55 s until eight.
    let morning = 20 * 3600 + 55 * 60 + 55;
    assert_eq!(
        after("FailedOperation.MarketingSendTimeConstraint"),
        Some(morning)
    );
    assert_eq!(after("InternalError"), None);
}

#[test]
fn receipts_are_read_and_answered() {
    let body = r#"[
        {"user_receive_time":"2026-01-02 03:04:05","nationcode":"86","mobile":"13711112222","report_status":"SUCCESS","errmsg":"DELIVRD","description":"用户短信送达成功","sid":"5000:1"},
        {"user_receive_time":"2026-01-02 03:04:06","nationcode":"86","mobile":"13711112223","report_status":"FAIL","errmsg":"MK:0001","description":"空号","sid":"5000:2"},
        {"report_status":"SUCCESS","errmsg":"DELIVRD"},
        7
    ]"#;
    let read = case(&MAINLAND).receipts(body.as_bytes()).unwrap();
    assert_eq!(
        (read.status.as_u16(), &read.body[..]),
        (200, &br#"{"result":0,"errmsg":"OK"}"#[..])
    );
    let seen: Vec<_> = read
        .receipts
        .iter()
        .map(|r| {
            (
                r.key.as_deref(),
                format!("{:?}", r.outcome),
                r.code.as_str(),
                r.at,
            )
        })
        .collect();
    let at = |text: &str| Some(text.parse().unwrap());
    assert_eq!(
        seen[0],
        (
            Some("5000:1"),
            "Delivered".into(),
            "DELIVRD",
            at("2026-01-01T19:04:05Z")
        )
    );
    assert_eq!(
        seen[1],
        (
            Some("5000:2"),
            "Undelivered".into(),
            "MK:0001",
            at("2026-01-01T19:04:06Z")
        )
    );
    assert_eq!(seen[2], (None, "Pending".into(), "malformed", None));
    assert_eq!(seen[3], (None, "Pending".into(), "malformed", None));
    assert_eq!(read.receipts[2].detail, "entry 2: has no sid");
    assert!(read.receipts[0].raw.contains("13711112222") && read.receipts[3].raw == "7");
    assert_eq!(case(&MAINLAND).receipts(b"[]").unwrap().receipts.len(), 0);
    let refused = case(&MAINLAND).receipts(b"[{}]").unwrap_err();
    assert_eq!(
        (refused.status.as_u16(), refused.detail.as_str()),
        (400, "entry 0: has no sid")
    );
}
