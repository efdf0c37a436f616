//! Whether an account may be called now, and for whom: its rates, its day, its concurrency, the
//! vendor's rules about one number, and the turns of the classes that share it.
//!
//! One lock, one decision: what is allowed is taken in the same step. What is taken and not used
//! is given back; what a vendor refused gives its place in the day and for the number back.
//!
//! Where an account has a rate, a call is booked for its instant ([`Pace::open`]), made ready
//! meanwhile, and leaves through a gate ([`Pace::depart`]): a slow disk costs no time, and no
//! second sees more than 1.1 of the rate.

pub(crate) mod bounds;
mod words;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use austin_domain::health::breaker;
use austin_domain::rate::aimd::Lowered;
use austin_domain::rate::fair::Turn;
use austin_domain::rate::timetable::{Rates, Reach, Slip};
use austin_domain::rate::{Aimd, Day, Fair, Gate, MilliRate, Numbers, Timetable, milli};
use austin_domain::{Class, Timestamp, Verdict};
use austin_ports::ledger::WorkItem;
use parking_lot::Mutex;

pub(crate) use bounds::Bounds;
pub(crate) use words::{clock, rate as rate_words, thousands};

use crate::health::Health;

/// The pace of one account, kept across changes of its settings.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    inner: Mutex<Inner>,
    pub(crate) health: Arc<Health>,
    numbers: RandomState,
}

#[derive(Debug, Default)]
struct Inner {
    calls: Timetable,
    recipients: Timetable,
    gate: Gate,
    aimd: Aimd,
    day: Day,
    numbers: Numbers,
    /// The rules `numbers` follows, to see when they change.
    bounds: Arc<Bounds>,
    fair: Fair,
    in_flight: u32,
    paused: Option<(Timestamp, String)>,
    /// Calls in the present second and in the one before.
    made: (i64, u32, u32),
    /// Per class: since when it has been held back by a limit, and when last.
    limited: [Option<Limited>; 3],
}

/// A class that is held back by a limit of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    pub(crate) since: Timestamp,
    last: Timestamp,
    pub(crate) what: What,
}

/// What holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// So many calls a second.
    Calls(MilliRate),
    /// So many recipients a second.
    Recipients(MilliRate),
    /// So many recipients a day.
    Day(u64),
    /// So many calls at a time.
    Concurrency(u16),
}

/// One recipient that is to travel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// The account's key, for people.
    pub(crate) key: &'a str,
    /// The limits of the account.
    pub(crate) bounds: &'a Arc<Bounds>,
    /// What for.
    pub(crate) class: Class,
    /// To whom.
    pub(crate) to: &'a str,
    /// How far ahead a call may be booked.
    pub(crate) ahead: Duration,
}

/// The right to make one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    /// When it was given.
    pub(crate) at: Timestamp,
    /// When the call is to leave; [`Pace::depart`] has the last word.
    pub(crate) leaves_at: Timestamp,
    /// How many recipients it may carry at most.
    pub(crate) most: usize,
    call: breaker::Call,
    /// The last turn of its class that it carries.
    turn: Turn,
    /// Whether the account had a rate: the call leaves through the gate.
    pub(crate) paced: bool,
    slip: Slip,
}

/// Why a recipient may not travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The account may not be called now, whoever for.
    Account(Blocked),
    /// This number has had enough from this account.
    Number(Blocked),
}

/// An account that may not be called now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// When asking again makes sense.
    pub(crate) until: Timestamp,
    /// For people.
    pub(crate) why: String,
}

/// How a pace stands, for people.
#[derive(Clone, Debug, Default)]
pub(crate) struct PaceView {
    pub(crate) in_flight: u32,
    pub(crate) calls: Option<MilliRate>,
    pub(crate) recipients: Option<MilliRate>,
    pub(crate) lowered: Option<Lowered>,
    pub(crate) today: u64,
    pub(crate) numbers: usize,
    pub(crate) uncounted: u64,
    pub(crate) paused: Option<(Timestamp, String)>,
}

