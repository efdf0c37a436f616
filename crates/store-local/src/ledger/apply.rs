//! The state machine: applies operations to the segments and the parked receipts.
//!
//! Invariant: the result of an operation depends on it and the rows it concerns only, and a
//! file that has seen a frame does not see it again.

mod accept;
mod attempt;
mod change;
mod late;
mod receipt;

pub(crate) use attempt::{decode, state_of};
pub(crate) use receipt::digest as receipt_digest;

use std::path::Path;

use austin_domain::{DeliveryId, State, Timestamp};
use austin_ports::ledger::{NewReceipt, ReceiptFate, Settled};

use super::fault::Fault;
use super::op::{Accept, Op, Remember};
use super::parked::Parked;
use super::remembered;
use super::segments::Segments;

/// What an operation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to tell.
    Done,
    /// Of `Begin` and `Change`: whose guard held.
    Held(Vec<bool>),
    /// Of `Settle`.
    Settled(Vec<Settled>),
    /// Of `Receive` and `Unpark`.
    Received(Vec<ReceiptFate>),
}

/// The files that hold the state.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The segments.
    pub(crate) segments: Segments,
    /// The receipts without a delivery.
    pub(crate) parked: Parked,
    /// The highest id given to any message or delivery.
    pub(crate) last_id: u64,
    /// Rows changed since the last commit.
    pub(crate) lag: u64,
}

