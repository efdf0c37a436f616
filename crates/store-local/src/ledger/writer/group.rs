//! One group: calls that share a journal frame.

use std::time::Instant;

use austin_domain::{MessageId, Timestamp};
use austin_ports::ledger::{Error, ReceiptFate, Result, Settled};

use super::Writer;
use crate::ledger::apply::Outcome;
use crate::ledger::command::{Command, Probed, Reply, answer};
use crate::ledger::fault::Fault;
use crate::ledger::journal::frame;
use crate::ledger::op::{self, Accept, Op, Remember};
use crate::ledger::prepare::Prepared;
use crate::ledger::remembered;
use crate::ledger::upkeep::Job;

/// A call that was carried out and waits for the journal.
enum Pending {
    Accepted(Reply<Vec<MessageId>>, Vec<MessageId>),
    Held(Reply<Vec<bool>>, Vec<bool>),
    Settled(Reply<Vec<Settled>>, Vec<Settled>),
    Received(Reply<Vec<ReceiptFate>>, Vec<ReceiptFate>),
    Matched(Reply<usize>, usize),
    Wiped(Reply<()>),
}

impl Pending {
    fn answer(self, result: &Result<()>) {
        match self {
            Self::Accepted(reply, value) => answer(reply, result.clone().map(|()| value)),
            Self::Held(reply, value) => answer(reply, result.clone().map(|()| value)),
            Self::Settled(reply, value) => answer(reply, result.clone().map(|()| value)),
            Self::Received(reply, value) => answer(reply, result.clone().map(|()| value)),
            Self::Wiped(reply) => answer(reply, result.clone()),
            Self::Matched(reply, value) => answer(reply, result.clone().map(|()| value)),
        }
    }
}

impl Writer {
    /// Carries out the calls, puts them in the journal, and answers them.
    pub(super) fn group(&mut self, commands: Vec<Command>) {
        if commands.is_empty() {
            return;
        }
        if let Err(error) = self.ready() {
            for command in commands {
                turn_away(command, &error);
            }
            return;
        }
        frame::begin(&mut self.frame);
        let mut pending = Vec::with_capacity(commands.len());
        let mut commands = commands.into_iter();
        let mut failed = None;
        for command in commands.by_ref() {
            match self.carry_out(command) {
                Ok(done) => pending.extend(done),
                Err(stopped) => {
                    failed = Some(*stopped);
                    break;
                }
            }
        }
        let result = match failed {
            None => self.append(pending.len()),
            Some((command, fault)) => {
                let error = self.fail(&fault);
                command.answer(&Err(error.clone()));
                Err(error)
            }
        };
        for call in pending {
            call.answer(&result);
        }
        if let Err(error) = result {
            for command in commands {
                turn_away(command, &error);
            }
        }
    }

    /// Whether work can be done, after trying again if it is time to.
    fn ready(&mut self) -> Result<()> {
        match self.refusing {
            None => Ok(()),
            Some(again) if Instant::now() >= again => self.try_again(),
            Some(_) => {
                let reason = self.core.refusing.lock().clone();
                Err(Error::Refusing(reason.unwrap_or_default()))
            }
        }
    }

