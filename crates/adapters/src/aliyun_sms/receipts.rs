//! SmsReport and SmsUp pushes: a JSON array, many receipts or replies in one. The vendor does not
//! sign them, and pushes again after 1, 5 and 10 minutes unless the answer has a number as `code`.

use austin_adapter_api::{Outcome, PersonReply, Receipt, Receipts, Refused};
use serde_json::Value;
use serde_json::value::RawValue;

use super::reply::receipt_key;
use crate::entries::{self, answered, own_reference};
use crate::post::JSON;
use crate::{beijing, json, phone};

pub(super) fn read(body: &[u8]) -> Result<Receipts, Refused> {
    let entries = entries::array(body)?;
    if let Some(replies) = replies(&entries) {
        return entries::answered_replies(&replies, reply, JSON, TAKEN);
    }
    let receipts = entries::read(&entries, receipt)?;
    Ok(answered(receipts, JSON, TAKEN))
}

const TAKEN: &str = r#"{"code":0,"msg":"接收成功"}"#;

/// The entries of an SmsUp push: they have words of a person and name no call of ours.
fn replies(entries: &[&RawValue]) -> Option<Vec<Value>> {
    let entries: Option<Vec<Value>> = entries
        .iter()
        .map(|entry| serde_json::from_str(entry.get()).ok())
        .collect();
    let is_reply = |entry: &Value| entry.get("content").is_some() && entry.get("biz_id").is_none();
    entries.filter(|entries| !entries.is_empty() && entries.iter().all(is_reply))
}

/// <https://help.aliyun.com/zh/sms/developer-reference/smsup-http>
fn reply(entry: &Value) -> Result<PersonReply, String> {
    let number = json::text(entry, "phone_number").ok_or("has no phone_number")?;
    Ok(PersonReply {
        from: phone::e164(&number),
        text: json::text(entry, "content").unwrap_or_default(),
        at: json::text(entry, "send_time").and_then(|text| beijing::instant(&text)),
        to: json::text(entry, "dest_code"),
    })
}

fn receipt(entry: &Value) -> Result<Receipt, String> {
    let biz_id = json::text(entry, "biz_id").ok_or("has no biz_id")?;
    let number = json::text(entry, "phone_number").ok_or("has no phone_number")?;
    let outcome = match &entry["success"] {
        Value::Bool(true) => Outcome::Delivered,
        Value::Bool(false) => Outcome::Undelivered,
        _ => return Err("has no true or false as success".into()),
    };
    let code = json::text(entry, "err_code").unwrap_or_default();
    let detail = json::text(entry, "err_msg").unwrap_or_default();
    let at = json::text(entry, "report_time").and_then(|text| beijing::instant(&text));
    Ok(Receipt {
        reference: own_reference(json::text(entry, "out_id")),
        segments: json::small(entry, "sms_size"),
        mark: phone::mark(&detail),
        ..entries::receipt(receipt_key(&biz_id, &number), outcome, &code, &detail, at)
    })
}
