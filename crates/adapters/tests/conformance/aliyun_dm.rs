use austin_adapter_api::{Attachment, Outcome};
use austin_domain::{Content, Verdict};
use serde_json::{Value, json};

use super::support::*;

fn case() -> Case {
    let settings = json!({
        "account_name": "shop@mail.example.com", "from_alias": "商城",
        "reply_address": "help@example.com", "tag_name": "orders",
    });
    let secrets = [
        ("access_key_id", "testAccessKeyId"),
        ("access_key_secret", "testAccessKeySecret"),
    ];
    let content = Content::Email {
        subject: "您的订单".into(),
        html: Some("<p>a&b</p>".into()),
        text: Some("a&b".into()),
    };
    Case::new(
        "aliyun-dm-email",
        account(settings, &secrets),
        batch(&["li.lei@corp.example"], &[], content),
    )
}

/// The signature was computed by an independent script.
#[test]
fn golden_request() {
    let expected = "\
POST https://dm.aliyuncs.com/
accept: application/json
authorization: ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=9e989a5c484985c95ed8484d1ee96e9e51a4bd14958011ef974d772d854297e4
content-type: application/x-www-form-urlencoded
x-acs-action: SingleSendMail
x-acs-content-sha256: 97468218c1157aebe6f40e98461a7bd822cf7d3df70caf7378a6b5d2fbe738cc
x-acs-date: 2026-01-02T03:04:05Z
x-acs-signature-nonce: 000000000000000000000000000000ab
x-acs-version: 2015-11-23

AccountName=shop%40mail.example.com&AddressType=1&ReplyToAddress=false&ToAddress=li.lei%40corp.example&Subject=%E6%82%A8%E7%9A%84%E8%AE%A2%E5%8D%95&HtmlBody=%3Cp%3Ea%26b%3C%2Fp%3E&TextBody=a%26b&FromAlias=%E5%95%86%E5%9F%8E&ReplyAddress=help%40example.com&TagName=orders";
    assert_eq!(wire(&case().request()), expected);
}

#[test]
fn only_what_is_there() {
    let mut case = case();
    case.account.settings = serde_json::from_value(
        json!({"account_name": "shop@mail.example.com", "address_type": "0"}),
    )
    .unwrap();
    case.batch.items[0].content = std::sync::Arc::new(Content::Email {
        subject: "s".into(),
        html: None,
        text: Some("t".into()),
    });
    assert_eq!(
        case.request().body,
        "AccountName=shop%40mail.example.com&AddressType=0&ReplyToAddress=false\
         &ToAddress=li.lei%40corp.example&Subject=s&TextBody=t"
    );
}

#[test]
fn what_the_vendor_does_not_take_goes_elsewhere() {
    let refusal = |change: &dyn Fn(&mut Case)| {
        let mut case = case();
        change(&mut case);
        let refused = case.refused();
        let (word, code) = word_and_code(&refused[0]);
        format!("{word} {code}")
    };
    let file = Attachment {
        name: "a".into(),
        content_type: "text/plain".into(),
        data: "a".into(),
    };
    assert_eq!(
        refusal(&|case| case.batch.attachments = [file.clone()].into()),
        "elsewhere attachments_unsupported"
    );
    let long = Content::Email {
        subject: "长".repeat(257),
        html: None,
        text: Some("t".into()),
    };
    assert_eq!(
        refusal(&|case| case.batch.items[0].content = std::sync::Arc::new(long.clone())),
        "elsewhere subject_too_long"
    );
    for (name, value) in [
        ("account_name", "nobody"),
        ("reply_address", "nobody"),
        ("from_alias", "a name of far too many letters"),
    ] {
        let set = |case: &mut Case| {
            case.account.settings.insert(name.into(), value.into());
        };
        assert_eq!(refusal(&set), "misconfigured bad_setting", "{name}");
    }
    assert_eq!(
        refusal(&|case| case.batch.items[0].to = "a@b.example,c@d.example".into()),
        "bad_recipient bad_address"
    );
}

