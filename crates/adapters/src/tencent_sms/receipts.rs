//! Status callbacks: a JSON array, many receipts in one. The vendor does not sign them.

use austin_adapter_api::{Outcome, Receipt, Receipts, Refused};
use serde_json::Value;

use crate::entries::{self, answered};
use crate::post::JSON;
use crate::{beijing, json};

pub(super) fn read(body: &[u8]) -> Result<Receipts, Refused> {
    let receipts = entries::read(&entries::array(body)?, receipt)?;
    Ok(answered(receipts, JSON, r#"{"result":0,"errmsg":"OK"}"#))
}

fn receipt(entry: &Value) -> Result<Receipt, String> {
    let key = json::text(entry, "sid").ok_or("has no sid")?;
    let status = json::text(entry, "report_status").ok_or("has no report_status")?;
    let outcome = match status.as_str() {
        "SUCCESS" => Outcome::Delivered,
        "FAIL" => Outcome::Undelivered,
        _ => Outcome::Pending,
    };
    let code = json::text(entry, "errmsg").unwrap_or(status);
    let detail = json::text(entry, "description").unwrap_or_default();
    let at = json::text(entry, "user_receive_time").and_then(|text| beijing::instant(&text));
    Ok(entries::receipt(key, outcome, &code, &detail, at))
}
