//! What an account's calls came to, over the last ten seconds and the last minute.

use std::time::Duration;

use crate::time::Timestamp;

/// What some calls came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Calls.
    pub calls: u32,
    /// Recipients they carried.
    pub recipients: u32,
    /// Of these, how many the account failed.
    pub faults: u32,
    /// How long the calls took together, in milliseconds.
    pub took_millis: u64,
    /// Calls by how long they took: bucket `n` counts those below 2ⁿ⁺³ milliseconds and above the
    /// one before; the last has no upper end.
    pub by_latency: [u32; 14],
}

impl Sum {
    /// Failed recipients, in thousandths.
    pub fn faults_per_mille(&self) -> u32 {
        let faults = u64::from(self.faults) * 1000;
        u32::try_from(faults / u64::from(self.recipients.max(1))).unwrap_or(1000)
    }

    /// Mean time of a call.
    pub fn mean(&self) -> Duration {
        Duration::from_millis(self.took_millis / u64::from(self.calls.max(1)))
    }

    /// The time that so many thousandths of the calls were done in, rounded up to a power of two
    /// of milliseconds.
    pub fn percentile(&self, per_mille: u32) -> Duration {
        let wanted = (u64::from(self.calls) * u64::from(per_mille)).div_ceil(1000);
        let mut seen = 0;
        for (bucket, count) in (3u32..).zip(&self.by_latency) {
            seen += u64::from(*count);
            if seen >= wanted {
                return Duration::from_millis(1 << bucket);
            }
        }
        Duration::from_millis(1 << 16)
    }

    fn plus(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.recipients = self.recipients.saturating_add(other.recipients);
        self.faults = self.faults.saturating_add(other.faults);
        self.took_millis = self.took_millis.saturating_add(other.took_millis);
        for (sum, more) in self.by_latency.iter_mut().zip(&other.by_latency) {
            *sum = sum.saturating_add(*more);
        }
    }
}

/// Sums in slots of the same length, the oldest overwritten by the newest.
#[derive(Clone, Debug)]
struct Window<const SLOTS: usize> {
    slots: [Sum; SLOTS],
    slot_millis: i64,
    newest: i64,
}

impl<const SLOTS: usize> Window<SLOTS> {
    const fn new(slot_millis: i64) -> Self {
        const EMPTY: Sum = Sum {
            calls: 0,
            recipients: 0,
            faults: 0,
            took_millis: 0,
            by_latency: [0; 14],
        };
        Self {
            slots: [EMPTY; SLOTS],
            slot_millis,
            newest: 0,
        }
    }

    fn add(&mut self, sum: &Sum, now: Timestamp) {
        let number = now.millis().div_euclid(self.slot_millis);
        let ahead = number.saturating_sub(self.newest);
        for step in 1..=ahead.min(SLOTS as i64) {
            self.slots[Self::index(number - ahead.min(SLOTS as i64) + step)] = Sum::default();
        }
        self.newest = self.newest.max(number);
        self.slots[Self::index(self.newest)].plus(sum);
    }

    /// The sum of the last `slots` slots, the present one included.
    fn last(&self, slots: usize, now: Timestamp) -> Sum {
        let number = now.millis().div_euclid(self.slot_millis);
        let mut sum = Sum::default();
        for slot in 0..slots.min(SLOTS) as i64 {
            let wanted = number - slot;
            if wanted <= self.newest && wanted > self.newest - SLOTS as i64 {
                sum.plus(&self.slots[Self::index(wanted)]);
            }
        }
        sum
    }

    const fn index(number: i64) -> usize {
        number.rem_euclid(SLOTS as i64) as usize
    }
}

/// What an account's calls came to lately.
#[derive(Clone, Debug)]
pub struct Calls {
    seconds: Window<10>,
    minute: Window<12>,
    /// What a call takes when all is well, in milliseconds; 0 until known.
    usual_millis: u64,
    learned_at: Option<Timestamp>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            seconds: Window::new(1000),
            minute: Window::new(5000),
            usual_millis: 0,
            learned_at: None,
        }
    }
}

impl Calls {
    pub(super) fn add(&mut self, recipients: u32, faults: u32, took: Duration, now: Timestamp) {
        let took_millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - took_millis.leading_zeros()).saturating_sub(3);
        let mut sum = Sum {
            calls: 1,
            recipients,
            faults,
            took_millis,
            by_latency: [0; 14],
        };
        sum.by_latency[(bucket as usize).min(13)] = 1;
        self.seconds.add(&sum, now);
        self.minute.add(&sum, now);
    }

    /// The last `seconds`, at most ten.
    pub fn last_seconds(&self, seconds: usize, now: Timestamp) -> Sum {
        self.seconds.last(seconds, now)
    }

    /// The last minute.
    pub fn last_minute(&self, now: Timestamp) -> Sum {
        self.minute.last(12, now)
    }

    /// What a call takes when all is well, once known.
    pub fn usual(&self) -> Option<Duration> {
        (self.usual_millis > 0).then(|| Duration::from_millis(self.usual_millis))
    }

    /// Takes the last minute as normal, slowly.
    pub(super) fn learn(&mut self, now: Timestamp) {
        let due = self
            .learned_at
            .is_none_or(|at| now.since(at) >= LEARN_EVERY);
        let sum = self.last_minute(now);
        if !due || sum.calls < ENOUGH {
            return;
        }
        self.learned_at = Some(now);
        let mean = (sum.took_millis / u64::from(sum.calls)).max(1);
        self.usual_millis = match self.usual_millis {
            0 => mean,
            usual => (usual * 19 + mean) / 20,
        }
        .max(1);
    }
}

const LEARN_EVERY: Duration = Duration::from_secs(10);
const ENOUGH: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_767_323_045_000 + millis)
    }

    #[test]
    fn old_slots_fall_out_and_gaps_are_empty() {
        let mut calls = Calls::default();
        calls.add(10, 5, Duration::from_millis(30), at(0));
        calls.add(10, 0, Duration::from_millis(900), at(2000));
        let sum = calls.last_seconds(10, at(2000));
        assert_eq!((sum.calls, sum.recipients, sum.faults), (2, 20, 5));
        assert_eq!(sum.faults_per_mille(), 250);
        assert_eq!(sum.mean(), Duration::from_millis(465));
        assert_eq!(sum.percentile(500), Duration::from_millis(32));
        assert_eq!(sum.percentile(990), Duration::from_millis(1024));
        assert_eq!(calls.last_seconds(2, at(2000)).calls, 1);
        assert_eq!(calls.last_seconds(10, at(10_500)).calls, 1);
        assert_eq!(calls.last_seconds(10, at(60_000)).calls, 0);
        assert_eq!(calls.last_minute(at(50_000)).calls, 2);
        calls.add(1, 0, Duration::ZERO, at(600_000));
        assert_eq!(calls.last_minute(at(600_000)).calls, 1);
    }
}
