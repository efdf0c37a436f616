//! A place in 22 bytes.
//!
//! | bits | what |
//! |---|---|
//! | 54 | the person's hash, without the 10 bits that say the shard; 0: no row |
//! | 1 | whether it is odd: see below |
//! | 1 | whether caps count it |
//! | 40 | when, in milliseconds since 2024 (up to November 2058) |
//! | 40 | who and of what |
//! | 40 | digest of the content; 0: none |
//!
//! Who: an id is its time, a node and a number within the millisecond, and nearly every delivery
//! counts from just about the time of its id, is of our own node and of one of the first 8,192
//! kinds of traffic. Then these 40 bits are that number (16), how far the id is ahead (11) and the
//! kind (13). Else, and while the place is pending, the row is *odd*: the bits are a place in the
//! shard's list of [`Odd`]s.

use austin_domain::{DeliveryId, Timestamp};

/// A place, packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row([u8; Row::BYTES]);

/// What of a row does not fit in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd {
    pub(super) holder: Raw,
    pub(super) kind: u32,
}

/// A holder in 64 bits: the highest says whether it is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Raw(u64);

impl Raw {
    pub(super) const fn delivery(id: DeliveryId) -> Self {
        Self(id.as_u64())
    }

    /// `token` is below 2⁶³.
    pub(super) const fn pending(token: u64) -> Self {
        Self(token | PENDING)
    }

    pub(super) const fn is_pending(self) -> bool {
        self.0 & PENDING != 0
    }

    /// The id or the token.
    pub(super) const fn number(self) -> u64 {
        self.0 & !PENDING
    }
}

/// All of a row but who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct What {
    /// The person, in [`PERSON_BITS`] bits.
    pub(super) person: u64,
    /// In milliseconds since 2024: see [`instant`].
    pub(super) at: u64,
    pub(super) counts: bool,
    /// See [`digest`].
    pub(super) content: u64,
}

impl Row {
    pub(super) const BYTES: usize = 22;
    /// No row.
    pub(super) const EMPTY: Self = Self([0; Self::BYTES]);

    /// A row of a delivery, where it fits.
    pub(super) fn near(what: What, id: DeliveryId, kind: u32, node: u8) -> Option<Self> {
        let id = id.as_u64();
        let ahead = i64::try_from(id >> 22).ok()? - i64::try_from(what.at).ok()? + LEAD;
        let ahead = u64::try_from(ahead).ok().filter(|ahead| *ahead < 1 << 11)?;
        let ours = id >> 16 & 63 == u64::from(node);
        let kind = u64::from(kind);
        (ours && kind < 1 << 13)
            .then(|| Self::packed(what, false, id & 0xffff | ahead << 16 | kind << 27))
    }

    /// A row whose rest is the odd at `index`.
    pub(super) fn odd(what: What, index: u32) -> Self {
        Self::packed(what, true, index.into())
    }

    fn packed(what: What, odd: bool, who: u64) -> Self {
        let flags = u64::from(odd) | u64::from(what.counts) << 1;
        let person = what.person | flags << PERSON_BITS;
        let mut bytes = [0; Self::BYTES];
        bytes[..7].copy_from_slice(&person.to_le_bytes()[..7]);
        bytes[7..12].copy_from_slice(&what.at.to_le_bytes()[..5]);
        bytes[12..17].copy_from_slice(&who.to_le_bytes()[..5]);
        bytes[17..].copy_from_slice(&what.content.to_le_bytes()[..5]);
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.person() == 0
    }

    pub(super) fn person(&self) -> u64 {
        self.first() & PERSON
    }

    pub(super) fn what(&self) -> What {
        What {
            person: self.person(),
            at: self.at(),
            counts: self.first() >> (PERSON_BITS + 1) & 1 == 1,
            content: self.five(17),
        }
    }

    pub(super) fn at(&self) -> u64 {
        self.five(7)
    }

    /// Its place in the list of odds, where it has one.
    pub(super) fn odd_index(&self) -> Option<u32> {
        let odd = self.first() >> PERSON_BITS & 1 == 1;
        odd.then(|| u32::try_from(self.who()).unwrap_or(u32::MAX))
    }

