//! How well an account does, from what its calls and receipts come to, and what part of its
//! weight it should have for that. Pure; `now` is an argument.
//!
//! The breaker stops calls altogether when they keep failing. Below that the factor takes weight
//! away: at once for errors, step by step for slowness and lost receipts; it gives it back
//! steadily once the windows are clean, so that the configured split is back within half a minute.

pub mod breaker;
pub mod factor;
pub mod receipts;
pub mod signal;
pub mod window;

use std::time::Duration;

pub use breaker::Breaker;
pub use factor::{Factor, Judgement};
pub use receipts::{Curve, Receipts};
pub use signal::Signal;
pub use window::{Calls, Sum};

use crate::time::Timestamp;
use crate::verdict::Verdict;

/// An account's health.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Whether it may be called at all.
    pub breaker: Breaker,
    /// What its calls came to.
    pub calls: Calls,
    /// What its receipts say.
    pub receipts: Receipts,
    /// The part of its weight that it has.
    pub factor: Factor,
}

impl Health {
    /// A call of this account ended with `verdicts`.
    pub fn call_ended(
        &mut self,
        call: breaker::Call,
        verdicts: &[Verdict],
        took: Duration,
        now: Timestamp,
    ) -> Signal {
        let signal = signal::of(verdicts);
        let faults = verdicts
            .iter()
            .filter(|verdict| signal::is_fault(verdict))
            .count();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.calls
            .add(count(verdicts.len()), count(faults), took, now);
        self.breaker.ended(call, &signal, now);
        signal
    }

    /// Moves the factor as far as it may have moved by now. `peers` is how the receipts of other
    /// healthy accounts of the channel come in.
    pub fn tick(&mut self, peers: Option<&Curve>, now: Timestamp) {
        let errors = factor::by_errors(&self.calls, now);
        let slowness = factor::by_latency(&self.calls, now);
        let receipts = factor::by_receipts(&self.receipts, peers, now);
        let worst = [errors, slowness, receipts]
            .into_iter()
            .flatten()
            .min_by_key(|judgement| judgement.per_mille);
        let closed = self.breaker.is_closed();
        self.factor.move_to(worst, closed, now);
        // A sick account teaches nothing about what is normal.
        if self.factor.per_mille() == factor::FULL && closed {
            self.receipts.learn(now);
            self.calls.learn(now);
        }
    }
}

#[cfg(test)]
mod tests;
