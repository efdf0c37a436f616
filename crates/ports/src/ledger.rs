//! The durable truth about messages and deliveries.
//!
//! Contract, checked by the conformance suite:
//! - A call that returned `Ok` is durable: it survives `kill -9` (and power loss where the
//!   backend is set so).
//! - Batches are atomic per message (accept) and per delivery (everything else); many callers
//!   may share one commit.
//! - Ids grow in commit order: once a row with a given id can be read, no smaller id appears.
//! - Every move is guarded by [`austin_domain::State::may_become`].
//! - Reads see every earlier `Ok` write of any caller.

pub mod counted;
pub mod evidence;
pub mod query;
pub mod write;

use austin_domain::{AppId, DeliveryId, Lane, MessageId, Timestamp};

pub use counted::Counted;
pub use evidence::{AttemptRow, DeliveryRow, Event, Evidence, ParkedReceipt, ReceiptRow};
pub use query::{Filter, Found, MessageSummary};
pub use write::{
    Accepted, AttachmentRef, AttachmentSource, AttemptStart, CallRecord, Change, Facts, HandedOver,
    Mark, MessageHead, NewDelivery, NewMessage, NewReceipt, Next, RELEASED, ReceiptFate,
    Remembered, Settled, Settlement, WorkItem,
};

use crate::BoxFuture;

/// Result of a ledger call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the ledger did not do what was asked. Nothing of the call took effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its queue is full; ask again shortly.
    #[error("the ledger is busy: {waiting} writes are waiting")]
    Busy {
        /// How many.
        waiting: usize,
    },
    /// It takes no new work (disk full, fault on disk); what it has is safe.
    #[error("the ledger takes no new work: {0}")]
    Refusing(String),
    /// A request with this key is durable already.
    #[error("a request with this key was taken before")]
    Repeated,
    /// It is shutting down.
    #[error("the ledger is stopping")]
    Stopping,
    /// Stored data cannot be read.
    #[error("stored data cannot be read: {0}")]
    Damaged(String),
}

