//! The snapshot as it is read when the store opens.

mod adapters;
mod lists;
pub(super) mod policies;

use std::sync::Arc;

use austin_domain::route::plan::{Part, Plan, Target};
use austin_domain::template::{Template, TemplateState, Version};
use austin_domain::{AccountId, AppId, Channel, Class, KeyId, Lane, TemplateId, Timestamp};
use austin_ports::catalog::{
    AccountRecord, AppRecord, KeyRecord, Role, Route, Snapshot, TemplateEntry,
};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Row};
use serde::de::DeserializeOwned;

use super::{Error, change, secrets};
use crate::Vault;

/// Everything in the database, with secrets opened.
pub(super) fn snapshot(connection: &Connection, vault: &Vault) -> Result<Snapshot, Error> {
    let mut snapshot = Snapshot::default();
    templates(connection, &mut snapshot)?;
    test_people(connection, &mut snapshot)?;
    accounts(connection, vault, &mut snapshot)?;
    routes(connection, &mut snapshot)?;
    apps(connection, &mut snapshot)?;
    quotas(connection, &mut snapshot)?;
    pauses(connection, &mut snapshot)?;
    keys(connection, &mut snapshot)?;
    policies::load(connection, &mut snapshot)?;
    lists::load(connection, &mut snapshot)?;
    adapters::load(connection, &mut snapshot)?;
    Ok(snapshot)
}

/// The highest id in use, whatever it names.
pub(super) fn last_id(snapshot: &Snapshot) -> u64 {
    let templates = snapshot.templates.keys().map(|id| id.as_u64());
    let accounts = snapshot.accounts.keys().map(|id| id.as_u64());
    let apps = snapshot.apps.keys().map(|id| id.as_u64());
    let keys = snapshot.all_keys.keys().map(|id| id.as_u64());
    templates
        .chain(accounts)
        .chain(apps)
        .chain(keys)
        .max()
        .unwrap_or(0)
}

fn templates(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let count: u32 =
        connection.query_row("SELECT count(*) FROM templates", [], |row| row.get(0))?;
    let count = usize::try_from(count).unwrap_or(0);
    snapshot.templates.reserve(count);
    snapshot.template_ids.reserve(count);
    // One walk over both tables, each in the order of its key.
    let mut statement = connection.prepare(
        "SELECT t.id, t.key, t.name, t.channel, t.class, t.owner, t.state, t.current,
                t.created_at, t.updated_at,
                v.number, v.content, v.variables, v.vendor_templates, v.policies, v.author,
                v.created_at, v.locales, v.standing, t.since
         FROM templates t JOIN template_versions v ON v.template = t.id
         ORDER BY t.id, v.number",
    )?;
    let mut rows = statement.query([])?;
    let mut open: Option<TemplateEntry> = None;
    while let Some(row) = rows.next()? {
        let id = TemplateId::from_i64(row.get(0)?);
        if open.as_ref().is_none_or(|entry| entry.template.id != id) {
            let next = TemplateEntry {
                template: template(row, id)?,
                versions: Vec::new(),
            };
            if let Some(done) = open.replace(next) {
                keep(snapshot, done);
            }
        }
        if let Some(entry) = &mut open {
            entry.versions.push(Arc::new(version(row)?));
        }
    }
    if let Some(done) = open {
        keep(snapshot, done);
    }
    Ok(())
}

fn keep(snapshot: &mut Snapshot, entry: TemplateEntry) {
    let id = entry.template.id;
    snapshot.template_ids.insert(entry.template.key.clone(), id);
    snapshot.templates.insert(id, Arc::new(entry));
}

fn template(row: &Row<'_>, id: TemplateId) -> rusqlite::Result<Template> {
    Ok(Template {
        id,
        key: row.get(1)?,
        name: row.get(2)?,
        channel: known(row, 3, Channel::from_code)?,
        class: known(row, 4, Class::from_code)?,
        owner: json(row, 5)?,
        state: word(row, 6, TemplateState::parse)?,
        since: optional_json(row, 19)?,
        current: row.get(7)?,
        created_at: Timestamp::from_millis(row.get(8)?),
        updated_at: Timestamp::from_millis(row.get(9)?),
    })
}

fn version(row: &Row<'_>) -> rusqlite::Result<Version> {
    let unset = row.get_ref(14)? == ValueRef::Null;
    Ok(Version {
        number: row.get(10)?,
        content: json(row, 11)?,
        variables: json(row, 12)?,
        vendor_templates: json(row, 13)?,
        policies: if unset { None } else { Some(json(row, 14)?) },
        author: row.get(15)?,
        created_at: Timestamp::from_millis(row.get(16)?),
        locales: json(row, 17)?,
        standing: json(row, 18)?,
    })
}

fn test_people(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection.prepare("SELECT team, people FROM test_people")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let people = Arc::new(json(row, 1)?);
        snapshot.test_people.insert(row.get(0)?, people);
    }
    Ok(())
}

