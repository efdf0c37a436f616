//! Changes of routes. Every version of a route stays in the database.

use std::sync::Arc;

use austin_domain::Lane;
use austin_domain::route::plan::{Part, Plan, Shift, Target};
use austin_ports::catalog::{CatalogError, Route};
use serde_json::{Value, json as value};

use super::{Done, Result, Step, done, json};

impl Step<'_> {
    pub(super) fn put_route(
        &mut self,
        lane: Lane,
        plan: Plan,
        shift: Option<Shift>,
        reason: Option<String>,
    ) -> Result<Done> {
        let shares = self.named_parts(lane, &plan.parts)?;
        let mut rules = Vec::with_capacity(plan.rules.len());
        for rule in &plan.rules {
            let shares = self.named_parts(lane, &rule.parts)?;
            rules.push(value!({ "name": rule.name, "when": rule.when, "shares": shares }));
        }
        for part in shift.iter().flat_map(|shift| parts(&shift.from)) {
            self.known_account(part)?;
        }
        let version = self.next.routes.get(&lane).map_or(1, |r| r.version + 1);
        self.execute(
            "INSERT INTO routes (lane, version, reason, author, updated_at, plan, shift)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                lane.code(),
                version,
                &reason,
                self.author,
                self.now.millis(),
                json(&plan)?,
                shift.as_ref().map(json).transpose()?,
            ),
        )?;
        let detail = value!({
            "version": version,
            "shares": shares,
            "rules": rules,
            "receipt_timeout": plan.receipt_timeout,
            "shift": shift.as_ref().map(|shift| value!({
                "begins_at": shift.begins_at.to_string(),
                "ends_at": shift.ends_at.to_string(),
            })),
            "reason": reason,
        });
        let route = Route {
            lane,
            plan,
            shift,
            version,
            author: self.author.to_owned(),
            reason,
            updated_at: self.now,
        };
        self.next().routes.insert(lane, Arc::new(route));
        done(0, format!("route/{lane}"), "put", detail)
    }

    fn named_parts(&self, lane: Lane, parts: &[Part]) -> Result<Vec<Value>> {
        parts.iter().map(|part| self.named(lane, part)).collect()
    }

    /// The part as the audit trail names it, after checking its account.
    fn named(&self, lane: Lane, part: &Part) -> Result<Value> {
        let id = match &part.to {
            Target::Tag(tag) => return Ok(value!({ "tag": tag, "weight": part.weight })),
            Target::Account(id) => id,
        };
        self.next
            .accounts
            .get(id)
            .filter(|account| account.deleted_at.is_none() && account.channel == lane.channel)
            .map(|account| value!({ "account": account.key, "weight": part.weight }))
            .ok_or_else(|| CatalogError::Missing(format!("an account {id} for {}", lane.channel)))
    }

    /// A plan that is left may name accounts that have gone since, but none that never was.
    fn known_account(&self, part: &Part) -> Result<()> {
        match &part.to {
            Target::Account(id) if !self.next.accounts.contains_key(id) => {
                Err(CatalogError::Missing(format!("an account {id}")))
            }
            Target::Account(_) | Target::Tag(_) => Ok(()),
        }
    }
}

/// Every part of a plan.
pub(in crate::control) fn parts(plan: &Plan) -> impl Iterator<Item = &Part> {
    let rules = plan.rules.iter().flat_map(|rule| &rule.parts);
    plan.parts.iter().chain(rules)
}
