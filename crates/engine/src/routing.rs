//! Which accounts a delivery may go to, and in which shares, as of now: the route's rules, its
//! shift, and what its accounts can take.

use austin_domain::route::matching::Facts;
use austin_domain::route::traffic::{Group, Traffic};
use austin_domain::route::{Share, Wheel};
use austin_domain::{AccountId, Lane, Timestamp};
use austin_ports::catalog::Snapshot;
use austin_ports::ledger::WorkItem;
use hashbrown::HashMap;

use crate::directory::Directory;

/// The routes of a snapshot, made ready.
#[derive(Default)]
pub(crate) struct Routes(HashMap<Lane, Traffic>);

impl Routes {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let ready = |(lane, route): (&Lane, &std::sync::Arc<austin_ports::catalog::Route>)| {
            let members = |tag: &str| {
                let mut members: Vec<AccountId> = snapshot
                    .accounts
                    .values()
                    .filter(|account| {
                        account.deleted_at.is_none()
                            && account.channel == lane.channel
                            && account.tags.contains(tag)
                    })
                    .map(|account| account.id)
                    .collect();
                members.sort_unstable();
                members
            };
            (
                *lane,
                Traffic::new(&route.plan, route.shift.as_ref(), members),
            )
        };
        Self(snapshot.routes.iter().map(ready).collect())
    }

    fn of(&self, lane: Lane) -> Option<&Traffic> {
        self.0.get(&lane)
    }
}

/// The wheels of a lane, one per group of deliveries, kept from turn to turn.
#[derive(Default)]
pub(crate) struct Wheels(HashMap<Group, Wheel>);

impl Wheels {
    fn of(&mut self, group: Group) -> &mut Wheel {
        if self.0.len() >= MOST_WHEELS && !self.0.contains_key(&group) {
            // Plans with that many rules come and go; shares only start anew.
            self.0.clear();
        }
        self.0.entry(group).or_default()
    }
}

/// Where a delivery may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Only to the account that its caller named.
    Pinned(AccountId),
    /// By the shares of its group.
    Shared(Group),
    /// Its lane has no route.
    Nowhere,
}

/// The shares of one turn of a lane: read once per group, not per delivery.
pub(crate) struct Choices<'a> {
    directory: &'a Directory,
    now: Timestamp,
    groups: Vec<(Group, Vec<Share>)>,
}

impl<'a> Choices<'a> {
    pub(crate) const fn new(directory: &'a Directory, now: Timestamp) -> Self {
        Self {
            directory,
            now,
            groups: Vec::new(),
        }
    }

    /// The next account of `way` for which `may` holds.
    pub(crate) fn pick(
        &mut self,
        way: Way,
        wheels: &mut Wheels,
        lane: Lane,
        may: impl Fn(AccountId) -> bool,
    ) -> Option<AccountId> {
        match way {
            Way::Pinned(account) => may(account).then_some(account),
            Way::Shared(group) => {
                let shares = self.shares(group, lane);
                wheels.of(group).pick(shares, may)
            }
            Way::Nowhere => None,
        }
    }

    /// All accounts of `way`.
    pub(crate) fn accounts(
        &mut self,
        way: Way,
        lane: Lane,
    ) -> impl Iterator<Item = AccountId> + use<'_, 'a> {
        let (pinned, shares) = match way {
            Way::Pinned(account) => (Some(account), [].as_slice()),
            Way::Shared(group) => (None, self.shares(group, lane)),
            Way::Nowhere => (None, [].as_slice()),
        };
        pinned
            .into_iter()
            .chain(shares.iter().map(|share| share.account))
    }

    fn shares(&mut self, group: Group, lane: Lane) -> &[Share] {
        let known = self.groups.iter().position(|(known, _)| *known == group);
        let index = known.unwrap_or_else(|| {
            let shares = self.directory.weighted(group, lane, self.now);
            self.groups.push((group, shares));
            self.groups.len() - 1
        });
        &self.groups[index].1
    }
}