impl Pace {
    /// Takes the right to make one call that carries this recipient; [`Pace::close`] or
    /// [`Pace::abandon`] must follow.
    pub(crate) fn open(&self, ask: Ask<'_>, now: Timestamp) -> Result<Permit, Refused> {
        let mut inner = self.inner.lock();
        inner.follow(ask.bounds);
        self.health.check(ask.key, now).map_err(Refused::Account)?;
        let leaves_at = inner
            .may_call(ask, now)?
            .max(self.may_carry(&mut inner, ask, now)?);
        inner.on_the_same_day(ask, leaves_at, now)?;
        let call = self.health.begin(now);
        let slip = inner.calls.slip();
        let paced = inner.take_call(ask, now);
        let turn = self.carry(&mut inner, ask, now);
        if !paced {
            inner.goes(turn, now);
        }
        Ok(Permit {
            at: now,
            leaves_at,
            most: match call {
                breaker::Call::Usual(_) => usize::MAX,
                breaker::Call::Probe => 1,
            },
            call,
            turn,
            paced,
            slip,
        })
    }

    /// Lets one more recipient travel in a call that [`Pace::open`] allowed. `false` where the
    /// rate of recipients does not let it travel with those: a call of its own may.
    pub(crate) fn join(
        &self,
        ask: Ask<'_>,
        permit: &mut Permit,
        now: Timestamp,
    ) -> Result<bool, Refused> {
        let mut inner = self.inner.lock();
        if let Some(full) = self.number_full(&inner, ask, now) {
            return Err(Refused::Number(full));
        }
        inner.has_a_turn(ask, now)?;
        if !inner.fits(ask, permit, now) {
            return Ok(false);
        }
        permit.turn = self.carry(&mut inner, ask, now);
        Ok(true)
    }

    /// When a call with so many recipients, ready now, leaves: now or a little later. Its place
    /// at the gate is taken.
    pub(crate) fn depart(
        &self,
        bounds: &Bounds,
        permit: Permit,
        recipients: usize,
        now: Timestamp,
    ) -> Timestamp {
        if !permit.paced {
            return now;
        }
        let mut inner = self.inner.lock();
        let rates = Rates {
            calls: inner.call_rate(bounds, now),
            recipients: inner.recipient_rate(bounds, now),
        };
        let count = u64::try_from(recipients).unwrap_or(u64::MAX);
        let leaves_at = inner.gate.pass(count, rates, now);
        inner.calls.left(permit.leaves_at, permit.slip, leaves_at);
        inner.goes(permit.turn, leaves_at);
        leaves_at
    }

    /// Whether the vendor's rules about one number keep this recipient from this account now.
    pub(crate) fn number_limit(&self, ask: Ask<'_>, now: Timestamp) -> Option<Blocked> {
        if ask.bounds.per_number.is_empty() {
            return None;
        }
        let mut inner = self.inner.lock();
        inner.follow(ask.bounds);
        self.number_full(&inner, ask, now)
    }

    /// Gives back what was taken for a call that was not made.
    pub(crate) fn abandon(&self, bounds: &Bounds, permit: Permit, items: &[WorkItem]) {
        {
            let mut inner = self.inner.lock();
            inner.in_flight = inner.in_flight.saturating_sub(1);
            if let Some(rate) = inner.call_rate(bounds, permit.at) {
                inner.calls.give_back(rate, items.iter().any(urgent));
            }
        }
        self.health.abandon(permit.call);
        self.leave(bounds, permit, items);
    }

