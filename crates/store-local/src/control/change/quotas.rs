//! Changes of quotas and of operators' words on accounts, and notes.

use std::sync::Arc;

use austin_domain::quota::Quota;
use austin_ports::catalog::{AccountRecord, CatalogError, QuotaOf, Steer};
use rusqlite::types::Type;
use serde_json::json as value;

use super::{Done, Result, Step, done, json};

impl Step<'_> {
    pub(super) fn put_quota(
        &mut self,
        of: QuotaOf,
        quota: Quota,
        reason: Option<String>,
    ) -> Result<Done> {
        let subject = match of {
            QuotaOf::App(id) => self
                .next
                .apps
                .get(&id)
                .map(|app| format!("app/{}", app.name)),
            QuotaOf::Template(id) => {
                let entry = self.next.templates.get(&id);
                entry.map(|entry| format!("template/{}", entry.template.key))
            }
        };
        let subject = subject
            .ok_or_else(|| CatalogError::Missing("the app or template of this quota".into()))?;
        let (kind, id) = stored(of);
        if quota.is_some() {
            self.execute(
                "INSERT INTO quotas (kind, id, quota) VALUES (?1, ?2, ?3)
                 ON CONFLICT (kind, id) DO UPDATE SET quota = ?3",
                (kind, id, json(&quota)?),
            )?;
            self.next().quotas.insert(of, quota);
        } else {
            self.execute("DELETE FROM quotas WHERE kind = ?1 AND id = ?2", (kind, id))?;
            self.next().quotas.remove(&of);
        }
        let detail = value!({ "quota": quota, "reason": reason });
        done(0, subject, "quota", detail)
    }

    pub(super) fn steer_account(&mut self, key: &str, steer: Option<Steer>) -> Result<Done> {
        let subject = format!("account/{key}");
        let stored = self.next.account(key).map(Arc::clone);
        let stored = stored.ok_or_else(|| CatalogError::Missing(subject.clone()))?;
        let text = steer.as_ref().map(json).transpose()?;
        self.execute(
            "UPDATE accounts SET steer = ?2 WHERE id = ?1",
            (stored.id.as_i64(), text),
        )?;
        let detail = value!({ "steer": steer });
        let account = AccountRecord {
            steer,
            ..AccountRecord::clone(&stored)
        };
        self.next().accounts.insert(stored.id, Arc::new(account));
        done(0, subject, "steer", detail)
    }
}

/// How a quota's owner is stored.
fn stored(of: QuotaOf) -> (&'static str, i64) {
    match of {
        QuotaOf::App(id) => ("app", id.as_i64()),
        QuotaOf::Template(id) => ("template", id.as_i64()),
    }
}

/// The owner behind a stored quota.
pub(in crate::control) fn of(kind: &str, id: i64) -> rusqlite::Result<QuotaOf> {
    match kind {
        "app" => Ok(QuotaOf::App(austin_domain::AppId::from_i64(id))),
        "template" => Ok(QuotaOf::Template(austin_domain::TemplateId::from_i64(id))),
        _ => Err(rusqlite::Error::FromSqlConversionFailure(
            0,
            Type::Text,
            "a kind of quota this austin does not know".into(),
        )),
    }
}
