use std::sync::Arc;

use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde_json::{Value, json};

use super::support::*;

fn case(to: &[&str]) -> Case {
    let account = account(
        json!({"sign_name": "云片网"}),
        &[("apikey", "9b11127a9701975c734b8aee81ee3526")],
    );
    Case::new(
        "yunpian-sms",
        account,
        batch(to, &[], text("您的验证码是1234")),
    )
}

fn different(to: &[&str], texts: &[&str]) -> Case {
    let mut case = case(to);
    for (item, words) in case.batch.items.iter_mut().zip(texts) {
        item.content = Arc::new(text(words));
    }
    case
}

fn field(request: &austin_adapter_api::HttpRequest, name: &str) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(&request.body).into_owned();
    fields
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

fn whole(code: i64) -> Value {
    json!({"http_status_code": 400, "code": code, "msg": "失败", "detail": "said so"})
}

#[test]
fn golden_single_send() {
    let expected = "\
POST https://sms.yunpian.com/v2/sms/single_send.json
accept: application/json
content-type: application/x-www-form-urlencoded

apikey=9b11127a9701975c734b8aee81ee3526&mobile=13711112222&text=%E3%80%90%E4%BA%91%E7%89%87%E7%BD%91%E3%80%91%E6%82%A8%E7%9A%84%E9%AA%8C%E8%AF%81%E7%A0%81%E6%98%AF1234&uid=dlv_1";
    assert_eq!(wire(&case(&MAINLAND[..1]).request()), expected);
}

#[test]
fn one_text_and_many() {
    let request = case(&MAINLAND[..2]).request();
    assert_eq!(
        request.url,
        "https://sms.yunpian.com/v2/sms/batch_send.json"
    );
    assert_eq!(
        field(&request, "mobile").unwrap(),
        "13711112222,13711112223"
    );
    assert_eq!(
        field(&request, "text").unwrap(),
        "【云片网】您的验证码是1234"
    );
    assert_eq!(field(&request, "uid"), None);

    let request = different(&MAINLAND[..2], &["a,b", "c&d"]).request();
    assert_eq!(
        request.url,
        "https://sms.yunpian.com/v2/sms/multi_send.json"
    );
    let list = field(&request, "text").unwrap();
    let sign = "%E3%80%90%E4%BA%91%E7%89%87%E7%BD%91%E3%80%91";
    assert_eq!(list, format!("{sign}a%2Cb,{sign}c%26d"));
}

#[test]
fn signatures_are_put_there_once() {
    let words = |case: &Case| field(&case.request(), "text").unwrap();
    let mut signed = different(&MAINLAND[..1], &["【云片网】您好"]);
    assert_eq!(words(&signed), "【云片网】您好");
    signed.batch.vendor_template = Some(vendor_template("1", Some("商城"), None));
    assert_eq!(words(&signed), "【商城】【云片网】您好");
    signed.batch.vendor_template = None;
    signed.account.settings.clear();
    assert_eq!(words(&signed), "【云片网】您好");
}

#[test]
fn foreign_numbers_go_singly() {
    let mut calls = Vec::new();
    let to = [MAINLAND[0], ABROAD, MAINLAND[1], "+85261234567"];
    let (verdicts, _) = case(&to).drive(|call| {
        let request = as_http(call);
        let mobile = field(&request, "mobile").unwrap();
        let ok =
            |mobile: &str| json!({"code": 0, "mobile": mobile, "sid": 7, "count": 1, "fee": 0.05});
        let answer = match mobile.split_once(',') {
            Some((a, b)) => json!({"total_count": 2, "data": [ok(a), ok(b)]}),
            None => ok(&mobile),
        };
        calls.push(mobile);
        http(200, answer.to_string())
    });
    assert_eq!(words(&verdicts), ["accepted"; 4]);
    assert_eq!(calls, ["13711112222,13711112223", ABROAD, "+85261234567"]);
}

