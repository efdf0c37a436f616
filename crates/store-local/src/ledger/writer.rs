//! The one thread that writes.
//!
//! It takes what is queued, carries it out in open transactions, appends one frame with all of
//! it to the journal, and answers. Invariant: nothing is answered before its frame is in the
//! journal, and what the transactions hold is at every answer exactly what the journal says.

mod group;
mod matching;
mod upkeep;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::Instant;

use austin_domain::id::Sequence;
use austin_ports::ledger::Error;

use super::apply::Machine;
use super::command::{Command, Reply, answer};
use super::core::Core;
use super::fault::Fault;
use super::journal::{self, Journal};
use super::metrics::gauge;
use super::op;
use super::queue::Woken;
use super::remembered;
use super::upkeep::Job;

/// The writer's own state.
#[derive(Debug)]
pub(crate) struct Writer {
    core: Arc<Core>,
    machine: Machine,
    journal: Journal,
    ids: Sequence,
    jobs: Sender<Job>,
    /// The frame being built.
    frame: Vec<u8>,
    /// The requests marked in it.
    marks: Vec<remembered::Place>,
    /// Since when the state files lag behind the journal.
    lagging: Option<Instant>,
    /// Rows since the state files were last made durable.
    since_round: u64,
    /// Segments to be sealed once everything in them is committed.
    full: Vec<u32>,
    /// When no new work is taken: when to try again.
    refusing: Option<Instant>,
    /// Whether the state files miss answered frames.
    stale: bool,
    /// When free space was last looked at, and what was found.
    space: Option<(Instant, u64)>,
}

