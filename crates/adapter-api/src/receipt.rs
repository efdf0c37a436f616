//! Receipts: a vendor's later word on an attempt.

use austin_domain::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

/// A request that a vendor made to us.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Its method.
    pub method: Method,
    /// The public URL it was made to, as far as we know it (signatures cover it).
    pub url: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Receipts read from one request, and the answer the vendor expects once they are durable.
#[derive(Clone, Debug)]
pub struct Receipts {
    /// In the order they stand in.
    pub receipts: Vec<Receipt>,
    /// Status of the answer.
    pub status: StatusCode,
    /// Media type of the answer.
    pub content_type: &'static str,
    /// Body of the answer.
    pub body: Bytes,
    /// What the operator has to do by hand, for the log; no secrets, no addresses.
    pub notice: Option<String>,
}

/// One receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What it is matched by: the acceptance's `receipt_key`, or its `vendor_id` where there is
    /// none.
    pub key: Option<String>,
    /// Our reference (`dlv_…`), where the vendor hands it back.
    pub reference: Option<String>,
    /// What it says.
    pub outcome: Outcome,
    /// The vendor's status code, e.g. `DELIVRD`.
    pub code: String,
    /// Its words, shortened.
    pub detail: String,
    /// When it happened, by the vendor's clock.
    pub at: Option<Timestamp>,
    /// Segments the vendor bills.
    pub segments: Option<u16>,
    /// This receipt as received, for evidence; addresses may be in it, secrets not.
    pub raw: String,
}

/// What a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It reached the person.
    Delivered,
    /// It did not.
    Undelivered,
    /// Still on its way; evidence only.
    Pending,
}

/// Why a receipt request is refused. The vendor sees the status and a short reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refused {
    /// Answer status: 401 not authentic, 400 not understood, 404 no receipts here.
    pub status: StatusCode,
    /// For people; no secrets.
    pub detail: String,
}

impl Refused {
    /// The adapter has no receipts.
    pub fn unsupported() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            detail: "this adapter takes no receipts".into(),
        }
    }

    /// The request is not in the vendor's format.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            detail: detail.into(),
        }
    }

    /// The request does not prove where it comes from.
    pub fn unauthentic(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            detail: detail.into(),
        }
    }
}
