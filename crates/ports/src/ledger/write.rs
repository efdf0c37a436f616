//! What is written: messages, attempts, moves, receipts.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::{
    AccountId, AppId, DeliveryId, Lane, MessageId, Reason, State, TemplateId, Timestamp, Vars,
    Verdict,
};
use serde::{Deserialize, Serialize};

/// A message to be made durable, already checked and planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewMessage {
    /// Who asked.
    pub app: AppId,
    /// Its template.
    pub template: TemplateId,
    /// The version that is sent, whatever happens to the template later.
    pub version: u32,
    /// Its queue.
    pub lane: Lane,
    /// The HTTP request it came in.
    pub request_id: String,
    /// The caller's own name for it.
    pub reference: Option<String>,
    /// Values shared by all recipients, without secret ones.
    pub vars: Vars,
    /// Files that go with it.
    pub attachments: Vec<AttachmentRef>,
    /// The only account that may send it, when the caller named one.
    pub account: Option<AccountId>,
    /// When it stops being worth sending.
    pub expires_at: Timestamp,
    /// Its recipients: 1 to 1,000.
    pub deliveries: Vec<NewDelivery>,
}

/// One recipient of a new message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewDelivery {
    /// Canonical address.
    pub to: String,
    /// All values of this recipient without secret ones, where they differ from the message's.
    pub vars: Option<Vars>,
    /// Values of variables marked secret. The ledger seals them at rest and wipes them when the
    /// delivery is settled; where it may be sent again after that ([`Next::Watched`]), with its
    /// receipt, or by [`wipe`](crate::Ledger::wipe).
    pub secret_vars: Option<Vars>,
    /// The caller's own name for this delivery.
    pub reference: Option<String>,
    /// `accepted`, `scheduled`, `held` or `suppressed`.
    pub state: State,
    /// When it becomes ready, for `scheduled` and `held`.
    pub due_at: Option<Timestamp>,
    /// Why it is held or suppressed.
    pub reason: Option<Reason>,
    /// What else is known of it.
    pub facts: Option<Box<Facts>>,
}

/// What is known of a delivery besides address and values; kept with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// BCP 47 language of the recipient.
    pub locale: Option<String>,
    /// IANA time zone of the recipient.
    pub time_zone: Option<String>,
    /// Keyed digest of the template and all values, secret ones included: what has the same digest
    /// says the same.
    pub content: Option<u64>,
    /// Whether it is a test of its template: it goes out though the version is not live.
    #[serde(default)]
    pub test: bool,
}

impl Facts {
    /// `None` where nothing is known: most deliveries, and then nothing is stored.
    pub fn known(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// What makes a request repeatable: its key, and what is answered when it comes again.
#[derive(Clone, PartialEq, Eq)]
pub struct Mark {
    /// Whose request.
    pub app: AppId,
    /// The caller's key for it, at most 255 bytes.
    pub key: String,
    /// Digest of what was asked.
    pub request: [u8; 32],
    /// What is answered but for the ids, in the words of whoever asks the ledger.
    pub answer: Vec<u8>,
}

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mark")
            .field("app", &self.app)
            .field("answer", &self.answer.len())
            .finish_non_exhaustive()
    }
}

/// A request that was marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Digest of what was asked.
    pub request: [u8; 32],
    /// What was answered but for the ids.
    pub answer: Vec<u8>,
    /// The messages that became durable with it, in order.
    pub messages: Vec<MessageId>,
    /// When.
    pub at: Timestamp,
}

/// A file that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentRef {
    /// File name.
    pub name: String,
    /// Media type; `None` takes what the source states.
    pub content_type: Option<String>,
    /// Where its content is.
    pub source: AttachmentSource,
}

/// Where a file's content is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttachmentSource {
    /// An upload (`upl_…`).
    Upload(String),
    /// An https URL, fetched when the message is sent.
    Url(String),
}

/// What all deliveries of a message have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageHead {
    /// Its id.
    pub id: MessageId,
    /// Who asked.
    pub app: AppId,
    /// Its template.
    pub template: TemplateId,
    /// The version that is sent.
    pub version: u32,
    /// Its queue.
    pub lane: Lane,
    /// The HTTP request it came in.
    pub request_id: String,
    /// The caller's own name for it.
    pub reference: Option<String>,
    /// Files that go with it.
    pub attachments: Vec<AttachmentRef>,
    /// The only account that may send it.
    pub account: Option<AccountId>,
    /// When it became durable.
    pub accepted_at: Timestamp,
    /// When it stops being worth sending.
    pub expires_at: Timestamp,
    /// How many recipients it has.
    pub recipients: u32,
}

/// A message that is durable now.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The message; the delivery at index `i` of the request has id `message.id.delivery(i)`.
    pub message: Arc<MessageHead>,
    /// The deliveries that were given in state `accepted`, ready to be sent.
    pub ready: Vec<WorkItem>,
}

/// A delivery with all that is needed to send it.
#[derive(Clone, Debug)]
pub struct WorkItem {
    /// The delivery.
    pub id: DeliveryId,
    /// Its message.
    pub message: Arc<MessageHead>,
    /// Canonical address.
    pub to: String,
    /// All values, secret ones included.
    pub vars: Arc<Vars>,
    /// Values among `vars` that must never be shown.
    pub secret_names: Arc<[String]>,
    /// Its state when it was read.
    pub state: State,
    /// Attempts begun so far.
    pub attempts: u16,
    /// The account of the last attempt.
    pub last_account: Option<AccountId>,
    /// Accounts that took it and whose receipt did not come in time: none of them gets it again.
    /// Read from its attempts.
    pub spent: Arc<[AccountId]>,
    /// Whether the last account refused it just now, so that only another one may have it. Known in
    /// memory only: what is read from a store has waited and may go anywhere.
    pub moves: bool,
    /// What else is known of it.
    pub facts: Option<Box<Facts>>,
    /// Whether somebody let it go before its time: it is `queued`, and why it is has the code
    /// [`RELEASED`]. Quiet hours do not hold it again.
    pub released: bool,
}