/// The durable truth about messages and deliveries.
pub trait Ledger: Send + Sync {
    /// Makes messages and all their deliveries durable and gives them ids.
    fn accept(
        &self,
        messages: Vec<NewMessage>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Accepted>>>;

    /// The same for a request that may come again: messages and mark become durable together.
    /// At least one message. [`Error::Repeated`] when the app's key is known already.
    fn accept_once(
        &self,
        messages: Vec<NewMessage>,
        mark: Mark,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Accepted>>>;

    /// The request an app marked with this key, while it is remembered.
    fn remembered<'a>(
        &'a self,
        app: AppId,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Remembered>>>;

    /// Marks deliveries `sending` before any vendor sees them. `true` per start whose guard
    /// held: the delivery was waiting and had `attempt - 1` attempts. Only those may be sent.
    fn begin(&self, starts: Vec<AttemptStart>, now: Timestamp) -> BoxFuture<'_, Result<Vec<bool>>>;

    /// Records vendor calls and what they came to. An attempt is recorded once, even when a
    /// receipt has meanwhile moved the delivery on; the state only moves where it may.
    fn settle(
        &self,
        calls: Vec<CallRecord>,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Settled>>>;

    /// Moves waiting deliveries (expire, hold, release, recall, give back), and sent ones back to
    /// `queued` or to `recalled` where the change says so; leaves an event for each. `true` per change whose guard
    /// held.
    fn change(&self, changes: Vec<Change>, now: Timestamp) -> BoxFuture<'_, Result<Vec<bool>>>;

    /// Records receipts: matched ones on their delivery, the others parked until their attempt
    /// is recorded. Repeating a receipt changes nothing.
    fn receipts(
        &self,
        receipts: Vec<NewReceipt>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<ReceiptFate>>>;

    /// Tries parked receipts again; how many found their delivery. Safe to run twice.
    fn rematch(&self, now: Timestamp) -> BoxFuture<'_, Result<usize>>;

    /// What was open when the process started. Called once, before anything is dispatched.
    fn recover(&self) -> BoxFuture<'_, Result<Recovery>>;

    /// Ready deliveries of a lane (waiting, no due time) with an id above `after`, in order.
    fn ready(
        &self,
        lane: Lane,
        after: DeliveryId,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WorkItem>>>;

    /// These deliveries as work items, where they are still waiting.
    fn load(&self, ids: Vec<DeliveryId>) -> BoxFuture<'_, Result<Vec<WorkItem>>>;

    /// Waiting deliveries with an id above `after` whose `expires_at` has passed.
    fn overdue(&self, now: Timestamp, after: DeliveryId) -> BoxFuture<'_, Result<Overdue>>;

    /// Deliveries that a vendor took, with an id below `before`, newest first: those among the
    /// next `rows` rows.
    fn handed_over(&self, before: DeliveryId, rows: usize) -> BoxFuture<'_, Result<HandedOvers>>;

    /// Deliveries that count against limits since `from`, with an id above `after`, in order of id:
    /// those among the next `rows` rows. Those accepted before `from` are among them where they
    /// went out since; see [`Counted::at`].
    fn counted(
        &self,
        from: Timestamp,
        after: DeliveryId,
        rows: usize,
    ) -> BoxFuture<'_, Result<Counts>>;

    /// Deliveries that fit `filter`, newest first.
    fn find(&self, filter: Filter) -> BoxFuture<'_, Result<Found>>;

    /// Everything known about one delivery.
    fn evidence(&self, id: DeliveryId) -> BoxFuture<'_, Result<Option<Evidence>>>;

    /// A message and how its deliveries stand.
    fn message(&self, id: MessageId) -> BoxFuture<'_, Result<Option<MessageSummary>>>;

    /// Parked receipts, oldest first.
    fn parked(&self, limit: usize) -> BoxFuture<'_, Result<Vec<ParkedReceipt>>>;

    /// Wipes the secret values of settled deliveries that were kept until now at the longest
    /// ([`Next::Watched`]). Safe to run twice.
    fn wipe(&self, now: Timestamp) -> BoxFuture<'_, Result<()>>;

    /// Removes deliveries accepted before `before` that are all settled, in whole storage units.
    /// How many deliveries went.
    fn retain(&self, before: Timestamp) -> BoxFuture<'_, Result<u64>>;

    /// Whether it takes new work, and why not.
    fn health(&self) -> Result<()>;
}

/// Deliveries that count, and where the scan stopped (`None`: at the end).
pub type Counts = (Vec<Counted>, Option<DeliveryId>);

/// Deliveries that a vendor took, and where the scan stopped (`None`: at the end).
pub type HandedOvers = (Vec<HandedOver>, Option<DeliveryId>);

/// Overdue deliveries with their lanes, and where the scan stopped (`None`: at the end).
pub type Overdue = (Vec<(DeliveryId, Lane)>, Option<DeliveryId>);

/// What was open when the process started.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Per lane: the ready deliveries (waiting, no due time).
    pub ready: Vec<Backlog>,
    /// Waiting deliveries with a due time.
    pub timers: Vec<Timer>,
    /// Deliveries that were `sending`: a vendor may or may not have taken them.
    pub interrupted: Vec<Interrupted>,
}

/// The ready deliveries of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The lane.
    pub lane: Lane,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: DeliveryId,
    /// The last of them.
    pub last: DeliveryId,
}

/// A waiting delivery with a due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// When it becomes ready.
    pub due_at: Timestamp,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its lane.
    pub lane: Lane,
}

/// A delivery whose attempt was cut off by a crash.
#[derive(Clone, Debug)]
pub struct Interrupted {
    /// The delivery as it would be sent again.
    pub item: WorkItem,
    /// The account it was handed to.
    pub account: austin_domain::AccountId,
    /// When the attempt began.
    pub started_at: Timestamp,
}