#[test]
fn ids_of_64_bits_and_money_are_exact() {
    let body = r#"{"code":0,"msg":"发送成功","count":2,"fee":0.0325,"unit":"RMB","mobile":"13711112222","sid":9223372036854775807}"#;
    let (verdicts, _) = case(&MAINLAND[..1]).drive(|_| http(200, body));
    let expected = Acceptance {
        vendor_id: Some("9223372036854775807".into()),
        receipt_key: None,
        segments: Some(2),
        cost: Some(325),
    };
    assert_eq!(verdicts, [Verdict::Accepted(expected)]);
    let body = body
        .replace("9223372036854775807", "\"18446744073709551615\"")
        .replace("0.0325", "\"0.1000\"");
    let (verdicts, _) = case(&MAINLAND[..1]).drive(|_| http(200, body.clone()));
    match &verdicts[0] {
        Verdict::Accepted(acceptance) => {
            assert_eq!(
                acceptance.vendor_id.as_deref(),
                Some("18446744073709551615")
            );
            assert_eq!(acceptance.cost, Some(1_000));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_number_has_its_own_verdict() {
    let answer = json!({"total_count": 1, "total_fee": "0.0500", "unit": "RMB", "data": [
        {"code": 22, "msg": "1小时内同一手机号发送次数超过限制", "count": 0, "fee": 0.0, "mobile": "13711112223"},
        {"code": 0, "msg": "发送成功", "count": 1, "fee": 0.05, "mobile": "13711112222", "sid": 3_310_228_064_u64},
    ]});
    let verdicts = case(&MAINLAND).answered(200, &answer);
    assert_eq!(words(&verdicts), ["accepted", "number_refused", "unknown"]);
    assert_eq!(word_and_code(&verdicts[1]).1, "22");
    assert_eq!(word_and_code(&verdicts[2]).1, "missing_status");
}

/// The classes of the vendor's code list, and what each means here.
const CODES: &[(&str, &[i64])] = &[
    ("later", &[-50, -51, -53, 28]),
    ("number_refused", &[8, 9, 17, 22, 33, 20, 23]),
    ("throttled", &[-4, -5]),
    ("bad_recipient", &[10]),
    ("bad_content", &[4]),
    ("misconfigured", &[-1, -2, -3, 3, -57, 15]),
    (
        "elsewhere",
        &[
            13, 5, 7, 1, 2, 6, 11, 12, 14, 16, 18, 19, 21, 25, 4711, -4711,
        ],
    ),
];

#[test]
fn every_code_of_a_call_and_of_a_number() {
    for (expected, codes) in CODES {
        for code in *codes {
            let expected = (*expected, code.to_string());
            let check = |verdict: &Verdict| {
                let (word, code) = word_and_code(verdict);
                assert_eq!((word, code.to_owned()), expected);
            };
            check(&case(&MAINLAND[..1]).answered(400, &whole(*code))[0]);
            // Of one number of two.
            let failed = json!({"code": code, "msg": "失败", "mobile": "13711112222"});
            let fine = json!({"code": 0, "mobile": "13711112223", "sid": 1});
            let both = json!({"data": [failed, fine]});
            let verdicts = case(&MAINLAND[..2]).answered(200, &both);
            check(&verdicts[0]);
            assert_eq!(verdicts[1].as_str(), "accepted");
        }
    }
}

#[test]
fn code_two_about_the_number_condemns_the_number_only() {
    let answer = json!({"code": 2, "msg": "请求参数格式错误", "detail": "参数 mobile 格式不正确"});
    assert_eq!(
        words(&case(&MAINLAND[..1]).answered(400, &answer)),
        ["bad_recipient"]
    );
    let (verdicts, _) = case(&MAINLAND[..2]).drive(|call| {
        let mobile = field(&as_http(call), "mobile").unwrap();
        if mobile.contains("13711112223") {
            return http(400, answer.to_string());
        }
        http(
            200,
            json!({"code": 0, "mobile": mobile, "sid": 1}).to_string(),
        )
    });
    assert_eq!(words(&verdicts), ["accepted", "bad_recipient"]);
}

#[test]
fn receipts_are_read_and_answered() {
    let list = json!([
        {"error_detail": "", "sid": 9_223_372_036_854_775_807_u64, "uid": "dlv_1", "user_receive_time": "2026-01-02 03:04:05",
         "error_msg": "DELIVRD", "mobile": "13711112222", "report_status": "SUCCESS"},
        {"error_detail": "空号", "sid": "8", "uid": null, "error_msg": "MK:0001", "mobile": "13711112223", "report_status": "FAIL"},
        {"uid": "dlv_3", "report_status": "SUCCESS"},
    ]);
    let form = |value: &str| {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("sms_status", value)
            .finish()
    };
    let case = case(&MAINLAND);
    let read = case.receipts(form(&list.to_string()).as_bytes()).unwrap();
    assert_eq!(
        (read.status.as_u16(), &read.body[..]),
        (200, &b"SUCCESS"[..])
    );
    let keys: Vec<_> = read
        .receipts
        .iter()
        .map(|receipt| receipt.key.as_deref())
        .collect();
    assert_eq!(keys, [Some("9223372036854775807"), Some("8"), None]);
    assert_eq!(read.receipts[0].reference.as_deref(), Some("dlv_1"));
    assert_eq!(
        read.receipts[0].at,
        Some("2026-01-01T19:04:05Z".parse().unwrap())
    );
    assert_eq!(format!("{:?}", read.receipts[1].outcome), "Undelivered");
    assert_eq!(read.receipts[2].detail, "entry 2: has no sid");
    for (body, detail) in [
        ("", "the form has no sms_status"),
        ("other=1", "the form has no sms_status"),
        ("sms_status=7", "the body is not a JSON array"),
        ("sms_status=%5B7%5D", "entry 0: has no sid"),
    ] {
        let refused = case.receipts(body.as_bytes()).unwrap_err();
        assert_eq!(refused.status.as_u16(), 400);
        assert!(
            refused.detail.starts_with(detail),
            "{body}: {}",
            refused.detail
        );
    }
}