impl Writer {
    /// A writer over opened files that hold all the journal says.
    pub(crate) fn new(
        core: Arc<Core>,
        machine: Machine,
        journal: Journal,
        jobs: Sender<Job>,
    ) -> Self {
        let ids = Sequence::new(core.options.node, machine.last_id);
        let writer = Self {
            core,
            machine,
            journal,
            ids,
            jobs,
            frame: Vec::new(),
            marks: Vec::new(),
            lagging: None,
            since_round: 0,
            full: Vec::new(),
            refusing: None,
            stale: false,
            space: None,
        };
        let last = writer.journal.next() - 1;
        writer.core.answered.store(last, Ordering::Release);
        writer.core.visible.store(last, Ordering::Release);
        writer.show();
        writer
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            let deadline = self.lagging.map(|since| since + self.core.options.lag_for);
            match self.core.queue.take(deadline, MOST_ROWS) {
                Woken::Work(commands, rows) => {
                    self.work(commands);
                    self.core.queue.done(rows);
                }
                Woken::Time => {}
                Woken::Closed => break,
            }
            if self.core.is_killed() {
                self.machine.rollback();
                return;
            }
            self.catch_up_if_due();
        }
        self.finish();
    }

    fn work(&mut self, commands: Vec<Command>) {
        let mut writes = Vec::with_capacity(commands.len());
        let mut barriers = Vec::new();
        for command in commands {
            match command {
                Command::Barrier(reply) => barriers.push(reply),
                Command::Freeze(reply) => {
                    self.group(std::mem::take(&mut writes));
                    self.freeze(reply);
                }
                Command::Release(upto, reply) => {
                    self.group(std::mem::take(&mut writes));
                    self.release(upto, reply);
                }
                Command::Retain(before, reply) => {
                    self.group(std::mem::take(&mut writes));
                    self.retain(before, reply);
                }
                write => writes.push(write),
            }
        }
        self.group(writes);
        if !barriers.is_empty() {
            self.barrier(barriers);
        }
    }

    fn barrier(&mut self, replies: Vec<Reply<()>>) {
        let result = if self.stale {
            self.try_again()
        } else {
            self.catch_up()
        };
        for reply in replies {
            answer(reply, result.clone());
        }
    }

    /// Commits the open transactions when they are old or large enough.
    fn catch_up_if_due(&mut self) {
        let options = &self.core.options;
        let due = self
            .lagging
            .is_some_and(|since| since.elapsed() >= options.lag_for)
            || self.machine.lag >= options.lag_rows
            || !self.full.is_empty();
        if due {
            // What went wrong is kept, and told to whoever asks next.
            let _ = self.catch_up();
        }
    }

    /// Commits the open transactions, so that readers see every answered frame.
    fn catch_up(&mut self) -> Result<(), Error> {
        let last = self.journal.next() - 1;
        self.since_round += self.machine.lag;
        if let Err(fault) = self.machine.commit(last) {
            return Err(self.fail(&fault));
        }
        self.lagging = None;
        self.core.visible.store(last, Ordering::Release);
        self.show();
        for number in self.core.index.freeze(self.core.options.run_entries, last) {
            self.ask(Job::Write(number));
        }
        for number in std::mem::take(&mut self.full) {
            self.ask(Job::Seal(number));
        }
        if self.since_round >= self.core.options.checkpoint_rows {
            self.since_round = 0;
            self.ask(Job::Round);
        }
        Ok(())
    }

    /// Takes back what is not in the journal, and takes no new work until trying again helps.
    fn fail(&mut self, fault: &Fault) -> Error {
        tracing::error!(%fault, "the ledger cannot write");
        self.core.metrics.faults.inc();
        self.marks.clear();
        let error = fault.to_error();
        self.machine.rollback();
        self.stale = true;
        self.refuse(fault.to_string());
        // Damage to one segment does not stop the others; and whatever happened, readers should
        // see what was answered before.
        if fault.is_damage() {
            let _ = self.try_again();
        } else if let Err(fault) = self.replay() {
            tracing::error!(%fault, "the ledger's state files cannot be brought up to date");
        }
        error
    }

    fn refuse(&mut self, reason: String) {
        *self.core.refusing.lock() = Some(reason);
        self.core.metrics.refusing.set(1);
        self.refusing = Some(Instant::now() + self.core.options.probe_every);
    }

    /// Tries whether what went wrong has passed.
    fn try_again(&mut self) -> Result<(), Error> {
        let tried = self
            .journal
            .heal()
            .and_then(|()| if self.stale { self.replay() } else { Ok(()) });
        if let Err(fault) = tried {
            self.machine.rollback();
            self.refuse(fault.to_string());
            return Err(Error::Refusing(fault.to_string()));
        }
        if self.refusing.take().is_some() {
            tracing::info!("the ledger takes new work again");
        }
        *self.core.refusing.lock() = None;
        self.core.metrics.refusing.set(0);
        Ok(())
    }

    /// Brings the state files to what the journal says.
    fn replay(&mut self) -> Result<(), Fault> {
        self.machine.rollback();
        let last = self.journal.next() - 1;
        let dir = self.core.journal_dir();
        replay(&mut self.machine, &self.core, &dir, last)?;
        self.machine.commit(last)?;
        self.stale = false;
        self.lagging = None;
        self.core.visible.store(last, Ordering::Release);
        Ok(())
    }

    fn finish(mut self) {
        if let Err(error) = self.catch_up() {
            tracing::error!(%error, "the ledger stops behind its journal; the next start catches up");
        }
    }

    fn ask(&self, job: Job) {
        // At the very end there is no upkeep any more: the next start does it.
        let _ = self.jobs.send(job);
    }

    fn show(&self) {
        let metrics = &self.core.metrics;
        let segments = || self.machine.segments.iter();
        let sum = |of: fn(&super::segment::Segment) -> u64| {
            i64::try_from(segments().map(of).sum::<u64>()).unwrap_or(i64::MAX)
        };
        metrics
            .deliveries
            .set(sum(|segment| segment.head.deliveries));
        metrics.open.set(sum(|segment| segment.head.open));
        metrics.segments.set(gauge(segments().count()));
        metrics.damaged.set(gauge(
            segments()
                .filter(|segment| segment.damage.is_some())
                .count(),
        ));
        metrics.parked.set(gauge(self.machine.parked.len()));
        metrics.journal_files.set(gauge(self.journal.files()));
        metrics.queue.set(gauge(self.core.queue.depth()));
        metrics
            .lag
            .set(i64::try_from(self.machine.lag).unwrap_or(i64::MAX));
    }
}

/// Applies the journal's frames up to `last` to the state files that have not seen them.
///
/// # Errors
/// [`Fault`]
pub(crate) fn replay(
    machine: &mut Machine,
    core: &Core,
    dir: &std::path::Path,
    last: u64,
) -> Result<journal::Position, Fault> {
    journal::read(dir, |frame| {
        let sequence = frame.sequence;
        if sequence > last {
            return Ok(());
        }
        let ops = op::decode_all(frame).map_err(|error| {
            Fault::Damaged(format!("journal frame {sequence} cannot be read: {error}"))
        })?;
        for op in &ops {
            match machine.apply(op, sequence) {
                Ok(_) => {}
                // Its segment is set aside now; the others go on.
                Err(fault) if fault.is_damage() => {
                    tracing::error!(%fault, sequence, "a journal frame cannot be applied");
                }
                Err(fault) => return Err(fault),
            }
            core.note_mark(op);
            let segments = &machine.segments;
            core.index.add(op, sequence, |id| segments.number_of(id));
        }
        if machine.lag >= REPLAY_ROWS {
            machine.commit(sequence)?;
        }
        Ok(())
    })
}

const MOST_ROWS: u32 = 16_384;
const REPLAY_ROWS: u64 = 50_000;
