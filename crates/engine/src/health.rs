//! The health of one account while it is used: fed by outcomes and receipts, asked by whoever
//! picks accounts. What is asked for every delivery is kept in atomics.

pub(crate) mod warden;

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use austin_domain::health::breaker::{self, Stand};
use austin_domain::health::receipts::{Deficit, Tally};
use austin_domain::health::{self, Curve, Sum};
use austin_domain::verdict::Acceptance;
use austin_domain::{DeliveryId, State, Timestamp, Verdict};
use austin_ports::catalog::{Steer, SteerMode};
use austin_ports::ledger::{NewReceipt, ReceiptFate};
use parking_lot::Mutex;
use serde_json::Value;

use crate::pace::{Blocked, Ended, clock};

/// The health of one account, kept across changes of its settings.
#[derive(Debug)]
pub(crate) struct Health {
    inner: Mutex<health::Health>,
    factor: AtomicU32,
    /// Milliseconds; the breaker is closed at [`CLOSED`].
    rests_until: AtomicI64,
    probing_until: AtomicI64,
    steer: Mutex<Option<Steer>>,
    steer_mode: AtomicU8,
    steer_until: AtomicI64,
    changes: Mutex<VecDeque<Change>>,
    names: RandomState,
}

/// Something that was changed by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// `breaker_opened`, `breaker_closed`, `weight_shifted`, `rate_lowered`, `rate_restored`.
    pub action: &'static str,
    /// Why and with which figures.
    pub detail: Value,
}

/// How an account's health stands, for people.
#[derive(Clone, Debug)]
pub struct HealthView {
    /// The breaker.
    pub breaker: Stand,
    /// Since when it is not closed, until when it rests, and why.
    pub rest: Option<(Timestamp, Timestamp, String)>,
    /// The part of its weight that it has now, in thousandths.
    pub factor: u32,
    /// Why it does not have all of it.
    pub why: Option<String>,
    /// The last ten seconds.
    pub seconds: Sum,
    /// The last minute.
    pub minute: Sum,
    /// What a call takes when all is well.
    pub usual_latency: Option<Duration>,
    /// What became of the messages that are followed.
    pub receipts: Tally,
    /// The part of messages known to be delivered by age, usually and now.
    pub delivered: Option<(Curve, Curve)>,
    /// How far receipts lag behind what is usual.
    pub deficit: Option<Deficit>,
    /// An operator's word, while it holds.
    pub steer: Option<Steer>,
    /// The last automatic changes, newest first.
    pub changes: Vec<Change>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            factor: AtomicU32::new(health::factor::FULL),
            rests_until: AtomicI64::new(CLOSED),
            probing_until: AtomicI64::new(CLOSED),
            steer: Mutex::default(),
            steer_mode: AtomicU8::new(NOBODY),
            steer_until: AtomicI64::new(i64::MAX),
            changes: Mutex::default(),
            names: RandomState::new(),
        }
    }
}

impl Health {
    /// The part of its configured weight that the account should have now, in thousandths. 0
    /// while it rests; all of it when it is to be tried, which takes one recipient.
    pub(crate) fn factor(&self, now: Timestamp) -> u32 {
        match self.steered(now) {
            Some(SteerMode::Open) => return health::factor::FULL,
            Some(SteerMode::Closed) => return 0,
            None => {}
        }
        let rests_until = self.rests_until.load(Ordering::Relaxed);
        if rests_until == CLOSED {
            return self.factor.load(Ordering::Relaxed);
        }
        let probed = self.probing_until.load(Ordering::Relaxed) > now.millis();
        if rests_until > now.millis() || probed {
            0
        } else {
            health::factor::FULL
        }
    }

    /// Takes an operator's word.
    pub(crate) fn steer(&self, steer: Option<&Steer>) {
        let mut held = self.steer.lock();
        *held = steer.cloned();
        let until = steer
            .and_then(|steer| steer.until)
            .map_or(i64::MAX, Timestamp::millis);
        let mode = steer.map_or(NOBODY, |steer| match steer.mode {
            SteerMode::Open => OPEN,
            SteerMode::Closed => SHUT,
        });
        self.steer_until.store(until, Ordering::Relaxed);
        self.steer_mode.store(mode, Ordering::Relaxed);
    }

