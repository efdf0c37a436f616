//! The embedded [`Ledger`]: a command journal in front of SQLite segments.
//!
//! One writer thread carries out what is asked in open transactions, appends one journal frame
//! for all of it, syncs that, and answers; the transactions are committed a moment later (the
//! reasons and figures are in `docs/decisions/0005-command-journal-in-front-of-sqlite.md`).
//! Invariant: the journal's frames applied in order to empty files give the state; every file
//! knows the last frame it has seen.
//!
//! Where to look: `op` what is recorded, `journal` where, `apply` what it does to the rows,
//! `writer` the loop, `index` how texts find rows, `read` the queries, `upkeep` the rest.

mod apply;
mod check;
mod command;
mod core;
pub mod disk;
mod fault;
mod index;
mod journal;
mod metrics;
mod op;
pub mod options;
mod parked;
mod prepare;
mod queue;
mod read;
mod remembered;
mod rule;
mod schema;
mod segment;
mod segments;
mod start;
mod upkeep;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use austin_domain::{AppId, DeliveryId, Lane, MessageId, Timestamp};
use austin_ports::BoxFuture;
use austin_ports::ledger::{
    Accepted, AttemptStart, CallRecord, Change, Counts, Error, Evidence, Filter, Found,
    HandedOvers, Ledger, Mark, MessageSummary, NewMessage, NewReceipt, Overdue, ParkedReceipt,
    ReceiptFate, Recovery, Remembered, Result, Settled, Settlement, WorkItem,
};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;

pub use check::check;
pub use options::{Options, Sync};

use crate::Vault;
use command::{Command, Probed};
use core::Core;
use fault::Fault;
use index::key;
use read::{Reader, Readers};
use upkeep::Job;

/// The ledger's directory in the data directory.
pub const DIRECTORY: &str = "ledger";

/// The embedded ledger of a data directory. Dropping it stops it as [`LocalLedger::close`] does.
#[derive(Debug)]
pub struct LocalLedger {
    core: Arc<Core>,
    readers: Arc<Readers>,
    jobs: Sender<Job>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Why the ledger does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger cannot be opened: {0}")]
pub struct OpenError(String);

impl LocalLedger {
    /// Opens the ledger of the data directory `dir` (which the caller holds, see
    /// [`crate::DataDir`]) and brings it to what its journal says. Makes it when it is not there.
    ///
    /// # Errors
    /// [`OpenError`] for people: what is wrong with which file.
    pub fn open(
        dir: &Path,
        vault: Arc<Vault>,
        options: Options,
        registry: &mut Registry,
    ) -> std::result::Result<Self, OpenError> {
        start::open(&dir.join(DIRECTORY), vault, options, registry)
            .map_err(|fault| OpenError(fault.to_string()))
    }

