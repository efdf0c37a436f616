//! How fast one account may be called now: its rate, its concurrency, and whether it is resting
//! after faults.
//!
//! Rate is GCRA (a leaky bucket kept as one instant) with a tolerance of a tenth of a second, so
//! that calls are spread rather than bunched. An account that keeps failing rests for a while
//! that doubles, and is then tried by one call at a time until one succeeds.

use std::time::Duration;

use austin_domain::{Timestamp, Verdict};
use austin_ports::catalog::Limits;
use parking_lot::Mutex;

/// The pace of one account, kept across changes of its settings.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// When the next call would be exactly on rate, in microseconds since the epoch.
    on_rate_at: i64,
    in_flight: u32,
    faults: u32,
    rests_until: Option<Timestamp>,
    why: String,
}

/// An account that may not be called now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// When asking again makes sense.
    pub(crate) until: Timestamp,
    /// For people.
    pub(crate) why: String,
}

impl Pace {
    /// Takes the right to make one call; [`Pace::close`] must follow.
    pub(crate) fn open(&self, key: &str, limits: &Limits, now: Timestamp) -> Result<(), Blocked> {
        let mut inner = self.0.lock();
        if let Some(until) = inner.rests_until.filter(|until| *until > now) {
            return Err(Blocked {
                until,
                why: format!("{key} rests: {}", inner.why),
            });
        }
        let tripped = inner.faults >= FAULTS_BEFORE_REST;
        if tripped && inner.in_flight > 0 {
            let until = now.plus(PROBE_RECHECK);
            return Err(Blocked {
                until,
                why: format!("{key} is being probed: {}", inner.why),
            });
        }
        if let Some(most) = limits
            .concurrency
            .filter(|most| inner.in_flight >= u32::from(*most))
        {
            let until = now.plus(PROBE_RECHECK);
            return Err(Blocked {
                until,
                why: format!("{key} has {most} calls under way"),
            });
        }
        if let Some(per_second) = limits.per_second.filter(|rate| *rate > 0) {
            inner.take_token(per_second, now).map_err(|until| Blocked {
                until,
                why: format!("limited by {key}: {per_second}/s"),
            })?;
        }
        inner.in_flight += 1;
        Ok(())
    }

    /// Gives the right back without a call having been made.
    pub(crate) fn abandon(&self) {
        let mut inner = self.0.lock();
        inner.in_flight = inner.in_flight.saturating_sub(1);
    }

    /// A call has ended with these verdicts.
    pub(crate) fn close(&self, verdicts: &[Verdict], now: Timestamp) {
        let mut inner = self.0.lock();
        inner.in_flight = inner.in_flight.saturating_sub(1);
        match Health::of(verdicts) {
            Health::Well => {
                inner.faults = 0;
                inner.rests_until = None;
            }
            // Calls that began before the rest say nothing new.
            _ if inner.rests_until.is_some_and(|until| until > now) => {}
            Health::Asked(pause, why) => inner.rest(now, pause, why),
            Health::Sick(why) => {
                inner.faults = inner.faults.max(FAULTS_BEFORE_REST) + 1;
                let rest = inner.doubled(Duration::from_secs(5), Duration::from_secs(300));
                inner.rest(now, rest, why);
            }
            Health::Faulty(why) => {
                inner.faults += 1;
                if inner.faults >= FAULTS_BEFORE_REST {
                    let rest = inner.doubled(Duration::from_secs(1), Duration::from_secs(30));
                    inner.rest(now, rest, why);
                }
            }
        }
    }

    /// Why the account rests, while it does.
    pub(crate) fn resting(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        let inner = self.0.lock();
        inner
            .rests_until
            .filter(|until| *until > now)
            .map(|until| (until, inner.why.clone()))
    }
}

impl Inner {
    fn take_token(&mut self, per_second: u32, now: Timestamp) -> Result<(), Timestamp> {
        let interval = 1_000_000 / i64::from(per_second).max(1);
        let now_micros = now.millis().saturating_mul(1000);
        let on_rate_at = self.on_rate_at.max(now_micros);
        // The tolerance also keeps the rate exact: without it, every call that comes a little
        // after its instant would push all later ones back.
        let early = on_rate_at - now_micros - TOLERANCE_MICROS;
        if early > 0 {
            return Err(Timestamp::from_millis(now.millis() + early / 1000 + 1));
        }
        self.on_rate_at = on_rate_at + interval;
        Ok(())
    }

    fn doubled(&self, first: Duration, most: Duration) -> Duration {
        let doublings = self.faults.saturating_sub(FAULTS_BEFORE_REST).min(16);
        first.saturating_mul(1 << doublings).min(most)
    }

