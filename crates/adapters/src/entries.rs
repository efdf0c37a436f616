//! Lists of receipts in one request.
//!
//! A vendor posts many receipts at once and posts them all again unless we take them. An entry
//! that cannot be read must neither cost the good ones nor disappear: it becomes a receipt that
//! matches nothing, with the reason and what was received. Only when no entry is usable is the
//! request refused.

use austin_adapter_api::{Outcome, PersonReply, Receipt, Receipts, Refused};
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use serde_json::value::RawValue;

/// Most characters of one entry kept as evidence; real ones have a few hundred.
const RAW_CHARS: usize = 8_192;

/// Reads every entry of a JSON array with `read`, which gives the receipt (its `raw` is filled
/// in here) or says what is wrong with the entry.
///
/// # Errors
/// [`Refused`] when the array has entries and none is usable.
pub(crate) fn read(
    entries: &[&RawValue],
    read: impl Fn(&Value) -> Result<Receipt, String>,
) -> Result<Vec<Receipt>, Refused> {
    let mut first_fault = None;
    let mut usable = 0_usize;
    let mut receipts = Vec::with_capacity(entries.len());
    for (index, raw) in entries.iter().enumerate() {
        let parsed = serde_json::from_str::<Value>(raw.get()).map_err(|error| error.to_string());
        let receipt = match parsed.and_then(|entry| read(&entry)) {
            Ok(receipt) => {
                usable += 1;
                receipt
            }
            Err(fault) => {
                let fault = format!("entry {index}: {fault}");
                first_fault.get_or_insert_with(|| fault.clone());
                unreadable(fault)
            }
        };
        receipts.push(Receipt {
            raw: evidence(raw.get()),
            ..receipt
        });
    }
    match first_fault {
        Some(fault) if usable == 0 => Err(Refused::malformed(fault)),
        _ => Ok(receipts),
    }
}

/// Every entry of a list that was fetched. The vendor does not hand them out again: what cannot be
/// read is kept too, as a receipt that matches nothing.
pub(crate) fn pulled(
    entries: &[Value],
    read: impl Fn(&Value) -> Result<Receipt, String>,
) -> Vec<Receipt> {
    let receipt = |(index, entry): (usize, &Value)| Receipt {
        raw: evidence(&entry.to_string()),
        ..read(entry).unwrap_or_else(|fault| unreadable(format!("entry {index}: {fault}")))
    };
    entries.iter().enumerate().map(receipt).collect()
}

/// What people answered, with the answer the vendor expects. Their words are not kept as evidence.
///
/// # Errors
/// [`Refused`] when there are entries and none can be read.
pub(crate) fn answered_replies(
    entries: &[Value],
    read: impl Fn(&Value) -> Result<PersonReply, String>,
    content_type: &'static str,
    body: &'static str,
) -> Result<Receipts, Refused> {
    let mut replies = Vec::with_capacity(entries.len());
    let mut receipts = Vec::new();
    let mut first_fault = None;
    for (index, entry) in entries.iter().enumerate() {
        match read(entry) {
            Ok(reply) => replies.push(reply),
            Err(fault) => {
                let fault = format!("entry {index}: {fault}");
                first_fault.get_or_insert_with(|| fault.clone());
                receipts.push(unreadable(fault));
            }
        }
    }
    match first_fault {
        Some(fault) if replies.is_empty() => Err(Refused::malformed(fault)),
        _ => Ok(Receipts {
            replies,
            ..answered(receipts, content_type, body)
        }),
    }
}

/// The receipts with the answer the vendor expects.
pub(crate) fn answered(
    receipts: Vec<Receipt>,
    content_type: &'static str,
    body: &'static str,
) -> Receipts {
    let body = Bytes::from_static(body.as_bytes());
    Receipts {
        receipts,
        status: StatusCode::OK,
        content_type,
        body,
        notice: None,
        replies: Vec::new(),
    }
}

/// A JSON array as its entries.
///
/// # Errors
/// [`Refused`] when it is none.
pub(crate) fn array(body: &[u8]) -> Result<Vec<&RawValue>, Refused> {
    serde_json::from_slice(body)
        .map_err(|error| Refused::malformed(format!("the body is not a JSON array: {error}")))
}

/// Whether a text can be a reference of ours.
pub(crate) fn own_reference(text: Option<String>) -> Option<String> {
    text.filter(|text| text.starts_with("dlv_"))
}

fn unreadable(fault: String) -> Receipt {
    Receipt {
        key: None,
        reference: None,
        outcome: Outcome::Pending,
        code: "malformed".into(),
        detail: fault,
        at: None,
        segments: None,
        raw: String::new(),
        mark: None,
    }
}

/// What was received, bounded.
pub(crate) fn evidence(raw: &str) -> String {
    match raw.char_indices().nth(RAW_CHARS) {
        Some((end, _)) => format!("{} [cut: {} bytes in all]", &raw[..end], raw.len()),
        None => raw.to_owned(),
    }
}

/// A receipt that is matched by `key`; code and words bounded.
pub(crate) fn receipt(
    key: String,
    outcome: Outcome,
    code: &str,
    detail: &str,
    at: Option<austin_domain::Timestamp>,
) -> Receipt {
    Receipt {
        key: Some(key),
        reference: None,
        outcome,
        code: code.chars().take(80).collect(),
        detail: detail.chars().take(300).collect(),
        at,
        segments: None,
        raw: String::new(),
        mark: None,
    }
}
