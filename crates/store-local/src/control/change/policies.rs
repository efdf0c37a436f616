//! Changes of policies. Every version stays in the database.

use std::sync::Arc;

use austin_domain::policy::Document;
use austin_ports::catalog::{CatalogError, Policy};
use serde_json::{Value, json as value};

use super::super::load;
use super::{Done, Result, Step, done, failed, json};

impl Step<'_> {
    pub(super) fn put_policy(
        &mut self,
        name: String,
        (written, document): (Value, Document),
        reason: Option<String>,
    ) -> Result<Done> {
        let version = self.add_policy_version(&name, Some(&written), reason.as_deref())?;
        let subject = format!("policy/{name}");
        let detail = value!({ "version": version, "document": written, "reason": reason });
        let policy = Policy {
            name: name.clone(),
            version,
            json: Some(written),
            document,
            author: self.author.to_owned(),
            reason,
            updated_at: self.now,
        };
        self.next().policies.insert(name, Arc::new(policy));
        done(0, subject, "put", detail)
    }

    pub(super) fn delete_policy(&mut self, name: String, reason: Option<String>) -> Result<Done> {
        if !self.next.policies.contains_key(&name) {
            return Err(CatalogError::Missing(format!("policy {name}")));
        }
        let version = self.add_policy_version(&name, None, reason.as_deref())?;
        self.next().policies.remove(&name);
        let detail = value!({ "version": version, "reason": reason });
        done(0, format!("policy/{name}"), "delete", detail)
    }

    fn add_policy_version(
        &self,
        name: &str,
        document: Option<&Value>,
        reason: Option<&str>,
    ) -> Result<u32> {
        let version = 1 + load::policies::last_version(self.transaction, name).map_err(failed)?;
        self.execute(
            "INSERT INTO policies (name, version, document, reason, author, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                name,
                version,
                document.map(json).transpose()?,
                reason,
                self.author,
                self.now.millis(),
            ),
        )?;
        Ok(version)
    }
}
