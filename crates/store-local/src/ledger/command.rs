//! What the writer is asked, and how it answers.

use austin_domain::{DeliveryId, MessageId, Timestamp};
use austin_ports::ledger::{
    AttemptStart, CallRecord, Change, NewReceipt, ReceiptFate, Result, Settled, Settlement,
};
use tokio::sync::oneshot;

use super::prepare::Prepared;

/// The way back to the caller.
pub(crate) type Reply<T> = oneshot::Sender<Result<T>>;

/// What the writer is asked.
#[derive(Debug)]
pub(crate) enum Command {
    /// [`austin_ports::Ledger::accept`]; answers the messages' ids.
    Accept(Prepared, Timestamp, Reply<Vec<MessageId>>),
    /// [`austin_ports::Ledger::begin`].
    Begin(Vec<AttemptStart>, Timestamp, Reply<Vec<bool>>),
    /// [`austin_ports::Ledger::settle`].
    Settle(
        Vec<CallRecord>,
        Vec<Settlement>,
        Timestamp,
        Reply<Vec<Settled>>,
    ),
    /// [`austin_ports::Ledger::change`].
    Change(Vec<Change>, Timestamp, Reply<Vec<bool>>),
    /// [`austin_ports::Ledger::receipts`].
    Receipts(Vec<Probed>, Timestamp, Reply<Vec<ReceiptFate>>),
    /// [`austin_ports::Ledger::rematch`] of these parked receipts; how many were matched.
    Rematch(Vec<(u64, Probed)>, Timestamp, Reply<usize>),
    /// [`austin_ports::Ledger::wipe`] of these.
    Wipe(Vec<DeliveryId>, Reply<()>),
    /// [`austin_ports::Ledger::retain`].
    Retain(Timestamp, Reply<u64>),
    /// Commit what is open, so that readers see it.
    Barrier(Reply<()>),
    /// Commit, and set index entries aside for writing.
    Freeze(Reply<Frozen>),
    /// Make durable what is committed; free the journal up to the given frame if all of it is.
    Release(u64, Reply<bool>),
}

/// A receipt and where its delivery may be.
#[derive(Clone, Debug)]
pub(crate) struct Probed {
    /// What it says.
    pub(crate) receipt: NewReceipt,
    /// Deliveries its key may belong to, from the index files.
    pub(crate) candidates: Vec<u64>,
    /// [`super::index::Index::moved`] before they were looked up.
    pub(crate) moved: u64,
}

/// What [`Command::Freeze`] did.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    /// The last frame.
    pub(crate) sequence: u64,
    /// Segments that are not durable yet.
    pub(crate) dirty: Vec<u32>,
    /// Segments with index entries to write.
    pub(crate) frozen: Vec<u32>,
}

/// Answers; a caller that has gone away does not mind.
pub(crate) fn answer<T>(reply: Reply<T>, result: Result<T>) {
    let _ = reply.send(result);
}
