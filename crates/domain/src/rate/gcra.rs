//! A leaky bucket kept as one instant (GCRA).
//!
//! What holds: in any stretch of time `t` at most `rate × (t + tolerance) + 1` are let through,
//! and a caller that comes a little late loses nothing.

use crate::rate::MilliRate;
use crate::time::Timestamp;

/// A leaky bucket.
#[derive(Clone, Debug, Default)]
pub struct Gcra {
    /// When the next one would be exactly on rate, in nanoseconds since the epoch.
    on_rate_at: i64,
}

impl Gcra {
    /// Takes one, or says when one can be had. Calls are spread: a tenth of a second's worth may
    /// come at once.
    ///
    /// # Errors
    /// The first instant at which asking again may succeed.
    pub fn take(&mut self, rate: MilliRate, now: Timestamp) -> Result<(), Timestamp> {
        self.check(rate, now)?;
        let at = nanos(now);
        // A lead this long cannot have come about at this rate: the clock was set back, or the
        // rate has been raised since.
        let most = at.saturating_add(TOLERANCE).saturating_add(interval(rate));
        self.on_rate_at = self.on_rate_at.clamp(at, most) + interval(rate);
        Ok(())
    }

    /// Whether [`Gcra::take`] would succeed.
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, rate: MilliRate, now: Timestamp) -> Result<(), Timestamp> {
        let at = nanos(now);
        let most = TOLERANCE + interval(rate);
        // The tolerance also keeps the rate exact: without it, every one that comes a little
        // after its instant would push all later ones back.
        let early = (self.on_rate_at - at).min(most) - TOLERANCE;
        if early > 0 {
            return Err(after(now, early));
        }
        Ok(())
    }

    /// Gives one back that was not used.
    pub fn give_back(&mut self, rate: MilliRate) {
        self.on_rate_at = self.on_rate_at.saturating_sub(interval(rate));
    }

    /// Takes `count` together, where a second's worth may come at once. More than that passes
    /// only when the bucket is empty, and everything after it waits the longer: whatever the
    /// sizes, the rate holds over time.
    ///
    /// # Errors
    /// The first instant at which asking again may succeed.
    pub fn take_many(
        &mut self,
        count: u64,
        rate: MilliRate,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let at = nanos(now);
        let cost = interval(rate).saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
        let start = self.on_rate_at.max(at);
        let room = SECOND.saturating_sub(cost).max(0);
        let early = (start - at).saturating_sub(room);
        if early > 0 {
            return Err(after(now, early));
        }
        self.on_rate_at = start.saturating_add(cost);
        Ok(())
    }

    /// Gives `count` back that [`Gcra::take_many`] took.
    pub fn give_many_back(&mut self, count: u64, rate: MilliRate) {
        let cost = interval(rate).saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
        self.on_rate_at = self.on_rate_at.saturating_sub(cost);
    }
}

fn interval(rate: MilliRate) -> i64 {
    i64::try_from(1_000_000_000_000 / rate.max(1)).unwrap_or(i64::MAX)
}

fn nanos(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1_000_000)
}

fn after(now: Timestamp, nanos: i64) -> Timestamp {
    Timestamp::from_millis(now.millis().saturating_add((nanos - 1) / 1_000_000 + 1))
}

const SECOND: i64 = 1_000_000_000;
const TOLERANCE: i64 = SECOND / 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rate::milli;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_767_323_045_000 + millis)
    }

    /// How many pass in ten seconds when a caller asks every `step` milliseconds.
    fn in_ten_seconds(rate: MilliRate, step: usize) -> u64 {
        let mut gcra = Gcra::default();
        let mut passed = 0;
        for millis in (0..10_000).step_by(step) {
            while gcra.take(rate, at(millis)).is_ok() {
                passed += 1;
            }
        }
        passed
    }

    proptest! {
        #[test]
        fn never_above_the_rate_and_not_below(rate in 100u64..3_000_000, step in 1usize..50) {
            let passed = in_ten_seconds(rate, step);
            let (passed, ideal) = (passed as f64, rate as f64 / 100.0);
            prop_assert!(passed <= ideal * 1.01 + 1.01, "{passed} of {ideal}");
            let late = rate as f64 * step as f64 / 1_000_000.0;
            prop_assert!(passed + 1.0 + late >= ideal, "{passed} of {ideal}");
        }

        #[test]
        fn many_at_once_keep_the_rate_over_time(
            rate in 1u32..500, counts in proptest::collection::vec((1u64..400, 0i64..500), 1..80),
        ) {
            let mut gcra = Gcra::default();
            let (mut now, mut passed, mut last) = (0, 0, 0);
            for (count, pause) in counts {
                now += pause;
                if gcra.take_many(count, milli(rate), at(now)).is_ok() {
                    passed += count;
                    last = count;
                }
            }
            let over = f64::from(rate) * (now as f64 / 1000.0 + 1.0);
            prop_assert!(passed as f64 <= over + last as f64 + 1.0);
        }
    }

    #[test]
    fn says_when_and_is_right_to_the_millisecond() {
        let mut gcra = Gcra::default();
        gcra.take(milli(1), at(0)).unwrap();
        let when = gcra.take(milli(1), at(1)).unwrap_err();
        assert_eq!(when, at(900), "a tenth of a second early at most");
        assert!(gcra.take(milli(1), at(899)).is_err());
        gcra.take(milli(1), at(900)).unwrap();
    }

    #[test]
    fn a_clock_set_back_or_a_raised_rate_does_not_stop_it() {
        let mut gcra = Gcra::default();
        gcra.take(milli(1), at(3_600_000)).unwrap();
        assert!(gcra.take(milli(1), at(0)).unwrap_err() <= at(1000));
        let mut slow = Gcra::default();
        slow.take(10, at(0)).unwrap();
        assert!(slow.take(milli(1000), at(1)).unwrap_err() <= at(3));
    }
}