    /// Gives back what was taken for recipients that do not travel after all.
    pub(crate) fn leave<'a>(
        &self,
        bounds: &Bounds,
        permit: Permit,
        items: impl IntoIterator<Item = &'a WorkItem>,
    ) {
        let mut inner = self.inner.lock();
        for item in items {
            if let Some(rate) = inner.recipient_rate(bounds, permit.at) {
                inner.recipients.give_back(rate, urgent(item));
            }
            inner.fair.give_back(item.message.lane.class);
            self.not_taken(&mut inner, item, permit);
        }
    }

    /// A call has ended with these verdicts, one per item.
    pub(crate) fn close(&self, bounds: &Bounds, permit: Permit, ended: &Ended<'_>, now: Timestamp) {
        {
            let mut inner = self.inner.lock();
            inner.in_flight = inner.in_flight.saturating_sub(1);
            for (item, verdict) in ended.items.iter().zip(ended.verdicts) {
                if !matches!(verdict, Verdict::Accepted(_) | Verdict::Unknown(_)) {
                    self.not_taken(&mut inner, item, permit);
                }
            }
            if ended.judged {
                inner.hear(bounds, ended.verdicts, now);
            }
        }
        if ended.judged {
            self.health.ended(permit.call, ended, now);
        } else {
            self.health.abandon(permit.call);
        }
    }

    /// Why and until when the account is not called, while it is not.
    pub(crate) fn resting(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        let paused = self.inner.lock().paused.clone();
        self.health
            .resting(now)
            .or(paused.filter(|(until, _)| *until > now))
    }

    /// What has held a class back in the last seconds.
    pub(crate) fn limited(&self, class: Class, now: Timestamp) -> Option<Limited> {
        self.inner.lock().limited[class_index(class)]
            .filter(|limited| now.since(limited.last) < LIMITED_FOR)
    }

    /// How it stands.
    pub(crate) fn view(&self, bounds: &Bounds, now: Timestamp) -> PaceView {
        let inner = self.inner.lock();
        PaceView {
            in_flight: inner.in_flight,
            calls: inner.call_rate(bounds, now),
            recipients: inner.recipient_rate(bounds, now),
            lowered: inner.aimd.lowered(bounds.calls(), now),
            today: inner.day.count(now),
            numbers: inner.numbers.len(),
            uncounted: inner.numbers.uncounted(),
            paused: inner.paused.clone().filter(|(until, _)| *until > now),
        }
    }

    /// Forgets a lowered rate that is back; whether and why it is still lowered.
    pub(crate) fn settle(&self, bounds: &Bounds, now: Timestamp) -> Option<Lowered> {
        let mut inner = self.inner.lock();
        inner.aimd.settle(bounds.calls(), now);
        inner.aimd.lowered(bounds.calls(), now)
    }

    /// Today's count, to be kept across restarts.
    pub(crate) fn today(&self) -> Day {
        self.inner.lock().day
    }

    /// Adds what was counted before a restart.
    pub(crate) fn restore(&self, day: Day, now: Timestamp) {
        self.inner.lock().day.add(day, now);
    }

    fn may_carry(
        &self,
        inner: &mut Inner,
        ask: Ask<'_>,
        now: Timestamp,
    ) -> Result<Timestamp, Refused> {
        if let Some(full) = self.number_full(inner, ask, now) {
            return Err(Refused::Number(full));
        }
        inner.may_carry(ask, now)
    }

    fn carry(&self, inner: &mut Inner, ask: Ask<'_>, now: Timestamp) -> Turn {
        if !ask.bounds.per_number.is_empty() {
            let number = self.numbers.hash_one(ask.to);
            inner.numbers.reserve(number, ask.class, now);
        }
        inner.carry(ask, now)
    }

    fn number_full(&self, inner: &Inner, ask: Ask<'_>, now: Timestamp) -> Option<Blocked> {
        if inner.numbers.is_empty() {
            return None;
        }
        let number = self.numbers.hash_one(ask.to);
        let full = inner.numbers.check(number, ask.class, now).err()?;
        Some(Blocked {
            until: full.opens_at,
            why: format!(
                "{} sends one number at most {}; the next one may go at {}",
                ask.key,
                words::rule(&full.rule),
                clock(full.opens_at),
            ),
        })
    }

    fn not_taken(&self, inner: &mut Inner, item: &WorkItem, permit: Permit) {
        inner.day.give_back(1, permit.at);
        if !inner.numbers.is_empty() {
            let number = self.numbers.hash_one(item.to.as_str());
            let class = item.message.lane.class;
            inner.numbers.release(number, class, permit.at);
        }
    }
}

