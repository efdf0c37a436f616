//! Receipts, signed with the account's token.

use austin_adapter_api::sign::{hex, hmac_sha256};
use austin_adapter_api::{Account, Inbound, Outcome, Receipt, Receipts, Refused};
use austin_domain::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use subtle::ConstantTimeEq;

use crate::entries::{self, answered, own_reference};
use crate::json;
use crate::post::JSON;

const SIGNATURE: &str = "x-sim-signature";

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    receipts: Vec<&'a RawValue>,
}

pub(super) fn read(account: &Account, request: &Inbound) -> Result<Receipts, Refused> {
    authenticate(account, request)?;
    let body: Body<'_> = serde_json::from_slice(&request.body)
        .map_err(|error| Refused::malformed(format!("the body has no receipts: {error}")))?;
    let receipts = entries::read(&body.receipts, receipt)?;
    Ok(answered(receipts, JSON, r#"{"ok":true}"#))
}

fn authenticate(account: &Account, request: &Inbound) -> Result<(), Refused> {
    let token = account
        .secret("token")
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Refused::unauthentic("the account has no token to check receipts with"))?;
    let signature = request
        .headers
        .get(SIGNATURE)
        .map(http::HeaderValue::as_bytes);
    let expected = hex(&hmac_sha256(token.as_bytes(), &request.body));
    match signature {
        Some(signature) if bool::from(signature.ct_eq(expected.as_bytes())) => Ok(()),
        Some(_) => Err(Refused::unauthentic(
            "x-sim-signature does not fit the body",
        )),
        None => Err(Refused::unauthentic("x-sim-signature is missing")),
    }
}

pub(super) fn receipt(entry: &Value) -> Result<Receipt, String> {
    let key = json::text(entry, "id").ok_or("has no id")?;
    let status = json::text(entry, "status").ok_or("has no status")?;
    let outcome = match status.as_str() {
        "delivered" => Outcome::Delivered,
        "undelivered" => Outcome::Undelivered,
        _ => Outcome::Pending,
    };
    let code = json::text(entry, "code").unwrap_or(status);
    let detail = json::text(entry, "message").unwrap_or_default();
    Ok(Receipt {
        reference: own_reference(json::text(entry, "reference")),
        segments: json::small(entry, "segments"),
        ..entries::receipt(key, outcome, &code, &detail, instant(&entry["at"]))
    })
}

fn instant(at: &Value) -> Option<Timestamp> {
    match at {
        Value::String(text) => text.parse().ok(),
        at => at.as_i64().map(Timestamp::from_millis),
    }
}
