//! The Event Webhook: a JSON array of events, many in one post, signed where the operator has
//! turned that on. The vendor posts again for a day unless it is answered 2xx. A signed post that
//! is repeated changes nothing, so that its age is not judged.

use austin_adapter_api::{Account, Inbound, Mark, Outcome, Receipt, Receipts, Refused};
use austin_domain::Timestamp;
use serde_json::Value;

use super::reply::receipt_key;
use super::sign;
use crate::entries::{self, answered, own_reference};
use crate::json;
use crate::mail::DELIVERY_TAG;
use crate::post::JSON;

pub(super) fn read(account: &Account, request: &Inbound) -> Result<Receipts, Refused> {
    authenticate(account, request)?;
    let receipts = entries::read(&entries::array(&request.body)?, receipt)?;
    Ok(answered(receipts, JSON, "{}"))
}

fn authenticate(account: &Account, request: &Inbound) -> Result<(), Refused> {
    let Some(key) = account.text("event_webhook_public_key") else {
        return Ok(());
    };
    let key = sign::public_key(key)
        .ok_or_else(|| Refused::unauthentic("event_webhook_public_key is no Base64"))?;
    let header = |name: &str| {
        let value = request.headers.get(name).map(http::HeaderValue::as_bytes);
        value.ok_or_else(|| Refused::unauthentic(format!("{name} is missing")))
    };
    let (timestamp, signature) = (header(sign::TIMESTAMP)?, header(sign::SIGNATURE)?);
    if sign::is_authentic(&key, timestamp, &request.body, signature) {
        return Ok(());
    }
    let detail = format!("{} does not fit timestamp and body", sign::SIGNATURE);
    Err(Refused::unauthentic(detail))
}

fn receipt(entry: &Value) -> Result<Receipt, String> {
    let event = json::text(entry, "event").ok_or("has no event")?;
    let reference = own_reference(json::text(entry, DELIVERY_TAG));
    let ids = json::text(entry, "sg_message_id").zip(json::text(entry, "email"));
    let key = ids.map(|(id, email)| receipt_key(&id, &email));
    if key.is_none() && reference.is_none() {
        return Err(format!(
            "has neither sg_message_id and email nor {DELIVERY_TAG}"
        ));
    }
    let code = json::text(entry, "status").unwrap_or_else(|| event.clone());
    let at = entry["timestamp"].as_i64().map(Timestamp::from_seconds);
    let receipt = entries::receipt(
        String::new(),
        outcome(&event),
        &code,
        &detail(entry, &event),
        at,
    );
    Ok(Receipt {
        key,
        reference,
        mark: mark(entry, &event),
        ..receipt
    })
}

/// Every documented event. What a person does with a mail (open, click, spam report,
/// unsubscribe) moves no delivery; it is kept as evidence.
fn outcome(event: &str) -> Outcome {
    match event {
        "delivered" => Outcome::Delivered,
        "bounce" | "dropped" => Outcome::Undelivered,
        _ => Outcome::Pending,
    }
}

/// What an event says of the address. What the vendor drops is on a list of its own, for the
/// reason it gives.
fn mark(entry: &Value, event: &str) -> Option<Mark> {
    let reason = json::text(entry, "reason").unwrap_or_default();
    match event {
        // `blocked` is about us, not about the address.
        "bounce" => json::text(entry, "type")
            .is_none_or(|kind| kind == "bounce")
            .then_some(Mark::HardBounce),
        "spamreport" => Some(Mark::Complaint),
        "unsubscribe" | "group_unsubscribe" => Some(Mark::OptOut),
        "dropped" => match &*reason {
            "Bounced Address" | "Invalid" => Some(Mark::HardBounce),
            "Spam Reporting Address" => Some(Mark::Complaint),
            "Unsubscribed Address" => Some(Mark::OptOut),
            _ => None,
        },
        _ => None,
    }
}

fn detail(entry: &Value, event: &str) -> String {
    let kind = json::text(entry, "type").filter(|_| event == "bounce");
    let words = json::text(entry, "reason").or_else(|| json::text(entry, "response"));
    let parts = [Some(event.to_owned()), kind, words];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}
