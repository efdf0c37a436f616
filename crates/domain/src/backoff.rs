//! Exponential backoff with full jitter, bounded by a ceiling and by the message's expiry.

use std::time::Duration;

use crate::time::Timestamp;

/// Waits that double from `base` up to `ceiling`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    base: Duration,
    ceiling: Duration,
}

impl Backoff {
    /// A backoff from `base` to `ceiling`.
    pub const fn new(base: Duration, ceiling: Duration) -> Self {
        Self { base, ceiling }
    }

    /// The wait after `attempts` failed attempts (1 or more): between half of the doubled base
    /// and all of it. `random` is uniform in 0..=u32::MAX and spreads callers apart.
    pub fn wait(&self, attempts: u16, random: u32) -> Duration {
        let doublings = u32::from(attempts.saturating_sub(1)).min(30);
        let full = self.base.saturating_mul(1 << doublings).min(self.ceiling);
        let half = full / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// When to try again: now plus the wait (or the vendor's own `hint`, when longer), or `None`
    /// when that would not be before `expires_at`.
    pub fn next(
        &self,
        attempts: u16,
        random: u32,
        hint: Option<Duration>,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Option<Timestamp> {
        let wait = self.wait(attempts, random).max(hint.unwrap_or_default());
        let due = now.plus(wait);
        (due < expires_at).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_are_bounded_and_never_reach_past_expiry(
            attempts in 1u16..2000,
            random: u32,
            hint in proptest::option::of(0u64..10_000_000),
            life in 0i64..100_000_000,
        ) {
            let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(600));
            let wait = backoff.wait(attempts, random);
            prop_assert!(wait >= Duration::from_millis(250));
            prop_assert!(wait <= Duration::from_secs(600));
            let now = Timestamp::from_millis(1_767_323_045_000);
            let expires_at = Timestamp::from_millis(now.millis() + life);
            if let Some(due) =
                backoff.next(attempts, random, hint.map(Duration::from_millis), now, expires_at)
            {
                prop_assert!(due >= now.plus(wait) && due < expires_at);
            }
        }

        #[test]
        fn later_attempts_do_not_wait_less_at_the_same_draw(attempts in 1u16..100, random: u32) {
            let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1800));
            prop_assert!(backoff.wait(attempts + 1, random) >= backoff.wait(attempts, random));
        }
    }
}
