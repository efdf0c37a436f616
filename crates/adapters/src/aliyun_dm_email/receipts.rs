//! DirectMail events of EventBridge: one CloudEvents document per post, matched by `env_id`,
//! which one recipient's call has for itself. EventBridge posts again unless it is answered 2xx.

use austin_adapter_api::{Mark, Outcome, Receipt, Receipts, Refused};
use austin_domain::Timestamp;
use serde_json::Value;

use crate::entries::{self, answered};
use crate::json;
use crate::post::JSON;

pub(super) fn read(body: &[u8]) -> Result<Receipts, Refused> {
    let event: Value = serde_json::from_slice(body)
        .map_err(|error| Refused::malformed(format!("the body is not JSON: {error}")))?;
    let receipt =
        receipt(&event).map_err(|fault| Refused::malformed(format!("the event {fault}")))?;
    let raw = entries::evidence(&String::from_utf8_lossy(body));
    Ok(answered(vec![Receipt { raw, ..receipt }], JSON, "{}"))
}

/// Every documented event. What a person does with a mail moves no delivery.
fn receipt(event: &Value) -> Result<Receipt, String> {
    let kind = json::text(event, "type").ok_or("has no type")?;
    let data = &event["data"];
    let key = json::text(data, "env_id").ok_or("has no data.env_id")?;
    let outcome = match kind.as_str() {
        "dm:Deliver:Succeed" => Outcome::Delivered,
        "dm:Deliver:Fail" => Outcome::Undelivered,
        _ => Outcome::Pending,
    };
    let failed = json::text(data, "failed_type");
    let mark = match kind.as_str() {
        // The mailbox does not exist.
        "dm:Deliver:Fail" if failed.as_deref() == Some("SmtpNxBox") => Some(Mark::HardBounce),
        "dm:Feedback:FblReport" => Some(Mark::Complaint),
        "dm:Feedback:UnSubscribe" => Some(Mark::OptOut),
        _ => None,
    };
    let code = json::text(data, "err_code").unwrap_or_else(|| kind.clone());
    let words = [Some(kind), failed, json::text(data, "err_msg")];
    let words: Vec<String> = words.into_iter().flatten().collect();
    // With its offset, unlike the times in data.
    let at = json::text(event, "time").and_then(|text| text.parse::<Timestamp>().ok());
    Ok(Receipt {
        mark,
        ..entries::receipt(key, outcome, &code, &words.join(": "), at)
    })
}