    /// Finishes what was asked, makes it durable and stops. Calls after this answer
    /// [`Error::Stopping`]. Blocks for as long as that takes.
    pub fn close(&self) {
        if !self.core.is_killed() && !self.core.queue.is_closed() {
            // Shortens the next start; without it, the journal is all that is needed.
            let _ = self.jobs.send(Job::Round);
            let _ = self.jobs.send(Job::Stop);
            let upkeep = self.threads.lock().pop();
            if let Some(upkeep) = upkeep {
                let _ = upkeep.join();
            }
        }
        self.core.queue.close();
        let _ = self.jobs.send(Job::Stop);
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!("a thread of the ledger panicked");
            }
        }
    }

    async fn take(
        &self,
        messages: Vec<NewMessage>,
        mark: Option<Mark>,
        now: Timestamp,
    ) -> Result<Vec<Accepted>> {
        let mut prepared = prepare::prepare(&messages);
        prepared.mark = mark;
        let (reply, answer) = oneshot::channel();
        let rows = prepared.rows;
        self.core
            .queue
            .offer(Command::Accept(prepared, now, reply), rows)?;
        let ids = answer.await.unwrap_or(Err(Error::Stopping))?;
        Ok(prepare::accepted(messages, &ids, now))
    }

    async fn ask<T>(
        &self,
        rows: usize,
        command: impl FnOnce(command::Reply<T>) -> Command,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.core.queue.put(command(reply), rows).await?;
        answer.await.unwrap_or(Err(Error::Stopping))
    }

    /// Runs `read` on a thread that may block, after a barrier.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> std::result::Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.core.barrier().await?;
        self.blocking(move |core, readers| read(&Reader::new(core, readers)))
            .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Core>, &Arc<Readers>) -> std::result::Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let (core, readers) = (Arc::clone(&self.core), Arc::clone(&self.readers));
        tokio::task::spawn_blocking(move || work(&core, &readers))
            .await
            .map_err(|_| Error::Stopping)?
            .map_err(|fault| fault.to_error())
    }

    /// Looks up where receipts may belong, as far as the index files know.
    async fn probe(&self, receipts: Vec<NewReceipt>) -> Result<Vec<Probed>> {
        self.blocking(move |core, _| {
            let moved = core.index.moved();
            let directory = core.directory.load_full();
            let probe = |receipt: NewReceipt| {
                let key = receipt
                    .key
                    .as_ref()
                    .map(|text| key::receipt(receipt.account, text));
                let mut candidates = Vec::new();
                for (info, key) in directory.iter().rev().zip(key.into_iter().cycle()) {
                    candidates.extend(core.index.look_up(
                        info.number,
                        key,
                        u64::MAX,
                        MOST_CANDIDATES,
                    )?);
                }
                Ok(Probed {
                    receipt,
                    candidates,
                    moved,
                })
            };
            receipts.into_iter().map(probe).collect()
        })
        .await
    }

    /// Tests: stops as a killed process does, leaving everything as it is.
    #[doc(hidden)]
    pub fn kill(&self) {
        self.core
            .killed
            .store(true, std::sync::atomic::Ordering::Release);
        self.close();
    }
}

impl Drop for LocalLedger {
    fn drop(&mut self) {
        self.close();
    }
}

