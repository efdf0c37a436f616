//! Status reports: a JSON array, many receipts in one. The vendor does not sign them; what it
//! expects for an answer is not documented beyond its status.

use austin_adapter_api::{Mark, Outcome, Receipt, Receipts, Refused};
use austin_domain::Timestamp;
use serde_json::Value;

use crate::entries::{self, answered, own_reference};
use crate::json;
use crate::post::JSON;

pub(super) fn read(body: &[u8]) -> Result<Receipts, Refused> {
    let receipts = entries::read(&entries::array(body)?, receipt)?;
    Ok(answered(receipts, JSON, r#"{"code":0}"#))
}

fn receipt(entry: &Value) -> Result<Receipt, String> {
    let key = json::text(entry, "message_id").ok_or("has no message_id")?;
    let code = json::text(entry, "status_code").ok_or("has no status_code")?;
    let outcome = if code == "0" {
        Outcome::Delivered
    } else {
        Outcome::Undelivered
    };
    let detail = json::text(entry, "description").unwrap_or_default();
    let at = entry["recv_time"].as_i64().filter(|millis| *millis > 0);
    Ok(Receipt {
        reference: own_reference(json::text(entry, "ext")),
        segments: json::small(entry, "msg_count"),
        // No number, not in service, barred.
        mark: matches!(&*code, "NE:0100" | "NE:0104" | "NE:0105").then_some(Mark::BadAddress),
        ..entries::receipt(key, outcome, &code, &detail, at.map(Timestamp::from_millis))
    })
}
