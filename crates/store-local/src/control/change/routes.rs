//! Changes of routes. Every version of a route stays in the database.

use std::sync::Arc;

use austin_domain::Lane;
use austin_domain::route::Share;
use austin_ports::catalog::{CatalogError, Route};
use serde_json::{Value, json as value};

use super::{Done, Result, Step, done};

impl Step<'_> {
    pub(super) fn put_route(
        &mut self,
        lane: Lane,
        shares: Vec<Share>,
        reason: Option<String>,
    ) -> Result<Done> {
        let named = shares
            .iter()
            .map(|share| self.named(lane, share))
            .collect::<Result<Vec<Value>>>()?;
        let version = self.next.routes.get(&lane).map_or(1, |r| r.version + 1);
        self.execute(
            "INSERT INTO routes (lane, version, reason, author, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                lane.code(),
                version,
                &reason,
                self.author,
                self.now.millis(),
            ),
        )?;
        for (place, share) in (0_i64..).zip(&shares) {
            self.execute(
                "INSERT INTO route_shares (lane, version, place, account, weight)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                (
                    lane.code(),
                    version,
                    place,
                    share.account.as_i64(),
                    share.weight,
                ),
            )?;
        }
        let route = Route {
            lane,
            shares,
            version,
            author: self.author.to_owned(),
            updated_at: self.now,
        };
        self.next().routes.insert(lane, Arc::new(route));
        let detail = value!({ "version": version, "shares": named, "reason": reason });
        done(0, format!("route/{lane}"), "put", detail)
    }

    /// The share as the audit trail names it, after checking its account.
    fn named(&self, lane: Lane, share: &Share) -> Result<Value> {
        self.next
            .accounts
            .get(&share.account)
            .filter(|account| account.deleted_at.is_none() && account.channel == lane.channel)
            .map(|account| value!({ "account": account.key, "weight": share.weight }))
            .ok_or_else(|| {
                let (id, channel) = (share.account, lane.channel);
                CatalogError::Missing(format!("an account {id} for {channel}"))
            })
    }
}
