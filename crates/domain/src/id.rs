//! Identifiers: 63-bit, time-ordered integers with a typed prefix in text.
//!
//! Layout, high to low: 41 bits of milliseconds since 2024-01-01T00:00:00Z, 6 bits of node,
//! 16 bits of sequence. A message takes one number and its deliveries the numbers right after
//! it, so that a message's deliveries are one key range and need no index.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Timestamp;

/// What an id names; gives the prefix of its text.
pub trait Kind {
    /// The text before the underscore, e.g. `msg`.
    const PREFIX: &'static str;
}

/// A typed identifier. Ordered by time of creation.
pub struct Id<K>(u64, PhantomData<fn() -> K>);

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $alias:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $kind {}
        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
        }
        $(#[$doc])*
        pub type $alias = Id<$kind>;
    )*};
}

kinds! {
    /// One send request for one template.
    Message, MessageId, "msg";
    /// Message × recipient, the unit of truth.
    Delivery, DeliveryId, "dlv";
    /// The carrier of every message.
    Template, TemplateId, "tpl";
    /// An authenticated caller.
    App, AppId, "app";
    /// One API key of an app.
    Key, KeyId, "key";
    /// One set of vendor credentials.
    Account, AccountId, "acc";
    /// An uploaded file.
    Upload, UploadId, "upl";
    /// Somebody who must not be messaged.
    Suppression, SuppressionId, "sup";
    /// One file of suppressions.
    Import, ImportId, "imp";
}

const SEQUENCE_BITS: u32 = 16;
const NODE_BITS: u32 = 6;
/// 2024-01-01T00:00:00Z in Unix milliseconds.
const EPOCH_MILLIS: i64 = 1_704_067_200_000;
/// Most ids one [`Sequence::block`] call may take.
pub const MAX_BLOCK: u64 = 1 << SEQUENCE_BITS;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 13;

impl<K> Id<K> {
    /// The id with this number. Numbers above 63 bits lose their top bit.
    pub const fn from_u64(raw: u64) -> Self {
        Self(raw & (u64::MAX >> 1), PhantomData)
    }

    /// The number; fits a signed 64-bit integer.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The number as SQLite and PostgreSQL keep it.
    pub const fn as_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// The id kept as a signed integer by a store.
    pub const fn from_i64(raw: i64) -> Self {
        Self::from_u64(raw.cast_unsigned())
    }

    /// When the id was made, to the millisecond.
    pub const fn at(self) -> Timestamp {
        let millis = (self.0 >> (SEQUENCE_BITS + NODE_BITS)).cast_signed();
        Timestamp::from_millis(millis + EPOCH_MILLIS)
    }

    /// The smallest id that can be made at or after `at`.
    pub fn first_at(at: Timestamp) -> Self {
        let millis = u64::try_from(at.millis() - EPOCH_MILLIS).unwrap_or(0);
        Self::from_u64(millis.min((1 << 41) - 1) << (SEQUENCE_BITS + NODE_BITS))
    }
}

impl MessageId {
    /// The id of the delivery at `index` (from 0) of this message.
    pub const fn delivery(self, index: u32) -> DeliveryId {
        DeliveryId::from_u64(self.as_u64() + 1 + index as u64)
    }
}

impl DeliveryId {
    /// The message of a delivery that stands at `index` (from 0) in it.
    pub const fn message(self, index: u32) -> MessageId {
        MessageId::from_u64(self.as_u64().saturating_sub(1 + index as u64))
    }
}

/// Hands out strictly increasing ids. The store owns one and calls it in commit order, so that
/// id order is commit order.
#[derive(Clone, Debug)]
pub struct Sequence {
    node: u64,
    last: u64,
}

impl Sequence {
    /// A sequence for `node` (0–63) that continues after `last`, the highest id ever made here.
    pub fn new(node: u8, last: u64) -> Self {
        Self {
            node: u64::from(node) & ((1 << NODE_BITS) - 1),
            last,
        }
    }