    /// Whether the account may be called.
    pub(crate) fn check(&self, key: &str, now: Timestamp) -> Result<(), Blocked> {
        match self.steered(now) {
            Some(SteerMode::Open) => return Ok(()),
            Some(SteerMode::Closed) => return Err(self.shut(key, now)),
            None => {}
        }
        if self.rests_until.load(Ordering::Relaxed) == CLOSED {
            return Ok(());
        }
        let inner = self.inner.lock();
        let Err(refused) = inner.breaker.check(now) else {
            return Ok(());
        };
        let why = inner.breaker.why().map_or("", |(_, why)| why);
        Err(match refused {
            breaker::Refused::Rests(until) => Blocked {
                until,
                why: format!("{key} rests: {why}"),
            },
            breaker::Refused::Probed => Blocked {
                until: now.plus(PROBE_RECHECK),
                why: format!("{key} is being probed: {why}"),
            },
        })
    }

    /// A call is made, after [`Health::check`] in the same step.
    pub(crate) fn begin(&self, now: Timestamp) -> breaker::Call {
        let open = self.steered(now) == Some(SteerMode::Open);
        if open || self.rests_until.load(Ordering::Relaxed) == CLOSED {
            return breaker::Call::Usual(now);
        }
        let mut inner = self.inner.lock();
        let call = inner.breaker.begin(now);
        self.show(&inner, now);
        call
    }

    /// A call was not made after all.
    pub(crate) fn abandon(&self, call: breaker::Call) {
        if call == breaker::Call::Probe {
            self.inner.lock().breaker.abandon(call);
            self.probing_until.store(CLOSED, Ordering::Relaxed);
        }
    }

    /// A call has ended.
    pub(crate) fn ended(&self, call: breaker::Call, ended: &Ended<'_>, now: Timestamp) {
        let mut inner = self.inner.lock();
        let took = ended.took.unwrap_or_default();
        inner.call_ended(call, ended.verdicts, took, now);
        if ended.receipts {
            for (item, verdict) in ended.items.iter().zip(ended.verdicts) {
                if let Verdict::Accepted(acceptance) = verdict {
                    self.follow(&mut inner, item.id, acceptance, now);
                }
            }
        }
        self.show(&inner, now);
    }

    /// It became known only now that the vendor took a delivery; its call had ended in doubt.
    pub(crate) fn taken_after_all(&self, id: DeliveryId, acceptance: &Acceptance, now: Timestamp) {
        self.follow(&mut self.inner.lock(), id, acceptance, now);
    }

    /// Expects the receipt of a delivery.
    fn follow(
        &self,
        inner: &mut health::Health,
        id: DeliveryId,
        acceptance: &Acceptance,
        now: Timestamp,
    ) {
        let name = |text: &Option<String>| text.as_ref().map(|text| self.name(text));
        let names = [name(&acceptance.receipt_key), name(&acceptance.vendor_id)];
        inner.receipts.sent(id.as_u64(), names, now);
    }

    /// Receipts were recorded, with these fates.
    pub(crate) fn received(&self, receipts: &[NewReceipt], fates: &[ReceiptFate], now: Timestamp) {
        let mut inner = self.inner.lock();
        for (receipt, fate) in receipts.iter().zip(fates) {
            let Some(state) = receipt.state else { continue };
            let delivered = state == State::Delivered;
            match fate {
                ReceiptFate::Moved { delivery: id, .. }
                | ReceiptFate::Kept { delivery: id, .. } => {
                    let known = inner.receipts.follows(id.as_u64());
                    if known {
                        inner.receipts.came(id.as_u64(), delivered, now);
                    } else if matches!(fate, ReceiptFate::Moved { .. }) {
                        inner.receipts.came_early(id.as_u64(), delivered);
                    }
                }
                ReceiptFate::Parked => {
                    let name = receipt.delivery.map(DeliveryId::as_u64);
                    let name = name.or_else(|| receipt.key.as_ref().map(|key| self.name(key)));
                    if let Some(name) = name {
                        inner.receipts.came_early(name, delivered);
                    }
                }
                ReceiptFate::Repeated(_) => {}
            }
        }
    }

    /// Why and until when the account is not called.
    pub(crate) fn resting(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        match self.steered(now) {
            Some(SteerMode::Open) => return None,
            Some(SteerMode::Closed) => {
                let blocked = self.shut("it", now);
                return Some((blocked.until, blocked.why));
            }
            None => {}
        }
        let inner = self.inner.lock();
        let until = inner.breaker.rests_until().filter(|until| *until > now)?;
        let (_, why) = inner.breaker.why()?;
        Some((until, why.to_owned()))
    }

