//! Routes: which accounts carry a lane, and in which shares.

use std::collections::HashSet;
use std::sync::Arc;

use austin_domain::Lane;
use austin_domain::route::Share;
use austin_domain::route::plan::{Part, Plan, Target};
use austin_ports::catalog::{AuditEntry, CatalogChange, Route};

use super::faults::Faults;
use super::{Registrar, vanished};
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalCode};

/// Most accounts of one route.
const MAX_SHARES: usize = 64;
/// Greatest weight.
const MAX_WEIGHT: u32 = 1_000_000;

/// One account of a route as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareDraft {
    /// The account's key.
    pub account: String,
    /// Its weight.
    pub weight: u32,
}

impl Registrar<'_> {
    /// Sets the accounts of a lane.
    ///
    /// # Errors
    /// Every share at fault.
    pub async fn put_route(
        &self,
        caller: &Caller,
        lane: Lane,
        drafts: &[ShareDraft],
        reason: Option<String>,
    ) -> Result<Arc<Route>, Refusal> {
        let mut faults = Faults::default();
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        let shares = self.shares(&mut faults, lane, drafts);
        faults.into_result()?;
        let plan = Plan {
            parts: shares
                .into_iter()
                .map(|share| Part {
                    to: Target::Account(share.account),
                    weight: share.weight,
                })
                .collect(),
            ..Plan::default()
        };
        let change = CatalogChange::PutRoute {
            lane,
            plan,
            shift: None,
            reason,
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.catalog
            .snapshot()
            .routes
            .get(&lane)
            .cloned()
            .ok_or_else(|| vanished("route"))
    }

    /// The route of a lane.
    ///
    /// # Errors
    /// `not_found` when the lane has none.
    pub fn route(&self, lane: Lane) -> Result<Arc<Route>, Refusal> {
        self.catalog
            .snapshot()
            .routes
            .get(&lane)
            .cloned()
            .ok_or_else(|| {
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

    fn shares(&self, faults: &mut Faults, lane: Lane, drafts: &[ShareDraft]) -> Vec<Share> {
        if drafts.is_empty() {
            faults.add("/accounts", "required", "must name at least one account");
        } else if drafts.len() > MAX_SHARES {
            let detail = format!("must name at most {MAX_SHARES} accounts");
            faults.add("/accounts", "too_many", detail);
        } else if drafts.iter().all(|draft| draft.weight == 0) {
            let detail = "at least one weight must be above zero, else no message would be sent";
            faults.add("/accounts", "all_zero", detail);
        }
        let snapshot = self.catalog.snapshot();
        let mut seen = HashSet::new();
        let mut shares = Vec::new();
        for (index, draft) in drafts.iter().enumerate().take(MAX_SHARES) {
            let pointer = format!("/accounts/{index}/account");
            match snapshot.account(&draft.account) {
                None => faults.add(
                    &pointer,
                    "unknown_account",
                    "there is no account by this key",
                ),
                Some(account) if account.channel != lane.channel => faults.add(
                    &pointer,
                    "wrong_channel",
                    format!("carries {}, not {}", account.channel, lane.channel),
                ),
                Some(account) => {
                    if !seen.insert(account.id) {
                        faults.add(&pointer, "duplicate_account", "stands in this route twice");
                    }
                    shares.push(Share {
                        account: account.id,
                        weight: draft.weight,
                    });
                }
            }
            if draft.weight > MAX_WEIGHT {
                let detail = format!("must be at most {MAX_WEIGHT}");
                let pointer = format!("/accounts/{index}/weight");
                faults.add(&pointer, "out_of_range", detail);
            }
        }
        shares
    }
}
