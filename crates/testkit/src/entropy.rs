//! Random numbers that are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use austin_ports::Entropy;

/// An [`Entropy`] that follows from its seed (`SplitMix64`, Steele et al. 2014, two steps a
/// number). For tests only: it can be foretold.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// The sequence that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn step(&self) -> u64 {
        let state = self
            .0
            .fetch_add(GOLDEN, Ordering::Relaxed)
            .wrapping_add(GOLDEN);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn next(&self) -> u128 {
        u128::from(self.step()) << 64 | u128::from(self.step())
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_first_values_of_seed_1234567() {
        let entropy = SeededEntropy::new(1_234_567);
        let first = entropy.next();
        assert_eq!(
            first,
            6_457_827_717_110_365_317 << 64 | 3_203_168_211_198_807_973
        );
        assert_ne!(entropy.next(), first);
    }
}