    fn append(&mut self, calls: usize) -> Result<()> {
        if self.frame.len() > frame::HEADER {
            let begun = Instant::now();
            match self.journal.append(&mut self.frame) {
                Ok(false) => {}
                Ok(true) => {
                    self.since_round = 0;
                    self.ask(Job::Round);
                }
                Err(fault) => return Err(self.fail(&fault)),
            }
            let metrics = &self.core.metrics;
            metrics.commit.observe(begun.elapsed().as_secs_f64());
            #[expect(clippy::cast_precision_loss, reason = "a small count")]
            metrics.group.observe(calls as f64);
            metrics.journal_bytes.inc_by(self.frame.len() as u64);
            for place in self.marks.drain(..) {
                let since = place.at.minus(self.core.options.remember_for);
                self.core.remembered.add(place, since);
            }
            let last = self.journal.next() - 1;
            self.core
                .answered
                .store(last, std::sync::atomic::Ordering::Release);
            self.lagging.get_or_insert(begun);
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        command: Command,
    ) -> std::result::Result<Option<Pending>, Box<(Pending, Fault)>> {
        match command {
            Command::Accept(prepared, now, reply) => {
                if let Err(error) = self.admit(&prepared, now) {
                    answer(reply, Err(error));
                    return Ok(None);
                }
                match self.accept(prepared, now) {
                    Ok(ids) => Ok(Some(Pending::Accepted(reply, ids))),
                    Err(fault) => Err(Box::new((Pending::Accepted(reply, Vec::new()), fault))),
                }
            }
            Command::Begin(starts, now, reply) => {
                let done = self.apply(Op::Begin { now, starts });
                held(reply, done)
            }
            Command::Change(changes, now, reply) => {
                let done = self.apply(Op::Change { now, changes });
                held(reply, done)
            }
            Command::Settle(calls, settlements, now, reply) => {
                let op = Op::Settle {
                    now,
                    calls,
                    settlements,
                };
                match self.settle(op, now) {
                    Ok(settled) => Ok(Some(Pending::Settled(reply, settled))),
                    Err(fault) => Err(Box::new((Pending::Settled(reply, Vec::new()), fault))),
                }
            }
            Command::Receipts(receipts, now, reply) => match self.receive(receipts, now) {
                Ok(fates) => Ok(Some(Pending::Received(reply, fates))),
                Err(fault) => Err(Box::new((Pending::Received(reply, Vec::new()), fault))),
            },
            Command::Wipe(deliveries, reply) => match self.apply(Op::Wipe { deliveries }) {
                Ok(_) => Ok(Some(Pending::Wiped(reply))),
                Err(fault) => Err(Box::new((Pending::Wiped(reply), fault))),
            },
            Command::Rematch(parked, now, reply) => match self.rematch(parked, now) {
                Ok(count) => Ok(Some(Pending::Matched(reply, count))),
                Err(fault) => Err(Box::new((Pending::Matched(reply, 0), fault))),
            },
            Command::Barrier(_)
            | Command::Freeze(_)
            | Command::Release(..)
            | Command::Retain(..) => Ok(None),
        }
    }

    /// Applies an operation and adds it to the frame.
    pub(super) fn apply(&mut self, op: Op) -> std::result::Result<Outcome, Fault> {
        let sequence = self.journal.next();
        let outcome = self.machine.apply(&op, sequence)?;
        if let Op::Remember(op) = &op {
            self.marks.extend(remembered::Place::of(op));
        }
        let segments = &self.machine.segments;
        self.core
            .index
            .add(&op, sequence, |id| segments.number_of(id));
        op::encode_into(&op, &mut self.frame);
        Ok(outcome)
    }

    /// Whether there is room for new messages.
    fn admit(&mut self, prepared: &Prepared, now: Timestamp) -> Result<()> {
        let most = usize::try_from(austin_domain::id::MAX_BLOCK).unwrap_or(usize::MAX) - 1;
        if let Some(message) = prepared
            .messages
            .iter()
            .find(|message| message.deliveries.len() > most)
        {
            return Err(Error::Refusing(format!(
                "a message has {} recipients; at most {most} fit",
                message.deliveries.len()
            )));
        }
        if let Some(mark) = &prepared.mark {
            let hash = remembered::hash(mark.app, &mark.key);
            let known = self.core.remembered.find(hash);
            if known.is_some_and(|first| first.at() >= now.minus(self.core.options.remember_for)) {
                return Err(Error::Repeated);
            }
        }
        let options = &self.core.options;
        let fresh = self
            .space
            .filter(|(at, _)| at.elapsed() < options.probe_every);
        let free = match fresh {
            Some((_, free)) => free,
            None => {
                let free = options.disk.free_bytes(&self.core.dir).unwrap_or(u64::MAX);
                self.core
                    .metrics
                    .free
                    .set(i64::try_from(free).unwrap_or(i64::MAX));
                self.space = Some((Instant::now(), free));
                free
            }
        };
        let mut refusing = self.core.refusing.lock();
        if free >= options.low_water_bytes {
            if self.refusing.is_none() && refusing.take().is_some() {
                self.core.metrics.refusing.set(0);
            }
            return Ok(());
        }
        let reason = format!(
            "the disk is nearly full: {} MiB are free and {} MiB are kept for finishing what was \
             accepted; make room on the file system of {}",
            free >> 20,
            options.low_water_bytes >> 20,
            self.core.dir.display()
        );
        *refusing = Some(reason.clone());
        self.core.metrics.refusing.set(1);
        Err(Error::Refusing(reason))
    }

    fn accept(
        &mut self,
        mut prepared: Prepared,
        now: Timestamp,
    ) -> std::result::Result<Vec<MessageId>, Fault> {
        let mut ids = Vec::with_capacity(prepared.messages.len());
        for message in &mut prepared.messages {
            let count = 1 + message.deliveries.len() as u64;
            message.id = MessageId::from_u64(self.ids.block(now, count));
            ids.push(message.id);
        }
        for (at, place, secret) in &prepared.secrets {
            let Some(message) = prepared.messages.get_mut(*at) else {
                continue;
            };
            let id = message.id.delivery(*place);
            let sealed = self.core.vault.seal(secret, &id.as_u64().to_le_bytes());
            if let Some(delivery) = message.deliveries.get_mut(*place as usize) {
                delivery.secret = Some(op::Bytes(sealed));
            }
        }
        let segment = self.segment_for_new();
        let op = Op::Accept(Accept {
            segment,
            now,
            messages: prepared.messages,
        });
        self.apply(op)?;
        if let Some(mark) = prepared.mark {
            self.apply(Op::Remember(Remember {
                segment,
                now,
                app: mark.app,
                key: mark.key,
                request: mark.request,
                answer: op::Bytes(mark.answer),
                messages: ids.clone(),
            }))?;
        }
        Ok(ids)
    }

    /// The segment that takes new messages; the next one once it is full.
    fn segment_for_new(&mut self) -> u32 {
        let limit = self.core.options.segment_deliveries;
        match self.machine.segments.newest() {
            None => 1,
            Some(newest) if newest.damage.is_some() => newest.number + 1,
            Some(newest) if newest.head.deliveries >= limit => {
                self.full.push(newest.number);
                newest.number + 1
            }
            Some(newest) => newest.number,
        }
    }
}

fn held(
    reply: Reply<Vec<bool>>,
    done: std::result::Result<Outcome, Fault>,
) -> std::result::Result<Option<Pending>, Box<(Pending, Fault)>> {
    match done {
        Ok(Outcome::Held(held)) => Ok(Some(Pending::Held(reply, held))),
        Ok(_) => Ok(Some(Pending::Held(reply, Vec::new()))),
        Err(fault) => Err(Box::new((Pending::Held(reply, Vec::new()), fault))),
    }
}

/// Answers a call that was not carried out.
fn turn_away(command: Command, error: &Error) {
    let error = error.clone();
    match command {
        Command::Accept(_, _, reply) => answer(reply, Err(error)),
        Command::Begin(_, _, reply) | Command::Change(_, _, reply) => answer(reply, Err(error)),
        Command::Settle(_, _, _, reply) => answer(reply, Err(error)),
        Command::Receipts(_, _, reply) => answer(reply, Err(error)),
        Command::Rematch(_, _, reply) => answer(reply, Err(error)),
        Command::Retain(_, reply) => answer(reply, Err(error)),
        Command::Wipe(_, reply) | Command::Barrier(reply) => answer(reply, Err(error)),
        Command::Freeze(reply) => answer(reply, Err(error)),
        Command::Release(_, reply) => answer(reply, Err(error)),
    }
}

/// What a caller looked up before its turn.
pub(super) type Parked = (u64, Probed);
