//! The writer's part in keeping files small: freezing, freeing journal files, retention.

use austin_domain::Timestamp;
use austin_ports::ledger::Error;

use super::Writer;
use crate::ledger::command::{Frozen, Reply, answer};
use crate::ledger::fault::Fault;
use crate::ledger::journal::frame;
use crate::ledger::op::{self, Op};
use crate::ledger::schema;

impl Writer {
    /// Commits, and sets all index entries aside for writing.
    pub(super) fn freeze(&mut self, reply: Reply<Frozen>) {
        let result = self.current().map(|()| {
            let sequence = self.journal.next() - 1;
            let frozen = self.core.index.freeze(1, sequence);
            let segments = self.machine.segments.iter();
            let dirty = segments.filter(|segment| segment.dirty);
            Frozen {
                sequence,
                dirty: dirty.map(|segment| segment.number).collect(),
                frozen,
            }
        });
        answer(reply, result);
    }

    /// Makes the state files durable, and frees the journal up to frame `upto` if all are.
    pub(super) fn release(&mut self, upto: u64, reply: Reply<bool>) {
        let result = self.current().and_then(|()| {
            self.try_release(upto).map_err(|fault| {
                tracing::error!(%fault, "cannot free journal files");
                fault.to_error()
            })
        });
        self.show();
        answer(reply, result);
    }

    fn current(&mut self) -> Result<(), Error> {
        if self.stale {
            self.try_again()
        } else {
            self.catch_up()
        }
    }

    fn try_release(&mut self, upto: u64) -> Result<bool, Fault> {
        let mut complete = true;
        for segment in self.machine.segments.iter_mut() {
            if segment.damage.is_some() {
                // What the journal says of it may be all there is: keep it.
                complete = false;
            } else if segment.dirty {
                let name = segment.name();
                let done = schema::checkpoint(segment.connected()?).map_err(Fault::sqlite(name))?;
                segment.dirty = !done;
                complete &= done;
            }
        }
        if self.machine.parked.dirty {
            let done = self.machine.parked.checkpoint()?;
            self.machine.parked.dirty = !done;
            complete &= done;
        }
        if complete {
            self.journal.release(upto)?;
        }
        Ok(complete)
    }

    /// Removes segments all of whose deliveries are settled and were accepted before `before`.
    pub(super) fn retain(&mut self, before: Timestamp, reply: Reply<u64>) {
        let result = self
            .current()
            .and_then(|()| self.try_retain(before).map_err(|fault| self.fail(&fault)));
        answer(reply, result);
    }

    fn try_retain(&mut self, before: Timestamp) -> Result<u64, Fault> {
        let gone = |segment: &&crate::ledger::segment::Segment| {
            segment.damage.is_none()
                && segment.head.deliveries > 0
                && segment.head.open == 0
                && segment.head.newest_at < before.millis()
        };
        let segments = &self.machine.segments;
        let numbers: Vec<u32> = segments.iter().filter(gone).map(|s| s.number).collect();
        let count = segments
            .iter()
            .filter(gone)
            .map(|s| s.head.deliveries)
            .sum();
        if numbers.is_empty() {
            return Ok(0);
        }
        let newest = segments.newest().map(|segment| segment.number);
        // The highest id must be remembered by somebody.
        let successor = newest
            .filter(|newest| numbers.contains(newest))
            .map(|newest| (newest + 1, self.machine.last_id));
        let op = Op::Retire {
            segments: numbers,
            successor,
        };
        // In the journal first: should the files go and this not be known, the journal would
        // make parts of them anew.
        frame::begin(&mut self.frame);
        op::encode_into(&op, &mut self.frame);
        self.journal.append(&mut self.frame)?;
        let last = self.journal.next() - 1;
        self.machine.apply(&op, last)?;
        self.core.index.add(&op, last, |_| None);
        self.core
            .answered
            .store(last, std::sync::atomic::Ordering::Release);
        self.core
            .visible
            .store(last, std::sync::atomic::Ordering::Release);
        self.show();
        Ok(count)
    }
}
