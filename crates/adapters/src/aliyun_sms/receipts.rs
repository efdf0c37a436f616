//! SmsReport pushes: a JSON array, many receipts in one. The vendor does not sign them, and
//! pushes again after 1, 5 and 10 minutes unless the answer has a number as `code`.

use austin_adapter_api::{Outcome, Receipt, Receipts, Refused};
use serde_json::Value;

use super::reply::receipt_key;
use crate::entries::{self, answered, own_reference};
use crate::post::JSON;
use crate::{beijing, json};

pub(super) fn read(body: &[u8]) -> Result<Receipts, Refused> {
    let receipts = entries::read(&entries::array(body)?, receipt)?;
    Ok(answered(receipts, JSON, r#"{"code":0,"msg":"接收成功"}"#))
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
        ..entries::receipt(receipt_key(&biz_id, &number), outcome, &code, &detail, at)
    })
}
