//! A length of time in milliseconds that is fixed or drawn from a range, and the seeded draw.
//!
//! Invariant: a draw depends only on seed, stream and ordinal, never on thread order or time.

use serde::{Deserialize, Serialize, Serializer};

/// Milliseconds: `50` or `[50, 200]` (both ends included).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub struct Span {
    least: u64,
    most: u64,
}

impl Span {
    /// Always `ms`.
    #[must_use]
    pub const fn fixed(ms: u64) -> Self {
        Self {
            least: ms,
            most: ms,
        }
    }

    /// Any whole number from `least` to `most`; the two are swapped if given the other way.
    #[must_use]
    pub const fn range(least: u64, most: u64) -> Self {
        if least <= most {
            Self { least, most }
        } else {
            Self {
                least: most,
                most: least,
            }
        }
    }

    /// The value for the draw `roll` in `0.0..1.0`.
    pub(crate) fn at(self, roll: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "spans are at most ten minutes of milliseconds, exact in f64"
        )]
        let offset = ((self.most - self.least + 1) as f64 * roll) as u64;
        self.least + offset.min(self.most - self.least)
    }
}

impl TryFrom<serde_json::Value> for Span {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        let (least, most) = match value {
            serde_json::Value::Number(n) => (n.as_u64(), n.as_u64()),
            serde_json::Value::Array(items) => match items.as_slice() {
                [least, most] => (least.as_u64(), most.as_u64()),
                _ => (None, None),
            },
            _ => (None, None),
        };
        match (least, most) {
            (Some(least), Some(most)) if least <= most && most <= MOST_MS => {
                Ok(Self { least, most })
            }
            _ => Err(format!(
                "must be milliseconds as a whole number or [least, most], at most {MOST_MS}"
            )),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.least == self.most {
            self.least.serialize(serializer)
        } else {
            [self.least, self.most].serialize(serializer)
        }
    }
}

/// A number in `0.0..1.0` decided by its three arguments (SplitMix64, Steele et al. 2014).
pub(crate) fn roll(seed: u64, stream: u64, ordinal: u64) -> f64 {
    let mut z = mix(seed ^ mix(stream ^ mix(ordinal)));
    z >>= 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit f64 exactly")]
    let z = z as f64;
    z / 9_007_199_254_740_992.0
}

const fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

const MOST_MS: u64 = 600_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn draws_stay_inside(least in 0_u64..1000, more in 0_u64..1000, seed: u64, n: u64) {
            let span = Span::range(least, least + more);
            let value = span.at(roll(seed, 1, n));
            prop_assert!((least..=least + more).contains(&value));
        }
    }

    #[test]
    fn shares_come_out_near_their_probability() {
        let hits = (0..10_000).filter(|n| roll(7, 3, *n) < 0.25).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
    }

    #[test]
    fn json_forms() {
        let read = |text| serde_json::from_str::<Span>(text).map_err(|e| e.to_string());
        assert_eq!(read("5"), Ok(Span::fixed(5)));
        assert_eq!(read("[5,9]"), Ok(Span::range(5, 9)));
        assert!(read("[9,5]").unwrap_err().contains("[least, most]"));
        assert!(read("\"5\"").is_err());
    }
}