impl WorkItem {
    /// The recipient's language.
    pub fn locale(&self) -> Option<&str> {
        self.facts.as_ref()?.locale.as_deref()
    }

    /// Whether it is a test of its template.
    pub fn is_test(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.test)
    }
}
/// Why a delivery waits that somebody let go before its time: the code of the reason.
pub const RELEASED: &str = "released";

/// An attempt about to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptStart {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its number, from 1.
    pub attempt: u16,
    /// The account that will be called.
    pub account: AccountId,
    /// Past this the attempt counts as lost.
    pub lease_until: Timestamp,
}

/// One vendor call, shared by the attempts that travelled in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The account that was called.
    pub account: AccountId,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// How many deliveries it carried.
    pub recipients: u32,
    /// The request, redacted and bounded.
    pub request: String,
    /// The answer, redacted and bounded.
    pub answer: String,
}

/// What one attempt came to, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The attempt's number.
    pub attempt: u16,
    /// Index of its call in the same `settle`; `None` when the evidence was lost in a crash.
    pub call: Option<u32>,
    /// What the vendor's answer means.
    pub verdict: Verdict,
    /// Segments by our own count, where the channel has them.
    pub segments: Option<u16>,
    /// What follows.
    pub next: Next,
}

/// Where a delivery goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    /// To a settled state.
    End {
        /// `sent`, `failed`, `expired`, `unknown`, …
        state: State,
        /// Why, for every state but `sent`.
        reason: Option<Reason>,
    },
    /// Back to wait for another attempt.
    Wait {
        /// `queued` or `held`.
        state: State,
        /// When it becomes ready; `None`: at once.
        due_at: Option<Timestamp>,
        /// Why it waits.
        reason: Reason,
    },
    /// To `sent`, and until then it may be sent again should no receipt come: its secret values
    /// are kept.
    Watched {
        /// When it stops being worth sending.
        until: Timestamp,
    },
}

impl Next {
    /// Where it goes.
    pub const fn state(&self) -> State {
        match self {
            Self::End { state, .. } | Self::Wait { state, .. } => *state,
            Self::Watched { .. } => State::Sent,
        }
    }
}

/// What a settlement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The delivery moved as asked.
    Moved,
    /// The attempt is recorded; the delivery had already moved on to this state.
    Kept(State),
    /// No such attempt was open: nothing was recorded.
    Ignored,
}

/// A move of a waiting delivery, or of a sent one back to `queued` or to `recalled`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The state it must be in; `None`: any waiting state. Only `Some(Sent)` moves a sent delivery:
    /// to `queued` when no receipt came in time, to `recalled` when its vendor took it back.
    pub from: Option<State>,
    /// The state it goes to.
    pub to: State,
    /// When it becomes ready, for `scheduled`, `held` and `queued`.
    pub due_at: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
}

impl Change {
    /// Whether it moves a delivery on that stands in `from` and was sent.
    pub fn leaves_sent(&self, from: State) -> bool {
        (self.from, from) == (Some(State::Sent), State::Sent)
            && matches!(self.to, State::Queued | State::Recalled)
    }
}

/// A receipt to be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewReceipt {
    /// The account it came in by.
    pub account: AccountId,
    /// Matched against the lines of the acceptance's `receipt_key`, or `vendor_id` where it has
    /// none.
    pub key: Option<String>,
    /// The delivery it names by our own reference.
    pub delivery: Option<DeliveryId>,
    /// The state it speaks for: `delivered`, `undelivered`; `None`: evidence only.
    pub state: Option<State>,
    /// The vendor's status code.
    pub code: String,
    /// Its words.
    pub detail: String,
    /// When it happened, by the vendor's clock.
    pub at: Option<Timestamp>,
    /// Segments the vendor bills.
    pub segments: Option<u16>,
    /// As received, for evidence.
    pub raw: String,
}

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptFate {
    /// Recorded; the delivery moved.
    Moved {
        /// The delivery.
        delivery: DeliveryId,
        /// Where it stood.
        from: State,
        /// Where it stands now.
        to: State,
        /// When it became `sent`, where that is the state it moved from.
        sent_at: Option<Timestamp>,
    },
    /// Recorded as evidence; the delivery stays where it is.
    Kept {
        /// The delivery.
        delivery: DeliveryId,
        /// Where it stands.
        state: State,
        /// When it became `sent`, where that is its state.
        sent_at: Option<Timestamp>,
    },
    /// The same receipt was recorded before.
    Repeated(DeliveryId),
    /// No attempt is known for it yet; kept until one is.
    Parked,
}

/// A delivery that a vendor took, as far as its receipts are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its queue.
    pub lane: Lane,
    /// `sent`, `delivered` or `undelivered`.
    pub state: State,
    /// The account of the last attempt.
    pub account: AccountId,
    /// When it became `sent`; once a receipt has moved it on, when its last attempt began.
    pub sent_at: Timestamp,
    /// Attempts begun.
    pub attempts: u16,
    /// When the message stops being worth sending.
    pub expires_at: Timestamp,
}
