//! Time and randomness as seams.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use austin_domain::Timestamp;

use crate::BoxFuture;

/// The time. Tests move it by hand.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Ends when `at` has come by this clock.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()>;
}

/// Randomness. Tests seed it.
pub trait Entropy: Send + Sync {
    /// 128 random bits.
    fn next(&self) -> u128;
}

/// The clock of the machine. Sleeps are re-checked at least every second, so that a clock that
/// is set forward wakes what has become due.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let left = at.since(self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_secs(1))).await;
            }
        })
    }
}
