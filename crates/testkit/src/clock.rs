//! A clock that stands still until a test moves it.

use std::time::Duration;

use austin_domain::Timestamp;
use austin_ports::{BoxFuture, Clock};
use tokio::sync::watch;

/// A [`Clock`] moved by hand. Moving it wakes every sleeper whose time has come. Shared behind
/// an `Arc`; it never moves by itself, so it serves as a fixed clock too.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            now: watch::Sender::new(start),
        }
    }

    /// Moves it forward and returns the new time.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let mut now = Timestamp::default();
        self.now.send_modify(|shown| {
            *shown = shown.plus(by);
            now = *shown;
        });
        now
    }

    /// Sets it, backwards too, as an administrator might.
    pub fn set(&self, to: Timestamp) {
        self.now.send_replace(to);
    }

    /// How many sleepers wait for their time.
    pub fn sleepers(&self) -> usize {
        self.now.receiver_count()
    }
}

impl Default for ManualClock {
    /// Shows 2026-01-02T03:04:05Z.
    fn default() -> Self {
        Self::new(crate::builders::NOW)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        // Subscribed before the first poll, so that no move in between is missed.
        let mut shown = self.now.subscribe();
        Box::pin(async move {
            // The sender lives in `self`, which this future borrows: it cannot be closed.
            let _ = shown.wait_for(|now| *now >= at).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn sleepers_wake_when_their_time_is_shown_and_not_before() {
        let clock = Arc::new(ManualClock::default());
        let start = clock.now();
        let sleeper = tokio::spawn({
            let clock = Arc::clone(&clock);
            async move {
                clock.sleep_until(start.plus(Duration::from_secs(60))).await;
                clock.now()
            }
        });
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_millis(59_999));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_millis(1));
        let woken = sleeper.await.unwrap();
        assert_eq!(woken, start.plus(Duration::from_secs(60)));
        clock.sleep_until(start).await;
    }
}
