//! Weighted, smooth choice among vendor accounts.
//!
//! Each account has a credit, counted in parts of a pick. A pick pays every candidate its
//! weight, takes the account with the most credit, and charges it what all were paid together,
//! which is one whole pick. The invariants: the credits of a wheel whose candidates stay the
//! same add up to what they were and return to where they were after as many picks as the
//! weights add up to, so shares are exact; an account that is left out is not paid, so it has
//! nothing to catch up on when it comes back.

pub mod country;
pub mod matching;
pub mod plan;
pub mod shares;
pub mod traffic;

use serde::{Deserialize, Serialize};

use crate::id::AccountId;

/// One account of a route and its share of the traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The account.
    pub account: AccountId,
    /// Its weight; 0 takes no first attempts but may stand in when others fail.
    pub weight: u32,
}

/// Smooth weighted round robin: over any run of picks each account gets its share exactly, and
/// picks are interleaved rather than bunched. Deterministic.
#[derive(Clone, Debug, Default)]
pub struct Wheel {
    // In the order of the shares it was last used with.
    places: Vec<Place>,
    // What one whole pick was worth the last time, in the unit of the credits.
    price: i64,
}

/// One account's place on the wheel.
#[derive(Clone, Copy, Debug)]
struct Place {
    account: AccountId,
    credit: i64,
    eligible: bool,
}

impl Wheel {
    /// The next account among `shares` for which `eligible` holds; of equals the first.
    /// Zero-weight accounts are picked, in turn, only when no account with weight is eligible.
    /// `None` when none is.
    ///
    /// The shares may change from one pick to the next: accounts that stay keep the part of a
    /// pick that they are owed. `eligible` is asked once per share and pick.
    pub fn pick(
        &mut self,
        shares: &[Share],
        eligible: impl Fn(AccountId) -> bool,
    ) -> Option<AccountId> {
        self.align(shares);
        for place in &mut self.places {
            place.eligible = eligible(place.account);
        }
        self.turn(shares, |share| share.weight > 0)
            .or_else(|| self.turn(shares, |share| share.weight == 0))
    }

    /// One turn among the eligible shares of a `rank`; nothing moves when there is none.
    fn turn(&mut self, shares: &[Share], rank: impl Fn(&Share) -> bool) -> Option<AccountId> {
        let candidate = |place: &Place, share: &Share| place.eligible && rank(share);
        let price = self
            .places
            .iter()
            .zip(shares)
            .filter(|(place, share)| candidate(place, share))
            .map(|(_, share)| wage(share))
            .sum();
        if price == 0 {
            return None;
        }
        self.reprice(price);
        let mut best: Option<&mut Place> = None;
        for (place, share) in self.places.iter_mut().zip(shares) {
            if candidate(place, share) {
                place.credit += wage(share);
                if best.as_ref().is_none_or(|best| best.credit < place.credit) {
                    best = Some(place);
                }
            }
        }
        let best = best?;
        best.credit -= price;
        Some(best.account)
    }

    /// Brings the places into the order of `shares`.
    fn align(&mut self, shares: &[Share]) {
        let same = self.places.len() == shares.len()
            && self
                .places
                .iter()
                .zip(shares)
                .all(|(place, share)| place.account == share.account);
        if same {
            return;
        }
        let old = std::mem::take(&mut self.places);
        let place_of = |share: &Share| {
            let known = old.iter().find(|place| place.account == share.account);
            Place {
                account: share.account,
                credit: known.map_or(0, |place| place.credit),
                eligible: false,
            }
        };
        self.places = shares.iter().map(place_of).collect();
    }

    /// Writes the credits in parts of the new `price`, so that each account is owed the same
    /// part of a pick as before. No account is owed, or owes, more than one pick per account
    /// of the wheel: while the candidates stay the same none gets there, and where they come
    /// and go in a contrived order this bounds what can be caught up on.
    fn reprice(&mut self, price: i64) {
        let picks = i64::try_from(self.places.len()).unwrap_or(i64::MAX);
        let bound = price.saturating_mul(picks);
        for place in &mut self.places {
            if self.price != price && self.price != 0 {
                let exact = i128::from(place.credit) * i128::from(price);
                let credit = exact / i128::from(self.price);
                place.credit = i64::try_from(credit).unwrap_or(0);
            }
            place.credit = place.credit.clamp(-bound, bound);
        }
        self.price = price;
    }
}

/// What a candidate is paid a pick. Stand-ins take equal turns.
fn wage(share: &Share) -> i64 {
    i64::from(share.weight.max(1)) << FRACTION_BITS
}

/// Bits below one unit of weight, so that repricing rounds to next to nothing.
const FRACTION_BITS: u32 = 16;

#[cfg(test)]
mod tests;
