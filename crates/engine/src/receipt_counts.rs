//! What became of receipts, per account and hour of sending. In memory; counted anew at a start.
//!
//! Invariant: `sent` = `delivered` + `undelivered` + `missing` + `pending` in every hour. A receipt
//! whose hour of sending is not known (it overtook its attempt's outcome, or came after the
//! delivery had gone to another account) counts in the latest hour that still waits for one.

use std::collections::BTreeMap;
use std::time::Duration;

use austin_domain::verdict::Acceptance;
use austin_domain::{AccountId, DeliveryId, State, Timestamp};
use austin_ports::ledger::{HandedOver, NewReceipt};
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What became of the receipts of one hour of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptHour {
    /// When the hour begins.
    pub hour: Timestamp,
    /// Deliveries the vendor took.
    pub sent: u64,
    /// Of them: reported as arrived.
    pub delivered: u64,
    /// Of them: reported as not arrived.
    pub undelivered: u64,
    /// Of them: without such a report although its time is over.
    pub missing: u64,
    /// Of them: without such a report yet.
    pub pending: u64,
}

/// The counts of all accounts.
pub(crate) struct Counts {
    /// How long a receipt of an account may take.
    deadline: Box<dyn Fn(AccountId) -> Duration + Send + Sync>,
    inner: Mutex<Inner>,
    /// Rung when an account sent something.
    pub(crate) bell: Notify,
}

#[derive(Default)]
struct Inner {
    accounts: HashMap<AccountId, Kept>,
    /// Receipts that came before their attempt's outcome, until it comes.
    early: HashMap<(AccountId, Early), State>,
}

/// What an early receipt names.
#[derive(PartialEq, Eq, Hash)]
enum Early {
    Key(String),
    Delivery(DeliveryId),
}

#[derive(Default)]
struct Kept {
    hours: BTreeMap<i64, Hour>,
    last: Timestamp,
    /// How often it was used.
    uses: u64,
    rang: Timestamp,
}

#[derive(Clone, Copy, Default)]
struct Hour {
    sent: u64,
    delivered: u64,
    undelivered: u64,
    written_off: u64,
}

impl Hour {
    fn waiting(&self) -> u64 {
        self.sent.saturating_sub(self.delivered + self.undelivered)
    }

    fn land(&mut self, state: State) {
        match state {
            State::Undelivered => self.undelivered += 1,
            _ => self.delivered += 1,
        }
    }
}

impl Counts {
    /// `deadline`: how long a receipt of an account may take.
    pub(crate) fn new(deadline: impl Fn(AccountId) -> Duration + Send + Sync + 'static) -> Self {
        Self {
            deadline: Box::new(deadline),
            inner: Mutex::default(),
            bell: Notify::new(),
        }
    }

    /// A delivery that a vendor may have taken: its account is in use.
    pub(crate) fn touch(&self, account: AccountId, now: Timestamp) {
        let mut inner = self.inner.lock();
        let kept = inner.accounts.entry(account).or_default();
        kept.last = kept.last.max(now);
        kept.uses += 1;
        let ring = now.since(kept.rang) >= RING_EVERY;
        if ring {
            kept.rang = now;
        }
        drop(inner);
        if ring {
            self.bell.notify_waiters();
        }
    }

    /// A delivery became sent.
    pub(crate) fn sent(
        &self,
        account: AccountId,
        delivery: DeliveryId,
        acceptance: &Acceptance,
        now: Timestamp,
    ) {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let key = acceptance
            .receipt_key
            .as_ref()
            .or(acceptance.vendor_id.as_ref());
        let early = inner
            .early
            .remove(&(account, Early::Delivery(delivery)))
            .or_else(|| inner.early.remove(&(account, Early::Key(key?.clone()))));
        let hour = inner.hour(account, now);
        hour.sent += 1;
        if let Some(state) = early {
            hour.land(state);
        }
        drop(guard);
        self.touch(account, now);
    }

    /// A receipt moved a delivery.
    pub(crate) fn landed(
        &self,
        account: AccountId,
        (from, to): (State, State),
        sent_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        let mut inner = self.inner.lock();
        let kept = inner.accounts.entry(account).or_default();
        if from == State::Undelivered {
            let corrected = kept
                .hours
                .values_mut()
                .rev()
                .find(|hour| hour.undelivered > 0);
            if let Some(hour) = corrected {
                hour.undelivered -= 1;
                hour.delivered += 1;
            }
            return;
        }
        let known = sent_at.map(number).filter(|number| {
            kept.hours
                .get(number)
                .is_some_and(|hour| hour.waiting() > 0)
        });
        let newest = || {
            let waiting = |(number, hour): (&i64, &Hour)| (hour.waiting() > 0).then_some(*number);
            // While an attempt is under way its acceptance is not counted yet.
            let counted = !matches!(from, State::Sending | State::Unknown);
            counted
                .then(|| kept.hours.iter().rev().find_map(waiting))
                .flatten()
        };
        match known.or_else(newest) {
            Some(number) => kept.hours.entry(number).or_default().land(to),
            None => {
                let hour = kept.hours.entry(number(now)).or_default();
                hour.sent += 1;
                hour.land(to);
            }
        }
    }

