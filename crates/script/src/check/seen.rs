//! What a speaker did, written as examples write it.

use std::collections::BTreeMap;

use austin_adapter_api::{Answer, Call, Found, Receipts, Refused, TokenWant};
use austin_domain::Verdict;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::form;
use crate::shape::{ReceiptSaid, VerdictSaid};

/// A call, its body in the form in which the example states it.
pub(super) fn call(call: &Call, expected: &Value) -> Value {
    let Call::Http(request) = call else {
        return json!({"call": "not an HTTP call"});
    };
    let headers: BTreeMap<&str, String> = request
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str(), value)
        })
        .collect();
    let text = String::from_utf8_lossy(&request.body);
    let mut seen = json!({
        "method": request.method.as_str(),
        "url": request.url,
        "headers": headers,
        "body": text,
        "deadline_ms": u64::try_from(request.deadline.as_millis()).unwrap_or(u64::MAX),
        "max_reply_bytes": request.max_reply_bytes,
    });
    let wants = |name| expected.pointer(&format!("/call/{name}")).is_some();
    if wants("json") {
        seen["json"] = serde_json::from_slice(&request.body).unwrap_or_else(|_| json!(text));
    }
    if wants("form") {
        let pairs: BTreeMap<String, String> = form::parse(&text).into_iter().collect();
        seen["form"] = json!(pairs);
    }
    json!({"call": seen})
}

/// A wish for a token.
pub(super) fn token(want: &TokenWant) -> Value {
    json!({"token": {
        "name": want.name,
        "refused": want.refused.as_ref().map(|refused| refused.expose_secret()),
    }})
}

/// Verdicts.
pub(super) fn verdicts(verdicts: &[Verdict]) -> Value {
    let said: Vec<VerdictSaid> = verdicts.iter().map(VerdictSaid::of).collect();
    json!({"done": said})
}

/// An answer.
pub(super) fn answer(answer: &Answer) -> Value {
    let cause = |word: &str, cause: &austin_domain::verdict::Cause| json!({"answer": word, "code": cause.code, "detail": cause.detail});
    json!({"done": match answer {
        Answer::Token(token) => json!({
            "answer": "token",
            "value": token.value.expose_secret(),
            "expires_in": token.expires_in.map(|life| life.as_secs()),
        }),
        Answer::Receipts(pulled) => json!({
            "answer": "receipts",
            "receipts": pulled.receipts.iter().map(ReceiptSaid::of).collect::<Vec<_>>(),
            "cursor": pulled.cursor.0,
            "more": pulled.more,
        }),
        Answer::Found(Found::Known { acceptance, receipt }) => json!({
            "answer": "known",
            "accepted": VerdictSaid::of(&Verdict::Accepted(acceptance.clone())),
            "receipt": receipt.as_ref().map(|receipt| ReceiptSaid::of(receipt)),
        }),
        Answer::Found(Found::Absent) => json!({"answer": "absent"}),
        Answer::Found(Found::Unclear(why)) => cause("unclear", why),
        Answer::Recalled => json!({"answer": "recalled"}),
        Answer::NotRecalled(why) => cause("not_recalled", why),
        Answer::Balance(balance) => json!({
            "answer": "balance", "amount": balance.amount, "unit": balance.unit,
        }),
        Answer::Failed(verdict) => json!({"answer": "failed", "with": VerdictSaid::of(verdict)}),
        Answer::Unsupported => json!({"answer": "unsupported"}),
    }})
}

/// Receipts and the answer to the vendor, or the refusal.
pub(super) fn receipts(read: &Result<Receipts, Refused>) -> Value {
    match read {
        Ok(receipts) => json!({
            "receipts": receipts.receipts.iter().map(ReceiptSaid::of).collect::<Vec<_>>(),
            "answer": {
                "status": receipts.status.as_u16(),
                "content_type": receipts.content_type,
                "body": String::from_utf8_lossy(&receipts.body),
            },
        }),
        Err(refused) => json!({
            "refused": {"status": refused.status.as_u16(), "detail": refused.detail},
        }),
    }
}