/// A call that has ended.
pub(crate) struct Ended<'a> {
    pub(crate) items: &'a [WorkItem],
    pub(crate) verdicts: &'a [Verdict],
    /// How long the vendor took; `None` when it was not called.
    pub(crate) took: Option<Duration>,
    /// Whether the vendor sends receipts.
    pub(crate) receipts: bool,
    /// Whether the verdicts say something of the account.
    pub(crate) judged: bool,
}

impl Inner {
    /// Counts by these limits from now on.
    fn follow(&mut self, bounds: &Arc<Bounds>) {
        if Arc::ptr_eq(&self.bounds, bounds) {
            return;
        }
        if self.bounds.per_number != bounds.per_number {
            self.numbers.follow(&bounds.per_number);
        }
        self.bounds = Arc::clone(bounds);
    }

    fn call_rate(&self, bounds: &Bounds, now: Timestamp) -> Option<MilliRate> {
        self.aimd.rate(bounds.calls(), now)
    }

    fn recipient_rate(&self, bounds: &Bounds, now: Timestamp) -> Option<MilliRate> {
        let rate = milli(bounds.recipients_per_second?);
        Some(self.aimd.scaled(rate, now))
    }

    /// When one more call would leave, if it may be made.
    fn may_call(&mut self, ask: Ask<'_>, now: Timestamp) -> Result<Timestamp, Refused> {
        if let Some((until, why)) = &self.paused {
            if *until > now {
                return Err(Refused::Account(Blocked {
                    until: *until,
                    why: format!("{} asked for a pause: {why}", ask.key),
                }));
            }
            self.paused = None;
        }
        if let Some(most) = ask.bounds.concurrency
            && self.in_flight >= u32::from(most)
        {
            let until = now.plus(PROBE_RECHECK);
            return Err(self.limit(ask, What::Concurrency(most), until, now));
        }
        let Some(rate) = self.call_rate(ask.bounds, now) else {
            return Ok(now);
        };
        let leaves_at = self.calls.check(rate, reach(ask), now);
        leaves_at.map_err(|until| self.limit(ask, What::Calls(rate), until, now))
    }

    /// When one more recipient would travel in a call of its own, if it may.
    fn may_carry(&mut self, ask: Ask<'_>, now: Timestamp) -> Result<Timestamp, Refused> {
        self.has_a_turn(ask, now)?;
        let Some(rate) = self.recipient_rate(ask.bounds, now) else {
            return Ok(now);
        };
        let leaves_at = self.recipients.check(rate, reach(ask), now);
        leaves_at.map_err(|until| self.limit(ask, What::Recipients(rate), until, now))
    }

    /// Whether the rate of recipients lets one more travel in this call.
    fn fits(&self, ask: Ask<'_>, permit: &Permit, now: Timestamp) -> bool {
        let rate = self.recipient_rate(ask.bounds, now);
        let fits = |rate| {
            let urgent = is_urgent(ask.class);
            self.recipients.may_join(rate, urgent, permit.leaves_at)
        };
        rate.is_none_or(fits)
    }

    /// Whether the day has room, and no other class goes first.
    fn has_a_turn(&mut self, ask: Ask<'_>, now: Timestamp) -> Result<(), Refused> {
        if let Err(until) = self.day.check(1, ask.bounds.recipients_per_day, now) {
            let most = ask.bounds.recipients_per_day.unwrap_or(0);
            return Err(self.limit(ask, What::Day(most), until, now));
        }
        if let Err(until) = self.fair.check(ask.class, now) {
            let recipients = self.recipient_rate(ask.bounds, now);
            let what = match (recipients, self.call_rate(ask.bounds, now)) {
                (Some(rate), _) => What::Recipients(rate),
                (None, Some(rate)) => What::Calls(rate),
                (None, None) => What::Concurrency(ask.bounds.concurrency.unwrap_or(u16::MAX)),
            };
            return Err(self.limit(ask, what, until, now));
        }
        Ok(())
    }