    /// A receipt came for which there is no attempt yet.
    pub(crate) fn early(&self, receipt: &NewReceipt) {
        let Some(state) = receipt.state else {
            return;
        };
        let name = match (receipt.delivery, &receipt.key) {
            (Some(delivery), _) => Early::Delivery(delivery),
            (None, Some(key)) => Early::Key(key.clone()),
            (None, None) => return,
        };
        let mut inner = self.inner.lock();
        // Most of so many will never find an attempt.
        if inner.early.len() >= MOST_EARLY {
            inner.early.clear();
        }
        inner.early.insert((receipt.account, name), state);
    }

    /// Counts a delivery that was handed over before the start.
    pub(crate) fn restore(&self, one: &HandedOver) {
        let mut inner = self.inner.lock();
        let hour = inner.hour(one.account, one.sent_at);
        hour.sent += 1;
        if one.state != State::Sent {
            hour.land(one.state);
        }
        let kept = inner.accounts.entry(one.account).or_default();
        kept.last = kept.last.max(one.sent_at);
    }

    /// What became missing since the last call, by account. Forgets hours that nobody asks for.
    pub(crate) fn write_off(&self, now: Timestamp) -> Vec<(AccountId, u64)> {
        let mut inner = self.inner.lock();
        let mut found = Vec::new();
        for (account, kept) in &mut inner.accounts {
            let (mut count, deadline) = (0, (self.deadline)(*account));
            for (number, hour) in &mut kept.hours {
                if is_over(*number, deadline, now) {
                    let more = hour.waiting().saturating_sub(hour.written_off);
                    hour.written_off += more;
                    count += more;
                }
            }
            let oldest = number(now.minus(deadline).minus(SHOWN_FOR));
            kept.hours = kept.hours.split_off(&oldest);
            if count > 0 {
                found.push((*account, count));
            }
        }
        found
    }

    /// The hours of an account, oldest first.
    pub(crate) fn of(&self, account: AccountId, now: Timestamp) -> Vec<ReceiptHour> {
        let inner = self.inner.lock();
        let Some(kept) = inner.accounts.get(&account) else {
            return Vec::new();
        };
        let deadline = (self.deadline)(account);
        let shown = |(number, hour): (&i64, &Hour)| {
            let (waiting, over) = (hour.waiting(), is_over(*number, deadline, now));
            ReceiptHour {
                hour: begin(*number),
                sent: hour.sent,
                delivered: hour.delivered,
                undelivered: hour.undelivered,
                missing: if over { waiting } else { 0 },
                pending: if over { 0 } else { waiting },
            }
        };
        kept.hours.iter().map(shown).collect()
    }

    /// Whether receipts of the account may come: it sent something lately, or not long enough ago
    /// for the last receipt to be missing.
    pub(crate) fn is_expecting(&self, account: AccountId, now: Timestamp) -> bool {
        let deadline = (self.deadline)(account);
        let inner = self.inner.lock();
        inner.accounts.get(&account).is_some_and(|kept| {
            let waits = |(number, hour): (&i64, &Hour)| {
                hour.waiting() > 0 && !is_over(*number, deadline, now)
            };
            kept.last.plus(LATELY) > now || kept.hours.iter().any(waits)
        })
    }

    /// How often the account was used since the start.
    pub(crate) fn uses(&self, account: AccountId) -> u64 {
        let inner = self.inner.lock();
        inner.accounts.get(&account).map_or(0, |kept| kept.uses)
    }
}

/// Whether the last receipt of an hour has had its time.
fn is_over(number: i64, deadline: Duration, now: Timestamp) -> bool {
    begin(number + 1).plus(deadline) <= now
}

impl Inner {
    fn hour(&mut self, account: AccountId, at: Timestamp) -> &mut Hour {
        let kept = self.accounts.entry(account).or_default();
        kept.hours.entry(number(at)).or_default()
    }
}

fn number(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR_MILLIS)
}

fn begin(number: i64) -> Timestamp {
    Timestamp::from_millis(number.saturating_mul(HOUR_MILLIS))
}

const HOUR_MILLIS: i64 = 3_600_000;
const RING_EVERY: Duration = Duration::from_secs(1);
const LATELY: Duration = Duration::from_secs(15 * 60);
/// How long hours are shown after their deadline.
const SHOWN_FOR: Duration = Duration::from_secs(7 * 86_400);
const MOST_EARLY: usize = 100_000;

#[cfg(test)]
mod tests;
