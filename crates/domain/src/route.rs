//! Weighted, smooth choice among vendor accounts.

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
    // account → current credit
    credit: Vec<(AccountId, i64)>,
}

impl Wheel {
    /// The next account among `shares` for which `eligible` holds. Zero-weight accounts are
    /// picked only when no account with weight is eligible. `None` when none is.
    pub fn pick(
        &mut self,
        shares: &[Share],
        eligible: impl Fn(AccountId) -> bool,
    ) -> Option<AccountId> {
        let _ = (shares, eligible, &self.credit);
        unimplemented!()
    }
}
