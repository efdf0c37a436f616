//! Status pushes: a form whose `sms_status` is a JSON array of at most 100 receipts. The vendor
//! does not sign them; it pushes again every five minutes, three times, unless the answer is
//! `SUCCESS`.

use austin_adapter_api::{Outcome, Receipt, Receipts, Refused};
use serde_json::Value;

use crate::entries::{self, answered, own_reference};
use crate::{beijing, json};

pub(super) fn read(body: &[u8]) -> Result<Receipts, Refused> {
    let status = url::form_urlencoded::parse(body)
        .find_map(|(name, value)| (name == "sms_status").then_some(value))
        .ok_or_else(|| Refused::malformed("the form has no sms_status"))?;
    let receipts = entries::read(&entries::array(status.as_bytes())?, receipt)?;
    Ok(answered(receipts, "text/plain; charset=utf-8", "SUCCESS"))
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
        ..entries::receipt(key, outcome, &code, &detail, at)
    })
}