    fn rest(&mut self, now: Timestamp, pause: Duration, why: String) {
        self.rests_until = Some(now.plus(pause));
        self.why = why;
    }
}

/// What a call says about its account.
enum Health {
    /// It works; whatever it refused was about the recipient or the content.
    Well,
    /// It asked for a pause.
    Asked(Duration, String),
    /// It cannot work until somebody mends it.
    Sick(String),
    /// It failed this time.
    Faulty(String),
}

impl Health {
    fn of(verdicts: &[Verdict]) -> Self {
        let mut worst = Self::Well;
        for verdict in verdicts {
            let why = verdict
                .cause()
                .map(|cause| format!("{}: {}", cause.code, cause.detail));
            let why = why.unwrap_or_default();
            match verdict {
                Verdict::Accepted(_) | Verdict::BadRecipient(_) | Verdict::BadContent(_) => {
                    return Self::Well;
                }
                Verdict::Misconfigured(_) => worst = Self::Sick(why),
                Verdict::Throttled { pause, .. } => {
                    worst = Self::Asked(pause.unwrap_or(Duration::from_secs(1)), why);
                }
                Verdict::Elsewhere(_) | Verdict::Later { .. } | Verdict::Unknown(_) => {
                    if matches!(worst, Self::Well) {
                        worst = Self::Faulty(why);
                    }
                }
            }
        }
        worst
    }
}

const FAULTS_BEFORE_REST: u32 = 5;
const PROBE_RECHECK: Duration = Duration::from_millis(20);
const TOLERANCE_MICROS: i64 = 100_000;

#[cfg(test)]
mod tests {
    use austin_domain::verdict::{Acceptance, Cause};
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_767_323_045_000 + millis)
    }

    fn fault() -> Vec<Verdict> {
        vec![Verdict::Elsewhere(Cause::new("connect_failed", "refused"))]
    }

    /// Calls made in ten seconds by a caller that asks every `step` milliseconds.
    fn made_in_ten_seconds(per_second: u32, step: i64) -> f64 {
        let pace = Pace::default();
        let limits = Limits {
            per_second: Some(per_second),
            ..Limits::default()
        };
        let (mut made, mut millis) = (0u32, 0);
        while millis < 10_000 {
            while pace.open("a", &limits, at(millis)).is_ok() {
                pace.close(&[Verdict::Accepted(Acceptance::default())], at(millis));
                made += 1;
            }
            millis += step;
        }
        f64::from(made)
    }

    proptest! {
        #[test]
        fn never_above_its_rate_and_not_far_below(per_second in 1u32..3000, step in 1i64..20) {
            let made = made_in_ten_seconds(per_second, step);
            let ideal = f64::from(per_second) * 10.0;
            // Whole microseconds make the interval a little short at high rates.
            prop_assert!(made <= ideal * 1.01 + f64::from(per_second) / 10.0 + 2.0);
            prop_assert!(made >= ideal * 0.98 - 1.0);
        }
    }

    #[test]
    fn a_low_rate_does_not_drift_when_calls_come_a_little_late() {
        let made = made_in_ten_seconds(7, 10);
        assert!((70.0..=71.0).contains(&made), "{made} calls at 7/s in 10 s");
    }

    #[test]
    fn rests_after_repeated_faults_and_is_probed_by_one_call() {
        let pace = Pace::default();
        let limits = Limits::default();
        for _ in 0..20 {
            pace.open("a", &limits, at(0)).unwrap();
        }
        for _ in 0..20 {
            pace.close(&fault(), at(10));
        }
        let blocked = pace.open("a", &limits, at(20)).unwrap_err();
        assert_eq!(
            blocked.until,
            at(1010),
            "one rest, however many calls failed together"
        );
        assert!(blocked.why.contains("connect_failed"), "{}", blocked.why);

        pace.open("a", &limits, at(1010)).unwrap();
        assert!(
            pace.open("a", &limits, at(1011)).is_err(),
            "one probe at a time"
        );
        pace.close(&fault(), at(1020));
        assert_eq!(
            pace.open("a", &limits, at(1030)).unwrap_err().until,
            at(3020),
            "doubled"
        );

        pace.open("a", &limits, at(3020)).unwrap();
        pace.close(&[Verdict::Accepted(Acceptance::default())], at(3030));
        pace.open("a", &limits, at(3031)).unwrap();
        pace.open("a", &limits, at(3031)).unwrap();
    }

    #[test]
    fn a_bad_recipient_is_no_fault_of_the_account() {
        let pace = Pace::default();
        for _ in 0..100 {
            pace.open("a", &Limits::default(), at(0)).unwrap();
            pace.close(&[Verdict::BadRecipient(Cause::new("x", "y"))], at(0));
        }
        assert!(pace.resting(at(0)).is_none());
    }
}
