//! What people answer, as vendors post it, and what receipts say of an address.

use austin_adapter_api::{Mark, Receipts, Refused};
use austin_domain::{Content, Timestamp};
use serde_json::json;

use super::support::*;
use super::twilio::signed;

const FROM: &str = "+8613711112200";

fn case(adapter: &str, secrets: &[(&str, &str)]) -> Case {
    let content = Content::Text { text: "t".into() };
    Case::new(
        adapter,
        account(json!({}), secrets),
        batch(&[FROM], &[], content),
    )
}

/// Who, the words, when, what was answered to.
fn told(receipts: &Receipts) -> Vec<(&str, &str, Option<Timestamp>, Option<&str>)> {
    let replies = receipts.replies.iter();
    replies
        .map(|reply| {
            let (from, text) = (reply.from.as_str(), reply.text.as_str());
            (from, text, reply.at, reply.to.as_deref())
        })
        .collect()
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn aliyun_posts_a_list_of_them() {
    let case = case("aliyun-sms", &[]);
    let list = json!([
        {"phone_number": "13711112200", "content": "TD", "send_time": "2026-01-02 03:04:05",
         "dest_code": "1234", "sequence_id": "1234567890"},
        {"phone_number": "13711112201", "content": "", "send_time": "", "sign_name": "商城",
         "dest_code": "1234", "sequence_id": 7},
        {"content": "who?"},
    ]);
    let read = case.receipts(list.to_string().as_bytes()).unwrap();
    let expected = at("2026-01-01T19:04:05Z");
    assert_eq!(
        told(&read),
        [
            (FROM, "TD", expected, Some("1234")),
            ("+8613711112201", "", None, Some("1234")),
        ]
    );
    assert_eq!(&read.body[..], r#"{"code":0,"msg":"接收成功"}"#.as_bytes());
    // What cannot be read is on record, the words are not.
    assert_eq!(read.receipts.len(), 1);
    assert_eq!(read.receipts[0].detail, "entry 2: has no phone_number");
    assert!(!format!("{read:?}").contains("1371111"), "{read:?}");
    let refused = case.receipts(br#"[{"content":"TD"}]"#).unwrap_err();
    assert_eq!(refused.status.as_u16(), 400);
}

#[test]
fn tencent_posts_one() {
    let case = case("tencent-sms", &[]);
    let reply = |country: &str, mobile: &str| {
        let body = json!({"extend": "01", "mobile": mobile, "nationcode": country,
                          "sign": "商城", "text": "退订", "time": 1_767_323_045});
        case.receipts(body.to_string().as_bytes()).unwrap()
    };
    let expected = at("2026-01-02T03:04:05Z");
    let read = reply("86", "13711112200");
    assert_eq!(told(&read), [(FROM, "退订", expected, Some("01"))]);
    assert!(read.receipts.is_empty());
    assert_eq!(&read.body[..], br#"{"result":0,"errmsg":"OK"}"#);
    assert_eq!(reply("1", "4155550100").replies[0].from, "+14155550100");
    let refused = |body: &str| -> Refused { case.receipts(body.as_bytes()).unwrap_err() };
    assert_eq!(refused(r#"{"text":"TD"}"#).detail, "entry 0: has no mobile");
    assert_eq!(refused("{}").status.as_u16(), 400);
}

#[test]
fn yunpian_posts_one_in_a_form() {
    let case = case("yunpian-sms", &[]);
    let form = |value: &str| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let body = form.append_pair("sms_reply", value).finish();
        case.receipts(body.as_bytes())
    };
    let reply = json!({"id": "5a1d", "mobile": "13711112200", "text": "Ｔ",
                       "reply_time": "2026-01-02 03:04:05", "extend": "7", "base_extend": "5135",
                       "_sign": "0"});
    let expected = at("2026-01-01T19:04:05Z");
    for value in [reply.to_string(), json!([reply]).to_string()] {
        let read = form(&value).unwrap();
        assert_eq!(told(&read), [(FROM, "Ｔ", expected, Some("51357"))]);
        assert_eq!(&read.body[..], b"SUCCESS");
    }
    for wrong in ["", "7", "{}", "[{}]"] {
        assert_eq!(form(wrong).unwrap_err().status.as_u16(), 400, "{wrong}");
    }
}

#[test]
fn twilio_posts_a_signed_one() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    const URL: &str = "https://push.example/v1/receipts/acme-1";
    let case = case("twilio-sms", &[("auth_token", TOKEN)]);
    let body = "ToCountry=US&MessageSid=SM0123&SmsSid=SM0123&SmsStatus=received&Body=Stop\
                &From=%2B14155550100&To=%2B15005550006&NumMedia=0&ApiVersion=2010-04-01";
    let headers = signed(URL, TOKEN, body.as_bytes());
    let read = case.receipts_at(URL, headers, body.as_bytes()).unwrap();
    let to = Some("+15005550006");
    assert_eq!(told(&read), [("+14155550100", "Stop", None, to)]);
    assert!(read.receipts.is_empty());
    assert_eq!(
        (read.content_type, &read.body[..]),
        ("text/xml", &b"<Response/>"[..])
    );
    let headers = signed(URL, "another token", body.as_bytes());
    let refused = case.receipts_at(URL, headers, body.as_bytes()).unwrap_err();
    assert_eq!(refused.status.as_u16(), 401);
}

/// What the receipt of one event says of the address.
#[track_caller]
fn mark(adapter: &str, body: &serde_json::Value) -> Option<Mark> {
    let read = case(adapter, &[]).receipts(body.to_string().as_bytes());
    let receipts = read.unwrap().receipts;
    assert_eq!(receipts.len(), 1);
    receipts[0].mark
}

#[test]
fn numbers_that_nobody_has_are_marked() {
    let aliyun = |words: &str| {
        json!([{"phone_number": "13711112200", "success": false, "err_code": "MK:0001",
                "err_msg": words, "biz_id": "1", "sms_size": "1"}])
    };
    assert_eq!(mark("aliyun-sms", &aliyun("空号")), Some(Mark::BadAddress));
    assert_eq!(mark("aliyun-sms", &aliyun("关机")), None);
    let tencent = json!([{"sid": "1", "report_status": "FAIL", "errmsg": "MN:0001",
                          "description": "用户号码是空号"}]);
    assert_eq!(mark("tencent-sms", &tencent), Some(Mark::BadAddress));
    let volcengine = |code: &str| json!([{"message_id": "1", "status_code": code}]);
    let bad = volcengine("NE:0100");
    assert_eq!(mark("volcengine-sms", &bad), Some(Mark::BadAddress));
    assert_eq!(mark("volcengine-sms", &volcengine("NE:0103")), None);
}

#[test]
fn mails_that_bounce_or_annoy_are_marked() {
    let sendgrid = |event: &str, more: serde_json::Value| {
        let mut entry = json!({"event": event, "sg_message_id": "1", "email": "a@corp.example"});
        let fields = more.as_object().unwrap().clone();
        entry.as_object_mut().unwrap().extend(fields);
        mark("sendgrid-email", &json!([entry]))
    };
    let hard = Some(Mark::HardBounce);
    assert_eq!(sendgrid("bounce", json!({"type": "bounce"})), hard);
    assert_eq!(sendgrid("bounce", json!({"type": "blocked"})), None);
    assert_eq!(
        sendgrid("dropped", json!({"reason": "Bounced Address"})),
        hard
    );
    assert_eq!(sendgrid("spamreport", json!({})), Some(Mark::Complaint));
    assert_eq!(sendgrid("unsubscribe", json!({})), Some(Mark::OptOut));
    assert_eq!(sendgrid("delivered", json!({})), None);
    let ses = |kind: &str, more: serde_json::Value| {
        let mut event = json!({"eventType": kind, "mail": {"messageId": "1"}});
        let fields = more.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(fields);
        mark("aws-ses-email", &event)
    };
    let bounce = |kind: &str| json!({"bounce": {"bounceType": kind}});
    assert_eq!(ses("Bounce", bounce("Permanent")), hard);
    assert_eq!(ses("Bounce", bounce("Transient")), None);
    assert_eq!(ses("Complaint", json!({})), Some(Mark::Complaint));
    assert_eq!(ses("Delivery", json!({})), None);
    let dm = |kind: &str| {
        let data = json!({"env_id": "6", "failed_type": "SmtpNxBox"});
        mark("aliyun-dm-email", &json!({"type": kind, "data": data}))
    };
    assert_eq!(dm("dm:Deliver:Fail"), hard);
    assert_eq!(dm("dm:Feedback:FblReport"), Some(Mark::Complaint));
    assert_eq!(dm("dm:Feedback:UnSubscribe"), Some(Mark::OptOut));
    assert_eq!(dm("dm:Trace:Open"), None);
}
