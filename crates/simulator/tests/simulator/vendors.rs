//! The imitations. Signed requests are recorded from the vendors' official SDKs (clock frozen at
//! 2026-01-02T03:04:05Z), so that the simulator is judged by someone else than austin.

use austin_simulator::{Clock, Options};
use serde_json::{Value, json};

use crate::rig::{Answer, Rig};

const NOW_S: i64 = 1_767_323_045;

async fn rig(behaviour: &str) -> Rig {
    let rig = Rig::with(Options {
        clock: Clock::new(|| NOW_S * 1_000),
        ..Options::default()
    })
    .await;
    rig.behave("default", behaviour).await;
    rig
}

const TENCENT: &[(&str, &str)] = &[("x-tc-action", "SendSms"), ("x-tc-version", "2021-01-11")];
const ALIYUN: &[(&str, &str)] = &[("x-acs-action", "SendSms"), ("x-acs-version", "2017-05-25")];

fn tencent(numbers: &Value, session: &str) -> String {
    json!({"PhoneNumberSet": numbers, "SmsSdkAppId": "1400006666", "TemplateId": "1",
           "TemplateParamSet": ["4370"], "SessionContext": session})
    .to_string()
}

#[tokio::test]
async fn tencent_answers_per_number() {
    let rig =
        rig(r#"{"rules":[{"match":{"to":{"suffix":"4"}},"do":{"reject":{"code":"blocked"}}}]}"#)
            .await;
    let numbers = json!(["+8613711112222", "+86137", "+8613711112224"]);
    let answer = rig
        .post(
            "/a/default/tencent/",
            TENCENT,
            &tencent(&numbers, "task-42"),
        )
        .await;
    assert_eq!(answer.status, 200);
    let response = answer.json()["Response"].clone();
    assert_eq!(response["RequestId"].as_str().unwrap().len(), 36);
    let set = response["SendStatusSet"].as_array().unwrap().clone();
    let serial = set[0]["SerialNo"].as_str().unwrap();
    assert!(serial.starts_with("5000:"));
    assert_eq!(
        set[0],
        json!({"SerialNo": serial, "PhoneNumber": "+8613711112222", "Fee": 1, "SessionContext": "task-42",
               "Code": "Ok", "Message": "send success", "IsoCode": "CN"})
    );
    assert_eq!(set[1]["Code"], "InvalidParameterValue.IncorrectPhoneNumber");
    assert_eq!(set[2]["Code"], "FailedOperation.PhoneNumberInBlacklist");
    assert_eq!(
        (&set[2]["SerialNo"], &set[2]["Fee"]),
        (&"".into(), &0.into())
    );
    let known = rig
        .get("/sim/query?reference=task-42&to=%2B8613711112222")
        .await
        .json();
    assert_eq!(known["accepted"], true);
}

fn tencent_error(answer: &Answer) -> String {
    assert_eq!(answer.status, 200);
    answer.json()["Response"]["Error"]["Code"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn tencent_fails_whole_calls() {
    let rig = rig(r#"{"rules":[{"match":{"text_contains":"4370"},"do":{"fail":{"code":"LimitExceeded.AppGlobalDailyLimit"}}}]}"#).await;
    let many = Value::from(vec!["+8613711112222"; 201]);
    let mixed = json!(["+8613711112222", "+12025550123"]);
    let cases = [
        (tencent(&json!([]), ""), "MissingParameter"),
        (tencent(&many, ""), "LimitExceeded.PhoneNumberCountLimit"),
        (
            tencent(&mixed, ""),
            "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
        ),
        ("{".into(), "InvalidParameter"),
        (
            tencent(&json!(["+8613711112222"]), ""),
            "LimitExceeded.AppGlobalDailyLimit",
        ),
    ];
    for (body, code) in cases {
        assert_eq!(tencent_error(&rig.post("/", TENCENT, &body).await), code);
    }
    let other = [
        ("x-tc-action", "AddSmsSign"),
        ("x-tc-version", "2021-01-11"),
    ];
    assert_eq!(
        tencent_error(&rig.post("/", &other, "{}").await),
        "InvalidAction"
    );
    assert_eq!(rig.summary().await["accepted"], 0);
}

#[tokio::test]
async fn aliyun_answers_once_for_all_numbers() {
    let rig = rig(r#"{"rules":[{"match":{"to":{"suffix":"4"}},"do":{"reject":{"code":"isv.BUSINESS_LIMIT_CONTROL","message":"触发天级流控Permits:10"}}}]}"#).await;
    let send = |numbers: &str| {
        format!(
            "/aliyun/?PhoneNumbers={numbers}&SignName=s&TemplateCode=SMS_1&OutId=task-42&TemplateParam=%7B%7D"
        )
    };
    let answer = rig.post(&send("13711112222,13711112223"), ALIYUN, "").await;
    let body = answer.json();
    assert_eq!(
        (answer.status, &body["Code"], &body["Message"]),
        (200, &"OK".into(), &"OK".into())
    );
    assert!(body["BizId"].as_str().unwrap().ends_with("^0"));
    let refused = rig.post(&send("13711112222,13711112224"), ALIYUN, "").await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.json()["Code"], "isv.BUSINESS_LIMIT_CONTROL");
    assert_eq!(refused.json()["Message"], "触发天级流控Permits:10");
    let wrong = rig.post(&send("1371"), ALIYUN, "").await.json();
    assert_eq!(wrong["Code"], "isv.MOBILE_NUMBER_ILLEGAL");
    let missing = rig.post("/aliyun?SignName=s", ALIYUN, "").await;
    assert_eq!(
        (missing.status, &missing.json()["Code"]),
        (400, &"MissingPhoneNumbers".into())
    );
    assert_eq!(rig.summary().await["accepted"], 2, "all or none of a call");
}

#[tokio::test]
async fn aliyun_takes_batches_with_arrays_of_equal_length() {
    let rig = rig("{}").await;
    let headers = [
        ("x-acs-action", "SendBatchSms"),
        ("x-acs-version", "2017-05-25"),
    ];
    let batch = |signs: &str| {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("TemplateCode", "SMS_1")
            .append_pair("PhoneNumberJson", r#"["13711112222","13711112223"]"#)
            .append_pair("SignNameJson", signs)
            .append_pair("TemplateParamJson", r#"[{"code":"1"},{"code":"2"}]"#)
            .finish()
    };
    let answer = rig.post("/", &headers, &batch(r#"["s","s"]"#)).await.json();
    assert_eq!(answer["Code"], "OK");
    assert_eq!(rig.summary().await["accepted"], 2);
    let uneven = rig.post("/", &headers, &batch(r#"["s"]"#)).await.json();
    assert_eq!(uneven["Code"], "isv.INVALID_PARAMETERS");
}

#[tokio::test]
async fn yunpian_answers_one_and_many() {
    let rules = r#"{"rules":[{"match":{"to":{"suffix":"3"}},"do":{"reject":{"code":"22","message":"1 h limit"}}},
                             {"match":{"to":{"suffix":"4"}},"do":{"reject":{"code":"blocked"}}}],
                    "credentials":{"yunpian_apikey":"k"}}"#;
    let rig = rig(rules).await;
    let one = rig
        .post(
            "/v2/sms/single_send.json",
            &[],
            "apikey=k&mobile=13711112222&text=hi",
        )
        .await;
    let sid = one.json()["sid"].as_i64().unwrap();
    assert_eq!(
        one.json(),
        json!({"code": 0, "msg": "发送成功", "count": 1, "fee": 0.05, "unit": "RMB", "mobile": "13711112222", "sid": sid})
    );
    let refused = rig
        .post(
            "/v2/sms/single_send.json",
            &[],
            "apikey=k&mobile=13711112223&text=hi",
        )
        .await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        (&refused.json()["code"], &refused.json()["http_status_code"]),
        (&22.into(), &400.into())
    );
    let many = "apikey=k&mobile=13711112222,13711112223,13711112224,12&text=hi";
    let many = rig
        .post("/yunpian/v2/sms/batch_send.json", &[], many)
        .await
        .json();
    assert_eq!(
        (&many["total_count"], &many["total_fee"]),
        (&1.into(), &"0.0500".into())
    );
    let codes: Vec<_> = many["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["code"].clone())
        .collect();
    assert_eq!(codes, [0, 22, 10, 2]);
    let wrong = rig
        .post(
            "/v2/sms/single_send.json",
            &[],
            "apikey=x&mobile=13711112222&text=hi",
        )
        .await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (400, &(-1).into()));
    let missing = rig
        .post("/v2/sms/single_send.json", &[], "apikey=k&text=hi")
        .await;
    assert_eq!(missing.json()["code"], 1);
    assert_eq!(
        rig.post("/v2/sms/void.json", &[], "apikey=k&mobile=13711112222")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn yunpian_takes_texts_per_number_and_templates() {
    let rig = rig(
        r#"{"rules":[{"match":{"text_contains":"b,c"},"do":{"reject":{"code":"bad_content"}}}]}"#,
    )
    .await;
    // Each text is encoded, the list of them once more.
    let multi = "apikey=k&mobile=13711112222,13711112223&text=a%2Cb%252Cc";
    let answer = rig.post("/v2/sms/multi_send.json", &[], multi).await.json();
    assert_eq!(
        (&answer["data"][0]["code"], &answer["data"][1]["code"]),
        (&0.into(), &4.into())
    );
    let uneven = "apikey=k&mobile=13711112222,13711112223&text=a";
    let uneven = rig
        .post("/v2/sms/multi_send.json", &[], uneven)
        .await
        .json();
    assert_eq!(uneven["code"], 25);
    let template = "apikey=k&mobile=13711112222&tpl_id=1&tpl_value=%2523code%2523%3D1234";
    let one = rig
        .post("/v2/sms/tpl_single_send.json", &[], template)
        .await;
    assert_eq!(one.status, 200);
    let two = rig
        .post("/v2/sms/tpl_batch_send.json", &[], template)
        .await
        .json();
    assert_eq!(two["total_count"], 1);
}

#[tokio::test]
async fn a_code_yunpian_does_not_have_is_named() {
    let rig = rig(r#"{"rules":[{"do":{"reject":{"code":"isv.X"}}}]}"#).await;
    let answer = rig
        .post(
            "/v2/sms/single_send.json",
            &[],
            "apikey=k&mobile=13711112222&text=hi",
        )
        .await;
    assert!(answer.json()["msg"].as_str().unwrap().contains("isv.X"));
}

const TENCENT_KEYS: &str = r#"{"credentials":{"tencent":{"secret_id":"AKIDEXAMPLE0000000000000000000000001","secret_key":"SecretKeyExample00000000000000001"}}}"#;
const TENCENT_BODY: &str = r#"{"PhoneNumberSet": ["+8613711112222", "+8613711112223"], "SmsSdkAppId": "1400006666", "TemplateId": "1110", "SignName": "\u817e\u8baf\u4e91", "TemplateParamSet": ["4370", "5"], "SessionContext": "task-42"}"#;
const TENCENT_SIGNED: [(&str, &str); 6] = [
    ("host", "sms.tencentcloudapi.com"),
    ("content-type", "application/json"),
    ("x-tc-action", "SendSms"),
    ("x-tc-version", "2021-01-11"),
    ("x-tc-timestamp", "1767323045"),
    (
        "authorization",
        "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE0000000000000000000000001/2026-01-02/sms/tc3_request, SignedHeaders=content-type;host, Signature=31ef163fd95b7c2d9bcb7bf9be5ad649d47902beddb35b405ecc29e6bb099342",
    ),
];

#[tokio::test]
async fn tencent_signatures_of_the_sdk_pass() {
    let rig = rig(TENCENT_KEYS).await;
    let answer = rig.post("/tencent", &TENCENT_SIGNED, TENCENT_BODY).await;
    assert_eq!(answer.json()["Response"]["SendStatusSet"][1]["Code"], "Ok");
    // More headers signed, another content type, a compact body.
    let more = r#"{"PhoneNumberSet":["+8613711112222"],"SmsSdkAppId":"1400006666","SignName":"腾讯云","TemplateId":"1110","TemplateParamSet":["4370"]}"#;
    let mut headers = TENCENT_SIGNED;
    headers[1].1 = "application/json; charset=utf-8";
    headers[5].1 = "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE0000000000000000000000001/2026-01-02/sms/tc3_request, SignedHeaders=content-type;host;x-tc-action, Signature=68caf2f1947bb558095dcc9e59b719f1111720429e8e79fc636c0139abc398f5";
    let answer = rig.post("/", &headers, more).await;
    assert_eq!(answer.json()["Response"]["SendStatusSet"][0]["Code"], "Ok");
}

#[tokio::test]
async fn tencent_signatures_with_anything_changed_fail() {
    let rig = rig(TENCENT_KEYS).await;
    let change = |index: usize, from: &str, to: &str| {
        let mut headers = TENCENT_SIGNED.map(|(name, value)| (name, value.to_owned()));
        headers[index].1 = headers[index].1.replace(from, to);
        headers
    };
    let cases = [
        (
            change(5, "bb099342", "bb099343"),
            "AuthFailure.SignatureFailure",
        ),
        (change(0, "sms.", "sms2."), "AuthFailure.SignatureFailure"),
        (change(1, "json", "jsom"), "AuthFailure.SignatureFailure"),
        (change(4, "045", "046"), "AuthFailure.SignatureFailure"),
        (
            change(4, "1767323045", "1767322744"),
            "AuthFailure.SignatureExpire",
        ),
        (
            change(5, "AKIDEXAMPLE0", "AKIDEXAMPLE1"),
            "AuthFailure.SecretIdNotFound",
        ),
        (
            change(5, "content-type;host", "host"),
            "AuthFailure.InvalidAuthorization",
        ),
        (
            change(5, "TC3-", "TC4-"),
            "AuthFailure.InvalidAuthorization",
        ),
    ];
    for (headers, code) in cases {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(
            tencent_error(&rig.post("/tencent", &headers, TENCENT_BODY).await),
            code,
            "{headers:?}"
        );
    }
    let other = TENCENT_BODY.replace("2222", "2224");
    assert_eq!(
        tencent_error(&rig.post("/tencent", &TENCENT_SIGNED, &other).await),
        "AuthFailure.SignatureFailure"
    );
    assert_eq!(
        tencent_error(&rig.post("/tencent", TENCENT, TENCENT_BODY).await),
        "AuthFailure.InvalidAuthorization"
    );
    assert_eq!(rig.summary().await["accepted"], 0);
}

const ALIYUN_KEYS: &str = r#"{"credentials":{"aliyun":{"access_key_id":"testAccessKeyId","access_key_secret":"testAccessKeySecret"}}}"#;
const ALIYUN_QUERY: &str = "OutId=task-42&PhoneNumbers=13711112222%2C13711112223&SignName=%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%E4%BF%A1%E6%B5%8B%E8%AF%95&TemplateCode=SMS_154950909&TemplateParam=%7B%22code%22%3A%221234%22%7D";
const ALIYUN_SIGNED: [(&str, &str); 10] = [
    ("accept", "application/json"),
    ("host", "dysmsapi.aliyuncs.com"),
    (
        "user-agent",
        "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2",
    ),
    ("x-acs-action", "SendSms"),
    (
        "x-acs-content-sha256",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    ("x-acs-credentials-provider", "static_ak"),
    ("x-acs-date", "2026-01-02T03:04:05Z"),
    (
        "x-acs-signature-nonce",
        "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
    ),
    ("x-acs-version", "2017-05-25"),
    (
        "authorization",
        "ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders=accept;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=14420254fc8fbc4f7ab571d737ac47f0f8b2443bb7909e379ad3cb91472e4cd3",
    ),
];
const ALIYUN_BATCH: &str = "PhoneNumberJson=%5B%2213711112222%22%2C%2213711112223%22%5D&SignNameJson=%5B%22%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%E4%BF%A1%E6%B5%8B%E8%AF%95%22%2C%22%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%E4%BF%A1%E6%B5%8B%E8%AF%95%22%5D&TemplateParamJson=%5B%7B%22code%22%3A%221%22%7D%2C%7B%22code%22%3A%222+%26%2A~%2B%2F%3D%22%7D%5D";
const ALIYUN_BATCH_SIGNED: [(&str, &str); 11] = [
    ("accept", "application/json"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("host", "dysmsapi.aliyuncs.com"),
    (
        "user-agent",
        "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2",
    ),
    ("x-acs-action", "SendBatchSms"),
    (
        "x-acs-content-sha256",
        "922c06fe301551b81ccf9878ee2efe08fbb38d8189455922e96247be445b594d",
    ),
    ("x-acs-credentials-provider", "static_ak"),
    ("x-acs-date", "2026-01-02T03:04:05Z"),
    (
        "x-acs-signature-nonce",
        "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
    ),
    ("x-acs-version", "2017-05-25"),
    (
        "authorization",
        "ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders=accept;content-type;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=1d08cf3eab8723193f4ff64d704d28891ec65299e80751d6e470d12752b056ab",
    ),
];

#[tokio::test]
async fn aliyun_signatures_of_the_sdk_pass_once() {
    let rig = rig(ALIYUN_KEYS).await;
    let path = format!("/aliyun?{ALIYUN_QUERY}");
    let answer = rig.post(&path, &ALIYUN_SIGNED, "").await;
    assert_eq!(answer.json()["Code"], "OK");
    let again = rig.post(&path, &ALIYUN_SIGNED, "").await;
    assert_eq!(
        (again.status, &again.json()["Code"]),
        (400, &"SignatureNonceUsed".into())
    );
}

#[tokio::test]
async fn aliyun_signatures_over_a_form_body_pass() {
    let rig = rig(ALIYUN_KEYS).await;
    let answer = rig
        .post(
            "/?TemplateCode=SMS_154950909",
            &ALIYUN_BATCH_SIGNED,
            ALIYUN_BATCH,
        )
        .await;
    assert_eq!(answer.json()["Code"], "OK");
    assert_eq!(rig.summary().await["accepted"], 2);
}

#[tokio::test]
async fn aliyun_signatures_with_anything_changed_fail() {
    let rig = rig(ALIYUN_KEYS).await;
    let path = format!("/aliyun?{ALIYUN_QUERY}");
    let change = |name: &str, from: &str, to: &str| {
        ALIYUN_SIGNED.map(|(field, value)| {
            let value = if field == name {
                value.replace(from, to)
            } else {
                value.to_owned()
            };
            (field, value)
        })
    };
    let cases = [
        (
            change("authorization", "cd3", "cd4"),
            "SignatureDoesNotMatch",
        ),
        (change("host", "dysms", "dysmz"), "SignatureDoesNotMatch"),
        (
            change("x-acs-content-sha256", "e3b0", "e3b1"),
            "SignatureDoesNotMatch",
        ),
        (
            change("x-acs-date", "03:04:05", "03:20:05"),
            "InvalidTimeStamp.Expired",
        ),
        (
            change("x-acs-date", "T03", " 03"),
            "InvalidTimeStamp.Format",
        ),
        (
            change("authorization", "testAccessKeyId", "other"),
            "InvalidAccessKeyId.NotFound",
        ),
        (
            change("authorization", "x-acs-date;", ""),
            "IncompleteSignature",
        ),
        (
            change("authorization", "accept;host", "host;accept"),
            "IncompleteSignature",
        ),
    ];
    for (headers, code) in cases {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = rig.post(&path, &headers, "").await;
        assert_eq!(answer.json()["Code"], code, "{headers:?}");
        assert!(answer.status >= 400 && answer.json()["HostId"].is_string());
    }
    let other = path.replace("2222", "2224");
    let answer = rig.post(&other, &ALIYUN_SIGNED, "").await;
    assert_eq!(answer.json()["Code"], "SignatureDoesNotMatch");
    assert_eq!(rig.summary().await["accepted"], 0);
}
