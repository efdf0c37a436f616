//! How the engine is doing, for `/readyz`, `/v1/lanes`, `/v1/accounts/{key}/health`, metrics and
//! `doctor`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use austin_domain::rate::MilliRate;
use austin_domain::{AccountId, Lane, Timestamp};

pub use crate::health::{Change, HealthView};
use crate::pace::{Bounds, Limited, What, rate_words, thousands};
use crate::send::Wait;
use crate::shared::Shared;

/// How one lane is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneStatus {
    /// The lane.
    pub lane: Lane,
    /// Deliveries ready and waiting.
    pub waiting: u64,
    /// Deliveries waiting for a time of their own.
    pub later: u64,
    /// Deliveries in the hands of vendors now.
    pub in_flight: u32,
    /// When the oldest ready one was accepted.
    pub oldest: Option<Timestamp>,
    /// Deliveries settled a second, over the last seconds.
    pub rate: f64,
    /// Why it stands, when it does: no route, all accounts refuse, ….
    pub blocked: Option<String>,
    /// The accounts whose limits hold it back.
    pub limits: Vec<LimitStatus>,
    /// What stands before a new delivery.
    pub wait: Wait,
}

/// A limit that holds a lane back.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitStatus {
    /// The account's key.
    pub account: String,
    /// `calls_per_second`, `recipients_per_second`, `recipients_per_day` or `concurrency`.
    pub limit: &'static str,
    /// How many.
    pub most: f64,
    /// Since when it has held back without a break.
    pub since: Timestamp,
}

/// How one account is doing.
#[derive(Clone, Debug)]
pub struct AccountStatus {
    /// The account.
    pub id: AccountId,
    /// In one word: `well`, `reduced`, `probing`, `resting`, `paused`, `closed`, `disabled`.
    pub state: &'static str,
    /// In one sentence.
    pub summary: String,
    /// What its calls and receipts say.
    pub health: HealthView,
    /// Its rates.
    pub rates: Rates,
    /// Calls under way.
    pub in_flight: u32,
    /// Recipients today (UTC+8).
    pub recipients_today: u64,
    /// Numbers that are counted against the vendor's rules about one number.
    pub numbers: usize,
    /// Messages that were not counted so for want of memory.
    pub numbers_uncounted: u64,
}

/// The rates of an account.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// Calls a second as configured; `None`: no limit.
    pub calls_configured: Option<f64>,
    /// Calls a second now.
    pub calls: Option<f64>,
    /// Recipients a second as configured.
    pub recipients_configured: Option<f64>,
    /// Recipients a second now.
    pub recipients: Option<f64>,
    /// Since when and why the present ones are lower.
    pub lowered: Option<(Timestamp, String)>,
}

/// Whether the engine takes work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// Not yet: still recovering.
    Starting,
    /// No more: stopping.
    Stopping,
    /// Not now, and why.
    Refusing(String),
}

/// How the lanes are doing.
pub(crate) fn lanes(shared: &Shared) -> Vec<LaneStatus> {
    let now = shared.clock.now();
    shared
        .lanes
        .all()
        .into_iter()
        .map(|lane| LaneStatus {
            lane: lane.name,
            waiting: lane.waiting(),
            later: lane.later.load(Ordering::Relaxed),
            in_flight: lane.in_flight.load(Ordering::Relaxed),
            oldest: lane.oldest(),
            rate: lane.settled.per_second(now),
            blocked: lane.blocked(),
            limits: limits(shared, lane.name, now)
                .iter()
                .map(|(key, limited)| limit_status(key, limited))
                .collect(),
            wait: wait(shared, lane.name),
        })
        .collect()
}

/// What stands before a new delivery of a lane.
pub(crate) fn wait(shared: &Shared, name: Lane) -> Wait {
    let Some(lane) = shared.lanes.peek(name) else {
        return Wait::default();
    };
    let ahead = lane.waiting();
    let blocked = lane.blocked();
    if ahead == 0 && blocked.is_none() {
        return Wait::default();
    }
    let now = shared.clock.now();
    let limits = limits(shared, name, now);
    let rate = drain(lane.settled.per_second(now), &limits);
    let seconds = seconds(ahead, rate);
    let limited: Vec<String> = limits
        .iter()
        .map(|(key, limited)| limited.words(key))
        .collect();
    let cause = match (limited.is_empty(), blocked) {
        (false, _) => Some(limited.join("; ")),
        (true, blocked) => blocked,
    };
    let reason = match (cause, ahead) {
        (Some(why), 0) => Some(why),
        (Some(why), ahead) => Some(format!(
            "{why}, {} ahead, about {}",
            thousands(ahead),
            about(seconds)
        )),
        (None, 0) => None,
        (None, ahead) => Some(format!(
            "{} ahead in lane {name} at {rate:.0}/s, about {}",
            thousands(ahead),
            about(seconds)
        )),
    };
    Wait {
        ahead,
        seconds,
        reason,
    }
}