    /// Nothing is booked across midnight where the vendor counts days.
    fn on_the_same_day(
        &mut self,
        ask: Ask<'_>,
        leaves_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refused> {
        match ask.bounds.recipients_per_day {
            Some(most) if leaves_at > now && !Day::is_same(now, leaves_at) => {
                Err(self.limit(ask, What::Day(most), leaves_at, now))
            }
            _ => Ok(()),
        }
    }

    /// Takes a call; whether it leaves through the gate.
    fn take_call(&mut self, ask: Ask<'_>, now: Timestamp) -> bool {
        self.in_flight += 1;
        let rate = self.call_rate(ask.bounds, now);
        if let Some(rate) = rate {
            self.calls.take(rate, is_urgent(ask.class), now);
        }
        rate.is_some() || ask.bounds.recipients_per_second.is_some()
    }

    fn carry(&mut self, ask: Ask<'_>, now: Timestamp) -> Turn {
        // Checked a moment ago under the same lock.
        let _ = self.day.take(1, ask.bounds.recipients_per_day, now);
        if let Some(rate) = self.recipient_rate(ask.bounds, now) {
            self.recipients.take(rate, is_urgent(ask.class), now);
        }
        self.fair.serve(ask.class)
    }

    /// A call leaves.
    fn goes(&mut self, turn: Turn, at: Timestamp) {
        self.fair.left(turn);
        let second = at.seconds();
        self.made = match second - self.made.0 {
            0 => (second, self.made.1 + 1, self.made.2),
            1 => (second, 1, self.made.1),
            _ => (second, 1, 0),
        };
    }

    /// Notes that a class is held back and keeps its turn for it.
    fn limit(&mut self, ask: Ask<'_>, what: What, until: Timestamp, now: Timestamp) -> Refused {
        let slot = &mut self.limited[class_index(ask.class)];
        let since = slot
            .filter(|limited| now.since(limited.last) < LIMITED_FOR)
            .map_or(now, |limited| limited.since);
        let limited = Limited {
            since,
            last: now,
            what,
        };
        *slot = Some(limited);
        if !matches!(what, What::Day(_)) {
            self.calls.wanted();
            self.recipients.wanted();
            self.fair.wait(ask.class, until);
        }
        Refused::Account(Blocked {
            until,
            why: limited.words(ask.key),
        })
    }

    /// What verdicts say about the rate: less, or none for a while.
    fn hear(&mut self, bounds: &Bounds, verdicts: &[Verdict], now: Timestamp) {
        for verdict in verdicts {
            let Verdict::Throttled { cause, pause } = verdict else {
                continue;
            };
            let why = format!("{}: {}", cause.code, cause.detail);
            let measured = milli(self.made.1.max(self.made.2));
            self.aimd.throttled(bounds.calls(), measured, &why, now);
            if let Some(pause) = pause {
                let until = now.plus((*pause).min(LONGEST_PAUSE));
                let longer = self.paused.as_ref().is_none_or(|(at, _)| *at < until);
                if longer {
                    self.paused = Some((until, why));
                }
            }
        }
    }
}

impl Limited {
    /// For people: `limited by tencent-1: 3,000/s since 10:02 UTC`.
    pub(crate) fn words(&self, key: &str) -> String {
        let what = match self.what {
            What::Calls(rate) => format!("{}/s", rate_words(rate)),
            What::Recipients(rate) => format!("{} recipients/s", rate_words(rate)),
            What::Day(most) => format!("{} recipients a day", thousands(most)),
            What::Concurrency(most) => format!("{} calls at a time", thousands(u64::from(most))),
        };
        format!("limited by {key}: {what} since {}", clock(self.since))
    }
}

fn reach(ask: Ask<'_>) -> Reach {
    Reach {
        ahead: ask.ahead,
        urgent: is_urgent(ask.class),
    }
}

/// Whether a class goes before what others have booked.
const fn is_urgent(class: Class) -> bool {
    matches!(class, Class::Verification)
}

fn urgent(item: &WorkItem) -> bool {
    is_urgent(item.message.lane.class)
}

const fn class_index(class: Class) -> usize {
    match class {
        Class::Verification => 0,
        Class::Notification => 1,
        Class::Marketing => 2,
    }
}

const PROBE_RECHECK: Duration = Duration::from_millis(20);
/// A class that was not refused for so long is not held back any more.
const LIMITED_FOR: Duration = Duration::from_secs(5);
/// What a vendor may ask for at most in one go.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests;
