//! Receipts as a script gives them back.

use austin_adapter_api::{Outcome, Receipt, Receipts, Refused};
use austin_domain::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// Receipts of one request, or why it is refused.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReceiptsSaid {
    receipts: Option<Vec<ReceiptSaid>>,
    status: Option<u16>,
    content_type: Option<String>,
    body: Option<String>,
    refused: Option<RefusedSaid>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedSaid {
    status: u16,
    detail: String,
}

/// Media types of answers to vendors.
pub(crate) const ANSWER_TYPES: &[&str] = &[
    "text/plain",
    "text/plain; charset=utf-8",
    "application/json",
    "application/json; charset=utf-8",
    "application/xml",
    "text/xml",
    "text/xml; charset=utf-8",
    "text/html",
];

impl ReceiptsSaid {
    /// The receipts and the answer.
    ///
    /// # Errors
    /// What breaks the contract.
    pub(crate) fn receipts(self) -> Result<Result<Receipts, Refused>, String> {
        if let Some(refused) = self.refused {
            if self.receipts.is_some() {
                return Err("receipts are either taken or refused".into());
            }
            let status = StatusCode::from_u16(refused.status)
                .ok()
                .filter(StatusCode::is_client_error)
                .ok_or("refused.status must be from 400 to 499")?;
            let detail = refused.detail.chars().take(300).collect();
            return Ok(Err(Refused { status, detail }));
        }
        let content_type = match &self.content_type {
            None => "text/plain",
            Some(given) => ANSWER_TYPES
                .iter()
                .copied()
                .find(|known| known == given)
                .ok_or_else(|| {
                    format!("content_type must be one of {}", ANSWER_TYPES.join(", "))
                })?,
        };
        let status = StatusCode::from_u16(self.status.unwrap_or(200))
            .ok()
            .filter(StatusCode::is_success)
            .ok_or("status must be from 200 to 299")?;
        Ok(Ok(Receipts {
            receipts: self
                .receipts
                .ok_or("receipts is missing")?
                .into_iter()
                .map(ReceiptSaid::receipt)
                .collect::<Result<_, _>>()?,
            status,
            content_type,
            body: self.body.unwrap_or_default().into(),
            notice: None,
            replies: Vec::new(),
        }))
    }
}

/// A receipt. Also the form of expectations in examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptSaid {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    outcome: OutcomeSaid,
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<AtSaid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segments: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeSaid {
    Delivered,
    Undelivered,
    Pending,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum AtSaid {
    Millis(f64),
    Text(String),
}

impl ReceiptSaid {
    /// The receipt.
    ///
    /// # Errors
    /// What breaks the contract.
    pub(crate) fn receipt(self) -> Result<Receipt, String> {
        let raw = match &self.raw {
            Some(raw) => raw.clone(),
            None => serde_json::to_string(&self).unwrap_or_default(),
        };
        let key = self.key.filter(|key| !key.is_empty());
        let reference = self.reference.filter(|reference| !reference.is_empty());
        if key.is_none() && reference.is_none() {
            return Err("a receipt needs key or reference".into());
        }
        Ok(Receipt {
            key,
            reference,
            outcome: match self.outcome {
                OutcomeSaid::Delivered => Outcome::Delivered,
                OutcomeSaid::Undelivered => Outcome::Undelivered,
                OutcomeSaid::Pending => Outcome::Pending,
            },
            code: self.code.chars().take(64).collect(),
            detail: self.detail.chars().take(300).collect(),
            at: match self.at {
                None => None,
                Some(AtSaid::Millis(millis)) if millis.abs() < 9e15 =>
                {
                    #[expect(clippy::cast_possible_truncation, reason = "in the range of i64")]
                    Some(Timestamp::from_millis(millis as i64))
                }
                Some(AtSaid::Millis(_)) => return Err("at is out of range".into()),
                Some(AtSaid::Text(text)) => Some(
                    text.parse()
                        .map_err(|error| format!("at of a receipt is {error}"))?,
                ),
            },
            segments: self.segments,
            raw,
            mark: None,
        })
    }

    /// How a receipt is written; without what it was read from.
    pub(crate) fn of(receipt: &Receipt) -> Self {
        Self {
            key: receipt.key.clone(),
            reference: receipt.reference.clone(),
            outcome: match receipt.outcome {
                Outcome::Delivered => OutcomeSaid::Delivered,
                Outcome::Undelivered => OutcomeSaid::Undelivered,
                Outcome::Pending => OutcomeSaid::Pending,
            },
            code: receipt.code.clone(),
            detail: receipt.detail.clone(),
            at: receipt.at.map(|at| AtSaid::Text(at.to_string())),
            segments: receipt.segments,
            raw: None,
        }
    }
}
