//! Routes: which accounts carry a lane, in which shares, and how that changes.

mod check;
mod draft;
mod mapping;
mod preview;
mod shift;

use std::sync::Arc;

use austin_domain::route::plan::{Plan, Shift};
use austin_domain::route::shares::Progress;
use austin_domain::route::traffic::{Group, Traffic};
use austin_domain::{AccountId, Channel, Lane, Timestamp};
use austin_ports::catalog::{AccountRecord, AuditEntry, CatalogChange, Route, Snapshot};

pub use draft::{RouteDraft, RuleDraft, ShareDraft, ShiftDraft, TimeoutDraft, WhenDraft};
pub use preview::{
    Expected, PassedOver, RouteGroup, RoutePreview, RoutePreviewRequest, RouteSample,
};

use super::faults::Faults;
use super::{Page, Registrar, missing, vanished};
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalCode};

/// What a route does at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The moment.
    pub at: Timestamp,
    /// How far a shift has come, in millionths; a million without one.
    pub progress: u32,
    /// By rule, the route's own shares last, without a name.
    pub shares: Vec<EffectiveShares>,
}

/// The shares of one rule at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveShares {
    /// The rule; `None` for what stands where no rule fits.
    pub rule: Option<String>,
    /// Account keys and their parts of a thousand.
    pub accounts: Vec<(String, f64)>,
}

impl Registrar<'_> {
    /// Sets the route of a lane.
    ///
    /// # Errors
    /// Every field at fault.
    pub async fn put_route(
        &self,
        caller: &Caller,
        lane: Lane,
        draft: &RouteDraft,
    ) -> Result<Arc<Route>, Refusal> {
        let mut faults = Faults::default();
        faults.line("/reason", draft.reason.as_deref().unwrap_or_default());
        let (plan, shift) = self.planned(&mut faults, lane, draft);
        faults.into_result()?;
        let change = CatalogChange::PutRoute {
            lane,
            plan,
            shift,
            reason: draft.reason.clone(),
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        let snapshot = self.catalog.snapshot();
        let route = snapshot.routes.get(&lane).cloned();
        route.ok_or_else(|| vanished("route"))
    }

    /// Sets the route of a lane to what it was in an earlier version: a new version, checked
    /// against what is configured now.
    ///
    /// # Errors
    /// `not_found`; every field of the old version that is at fault today.
    pub async fn revert_route(
        &self,
        caller: &Caller,
        lane: Lane,
        version: u32,
        with: RouteDraft,
    ) -> Result<Arc<Route>, Refusal> {
        self.route(lane)?;
        let before = version.checked_add(1);
        let found = self.catalog.route_versions(lane, before, 1).await?;
        let old = found.first().filter(|route| route.version == version);
        let old = old.ok_or_else(|| missing("version of the route", &version.to_string()))?;
        let draft = RouteDraft {
            shift: with.shift,
            reason: with
                .reason
                .or_else(|| Some(format!("back to version {version}"))),
            allow_missing_mapping: with.allow_missing_mapping,
            ..RouteDraft::of(&old.plan, &self.catalog.snapshot())
        };
        self.put_route(caller, lane, &draft).await
    }

    /// The route of a lane.
    ///
    /// # Errors
    /// `not_found` when the lane has none.
    pub fn route(&self, lane: Lane) -> Result<Arc<Route>, Refusal> {
        let snapshot = self.catalog.snapshot();
        let route = snapshot.routes.get(&lane).cloned();
        route.ok_or_else(|| {
            let detail = format!("{lane} has no route yet");
            Refusal::new(RefusalCode::NotFound, detail)
        })
    }

    /// All routes, by lane.
    pub fn routes(&self) -> Vec<Arc<Route>> {
        let mut routes: Vec<_> = self.catalog.snapshot().routes.values().cloned().collect();
        routes.sort_by_key(|route| route.lane);
        routes
    }

    /// Past changes of a lane's route, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn route_history(
        &self,
        lane: Lane,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, Refusal> {
        let subject = format!("route/{lane}");
        Ok(self.catalog.history(Some(&subject), limit).await?)
    }

    /// The versions of a lane's route, newest first, from `before` (exclusive) down.
    ///
    /// # Errors
    /// `not_found` when the lane has no route.
    pub async fn route_versions(
        &self,
        lane: Lane,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Page<Route>, Refusal> {
        self.route(lane)?;
        let wanted = limit.saturating_add(1);
        let mut items = self.catalog.route_versions(lane, before, wanted).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let next = last.map(|route| route.version.to_string());
        Ok(Page { items, next })
    }

    /// What a route does now.
    pub fn effective(&self, route: &Route) -> Effective {
        let (snapshot, now) = (self.catalog.snapshot(), self.now());
        let traffic = traffic(&snapshot, route.lane, &route.plan, route.shift.as_ref());
        let of = |group: Group| EffectiveShares {
            rule: traffic.rule(group).map(str::to_owned),
            accounts: per_mille(&traffic, group, now, &snapshot),
        };
        Effective {
            at: now,
            progress: traffic.progress(now).millionths(),
            shares: traffic.groups(now).into_iter().map(of).collect(),
        }
    }

    /// The plan and the shift that a draft stands for; useless when faults were added.
    fn planned(
        &self,
        faults: &mut Faults,
        lane: Lane,
        draft: &RouteDraft,
    ) -> (Plan, Option<Shift>) {
        let snapshot = self.catalog.snapshot();
        let plan = check::Check {
            faults,
            snapshot: &snapshot,
            lane,
        }
        .plan(draft);
        let shift = draft.shift.as_ref().and_then(|draft| {
            let old = snapshot.routes.get(&lane).map(|route| &**route);
            let members = |tag: &str| members(&snapshot, lane.channel, tag);
            shift::shift(faults, draft, old, members, self.now())
        });
        if faults.is_empty() && !draft.allow_missing_mapping {
            mapping::check(faults, self.adapters, &snapshot, lane, &plan);
        }
        (plan, shift)
    }

    /// Refuses to take `account` (or only its tags in `leaving`) away from a tag that a route
    /// names and nobody else carries.
    pub(super) fn tags_stay_carried<'a>(
        &self,
        account: &AccountRecord,
        leaving: impl Iterator<Item = &'a String>,
    ) -> Result<(), Refusal> {
        let (snapshot, now) = (self.catalog.snapshot(), self.now());
        for tag in leaving {
            let alone = members(&snapshot, account.channel, tag) == [account.id];
            let named = snapshot
                .routes
                .values()
                .filter(|route| route.lane.channel == account.channel)
                .find(|route| names_tag(route, tag, now));
            if let Some(route) = named.filter(|_| alone) {
                let detail = format!(
                    "route {} names the tag {tag}, which no other account carries; change the \
                     route first",
                    route.lane
                );
                return Err(Refusal::new(RefusalCode::Conflict, detail));
            }
        }
        Ok(())
    }
}

