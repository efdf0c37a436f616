//! A leaky bucket kept as one instant (GCRA).
//!
//! What holds: whatever comes together, over time no more than the rate is let through.

use crate::rate::MilliRate;
use crate::time::Timestamp;

/// A leaky bucket.
#[derive(Clone, Debug, Default)]
pub struct Gcra {
    /// When the next one would be exactly on rate, in nanoseconds since the epoch.
    on_rate_at: i64,
}

impl Gcra {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rate::milli;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_767_323_045_000 + millis)
    }

    proptest! {
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
}
