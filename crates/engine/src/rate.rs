//! How many a second, over the last ten seconds.

use austin_domain::Timestamp;
use parking_lot::Mutex;

const WINDOW: usize = 10;

/// Counts events in one-second slots.
#[derive(Debug, Default)]
pub(crate) struct Rate(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    counts: [u64; WINDOW],
    second: i64,
    since: i64,
}

impl Slots {
    fn advance(&mut self, second: i64) {
        if self.since == 0 {
            self.since = second;
            self.second = second;
        }
        let steps = usize::try_from(second - self.second).unwrap_or(0);
        for step in 1..=steps.min(WINDOW) {
            let slot = slot(self.second + i64::try_from(step).unwrap_or(0));
            self.counts[slot] = 0;
        }
        self.second = self.second.max(second);
    }
}

fn slot(second: i64) -> usize {
    usize::try_from(second.rem_euclid(10)).unwrap_or(0)
}

impl Rate {
    /// Counts `count` events at `now`.
    pub(crate) fn add(&self, now: Timestamp, count: u64) {
        let mut slots = self.0.lock();
        slots.advance(now.seconds());
        let slot = slot(slots.second);
        slots.counts[slot] += count;
    }

    /// Events a second, over the last ten seconds or since the first event.
    #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
    pub(crate) fn per_second(&self, now: Timestamp) -> f64 {
        let mut slots = self.0.lock();
        if slots.since == 0 {
            return 0.0;
        }
        slots.advance(now.seconds());
        let total: u64 = slots.counts.iter().sum();
        let seconds = (slots.second - slots.since + 1).clamp(1, WINDOW as i64);
        total as f64 / seconds as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_is_older_than_ten_seconds() {
        let rate = Rate::default();
        let at = Timestamp::from_seconds;
        assert!(rate.per_second(at(5)).abs() < f64::EPSILON);
        rate.add(at(100), 50);
        assert!((rate.per_second(at(100)) - 50.0).abs() < 0.01);
        rate.add(at(104), 50);
        assert!((rate.per_second(at(104)) - 20.0).abs() < 0.01);
        assert!((rate.per_second(at(112)) - 5.0).abs() < 0.01);
        assert!(rate.per_second(at(200)).abs() < 0.01);
    }
}
