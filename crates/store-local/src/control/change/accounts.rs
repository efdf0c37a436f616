//! Changes of accounts. Secrets enter sealed and are never part of the audit trail.

use std::sync::Arc;

use austin_domain::route::plan::Target;
use austin_domain::route::shares::Progress;
use austin_domain::{AccountId, Channel, Lane, Timestamp};
use austin_ports::catalog::{AccountRecord, CatalogError, Route, Snapshot};
use rusqlite::Connection;
use serde_json::json as value;

use super::super::{Error, failed, secrets};
use super::{Done, Result, Step, done, json};
use crate::Vault;

impl Step<'_> {
    pub(super) fn put_account(&mut self, given: AccountRecord) -> Result<Done> {
        let stored = self.next.account(&given.key).map(Arc::clone);
        if let Some(stored) = &stored {
            self.may_carry(stored, given.channel)?;
        }
        let detail = value!({
            "channel": given.channel,
            "adapter": given.adapter,
            "settings": given.settings,
            "secrets": given.secrets.keys().collect::<Vec<_>>(),
            "tags": given.tags,
            "limits": given.limits,
            "enabled": given.enabled,
        });
        let created = stored.is_none();
        let account = match stored {
            Some(stored) => merged(&stored, given),
            None => AccountRecord {
                id: AccountId::from_u64(self.id()),
                created_at: self.now,
                steer: None,
                ..given
            },
        };
        let (id, key) = (account.id, account.key.clone());
        self.write_account(AccountRecord {
            deleted_at: None,
            ..account
        })?;
        self.next().account_ids.insert(key.clone(), id);
        if created {
            done(id.as_u64(), subject(&key), "create", detail)
        } else {
            done(0, subject(&key), "put", detail)
        }
    }

    pub(super) fn delete_account(&mut self, key: &str) -> Result<Done> {
        let stored = self
            .next
            .account(key)
            .map(Arc::clone)
            .ok_or_else(|| CatalogError::Missing(subject(key)))?;
        if let Some(lane) = self.route_of(stored.id) {
            let detail = format!("account {key} is named by route {lane}; take it out there first");
            return Err(CatalogError::InUse(detail));
        }
        self.write_account(AccountRecord {
            enabled: false,
            deleted_at: Some(self.now),
            secrets: Default::default(),
            ..AccountRecord::clone(&stored)
        })?;
        self.next().account_ids.remove(key);
        done(
            0,
            subject(key),
            "delete",
            value!({ "id": stored.id.to_string() }),
        )
    }

    /// A routed account cannot turn to another channel under its route.
    fn may_carry(&self, stored: &AccountRecord, channel: Channel) -> Result<()> {
        match self.route_of(stored.id) {
            Some(lane) if lane.channel != channel => Err(CatalogError::InUse(format!(
                "account {} is named by route {lane} and cannot carry {channel}",
                stored.key
            ))),
            _ => Ok(()),
        }
    }

    fn route_of(&self, account: AccountId) -> Option<Lane> {
        let routes = self.next.routes.values();
        routes
            .filter(|route| names(route, account, self.now))
            .map(|route| route.lane)
            .min()
    }

    fn write_account(&mut self, account: AccountRecord) -> Result<()> {
        let account = AccountRecord {
            updated_at: self.now,
            ..account
        };
        let sealed = seal(self.vault, &account).map_err(failed)?;
        self.execute(
            "INSERT INTO accounts (id, key, channel, adapter, settings, sealed, limits, enabled,
                 created_at, updated_at, deleted_at, tags)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (id) DO UPDATE SET channel = ?3, adapter = ?4, settings = ?5,
                 sealed = ?6, limits = ?7, enabled = ?8, updated_at = ?10, deleted_at = ?11, tags = ?12",
            (
                account.id.as_i64(),
                &account.key,
                account.channel.code(),
                &account.adapter,
                json(&account.settings)?,
                sealed,
                json(&account.limits)?,
                account.enabled,
                account.created_at.millis(),
                account.updated_at.millis(),
                account.deleted_at.map(|at| at.millis()),
                json(&account.tags)?,
            ),
        )?;
        let id = account.id;
        self.next().accounts.insert(id, Arc::new(account));
        Ok(())
    }
}

/// Whether a route, or the plan it is shifting from, names the account. A plan that is left for
/// good names nobody.
fn names(route: &Route, account: AccountId, now: Timestamp) -> bool {
    let shift = route.shift.as_ref();
    let from = shift
        .filter(|shift| shift.at(now) < Progress::COMPLETE)
        .map(|shift| &shift.from);
    std::iter::once(&route.plan)
        .chain(from)
        .flat_map(super::routes::parts)
        .any(|part| part.to == Target::Account(account))
}

/// Seals anew what an old master key sealed, so that the old key can be taken away. Safe to run
/// twice.
pub(in crate::control) fn reseal(
    connection: &mut Connection,
    vault: &Vault,
    snapshot: &Snapshot,
) -> std::result::Result<(), Error> {
    let old: Vec<i64> = {
        let mut statement = connection.prepare("SELECT id, sealed FROM accounts")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        rows.filter(|row| {
            row.as_ref()
                .map_or(true, |(_, sealed)| !vault.is_current(sealed))
        })
        .map(|row| row.map(|(id, _)| id))
        .collect::<rusqlite::Result<_>>()?
    };
    if old.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for id in &old {
        if let Some(account) = snapshot.accounts.get(&AccountId::from_i64(*id)) {
            let sealed =
                seal(vault, account).map_err(|error| Error::Unreadable(error.to_string()))?;
            let update = "UPDATE accounts SET sealed = ?2 WHERE id = ?1";
            transaction.execute(update, (id, sealed))?;
        }
    }
    transaction.commit()?;
    tracing::info!(
        accounts = old.len(),
        "sealed secrets anew with the active master key"
    );
    Ok(())
}

fn seal(vault: &Vault, account: &AccountRecord) -> serde_json::Result<Vec<u8>> {
    secrets::seal(vault, account.id, &account.secrets, &account.receipt_token)
}

/// The given record over the stored one.
fn merged(stored: &AccountRecord, given: AccountRecord) -> AccountRecord {
    let mut secrets = stored.secrets.clone();
    secrets.extend(given.secrets);
    AccountRecord {
        id: stored.id,
        secrets,
        receipt_token: stored.receipt_token.clone(),
        steer: stored.steer.clone(),
        created_at: stored.created_at,
        ..given
    }
}

fn subject(key: &str) -> String {
    format!("account/{key}")
}