    /// The first of `count` ids in a row, all above every earlier one; follows `now` and does
    /// not step back when the clock does. `count` is at most [`MAX_BLOCK`].
    pub fn block(&mut self, now: Timestamp, count: u64) -> u64 {
        debug_assert!(
            (1..=MAX_BLOCK).contains(&count),
            "a block has 1 to {MAX_BLOCK} ids"
        );
        let millis = u64::try_from(now.millis() - EPOCH_MILLIS).unwrap_or(0);
        let mut first = self.start_of(millis).max(self.last + 1);
        if (first & (MAX_BLOCK - 1)) + count > MAX_BLOCK {
            first = self.start_of((first >> (SEQUENCE_BITS + NODE_BITS)) + 1);
        }
        self.last = first + count - 1;
        first
    }

    /// The highest id made so far.
    pub fn last(&self) -> u64 {
        self.last
    }

    fn start_of(&self, millis: u64) -> u64 {
        (millis << (SEQUENCE_BITS + NODE_BITS)) | (self.node << SEQUENCE_BITS)
    }
}

impl<K: Kind> Id<K> {
    /// Appends the text form to `out`: ASCII that needs no escaping anywhere. For answers with
    /// hundreds of ids, where going through [`fmt::Display`] costs more than the rest.
    pub fn write_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(K::PREFIX.as_bytes());
        out.push(b'_');
        out.extend_from_slice(&self.digits());
    }

    fn digits(self) -> [u8; TEXT_LEN] {
        let mut text = [0u8; TEXT_LEN];
        for (place, slot) in text.iter_mut().rev().enumerate() {
            *slot = ALPHABET[usize::try_from((self.0 >> (5 * place)) & 31).unwrap_or(0)];
        }
        text
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(K::PREFIX)?;
        f.write_str("_")?;
        f.write_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

/// The text is not an id of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_ followed by {TEXT_LEN} characters")]
pub struct NotAnId {
    /// The prefix that was wanted.
    pub prefix: &'static str,
}

impl<K: Kind> FromStr for Id<K> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = NotAnId { prefix: K::PREFIX };
        let digits = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .filter(|digits| digits.len() == TEXT_LEN)
            .ok_or_else(|| error.clone())?;
        let mut raw: u64 = 0;
        for byte in digits.bytes() {
            let value = ALPHABET
                .iter()
                .position(|known| *known == byte)
                .ok_or_else(|| error.clone())?;
            raw = raw
                .checked_mul(32)
                .and_then(|raw| raw.checked_add(value as u64))
                .filter(|raw| *raw <= u64::MAX >> 1)
                .ok_or_else(|| error.clone())?;
        }
        Ok(Self::from_u64(raw))
    }
}

// Derives would ask the marker type for the same traits.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
/// As a number: the compact form the stores use. The HTTP edge writes the text form itself.
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}
impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from_u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_form_is_typed() {
        let id = MessageId::from_u64(0x0123_4567_89ab_cdef);
        let text = id.to_string();
        assert_eq!(text, "msg_028t5cy4tqkff");
        let mut written = b"id=".to_vec();
        id.write_to(&mut written);
        assert_eq!(written, format!("id={text}").as_bytes());
        assert_eq!(text.parse(), Ok(id));
        assert!(text.parse::<DeliveryId>().is_err());
        assert!("msg_zzzzzzzzzzzzz".parse::<MessageId>().is_err());
        assert!("msg_".parse::<MessageId>().is_err());
    }

    #[test]
    fn deliveries_follow_their_message() {
        let message = MessageId::from_u64(1000);
        assert_eq!(message.delivery(2).as_u64(), 1003);
        assert_eq!(message.delivery(2).message(2), message);
    }

    proptest! {
        #[test]
        fn text_round_trips_and_sorts_like_the_number(a: u64, b: u64) {
            let (a, b) = (DeliveryId::from_u64(a), DeliveryId::from_u64(b));
            prop_assert_eq!(a.to_string().parse(), Ok(a));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn blocks_never_overlap_and_follow_the_clock(
            steps in proptest::collection::vec((-50i64..2000, 1u64..1500), 1..200),
        ) {
            let mut clock = 1_767_323_045_000i64;
            let mut sequence = Sequence::new(3, 0);
            let mut end = 0;
            for (moved, count) in steps {
                clock += moved;
                let first = sequence.block(Timestamp::from_millis(clock), count);
                prop_assert!(first > end);
                end = first + count - 1;
                prop_assert_eq!((first >> SEQUENCE_BITS) & 63, 3);
                prop_assert_eq!(first >> SEQUENCE_BITS, end >> SEQUENCE_BITS);
            }
        }
    }
}
