//! Latencies in buckets that grow with their value: at most 3 % off, a few KiB, merged by adding.

use std::time::Duration;

const STEPS: u32 = 32;
const STEP_BITS: u32 = STEPS.ilog2();
const BUCKETS: usize = ((64 - STEP_BITS) * STEPS) as usize;

/// Counts of latencies, in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    counts: Vec<u64>,
    total: u64,
    max: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            max: Duration::ZERO,
        }
    }
}

impl Latencies {
    /// Counts one.
    pub(crate) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket(micros)] += 1;
        self.total += 1;
        self.max = self.max.max(took);
    }

    /// Adds what another counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The latency that `share` (0 to 1) of all stay within; zero when there are none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank between 0 and the total"
        )]
        let rank = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_micros(upper(index)).min(self.max);
            }
        }
        self.max
    }
}

/// Values below `STEPS` have a bucket each; above, each doubling has `STEPS` of them.
fn bucket(micros: u64) -> usize {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let index = u64::from(shift * STEPS) + (micros >> shift);
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let steps = u64::from(STEPS);
    if bucket < 2 * steps {
        return bucket;
    }
    let shift = bucket / steps - 1;
    let base = bucket - shift * steps;
    ((base + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for micros in (0..5_000).chain([1 << 20, (1 << 33) + 77, u64::from(u32::MAX)]) {
            let index = bucket(micros);
            let upper = upper(index);
            assert!(upper >= micros, "{micros}: {upper}");
            assert!(upper - micros <= micros / 30 + 1, "{micros}: {upper}");
            assert_eq!(bucket(upper), index, "{micros}");
        }
    }

    #[test]
    fn quantiles_of_a_known_series() {
        let mut one = Latencies::default();
        let mut other = Latencies::default();
        for millis in 1..=1_000 {
            let part = if millis % 2 == 0 {
                &mut one
            } else {
                &mut other
            };
            part.record(Duration::from_millis(millis));
        }
        one.merge(&other);
        let near = |share: f64, millis: f64| {
            let got = one.quantile(share).as_secs_f64() * 1e3;
            assert!((got - millis).abs() <= millis * 0.04, "{share}: {got}");
        };
        near(0.5, 500.0);
        near(0.99, 990.0);
        assert_eq!(one.quantile(1.0), Duration::from_secs(1));
        assert_eq!(Latencies::default().quantile(0.5), Duration::ZERO);
    }
}
