//! From the parts of a plan to shares of accounts, and from one list of shares to another.

use super::Share;
use super::plan::{Part, Shift, Target};
use crate::id::AccountId;
use crate::time::Timestamp;

/// What the weights add up to where they must be computed: enough that rounding moves no share
/// by more than a ten-millionth.
const SCALE: u128 = 1 << 30;

/// The shares that `parts` stand for: a tag's weight in equal parts for its `members`, which
/// must come in an order of their own. An account that is named twice has the sum. Weights are
/// exact unless they grow beyond 32 bits.
pub fn expand(parts: &[Part], members: impl Fn(&str) -> Vec<AccountId>) -> Vec<Share> {
    let groups: Vec<(Vec<AccountId>, u32)> = parts
        .iter()
        .map(|part| match &part.to {
            Target::Account(account) => (vec![*account], part.weight),
            Target::Tag(tag) => (members(tag), part.weight),
        })
        .filter(|(accounts, _)| !accounts.is_empty())
        .collect();
    // One unit of weight is cut into as many pieces as every group can be dealt out evenly in.
    let pieces = groups
        .iter()
        .map(|(accounts, _)| accounts.len() as u128)
        .fold(1, |all, count| least_common(all, count).min(SCALE));
    let mut shares: Vec<(AccountId, u128)> = Vec::new();
    for (accounts, weight) in &groups {
        let each = u128::from(*weight) * pieces / accounts.len() as u128;
        for account in accounts {
            match shares.iter_mut().find(|(known, _)| known == account) {
                Some((_, sum)) => *sum += each,
                None => shares.push((*account, each)),
            }
        }
    }
    fit(&shares)
}

fn least_common(a: u128, b: u128) -> u128 {
    let (mut greatest, mut rest) = (a, b);
    while rest != 0 {
        (greatest, rest) = (rest, greatest % rest);
    }
    a / greatest * b
}

/// The shares in 32 bits; what had a weight keeps one.
fn fit(shares: &[(AccountId, u128)]) -> Vec<Share> {
    let most = shares.iter().map(|(_, weight)| *weight).max();
    let small = most.is_none_or(|most| most <= u128::from(u32::MAX));
    let total: u128 = shares.iter().map(|(_, weight)| weight).sum();
    let fitted = |weight: u128| match (small, weight) {
        (_, 0) => 0,
        (true, weight) => weight,
        (false, weight) => (weight * SCALE / total).max(1),
    };
    shares
        .iter()
        .map(|(account, weight)| Share {
            account: *account,
            weight: u32::try_from(fitted(*weight)).unwrap_or(u32::MAX),
        })
        .collect()
}

/// How far a shift has come, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Progress(u32);

impl Progress {
    /// Not begun.
    pub const NONE: Self = Self(0);
    /// Complete.
    pub const COMPLETE: Self = Self(1_000_000);

    /// Millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }
}

impl Shift {
    /// How far the shift has come at `now`: in even steps from its beginning, complete exactly
    /// at its end.
    pub fn at(&self, now: Timestamp) -> Progress {
        if now >= self.ends_at {
            return Progress::COMPLETE;
        }
        let whole = self.ends_at.since(self.begins_at).as_millis();
        let gone = now.since(self.begins_at).as_millis();
        if whole == 0 {
            return Progress::NONE;
        }
        let complete = Progress::COMPLETE.0;
        let millionths = gone * u128::from(complete) / whole;
        Progress(u32::try_from(millionths).unwrap_or(complete).min(complete))
    }
}

/// The shares of a shift that has come so far: each account's part of the traffic on the
/// straight line from `from` to `to`. Exactly `from` before it begins and `to` when it is
/// complete. A side without any weight has no say.
pub fn mix(from: &[Share], to: &[Share], progress: Progress) -> Vec<Share> {
    let (total_from, total_to) = (total(from), total(to));
    if progress == Progress::COMPLETE || total_from == 0 {
        return to.to_vec();
    }
    if progress == Progress::NONE || total_to == 0 {
        return from.to_vec();
    }
    let whole = u128::from(Progress::COMPLETE.0);
    let gone = u128::from(progress.0);
    let blend = |account: AccountId| {
        let parts = weight(from, account) * total_to * (whole - gone)
            + weight(to, account) * total_from * gone;
        let part = parts * SCALE / (total_from * total_to * whole);
        Share {
            account,
            weight: u32::try_from(part).unwrap_or(u32::MAX),
        }
    };
    let leaving = from
        .iter()
        .filter(|share| to.iter().all(|other| other.account != share.account));
    to.iter()
        .chain(leaving)
        .map(|share| blend(share.account))
        .collect()
}

fn total(shares: &[Share]) -> u128 {
    shares.iter().map(|share| u128::from(share.weight)).sum()
}

fn weight(shares: &[Share], account: AccountId) -> u128 {
    shares
        .iter()
        .find(|share| share.account == account)
        .map_or(0, |share| u128::from(share.weight))
}

#[cfg(test)]
mod tests;
