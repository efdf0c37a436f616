//! Changes of apps and their keys. Of a key only the digest is known.

use std::sync::Arc;

use austin_domain::{AppId, KeyId};
use austin_ports::catalog::{AppRecord, CatalogError, KeyRecord, Role};
use rusqlite::OptionalExtension;
use serde_json::json as value;

use super::super::failed;
use super::{Done, Result, Step, done};

impl Step<'_> {
    pub(super) fn create_app(&mut self, name: String, team: String) -> Result<Done> {
        if self.app(&name).is_some() {
            return Err(CatalogError::Exists(subject(&name)));
        }
        let app = AppRecord {
            id: AppId::from_u64(self.id()),
            name,
            team,
            created_at: self.now,
        };
        self.execute(
            "INSERT INTO apps (id, name, team, created_at) VALUES (?1, ?2, ?3, ?4)",
            (
                app.id.as_i64(),
                &app.name,
                &app.team,
                app.created_at.millis(),
            ),
        )?;
        let (id, subject) = (app.id, subject(&app.name));
        let detail = value!({ "team": app.team });
        self.next().apps.insert(id, Arc::new(app));
        done(id.as_u64(), subject, "create", detail)
    }

    pub(super) fn create_key(
        &mut self,
        app: &str,
        role: Role,
        digest: [u8; 32],
        hint: String,
    ) -> Result<Done> {
        let owner = self
            .app(app)
            .ok_or_else(|| CatalogError::Missing(subject(app)))?;
        // A revoked key does not come back either, so the table is asked, not the snapshot.
        let taken: Option<i64> = self
            .transaction
            .query_row("SELECT id FROM keys WHERE digest = ?1", [digest], |row| {
                row.get(0)
            })
            .optional()
            .map_err(failed)?;
        if taken.is_some() {
            return Err(CatalogError::Exists("this key".into()));
        }
        let key = Arc::new(KeyRecord {
            id: KeyId::from_u64(self.id()),
            app: owner,
            role,
            hint,
            created_at: self.now,
            revoked_at: None,
        });
        self.execute(
            "INSERT INTO keys (id, app, role, digest, hint, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                key.id.as_i64(),
                key.app.as_i64(),
                key.role.as_str(),
                digest,
                &key.hint,
                key.created_at.millis(),
            ),
        )?;
        let id = key.id;
        let detail = value!({ "key": id.to_string(), "role": role, "hint": key.hint });
        let next = self.next();
        next.keys.insert(digest, Arc::clone(&key));
        next.all_keys.insert(id, key);
        done(id.as_u64(), subject(app), "create_key", detail)
    }

    /// Revoking a revoked key changes nothing and leaves no entry.
    pub(super) fn revoke_key(&mut self, id: KeyId) -> Result<Done> {
        let stored = self
            .next
            .all_keys
            .get(&id)
            .map(Arc::clone)
            .ok_or_else(|| CatalogError::Missing(format!("key {id}")))?;
        if stored.revoked_at.is_some() {
            return Ok(Done { id: 0, entry: None });
        }
        self.execute(
            "UPDATE keys SET revoked_at = ?2 WHERE id = ?1",
            (id.as_i64(), self.now.millis()),
        )?;
        let name = self.next.apps.get(&stored.app).map(|app| app.name.clone());
        let detail = value!({ "key": id.to_string(), "hint": stored.hint });
        let revoked = KeyRecord {
            revoked_at: Some(self.now),
            ..KeyRecord::clone(&stored)
        };
        let next = self.next();
        next.keys.retain(|_, key| key.id != id);
        next.all_keys.insert(id, Arc::new(revoked));
        done(0, subject(&name.unwrap_or_default()), "revoke_key", detail)
    }

    fn app(&self, name: &str) -> Option<AppId> {
        let mut apps = self.next.apps.values();
        apps.find(|app| app.name == name).map(|app| app.id)
    }
}

fn subject(name: &str) -> String {
    format!("app/{name}")
}