impl Directory {
    /// Where a delivery may go.
    pub(crate) fn way(&self, item: &WorkItem, now: Timestamp) -> Way {
        if let Some(account) = item.message.account {
            return Way::Pinned(account);
        }
        let Some(traffic) = self.routes.of(item.message.lane) else {
            return Way::Nowhere;
        };
        let template = self.snapshot.templates.get(&item.message.template);
        let facts = Facts {
            to: &item.to,
            template: item.message.template,
            team: template.map_or("", |entry| &entry.template.owner.team),
            app: item.message.app,
        };
        Way::Shared(traffic.group(&facts, now))
    }

    /// The shares of a group, with each weight scaled by its account's health.
    fn weighted(&self, group: Group, lane: Lane, now: Timestamp) -> Vec<Share> {
        let Some(traffic) = self.routes.of(lane) else {
            return Vec::new();
        };
        let mut shares = traffic.shares(group, now);
        let factor = |share: &Share| {
            self.usable(share.account)
                .map_or(FULL, |usable| usable.factor(now))
        };
        if shares.iter().any(|share| factor(share) < FULL) {
            scale(&mut shares, factor);
        }
        shares
    }

    /// Whether another account than `not` may take this delivery now or soon.
    pub(crate) fn has_other(&self, item: &WorkItem, not: AccountId, now: Timestamp) -> bool {
        self.has_other_than(item, &[not], now)
    }

    /// Whether an account may take this delivery now or soon that is none of these and not spent.
    pub(crate) fn has_other_than(
        &self,
        item: &WorkItem,
        not: &[AccountId],
        now: Timestamp,
    ) -> bool {
        let Way::Shared(group) = self.way(item, now) else {
            return false;
        };
        let traffic = self.routes.of(item.message.lane);
        traffic.is_some_and(|traffic| {
            traffic.shares(group, now).iter().any(|share| {
                !not.contains(&share.account)
                    && !item.spent.contains(&share.account)
                    && self.may_take(share.account, item, now)
            })
        })
    }

    fn may_take(&self, account: AccountId, item: &WorkItem, now: Timestamp) -> bool {
        self.usable(account)
            .is_some_and(|usable| usable.carries(self, item) && usable.is_well(now))
    }
}

/// Scales weights by `factor` per mille. Small ones are made larger first, so that the scaled ones
/// keep their proportions.
fn scale(shares: &mut [Share], factor: impl Fn(&Share) -> u32) {
    let most = shares.iter().map(|share| share.weight).max().unwrap_or(0);
    let finer = (u32::MAX / most.max(1)).clamp(1, FULL);
    for share in shares {
        let scaled = u64::from(share.weight * finer) * u64::from(factor(share)) / u64::from(FULL);
        share.weight = u32::try_from(scaled).unwrap_or(u32::MAX);
    }
}

/// A whole, in per mille.
pub(crate) const FULL: u32 = 1_000;
const MOST_WHEELS: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn share(account: u64, weight: u32) -> Share {
        Share {
            account: AccountId::from_u64(account),
            weight,
        }
    }

    fn scaled(weights: &[u32], factors: &[u32]) -> Vec<u32> {
        let mut shares: Vec<Share> = (0u64..).zip(weights).map(|(id, w)| share(id, *w)).collect();
        let of = |share: &Share| factors[usize::try_from(share.account.as_u64()).unwrap()];
        scale(&mut shares, of);
        shares.iter().map(|share| share.weight).collect()
    }

    #[test]
    fn weights_are_scaled_in_proportion_whatever_their_size() {
        assert_eq!(scaled(&[1, 1], &[500, 1_000]), [500, 1_000]);
        assert_eq!(scaled(&[70, 30], &[0, 1_000]), [0, 30_000]);
        assert_eq!(
            scaled(&[1 << 30, 1 << 30], &[250, 1_000]),
            [3 << 28, 3 << 30]
        );
        assert_eq!(
            scaled(&[u32::MAX, u32::MAX], &[1_000, 500]),
            [u32::MAX, u32::MAX / 2]
        );
    }
}