impl Ledger for LocalLedger {
    fn accept(
        &self,
        messages: Vec<NewMessage>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Accepted>>> {
        Box::pin(self.take(messages, None, now))
    }

    fn accept_once(
        &self,
        messages: Vec<NewMessage>,
        mark: Mark,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Accepted>>> {
        Box::pin(self.take(messages, Some(mark), now))
    }

    fn remembered<'a>(
        &'a self,
        app: AppId,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Remembered>>> {
        Box::pin(async move {
            let Some(first) = self.core.remembered.find(remembered::hash(app, key)) else {
                return Ok(None);
            };
            let key = key.to_owned();
            let found = self
                .read(move |reader| reader.remembered(first, app, &key))
                .await?;
            let since = now.minus(self.core.options.remember_for);
            Ok(found.filter(|found| found.at >= since))
        })
    }

    fn begin(&self, starts: Vec<AttemptStart>, now: Timestamp) -> BoxFuture<'_, Result<Vec<bool>>> {
        let rows = starts.len();
        Box::pin(self.ask(rows, move |reply| Command::Begin(starts, now, reply)))
    }

    fn settle(
        &self,
        calls: Vec<CallRecord>,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Settled>>> {
        let rows = settlements.len();
        Box::pin(self.ask(rows, move |reply| {
            Command::Settle(calls, settlements, now, reply)
        }))
    }

    fn change(&self, changes: Vec<Change>, now: Timestamp) -> BoxFuture<'_, Result<Vec<bool>>> {
        let rows = changes.len();
        Box::pin(self.ask(rows, move |reply| Command::Change(changes, now, reply)))
    }

    fn receipts(
        &self,
        receipts: Vec<NewReceipt>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<ReceiptFate>>> {
        Box::pin(async move {
            let probed = self.probe(receipts).await?;
            self.ask(probed.len(), move |reply| {
                Command::Receipts(probed, now, reply)
            })
            .await
        })
    }

    fn rematch(&self, now: Timestamp) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            let (mut after, mut count) = (0, 0);
            loop {
                let parked = self
                    .read(move |reader| reader.parked(after, REMATCH_BATCH))
                    .await?;
                let Some((last, _)) = parked.last() else {
                    return Ok(count);
                };
                after = *last;
                let numbers: Vec<u64> = parked.iter().map(|(id, _)| *id).collect();
                let receipts = parked.into_iter().map(|(_, parked)| parked.receipt);
                let probed = self.probe(receipts.collect()).await?;
                let batch: Vec<_> = numbers.into_iter().zip(probed).collect();
                count += self
                    .ask(batch.len(), move |reply| {
                        Command::Rematch(batch, now, reply)
                    })
                    .await?;
            }
        })
    }

    fn recover(&self) -> BoxFuture<'_, Result<Recovery>> {
        Box::pin(self.read(Reader::recover))
    }

    fn ready(
        &self,
        lane: Lane,
        after: DeliveryId,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WorkItem>>> {
        Box::pin(self.read(move |reader| reader.ready(lane, after, limit)))
    }

    fn load(&self, ids: Vec<DeliveryId>) -> BoxFuture<'_, Result<Vec<WorkItem>>> {
        Box::pin(self.read(move |reader| reader.load(&ids)))
    }

    fn overdue(&self, now: Timestamp, after: DeliveryId) -> BoxFuture<'_, Result<Overdue>> {
        Box::pin(self.read(move |reader| reader.overdue(now, after)))
    }

    fn handed_over(&self, before: DeliveryId, rows: usize) -> BoxFuture<'_, Result<HandedOvers>> {
        Box::pin(self.read(move |reader| reader.handed_over(before, rows)))
    }

    fn counted(
        &self,
        from: Timestamp,
        after: DeliveryId,
        rows: usize,
    ) -> BoxFuture<'_, Result<Counts>> {
        Box::pin(self.read(move |reader| reader.counted(from, after, rows)))
    }

    fn find(&self, filter: Filter) -> BoxFuture<'_, Result<Found>> {
        Box::pin(self.read(move |reader| reader.find(&filter)))
    }

    fn evidence(&self, id: DeliveryId) -> BoxFuture<'_, Result<Option<Evidence>>> {
        Box::pin(self.read(move |reader| reader.evidence(id)))
    }

    fn message(&self, id: MessageId) -> BoxFuture<'_, Result<Option<MessageSummary>>> {
        Box::pin(self.read(move |reader| reader.message(id)))
    }

    fn parked(&self, limit: usize) -> BoxFuture<'_, Result<Vec<ParkedReceipt>>> {
        Box::pin(async move {
            let parked = self.read(move |reader| reader.parked(0, limit)).await?;
            Ok(parked.into_iter().map(|(_, parked)| parked).collect())
        })
    }

    fn wipe(&self, now: Timestamp) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let over = self.read(move |reader| reader.kept(now)).await?;
            for some in over.chunks(WIPE_BATCH) {
                let deliveries = some.to_vec();
                self.ask(deliveries.len(), move |reply| {
                    Command::Wipe(deliveries, reply)
                })
                .await?;
            }
            Ok(())
        })
    }

    fn retain(&self, before: Timestamp) -> BoxFuture<'_, Result<u64>> {
        Box::pin(self.ask(1, move |reply| Command::Retain(before, reply)))
    }

    fn health(&self) -> Result<()> {
        if self.core.queue.is_closed() {
            return Err(Error::Stopping);
        }
        if let Some(reason) = self.core.refusing.lock().clone() {
            return Err(Error::Refusing(reason));
        }
        let directory = self.core.directory.load();
        let damaged: Vec<&str> = directory
            .iter()
            .filter_map(|info| info.damage.as_deref())
            .collect();
        if damaged.is_empty() {
            Ok(())
        } else {
            Err(Error::Damaged(damaged.join("; ")))
        }
    }
}

const MOST_CANDIDATES: usize = 64;
const REMATCH_BATCH: usize = 512;
const WIPE_BATCH: usize = 2_048;

#[cfg(test)]
mod tests;