/// How an account does.
pub(crate) fn account(shared: &Shared, key: &str) -> Option<AccountStatus> {
    let now = shared.clock.now();
    let directory = shared.directories.current();
    let record = directory.snapshot.account(key)?;
    let pace = shared.directories.pace(record.id);
    let usable = directory.usable(record.id);
    let own = usable.map_or_else(
        || Arc::new(Bounds::of(&record.limits, &Default::default())),
        |usable| Arc::clone(&usable.bounds),
    );
    let health = pace.health.view(now);
    let paced = pace.view(&own, now);
    let per_second = |rate: MilliRate| rate as f64 / 1000.0;
    let rates = Rates {
        calls_configured: own.per_second.map(f64::from),
        calls: paced.calls.map(per_second),
        recipients_configured: own.recipients_per_second.map(f64::from),
        recipients: paced.recipients.map(per_second),
        lowered: paced
            .lowered
            .as_ref()
            .map(|lowered| (lowered.since, lowered.cause.clone())),
    };
    let resting = pace.resting(now);
    let (state, summary) = match (usable, resting, &paced.lowered) {
        (None, ..) => ("disabled", "it is not used".to_owned()),
        (Some(_), Some((until, why)), _) => (
            resting_word(&health, paced.paused.is_some()),
            format!("not called until {until}: {why}"),
        ),
        (Some(_), None, _) if health.rest.is_some() => {
            let why = health.rest.as_ref().map_or("", |(_, _, why)| why);
            ("probing", format!("one call at a time tries it: {why}"))
        }
        (Some(_), None, _) if health.factor < 1000 => (
            "reduced",
            format!(
                "has {}% of its weight: {}",
                health.factor / 10,
                health.why.as_deref().unwrap_or("it was down")
            ),
        ),
        (Some(_), None, Some(lowered)) => (
            "reduced",
            format!(
                "called at {}/s at most since {}: {}",
                rate_words(lowered.rate),
                lowered.since,
                lowered.cause
            ),
        ),
        (Some(_), None, None) => ("well", "it is used as configured".to_owned()),
    };
    Some(AccountStatus {
        id: record.id,
        state,
        summary,
        health,
        rates,
        in_flight: paced.in_flight,
        recipients_today: paced.today,
        numbers: paced.numbers,
        numbers_uncounted: paced.uncounted,
    })
}

fn resting_word(health: &HealthView, paused: bool) -> &'static str {
    match (&health.steer, paused) {
        (Some(_), _) => "closed",
        (None, true) if health.rest.is_none() => "paused",
        (None, _) => "resting",
    }
}

/// The accounts whose limits have held a lane back in the last seconds.
fn limits(shared: &Shared, lane: Lane, now: Timestamp) -> Vec<(Arc<str>, Limited)> {
    let directory = shared.directories.current();
    let mut limits: Vec<_> = directory
        .all()
        .filter(|usable| usable.record.channel == lane.channel)
        .filter_map(|usable| {
            let limited = usable.pace.limited(lane.class, now)?;
            Some((Arc::clone(&usable.key), limited))
        })
        .collect();
    limits.sort_by(|a, b| a.0.cmp(&b.0));
    limits
}

fn limit_status(key: &str, limited: &Limited) -> LimitStatus {
    let (limit, most) = match limited.what {
        What::Calls(rate) => ("calls_per_second", rate as f64 / 1000.0),
        What::Recipients(rate) => ("recipients_per_second", rate as f64 / 1000.0),
        What::Day(most) => ("recipients_per_day", most as f64),
        What::Concurrency(most) => ("concurrency", f64::from(most)),
    };
    LimitStatus {
        account: key.to_owned(),
        limit,
        most,
        since: limited.since,
    }
}

/// Deliveries a second that a lane gets rid of: as measured, else as its limits allow.
fn drain(measured: f64, limits: &[(Arc<str>, Limited)]) -> f64 {
    if measured >= 1.0 {
        return measured;
    }
    let allowed: MilliRate = limits
        .iter()
        .map(|(_, limited)| match limited.what {
            What::Calls(rate) | What::Recipients(rate) => rate,
            What::Day(_) | What::Concurrency(_) => 0,
        })
        .sum();
    measured.max(allowed as f64 / 1000.0)
}

/// `4 min`.
fn about(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=5400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate for people; the cast saturates"
)]
fn seconds(ahead: u64, rate: f64) -> u64 {
    let longest = Duration::from_secs(365 * 24 * 3600).as_secs();
    ((ahead as f64 / rate.max(0.1)).ceil() as u64).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_round_and_an_unknown_rate_is_not_instant() {
        assert_eq!(about(45), "45 s");
        assert_eq!(about(240), "4 min");
        assert_eq!(about(7201), "3 h");
        assert_eq!(seconds(12_345, 50.0), 247);
        assert_eq!(seconds(10, 0.0), 100);
    }
}
