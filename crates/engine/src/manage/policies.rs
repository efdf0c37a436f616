//! Policies: what may be done to people, in versions, and back again.

use std::sync::Arc;

use austin_domain::policy::{Document, Rules};
use austin_domain::template::check::Fault;
use austin_ports::catalog::{AuditEntry, CatalogChange, NewPolicy, Policy};
use serde_json::Value;

use super::faults::Faults;
use super::{Page, Registrar, missing, vanished};
use crate::caller::Caller;
use crate::refusal::Refusal;
use crate::rulebook;

/// Names that paths of the API take.
const RESERVED: [&str; 2] = ["simulate", "preview"];
/// Most policies in force.
const MAX_POLICIES: usize = 1_000;

impl Registrar<'_> {
    /// Sets a policy: what it says holds for everything that is judged from then on.
    ///
    /// # Errors
    /// Every field at fault, by its place.
    pub async fn put_policy(
        &self,
        caller: &Caller,
        name: &str,
        document: Value,
        reason: Option<String>,
    ) -> Result<Arc<Policy>, Refusal> {
        let mut faults = Faults::default();
        faults.key("/name", name);
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        if RESERVED.contains(&name) {
            faults.add(
                "/name",
                "reserved",
                "this name stands for a call of the API",
            );
        }
        let (read, found) = Document::read(&document);
        name_faults(&mut faults, "", found);
        let snapshot = self.catalog.snapshot();
        let lists = self.lists.map(|lists| lists.load().with(&snapshot));
        name_faults(
            &mut faults,
            "",
            rulebook::check(&read.rules, lists.as_ref()),
        );
        if !snapshot.policies.contains_key(name) && snapshot.policies.len() >= MAX_POLICIES {
            let detail = format!("there are {MAX_POLICIES} policies already; delete some first");
            faults.add("/name", "too_many", detail);
        }
        faults.into_result()?;
        let change = CatalogChange::PutPolicy(Box::new(NewPolicy {
            name: name.to_owned(),
            json: document,
            document: read,
            reason,
        }));
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        let snapshot = self.catalog.snapshot();
        let policy = snapshot.policies.get(name).cloned();
        policy.ok_or_else(|| vanished("policy"))
    }

    /// Takes a policy out of force. Its versions are kept, and it can come back.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_policy(
        &self,
        caller: &Caller,
        name: &str,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        self.policy(name)?;
        let mut faults = Faults::default();
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        faults.into_result()?;
        let change = CatalogChange::DeletePolicy {
            name: name.to_owned(),
            reason,
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        Ok(())
    }

    /// Sets a policy, also a deleted one, to what an earlier version said: a new version, checked
    /// again.
    ///
    /// # Errors
    /// `not_found`; every field of the old version that is at fault today.
    pub async fn revert_policy(
        &self,
        caller: &Caller,
        name: &str,
        version: u32,
        reason: Option<String>,
    ) -> Result<Arc<Policy>, Refusal> {
        let before = version.checked_add(1);
        let found = self.catalog.policy_versions(name, before, 1).await?;
        let document = found
            .into_iter()
            .find(|policy| policy.version == version)
            .and_then(|policy| policy.json)
            .ok_or_else(|| {
                missing(
                    "version of the policy with a document",
                    &version.to_string(),
                )
            })?;
        let reason = reason.or_else(|| Some(format!("back to version {version}")));
        self.put_policy(caller, name, document, reason).await
    }

    /// A policy that is in force.
    ///
    /// # Errors
    /// `not_found`.
    pub fn policy(&self, name: &str) -> Result<Arc<Policy>, Refusal> {
        let snapshot = self.catalog.snapshot();
        let policy = snapshot.policies.get(name).cloned();
        policy.ok_or_else(|| missing("policy", name))
    }

    /// All policies in force, by name.
    pub fn policies(&self) -> Vec<Arc<Policy>> {
        self.catalog.snapshot().policies.values().cloned().collect()
    }

    /// The versions of a policy, newest first, from `before` (exclusive) down; of a deleted one
    /// too.
    ///
    /// # Errors
    /// `not_found` when there never was one.
    pub async fn policy_versions(
        &self,
        name: &str,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Page<Policy>, Refusal> {
        let wanted = limit.saturating_add(1);
        let mut items = self.catalog.policy_versions(name, before, wanted).await?;
        if items.is_empty() && before.is_none() {
            return Err(missing("policy", name));
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let next = last.map(|policy| policy.version.to_string());
        Ok(Page { items, next })
    }

    /// Past changes of a policy, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn policy_history(
        &self,
        name: &str,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, Refusal> {
        let subject = format!("policy/{name}");
        Ok(self.catalog.history(Some(&subject), limit).await?)
    }
}

/// Checks the rules that a template version carries, as they stand in a request.
pub(super) fn check(faults: &mut Faults, policies: &Value) {
    let (rules, found) = Rules::read(policies);
    name_faults(faults, "/policies", found);
    name_faults(faults, "/policies", rulebook::check(&rules, None));
}

fn name_faults(faults: &mut Faults, base: &str, found: Vec<Fault>) {
    for fault in found {
        faults.add(
            &format!("{base}{}", fault.pointer),
            fault.code,
            fault.detail,
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_stand_where_the_request_has_them() {
        for (policies, pointer) in [
            (json!([]), "/policies"),
            (json!({"dedupe": {}}), "/policies/dedupe"),
            (json!({"dedup": {"window": "5"}}), "/policies/dedup/window"),
            (
                json!({"approval": {"required": false}}),
                "/policies/approval",
            ),
        ] {
            let mut faults = Faults::default();
            check(&mut faults, &policies);
            let refusal = faults.into_result().unwrap_err();
            assert_eq!(refusal.errors[0].pointer, pointer);
        }
    }
}
