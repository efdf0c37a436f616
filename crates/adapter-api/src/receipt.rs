//! Receipts: a vendor's later word on an attempt.

use std::fmt;

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
    /// What people answered, where the vendor posts that too; in the order they stand in.
    pub replies: Vec<PersonReply>,
    /// Status of the answer.
    pub status: StatusCode,
    /// Media type of the answer.
    pub content_type: &'static str,
    /// Body of the answer.
    pub body: Bytes,
    /// What the operator has to do by hand, for the log; no secrets, no addresses.
    pub notice: Option<String>,
}

/// What a person answered to a message. Its `Debug` shows neither number nor words.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonReply {
    /// Who: the number as E.164 where the vendor's words allow it.
    pub from: String,
    /// The words.
    pub text: String,
    /// When, by the vendor's clock.
    pub at: Option<Timestamp>,
    /// The number or extension that was answered to.
    pub to: Option<String>,
}

impl fmt::Debug for PersonReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonReply")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
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
    /// What it says of the address beyond this delivery.
    pub mark: Option<Mark>,
}

/// What a receipt says of an address beyond its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// There is no such number or address, or it is not in service. Vendors err at times: it
    /// counts, and several in a row block the address.
    BadAddress,
    /// The mailbox does not exist: it is not written to again.
    HardBounce,
    /// The person called the message spam.
    Complaint,
    /// The person wants no more, and told the vendor.
    OptOut,
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