fn accounts(connection: &Connection, vault: &Vault, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection.prepare(
        "SELECT id, key, channel, adapter, settings, sealed, limits, enabled, created_at,
                updated_at, deleted_at, tags, steer
         FROM accounts ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = AccountId::from_i64(row.get(0)?);
        let key: String = row.get(1)?;
        let sealed: Vec<u8> = row.get(5)?;
        let (secrets, receipt_token) =
            secrets::open(vault, id, &sealed).map_err(|why| Error::Secrets {
                account: key.clone(),
                why,
            })?;
        let deleted_at: Option<i64> = row.get(10)?;
        if deleted_at.is_none() {
            snapshot.account_ids.insert(key.clone(), id);
        }
        let account = AccountRecord {
            id,
            key,
            channel: known(row, 2, Channel::from_code)?,
            adapter: row.get(3)?,
            settings: json(row, 4)?,
            secrets,
            tags: json(row, 11)?,
            limits: json(row, 6)?,
            enabled: row.get(7)?,
            steer: optional_json(row, 12)?,
            receipt_token,
            created_at: Timestamp::from_millis(row.get(8)?),
            updated_at: Timestamp::from_millis(row.get(9)?),
            deleted_at: deleted_at.map(Timestamp::from_millis),
        };
        snapshot.accounts.insert(id, Arc::new(account));
    }
    Ok(())
}

fn routes(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection.prepare(&format!(
        "{ROUTE} WHERE version = (SELECT max(version) FROM routes WHERE lane = r.lane)"
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let route = route(connection, row)?;
        snapshot.routes.insert(route.lane, Arc::new(route));
    }
    Ok(())
}

/// The versions of a lane's route below `before`, newest first.
pub(super) fn route_versions(
    connection: &Connection,
    lane: Lane,
    before: Option<u32>,
    limit: usize,
) -> rusqlite::Result<Vec<Route>> {
    let mut statement = connection.prepare_cached(&format!(
        "{ROUTE} WHERE lane = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3"
    ))?;
    let before = before.map_or(i64::MAX, i64::from);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((lane.code(), before, limit))?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        versions.push(route(connection, row)?);
    }
    Ok(versions)
}

fn route(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Route> {
    let lane = known(row, 0, Lane::from_code)?;
    let version: u32 = row.get(1)?;
    let plan = match optional_json(row, 5)? {
        Some(plan) => plan,
        None => Plan {
            parts: first_shares(connection, lane, version)?,
            ..Plan::default()
        },
    };
    Ok(Route {
        lane,
        plan,
        shift: optional_json(row, 6)?,
        version,
        author: row.get(2)?,
        reason: row.get(4)?,
        updated_at: Timestamp::from_millis(row.get(3)?),
    })
}

/// The accounts of a route that was written before routes had plans.
fn first_shares(connection: &Connection, lane: Lane, version: u32) -> rusqlite::Result<Vec<Part>> {
    connection
        .prepare_cached(
            "SELECT account, weight FROM route_shares WHERE lane = ?1 AND version = ?2
             ORDER BY place",
        )?
        .query_map((lane.code(), version), |row| {
            Ok(Part {
                to: Target::Account(AccountId::from_i64(row.get(0)?)),
                weight: row.get(1)?,
            })
        })?
        .collect()
}

fn quotas(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection.prepare("SELECT kind, id, quota FROM quotas")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let of = change::quotas::of(row.get_ref(0)?.as_str().unwrap_or_default(), row.get(1)?)?;
        snapshot.quotas.insert(of, json(row, 2)?);
    }
    Ok(())
}

fn pauses(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection.prepare("SELECT paused, pause FROM pauses")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        snapshot.pauses.insert(json(row, 0)?, json(row, 1)?);
    }
    Ok(())
}

fn apps(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection.prepare("SELECT id, name, team, created_at FROM apps")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let app = AppRecord {
            id: AppId::from_i64(row.get(0)?),
            name: row.get(1)?,
            team: row.get(2)?,
            created_at: Timestamp::from_millis(row.get(3)?),
        };
        snapshot.apps.insert(app.id, Arc::new(app));
    }
    Ok(())
}

fn keys(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection
        .prepare("SELECT id, app, role, hint, created_at, revoked_at, digest FROM keys")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let revoked_at: Option<i64> = row.get(5)?;
        let key = Arc::new(KeyRecord {
            id: KeyId::from_i64(row.get(0)?),
            app: AppId::from_i64(row.get(1)?),
            role: word(row, 2, Role::parse)?,
            hint: row.get(3)?,
            created_at: Timestamp::from_millis(row.get(4)?),
            revoked_at: revoked_at.map(Timestamp::from_millis),
        });
        if revoked_at.is_none() {
            snapshot.keys.insert(row.get(6)?, Arc::clone(&key));
        }
        snapshot.all_keys.insert(key.id, key);
    }
    Ok(())
}

fn json<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(at)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into()))
}

fn optional_json<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<T>> {
    match row.get_ref(at)? {
        ValueRef::Null => Ok(None),
        _ => json(row, at).map(Some),
    }
}

fn known<N: rusqlite::types::FromSql, T>(
    row: &Row<'_>,
    at: usize,
    from_code: impl FnOnce(N) -> Option<T>,
) -> rusqlite::Result<T> {
    from_code(row.get(at)?).ok_or_else(|| {
        let error = "a number this austin does not know".into();
        rusqlite::Error::FromSqlConversionFailure(at, Type::Integer, error)
    })
}

fn word<T>(row: &Row<'_>, at: usize, parse: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    parse(row.get_ref(at)?.as_str()?).ok_or_else(|| {
        let error = "a word this austin does not know".into();
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error)
    })
}

const ROUTE: &str = "SELECT lane, version, author, updated_at, reason, plan, shift FROM routes r";