#[test]
fn acceptance_and_event_share_the_env_id() {
    let case = case();
    let verdicts = case.answered(200, &json!({"EnvId": "600000123", "RequestId": "r"}));
    let Verdict::Accepted(acceptance) = &verdicts[0] else {
        panic!("{verdicts:?}")
    };
    let event = json!({
        "data": {"env_id": "600000123", "rcpt": "li.lei@corp.example", "status": "2",
                 "event": "dm:Deliver:Fail", "err_code": "554",
                 "err_msg": "554 RCPT li.lei@corp.example dosn't exist",
                 "failed_type": "SmtpNxBox", "deliver_time": "2026-01-02T11:04:07"},
        "id": "e-1", "source": "acs:dm", "specversion": "1.0", "type": "dm:Deliver:Fail",
        "time": "2026-01-02T11:04:07+08:00",
    });
    let read = case.receipts(event.to_string().as_bytes()).unwrap();
    let receipt = &read.receipts[0];
    assert_eq!(receipt.key, acceptance.vendor_id);
    assert_eq!(
        (
            receipt.outcome,
            receipt.code.as_str(),
            receipt.detail.as_str()
        ),
        (
            Outcome::Undelivered,
            "554",
            "dm:Deliver:Fail: SmtpNxBox: 554 RCPT li.lei@corp.example dosn't exist"
        )
    );
    assert_eq!(receipt.at, Some("2026-01-02T03:04:07Z".parse().unwrap()));
}

#[test]
fn every_event() {
    for (kind, outcome) in [
        ("dm:Deliver:Succeed", Outcome::Delivered),
        ("dm:Deliver:Fail", Outcome::Undelivered),
        ("dm:Trace:Open", Outcome::Pending),
        ("dm:Trace:Click", Outcome::Pending),
        ("dm:Feedback:FblReport", Outcome::Pending),
        ("dm:Feedback:Subscribe", Outcome::Pending),
        ("dm:Feedback:UnSubscribe", Outcome::Pending),
        ("dm:Validator:GrayListResult", Outcome::Pending),
    ] {
        let event = json!({"type": kind, "data": {"env_id": "6"}});
        let read = case().receipts(event.to_string().as_bytes()).unwrap();
        assert_eq!(
            (read.receipts[0].outcome, read.receipts[0].code.as_str()),
            (outcome, kind)
        );
    }
    for broken in ["", "[]", r#"{"type":"x"}"#, r#"{"data":{"env_id":"6"}}"#] {
        assert_eq!(
            case()
                .receipts(broken.as_bytes())
                .unwrap_err()
                .status
                .as_u16(),
            400
        );
    }
}

const CODES: &[(&str, &[&str])] = &[
    ("bad_recipient", &["InvalidToAddress"]),
    ("bad_content", &["InvalidBody"]),
    (
        "elsewhere",
        &[
            "InvalidToAddress.Spam",
            "InvalidSubject.Malformed",
            "InvalidSendMail.Spam",
            "NeverHeardOf",
        ],
    ),
    (
        "misconfigured",
        &[
            "InvalidMailAddress.NotFound",
            "InvalidMailAddressStatus.Malformed",
            "InvalidMailAddressSendType.Malformed",
            "InvalidMailAddressDomain.Malformed",
            "InvalidMailAddressName.Malformed",
            "InvalidFromAlias.Malformed",
            "InvalidFromALias.Malformed",
            "Forbidden",
            "Forbidden.RAM",
            "NoPermission",
            "InvalidAccessKeyId.NotFound",
            "InvalidAccessKeyId.Inactive",
            "SignatureDoesNotMatch",
            "InvalidTimeStamp.Expired",
        ],
    ),
    (
        "throttled",
        &["Throttling", "Throttling.User", "Throttling.Api"],
    ),
    (
        "later",
        &[
            "InternalError",
            "InternalServiceError",
            "ServiceUnavailable",
        ],
    ),
    ("unknown", &["SignatureNonceUsed"]),
];

fn refusal(code: &str) -> Value {
    json!({"Code": code, "Message": "m", "RequestId": "r", "HostId": "dm.aliyuncs.com"})
}

#[test]
fn every_code() {
    for (expected, codes) in CODES {
        for code in *codes {
            let verdicts = case().answered(400, &refusal(code));
            assert_eq!(word_and_code(&verdicts[0]), (*expected, *code));
        }
    }
    assert_eq!(
        words(&case().answered(502, &refusal("NeverHeardOf"))),
        ["unknown"]
    );
}
