//! A rate that is halved, about, when the vendor says "too fast", and climbs back steadily.
//!
//! Additive increase, multiplicative decrease: whatever the vendor really allows, the rate ends
//! up moving just below and above it. Many refusals at the same time are one reason to slow down,
//! not many.

use std::time::Duration;

use crate::rate::MilliRate;
use crate::time::Timestamp;

/// An account's lowered rate, if it is lowered.
#[derive(Clone, Debug, Default)]
pub struct Aimd(Option<Cut>);

#[derive(Clone, Debug)]
struct Cut {
    /// The rate right after the last cut.
    base: MilliRate,
    at: Timestamp,
    /// The rate before the first cut.
    reference: MilliRate,
    /// Where it is over; above `reference` where no limit is configured.
    target: MilliRate,
    since: Timestamp,
    cause: String,
}

/// Why a rate is lower than configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// The rate now.
    pub rate: MilliRate,
    /// Since when it has not been the configured one.
    pub since: Timestamp,
    /// What the vendor said the last time.
    pub cause: String,
}

impl Aimd {
    /// The vendor said "too fast" while calls were made at `measured`. `true` when the rate was
    /// lowered for it.
    pub fn throttled(
        &mut self,
        configured: Option<MilliRate>,
        measured: MilliRate,
        cause: &str,
        now: Timestamp,
    ) -> bool {
        if let Some(cut) = &self.0
            && now.since(cut.at) < ONE_REASON
        {
            return false;
        }
        let before = self.rate(configured, now).unwrap_or(measured);
        // Cutting what is not used would change nothing.
        let used = before.min(measured.max(LEAST)).max(LEAST);
        let first = self.0.take();
        let reference = first.as_ref().map_or(used, |cut| cut.reference);
        self.0 = Some(Cut {
            base: (used * 6 / 10).max(LEAST),
            at: now,
            reference,
            target: configured.unwrap_or(reference + reference / 2),
            since: first.map_or(now, |cut| cut.since),
            cause: cause.to_owned(),
        });
        true
    }

    /// The rate that holds now: the configured one, or less. `None`: unlimited.
    pub fn rate(&self, configured: Option<MilliRate>, now: Timestamp) -> Option<MilliRate> {
        match &self.0 {
            Some(cut) if cut.rate(now) < cut.target => {
                let rate = cut.rate(now);
                Some(configured.map_or(rate, |most| most.min(rate)))
            }
            Some(_) | None => configured,
        }
    }

    /// The same part of another limit of the account, e.g. of its recipients a second.
    pub fn scaled(&self, other: MilliRate, now: Timestamp) -> MilliRate {
        match &self.0 {
            Some(cut) => {
                let rate = cut.rate(now).min(cut.reference);
                let scaled = u128::from(other) * u128::from(rate) / u128::from(cut.reference);
                u64::try_from(scaled).unwrap_or(other).max(LEAST).min(other)
            }
            None => other,
        }
    }

    /// Whether and why it is lowered.
    pub fn lowered(&self, configured: Option<MilliRate>, now: Timestamp) -> Option<Lowered> {
        let cut = self.0.as_ref()?;
        let rate = self.rate(configured, now)?;
        (Some(rate) != configured).then(|| Lowered {
            rate,
            since: cut.since,
            cause: cut.cause.clone(),
        })
    }

    /// Forgets a cut that has been made up for. `true` when there was one.
    pub fn settle(&mut self, configured: Option<MilliRate>, now: Timestamp) -> bool {
        let over = self.0.is_some() && self.lowered(configured, now).is_none();
        if over {
            self.0 = None;
        }
        over
    }
}

impl Cut {
    fn rate(&self, now: Timestamp) -> MilliRate {
        let step = (self.target / 50).max(LEAST_STEP);
        let millis = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        self.base.saturating_add(step.saturating_mul(millis) / 1000)
    }
}

/// Refusals within this time are one reason.
const ONE_REASON: Duration = Duration::from_secs(1);
/// One call in two seconds.
const LEAST: MilliRate = 500;
const LEAST_STEP: MilliRate = 100;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rate::milli;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_767_323_045_000 + millis)
    }

    #[test]
    fn is_cut_once_for_many_refusals_and_climbs_back_to_the_configured_rate() {
        let mut aimd = Aimd::default();
        let configured = Some(milli(300));
        assert!(aimd.throttled(configured, milli(300), "429", at(0)));
        assert!(!aimd.throttled(configured, milli(300), "429", at(10)));
        assert_eq!(aimd.rate(configured, at(0)), Some(milli(180)));
        assert_eq!(aimd.rate(configured, at(1000)), Some(milli(186)));
        let lowered = aimd.lowered(configured, at(1000)).unwrap();
        assert_eq!((lowered.since, lowered.cause.as_str()), (at(0), "429"));
        assert_eq!(aimd.scaled(milli(1000), at(0)), milli(600));
        assert!(!aimd.settle(configured, at(19_000)));
        assert_eq!(aimd.rate(configured, at(20_000)), configured);
        assert!(aimd.settle(configured, at(20_000)));
        assert!(aimd.lowered(configured, at(20_000)).is_none());
    }

    #[test]
    fn without_a_configured_rate_the_measured_one_is_cut_and_freed_again() {
        let mut aimd = Aimd::default();
        assert!(aimd.throttled(None, milli(100), "429", at(0)));
        assert_eq!(aimd.rate(None, at(0)), Some(milli(60)));
        assert!(aimd.throttled(None, milli(60), "429", at(1500)));
        assert!(aimd.rate(None, at(1500)).unwrap() < milli(40));
        assert_eq!(aimd.lowered(None, at(2000)).unwrap().since, at(0));
        assert_eq!(aimd.rate(None, at(60_000)), None);
        assert!(aimd.settle(None, at(60_000)));
    }

    proptest! {
        #[test]
        fn never_above_what_is_configured_and_never_stuck(
            configured in 1u32..5000,
            refusals in proptest::collection::vec((0i64..5000, 0u32..6000), 0..40),
        ) {
            let mut aimd = Aimd::default();
            let configured = Some(milli(configured));
            let mut now = 0;
            for (pause, measured) in refusals {
                now += pause;
                aimd.throttled(configured, milli(measured), "429", at(now));
                let rate = aimd.rate(configured, at(now)).unwrap();
                prop_assert!(rate >= LEAST && Some(rate) <= configured);
            }
            prop_assert_eq!(aimd.rate(configured, at(now + 60_000)), configured);
        }
    }
}
