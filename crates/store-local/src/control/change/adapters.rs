//! Changes of uploaded adapters. Which moves are allowed the port says; here they are written.

use std::sync::Arc;

use austin_ports::catalog::{AdapterEntry, AdapterMove, AdapterVersion, CatalogError};
use serde_json::{Value, json as value};

use super::{Done, Result, Step, done, json};

impl Step<'_> {
    pub(super) fn add_adapter_version(
        &mut self,
        name: &str,
        version: AdapterVersion,
    ) -> Result<Done> {
        let mut entry = match self.next.adapters.get(name) {
            Some(stored) => AdapterEntry::clone(stored),
            None => AdapterEntry::new(name, self.now),
        };
        let number = entry.add(AdapterVersion {
            created_at: self.now,
            author: self.author.to_owned(),
            ..version
        });
        let added = entry.version(number).map(Arc::clone);
        let added = added.ok_or_else(|| CatalogError::Missing(subject(name)))?;
        self.write_adapter(&entry)?;
        self.execute(
            "INSERT INTO adapter_versions (adapter, number, definition, script, examples, state,
                 author, reason, created_at, checked_at, note)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            (
                name,
                number,
                json(&added.definition)?,
                &added.script,
                json(&added.examples)?,
                added.state.as_str(),
                &added.author,
                &added.reason,
                added.created_at.millis(),
                added.checked_at.map(|at| at.millis()),
                &added.note,
            ),
        )?;
        let detail = value!({
            "version": number,
            "script": added.script.is_some(),
            "reason": added.reason,
        });
        self.show(entry);
        done(u64::from(number), subject(name), "upload", detail)
    }

    pub(super) fn move_adapter(
        &mut self,
        name: &str,
        step: &AdapterMove,
        note: Option<String>,
        figures: Option<Value>,
    ) -> Result<Done> {
        let stored = self.adapter(name)?;
        let mut entry = AdapterEntry::clone(&stored);
        let mut detail = entry.make(step, note.clone(), self.now)?;
        detail["note"] = note.into();
        if let Some(figures) = figures {
            detail["figures"] = figures;
        }
        self.write_adapter(&entry)?;
        for (number, version) in &entry.versions {
            let unchanged = stored
                .version(*number)
                .is_some_and(|before| Arc::ptr_eq(before, version));
            if !unchanged {
                self.execute(
                    "UPDATE adapter_versions SET state = ?3, checked_at = ?4, note = ?5
                     WHERE adapter = ?1 AND number = ?2",
                    (
                        name,
                        number,
                        version.state.as_str(),
                        version.checked_at.map(|at| at.millis()),
                        &version.note,
                    ),
                )?;
            }
        }
        self.show(entry);
        done(0, subject(name), step.action(), detail)
    }

    pub(super) fn delete_adapter_version(&mut self, name: &str, number: u32) -> Result<Done> {
        let mut entry = AdapterEntry::clone(&*self.adapter(name)?);
        entry.remove(number)?;
        self.execute(
            "DELETE FROM adapter_versions WHERE adapter = ?1 AND number = ?2",
            (name, number),
        )?;
        self.show(entry);
        let detail = value!({ "version": number });
        done(0, subject(name), "delete_version", detail)
    }

    pub(super) fn delete_adapter(&mut self, name: &str) -> Result<Done> {
        self.adapter(name)?;
        let mut accounts = self.next.accounts.values();
        let user = accounts.find(|account| account.adapter == name && account.deleted_at.is_none());
        if let Some(user) = user {
            let detail = format!(
                "adapter {name} speaks for account {}; delete the account first",
                user.key
            );
            return Err(CatalogError::InUse(detail));
        }
        self.execute("DELETE FROM adapters WHERE name = ?1", [name])?;
        self.next().adapters.remove(name);
        done(0, subject(name), "delete", value!({}))
    }

    fn adapter(&self, name: &str) -> Result<Arc<AdapterEntry>> {
        let stored = self.next.adapters.get(name).map(Arc::clone);
        stored.ok_or_else(|| CatalogError::Missing(subject(name)))
    }

    fn write_adapter(&self, entry: &AdapterEntry) -> Result<()> {
        self.execute(
            "INSERT INTO adapters (name, next, active, former, canary, switched_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (name) DO UPDATE SET next = ?2, active = ?3, former = ?4, canary = ?5,
                 switched_at = ?6",
            (
                &entry.name,
                entry.next,
                entry.active,
                entry.former,
                entry.canary.as_ref().map(json).transpose()?,
                entry.switched_at.millis(),
            ),
        )
    }

    fn show(&mut self, entry: AdapterEntry) {
        let name = entry.name.clone();
        self.next().adapters.insert(name, Arc::new(entry));
    }
}

fn subject(name: &str) -> String {
    format!("adapter/{name}")
}