    /// The same with another place in the list of odds.
    pub(super) fn moved(&self, index: u32) -> Self {
        Self::odd(self.what(), index)
    }

    /// Holder and kind; `odds` is the shard's list.
    pub(super) fn who_of(&self, odds: &[Odd], node: u8) -> Odd {
        if let Some(index) = self.odd_index() {
            return odds[index as usize];
        }
        let who = self.who();
        let ahead = i64::try_from(who >> 16 & 0x7ff).unwrap_or(0) - LEAD;
        let millis = self.at().saturating_add_signed(ahead);
        let id = millis << 22 | u64::from(node) << 16 | who & 0xffff;
        Odd {
            holder: Raw(id),
            kind: u32::try_from(who >> 27).unwrap_or(0),
        }
    }

    fn who(&self) -> u64 {
        self.five(12)
    }

    /// Person and flags, and a byte more.
    fn first(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[..8]);
        u64::from_le_bytes(bytes)
    }

    fn five(&self, from: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes[..5].copy_from_slice(&self.0[from..from + 5]);
        u64::from_le_bytes(bytes)
    }
}

/// An instant as rows keep it; clamps to what they can express.
pub(super) fn instant(at: Timestamp) -> u64 {
    let millis = at.millis().saturating_sub(EPOCH.millis());
    u64::try_from(millis).unwrap_or(0).min((1 << 40) - 1)
}

/// A content's digest as rows keep it: 40 bits, never 0.
pub(super) fn digest(content: Option<u64>) -> u64 {
    content.map_or(0, |digest| (digest & ((1 << 40) - 1)).max(1))
}

/// How many bits of a person's hash a row has.
pub(super) const PERSON_BITS: u32 = 54;
const PERSON: u64 = (1 << PERSON_BITS) - 1;
const PENDING: u64 = 1 << 63;
/// How far the time of a near row may be ahead of its id's: a delivery that counts from its first
/// attempt.
const LEAD: i64 = 1536;
/// The time ids begin at.
const EPOCH: Timestamp = DeliveryId::from_u64(0).at();

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out(
            person in 0..=PERSON, at in 0u64..1 << 40, counts: bool, content in 0u64..1 << 40,
            ahead in -2000i64..1000, number in 0u64..1 << 16, kind in 0u32..9000, node in 0u8..3,
        ) {
            let what = What { person, at, counts, content };
            let millis = at.saturating_add_signed(ahead).min((1 << 40) - 1);
            let id = DeliveryId::from_u64(millis << 22 | 1 << 16 | number);
            let ahead = i64::try_from(millis).unwrap() - i64::try_from(at).unwrap();
            let fits = node == 1 && kind < 8192 && (-1536..512).contains(&ahead);
            let near = Row::near(what, id, kind, node);
            prop_assert_eq!(near.is_some(), fits);
            if let Some(row) = near {
                prop_assert_eq!(row.what(), what);
                prop_assert_eq!(row.person(), person);
                prop_assert_eq!(row.odd_index(), None);
                prop_assert_eq!(row.who_of(&[], node), Odd { holder: Raw::delivery(id), kind });
            }
            let odd = Odd { holder: Raw::pending(9), kind };
            let row = Row::odd(what, 1).moved(0);
            prop_assert_eq!((row.what(), row.odd_index()), (what, Some(0)));
            prop_assert_eq!(row.who_of(&[odd], node), odd);
        }
    }

    #[test]
    fn instants_and_digests_stay_in_their_bits() {
        assert_eq!(instant(Timestamp::from_millis(0)), 0);
        assert_eq!(instant(EPOCH.plus(std::time::Duration::from_millis(5))), 5);
        assert_eq!(instant(Timestamp::from_millis(i64::MAX)), (1 << 40) - 1);
        assert_eq!(
            (digest(None), digest(Some(0)), digest(Some(1 << 40))),
            (0, 1, 1)
        );
    }
}
