//! The closed outcome of one attempt: what a vendor's answer means for one recipient.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an attempt came to. Adapters give one per recipient; the engine decides what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The vendor took it.
    Accepted(Acceptance),
    /// This address will keep failing; no vendor should be tried.
    BadRecipient(Cause),
    /// This content is refused whoever it is for.
    BadContent(Cause),
    /// Refused here and now; another account may take it at once.
    Elsewhere(Cause),
    /// May succeed at this account later.
    Later {
        /// Why not now.
        cause: Cause,
        /// When to try again; `None` leaves it to the backoff.
        after: Option<Duration>,
    },
    /// The account asks for less traffic.
    Throttled {
        /// What it said.
        cause: Cause,
        /// How long it asked to wait, when it said so.
        pause: Option<Duration>,
    },
    /// The account itself is at fault (credentials, balance, approval); its other deliveries
    /// will fail too until somebody mends it.
    Misconfigured(Cause),
    /// The vendor may or may not have taken it.
    Unknown(Cause),
    /// This vendor will not write to this number now: its rules about one number, a list or a
    /// country of its own. Says nothing about the account.
    NumberRefused {
        /// What it said.
        cause: Cause,
        /// How soon the refusal is over, where waiting for it is better than another account.
        after: Option<Duration>,
    },
}

/// Evidence of a vendor's acceptance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The vendor's id of this message, as receipts and support desks name it.
    pub vendor_id: Option<String>,
    /// What receipts are matched by, where that is more than `vendor_id` (one id for a whole
    /// call: `id/recipient`). One a line where the vendor has several ids for one delivery.
    pub receipt_key: Option<String>,
    /// Segments the vendor says it bills.
    pub segments: Option<u16>,
    /// Cost the vendor states, in 10⁻⁴ of the currency unit.
    pub cost: Option<i64>,
}

/// What the vendor (or the transport) said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The vendor's own code, or ours for transport faults (`connect_failed`, `timed_out`, …).
    pub code: String,
    /// Its words, shortened; no secrets.
    pub detail: String,
}

impl Acceptance {
    /// What receipts are matched by: the lines of `receipt_key`, or `vendor_id` where there is
    /// none.
    pub fn receipt_keys(&self) -> impl Iterator<Item = &str> {
        let keyed = self.receipt_key.as_deref().map(|keys| keys.split('\n'));
        let id = self.vendor_id.as_deref().filter(|_| keyed.is_none());
        keyed.into_iter().flatten().chain(id)
    }
}

impl Cause {
    /// A cause with the vendor's code and words (shortened to 300 characters).
    pub fn new(code: impl Into<String>, detail: &str) -> Self {
        Self {
            code: code.into(),
            detail: detail.chars().take(300).collect(),
        }
    }
}

impl Verdict {
    /// The word used in the API, in metrics and in stores.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::BadRecipient(_) => "bad_recipient",
            Self::BadContent(_) => "bad_content",
            Self::Elsewhere(_) => "elsewhere",
            Self::Later { .. } => "later",
            Self::Throttled { .. } => "throttled",
            Self::Misconfigured(_) => "misconfigured",
            Self::Unknown(_) => "unknown",
            Self::NumberRefused { .. } => "number_refused",
        }
    }

    /// What the vendor said, for every verdict but acceptance.
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Accepted(_) => None,
            Self::BadRecipient(cause)
            | Self::BadContent(cause)
            | Self::Elsewhere(cause)
            | Self::Later { cause, .. }
            | Self::Throttled { cause, .. }
            | Self::Misconfigured(cause)
            | Self::Unknown(cause)
            | Self::NumberRefused { cause, .. } => Some(cause),
        }
    }
}
