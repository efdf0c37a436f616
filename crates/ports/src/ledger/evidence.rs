//! What is read about one delivery.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::{AccountId, DeliveryId, Reason, State, Timestamp, Vars, Verdict};

use crate::ledger::write::{Facts, MessageHead, NewReceipt};

/// A delivery as it stands.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// Its message.
    pub message: Arc<MessageHead>,
    /// Canonical address.
    pub to: String,
    /// All values without secret ones.
    pub vars: Arc<Vars>,
    /// The caller's own name for this delivery, else the message's.
    pub reference: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Why it waits, was stopped or failed.
    pub reason: Option<Reason>,
    /// When it becomes ready, where it waits for a time.
    pub due_at: Option<Timestamp>,
    /// Attempts begun.
    pub attempts: u16,
    /// The account of the last attempt.
    pub account: Option<AccountId>,
    /// The vendor's id, once one accepted it.
    pub vendor_id: Option<String>,
    /// Segments: the vendor's count where it gave one, else ours.
    pub segments: Option<u16>,
    /// Cost stated by the vendor, in 10⁻⁴ of the currency unit.
    pub cost: Option<i64>,
    /// When it last moved.
    pub updated_at: Timestamp,
    /// Whether secret values of it are still kept.
    pub secrets_kept: bool,
    /// What else is known of it.
    pub facts: Option<Box<Facts>>,
}

/// Everything known about one delivery.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// As it stands.
    pub delivery: DeliveryRow,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptRow>,
    /// Its receipts, in the order they came.
    pub receipts: Vec<ReceiptRow>,
    /// Its other steps, in order.
    pub events: Vec<Event>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its number, from 1.
    pub attempt: u16,
    /// The account that was called.
    pub account: AccountId,
    /// When it began.
    pub started_at: Timestamp,
    /// How long the vendor call took; `None` when the evidence was lost in a crash.
    pub took: Option<Duration>,
    /// What the answer means.
    pub verdict: Verdict,
    /// How many deliveries travelled in the call.
    pub recipients: u32,
    /// The request, redacted.
    pub request: String,
    /// The answer, redacted.
    pub answer: String,
}

/// One receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// When it reached us.
    pub received_at: Timestamp,
    /// What it said.
    pub receipt: NewReceipt,
}

/// A step that is neither an attempt nor a receipt: held, released, queued again, expired, ….
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The state it led to.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// When the delivery becomes ready, where that was set.
    pub due_at: Option<Timestamp>,
}

impl Event {
    /// Whether it ended a wait that a person or a rule had imposed.
    pub fn lets_go(&self) -> bool {
        matches!(self.reason.code.as_str(), "resumed" | "released")
    }
}

/// A receipt without a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedReceipt {
    /// When it reached us.
    pub received_at: Timestamp,
    /// What it said.
    pub receipt: NewReceipt,
}