    /// Moves what moves with time.
    pub(crate) fn tick(&self, peers: Option<&Curve>, now: Timestamp) {
        let mut inner = self.inner.lock();
        inner.tick(peers, now);
        self.show(&inner, now);
    }

    /// What is usual for its receipts, while it does well.
    pub(crate) fn norm(&self) -> Option<Curve> {
        let inner = self.inner.lock();
        let well = inner.breaker.is_closed() && inner.factor.per_mille() == health::factor::FULL;
        inner.receipts.usual().filter(|_| well).copied()
    }

    /// How it stands.
    pub(crate) fn view(&self, now: Timestamp) -> HealthView {
        let factor = self.factor(now);
        let steer = self.steered(now).and_then(|_| self.steer.lock().clone());
        let inner = self.inner.lock();
        let rest = inner
            .breaker
            .why()
            .and_then(|(since, why)| Some((since, inner.breaker.rests_until()?, why.to_owned())));
        HealthView {
            breaker: inner.breaker.stand(now),
            rest,
            factor,
            why: inner.factor.why().map(ToOwned::to_owned),
            seconds: inner.calls.last_seconds(10, now),
            minute: inner.calls.last_minute(now),
            usual_latency: inner.calls.usual(),
            receipts: inner.receipts.tally(),
            delivered: inner
                .receipts
                .usual()
                .map(|usual| (*usual, inner.receipts.present(now))),
            deficit: inner.receipts.deficit(None, now),
            steer,
            changes: self.changes.lock().iter().rev().cloned().collect(),
        }
    }

    /// Keeps a change for the view.
    fn changed(&self, change: Change) {
        let mut changes = self.changes.lock();
        if changes.len() >= CHANGES_KEPT {
            changes.pop_front();
        }
        changes.push_back(change);
    }

    fn name(&self, text: &str) -> u64 {
        // Apart from delivery ids, which have 63 bits.
        self.names.hash_one(text) | 1 << 63
    }

    fn steered(&self, now: Timestamp) -> Option<SteerMode> {
        let mode = match self.steer_mode.load(Ordering::Relaxed) {
            OPEN => SteerMode::Open,
            SHUT => SteerMode::Closed,
            _ => return None,
        };
        (self.steer_until.load(Ordering::Relaxed) > now.millis()).then_some(mode)
    }

    fn shut(&self, key: &str, now: Timestamp) -> Blocked {
        let steer = self.steer.lock();
        let (author, reason) = steer.as_ref().map_or(("an operator", None), |steer| {
            (steer.author.as_str(), steer.reason.as_deref())
        });
        let until = steer.as_ref().and_then(|steer| steer.until);
        let mut why = format!("{key} is closed by {author}");
        if let Some(until) = until {
            why = format!("{why} until {}", clock(until));
        }
        if let Some(reason) = reason {
            why = format!("{why}: {reason}");
        }
        // A change of the catalog wakes the lanes before that.
        let recheck = now.plus(SHUT_RECHECK);
        Blocked {
            until: until.map_or(recheck, |until| until.min(recheck)),
            why,
        }
    }

    fn show(&self, inner: &health::Health, now: Timestamp) {
        let millis = |at: Option<Timestamp>| at.map_or(CLOSED, Timestamp::millis);
        let probing = inner.breaker.is_probing(now);
        let probing_until = probing.then(|| now.plus(PROBE_SHOWN));
        self.probing_until
            .store(millis(probing_until), Ordering::Relaxed);
        self.rests_until
            .store(millis(inner.breaker.rests_until()), Ordering::Relaxed);
        self.factor
            .store(inner.factor.per_mille(), Ordering::Relaxed);
    }
}

const CLOSED: i64 = i64::MIN;
const NOBODY: u8 = 0;
const OPEN: u8 = 1;
const SHUT: u8 = 2;
const PROBE_RECHECK: Duration = Duration::from_millis(20);
/// Shown again with each tick.
const PROBE_SHOWN: Duration = Duration::from_secs(90);
const SHUT_RECHECK: Duration = Duration::from_secs(5);
const CHANGES_KEPT: usize = 20;