impl Machine {
    /// Opens the files in `dir` as they were last committed.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn open(dir: &Path) -> Result<Self, Fault> {
        let segments = Segments::open(dir)?;
        let parked = Parked::open(dir)?;
        let last_id = segments.iter().map(|segment| segment.head.last).max();
        Ok(Self {
            segments,
            parked,
            last_id: last_id.unwrap_or(0),
            lag: 0,
        })
    }

    /// The highest frame any file has seen.
    pub(crate) fn applied(&self) -> u64 {
        let segments = self.segments.iter().map(|segment| segment.head.applied);
        segments.max().unwrap_or(0).max(self.parked.applied())
    }

    /// Applies an operation of frame `sequence` where it has not taken effect yet.
    ///
    /// # Errors
    /// [`Fault`]; a damaged segment was then set aside. Roll back before going on.
    pub(crate) fn apply(&mut self, op: &Op, sequence: u64) -> Result<Outcome, Fault> {
        match op {
            Op::Accept(op) => self.accept(op, sequence).map(|()| Outcome::Done),
            Op::Begin { now, starts } => {
                let mut held = vec![false; starts.len()];
                self.each(
                    starts,
                    |start| start.delivery,
                    sequence,
                    |connection, _, at, starts| {
                        attempt::begin(connection, *now, starts, &mut held[at..])
                    },
                )?;
                Ok(Outcome::Held(held))
            }
            Op::Settle {
                now,
                calls,
                settlements,
            } => {
                let mut settled = vec![Settled::Ignored; settlements.len()];
                self.each(
                    settlements,
                    |settlement| settlement.delivery,
                    sequence,
                    |connection, head, at, settlements| {
                        attempt::Settle::new(connection, head, *now, calls)?
                            .run(settlements, &mut settled[at..])
                    },
                )?;
                Ok(Outcome::Settled(settled))
            }
            Op::Change { now, changes } => {
                let mut held = vec![false; changes.len()];
                self.each(
                    changes,
                    |change| change.delivery,
                    sequence,
                    |connection, head, at, changes| {
                        change::run(connection, head, *now, changes, &mut held[at..])
                    },
                )?;
                Ok(Outcome::Held(held))
            }
            Op::Wipe { deliveries } => {
                let id = |delivery: &DeliveryId| *delivery;
                self.each(deliveries, id, sequence, |connection, _, _, deliveries| {
                    change::wipe(connection, deliveries)
                })?;
                Ok(Outcome::Done)
            }
            Op::Remember(op) => self.remember(op, sequence).map(|()| Outcome::Done),
            Op::Receive { now, receipts } => self.receive(*now, receipts, sequence),
            Op::Park { .. } | Op::Unpark { .. } => self.park_or_unpark(op, sequence),
            Op::Retire {
                segments,
                successor,
            } => {
                if let Some((number, floor)) = successor {
                    self.segments.ensure(*number, *floor)?;
                }
                self.segments.remove(segments).map(|()| Outcome::Done)
            }
        }
    }

    /// Commits everything as the state after frame `sequence`.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn commit(&mut self, sequence: u64) -> Result<(), Fault> {
        self.parked.commit(sequence)?;
        self.segments.commit(sequence)?;
        self.lag = 0;
        Ok(())
    }

    /// Forgets everything that is not committed.
    pub(crate) fn rollback(&mut self) {
        self.segments.rollback();
        self.parked.rollback();
        self.lag = 0;
    }

    fn accept(&mut self, op: &Accept, sequence: u64) -> Result<(), Fault> {
        let Some(first) = op.messages.first() else {
            return Ok(());
        };
        for message in &op.messages {
            let last = message.id.as_u64() + message.deliveries.len() as u64;
            self.last_id = self.last_id.max(last);
        }
        let floor = first.id.as_u64() - 1;
        let place = self.segments.ensure(op.segment, floor)?;
        self.within(place, sequence, |connection, head| {
            accept::insert(connection, head, op)
        })?;
        self.lag += op
            .messages
            .iter()
            .map(|m| 1 + m.deliveries.len() as u64)
            .sum::<u64>();
        Ok(())
    }

    fn remember(&mut self, op: &Remember, sequence: u64) -> Result<(), Fault> {
        let Some(first) = op.messages.first() else {
            return Ok(());
        };
        let place = self.segments.ensure(op.segment, first.as_u64() - 1)?;
        self.within(place, sequence, |connection, _| {
            remembered::insert(connection, *first, op)
        })?;
        self.lag += 1;
        Ok(())
    }

    fn receive(
        &mut self,
        now: Timestamp,
        receipts: &[(DeliveryId, NewReceipt)],
        sequence: u64,
    ) -> Result<Outcome, Fault> {
        let mut fates = vec![ReceiptFate::Parked; receipts.len()];
        self.each(
            receipts,
            |(delivery, _)| *delivery,
            sequence,
            |connection, head, at, receipts| {
                for (fate, (delivery, receipt)) in fates[at..].iter_mut().zip(receipts) {
                    *fate = receipt::record(connection, head, (*delivery, now), receipt, now)?;
                }
                Ok(())
            },
        )?;
        Ok(Outcome::Received(fates))
    }

    fn park_or_unpark(&mut self, op: &Op, sequence: u64) -> Result<Outcome, Fault> {
        self.lag += 1;
        match op {
            Op::Park { now, id, receipt } => {
                self.parked.insert(sequence, *id, *now, receipt)?;
                Ok(Outcome::Received(vec![ReceiptFate::Parked]))
            }
            Op::Unpark {
                now,
                id,
                received_at,
                delivery,
                receipt,
            } => {
                self.parked.remove(sequence, *id, receipt)?;
                let mut fate = ReceiptFate::Parked;
                if let Some(place) = self.segments.place(delivery.as_u64()) {
                    self.within(place, sequence, |connection, head| {
                        fate = receipt::record(
                            connection,
                            head,
                            (*delivery, *received_at),
                            receipt,
                            *now,
                        )?;
                        Ok(())
                    })?;
                }
                Ok(Outcome::Received(vec![fate]))
            }
            _ => Ok(Outcome::Done),
        }
    }

    /// Runs `work` once per stretch of neighbouring items of one segment, with the stretch's
    /// place among the items.
    fn each<T>(
        &mut self,
        items: &[T],
        id: impl Fn(&T) -> DeliveryId,
        sequence: u64,
        mut work: impl FnMut(
            &rusqlite::Connection,
            &mut super::segment::Head,
            usize,
            &[T],
        ) -> rusqlite::Result<()>,
    ) -> Result<(), Fault> {
        self.lag += items.len() as u64;
        let mut at = 0;
        while at < items.len() {
            let place = self.segments.place(id(&items[at]).as_u64());
            let length = items[at..]
                .iter()
                .take_while(|item| self.segments.place(id(item).as_u64()) == place)
                .count();
            if let Some(place) = place {
                let stretch = &items[at..at + length];
                self.within(place, sequence, |connection, head| {
                    work(connection, head, at, stretch)
                })?;
            }
            at += length;
        }
        Ok(())
    }

    fn within(
        &mut self,
        place: usize,
        sequence: u64,
        work: impl FnOnce(&rusqlite::Connection, &mut super::segment::Head) -> rusqlite::Result<()>,
    ) -> Result<(), Fault> {
        let Some(segment) = self.segments.awaiting(place, sequence) else {
            return Ok(());
        };
        let name = segment.name();
        let result = segment
            .writing()
            .and_then(|(connection, head)| work(connection, head).map_err(Fault::sqlite(name)));
        if let Err(fault) = &result
            && fault.is_damage()
        {
            segment.set_aside(fault);
        }
        result
    }
}

/// What changes in a segment's count of open deliveries when one moves.
pub(super) fn open_change(from: State, to: State) -> i64 {
    i64::from(to.is_open()) - i64::from(from.is_open())
}