fn names_tag(route: &Route, tag: &str, now: Timestamp) -> bool {
    use austin_domain::route::plan::Target;
    let leaving = route.shift.as_ref();
    let leaving = leaving.filter(|shift| shift.at(now) < Progress::COMPLETE);
    leaving
        .map(|shift| &shift.from)
        .into_iter()
        .chain([&route.plan])
        .flat_map(Plan::all_parts)
        .any(|part| matches!(&part.to, Target::Tag(named) if named == tag))
}

/// The accounts of a channel that carry a tag, by id.
fn members(snapshot: &Snapshot, channel: Channel, tag: &str) -> Vec<AccountId> {
    let mut found: Vec<AccountId> = snapshot
        .account_ids
        .values()
        .filter_map(|id| snapshot.accounts.get(id))
        .filter(|account| account.channel == channel && account.tags.contains(tag))
        .map(|account| account.id)
        .collect();
    found.sort_unstable();
    found
}

fn record(snapshot: &Snapshot, id: AccountId) -> Option<&AccountRecord> {
    snapshot.accounts.get(&id).map(|account| &**account)
}

fn traffic(snapshot: &Snapshot, lane: Lane, plan: &Plan, shift: Option<&Shift>) -> Traffic {
    Traffic::new(plan, shift, |tag| members(snapshot, lane.channel, tag))
}

/// Account keys and their parts of a thousand, to one decimal.
fn per_mille(
    traffic: &Traffic,
    group: Group,
    now: Timestamp,
    snapshot: &Snapshot,
) -> Vec<(String, f64)> {
    let shares = traffic.shares(group, now);
    let total: f64 = shares.iter().map(|share| f64::from(share.weight)).sum();
    shares
        .iter()
        .map(|share| {
            let part = f64::from(share.weight) / total.max(1.0);
            let key = draft::account_key(share.account, snapshot);
            (key, tenths(part * 1000.0))
        })
        .collect()
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
