//! Pushes: a form whose `sms_status` is a JSON array of at most 100 receipts, or whose `sms_reply`
//! is the JSON object of one reply. The vendor does not sign them; it pushes again every five minutes, three times, unless the answer is
//! `SUCCESS`.

use austin_adapter_api::{Outcome, PersonReply, Receipt, Receipts, Refused};
use serde_json::Value;

use crate::entries::{self, answered, own_reference};
use crate::{beijing, json, phone};

pub(super) fn read(body: &[u8]) -> Result<Receipts, Refused> {
    let field = |wanted: &str| {
        url::form_urlencoded::parse(body)
            .find_map(|(name, value)| (name == wanted).then_some(value))
    };
    if let Some(replied) = field("sms_reply") {
        let replies = match serde_json::from_str(&replied) {
            Ok(Value::Array(replies)) => replies,
            Ok(one @ Value::Object(_)) => vec![one],
            _ => return Err(Refused::malformed("sms_reply is no JSON object")),
        };
        return entries::answered_replies(&replies, reply, TEXT, "SUCCESS");
    }
    let status = field("sms_status")
        .ok_or_else(|| Refused::malformed("the form has no sms_status and no sms_reply"))?;
    let receipts = entries::read(&entries::array(status.as_bytes())?, receipt)?;
    Ok(answered(receipts, TEXT, "SUCCESS"))
}

const TEXT: &str = "text/plain; charset=utf-8";

/// The fields of `pull_reply`, which are pushed too:
/// <https://www.yunpian.com/official/document/sms/zh_cn/domestic_pull_reply>
fn reply(entry: &Value) -> Result<PersonReply, String> {
    let mobile = json::text(entry, "mobile").ok_or("has no mobile")?;
    let codes = [
        json::text(entry, "base_extend"),
        json::text(entry, "extend"),
    ];
    let code: String = codes.into_iter().flatten().collect();
    Ok(PersonReply {
        from: phone::e164(&mobile),
        text: json::text(entry, "text").ok_or("has no text")?,
        at: json::text(entry, "reply_time").and_then(|text| beijing::instant(&text)),
        to: Some(code).filter(|code| !code.is_empty()),
    })
}

pub(super) fn receipt(entry: &Value) -> Result<Receipt, String> {
    let key = json::text(entry, "sid").ok_or("has no sid")?;
    let status = json::text(entry, "report_status").ok_or("has no report_status")?;
    let outcome = match status.as_str() {
        "SUCCESS" => Outcome::Delivered,
        "FAIL" => Outcome::Undelivered,
        _ => Outcome::Pending,
    };
    let code = json::text(entry, "error_msg").unwrap_or(status);
    let detail = json::text(entry, "error_detail").unwrap_or_default();
    let at = json::text(entry, "user_receive_time").and_then(|text| beijing::instant(&text));
    Ok(Receipt {
        reference: own_reference(json::text(entry, "uid")),
        mark: phone::mark(&detail),
        ..entries::receipt(key, outcome, &code, &detail, at)
    })
}
