//! Policies and their versions as they are read.

use std::sync::Arc;

use austin_domain::Timestamp;
use austin_domain::policy::Document;
use austin_ports::catalog::{Policy, Snapshot};
use rusqlite::{Connection, Row};
use serde_json::Value;

use super::{Error, optional_json};

/// The policies that are in force.
pub(super) fn load(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection.prepare(&format!(
        "{POLICY} WHERE version = (SELECT max(version) FROM policies WHERE name = p.name)
                  AND document IS NOT NULL"
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let policy = policy(row)?;
        snapshot
            .policies
            .insert(policy.name.clone(), Arc::new(policy));
    }
    Ok(())
}

/// The versions of a policy below `before`, newest first.
pub(in crate::control) fn versions(
    connection: &Connection,
    name: &str,
    before: Option<u32>,
    limit: usize,
) -> rusqlite::Result<Vec<Policy>> {
    let mut statement = connection.prepare_cached(&format!(
        "{POLICY} WHERE name = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3"
    ))?;
    let before = before.map_or(i64::MAX, i64::from);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement
        .query_map((name, before, limit), policy)?
        .collect()
}

/// The number of a policy's last version; 0 where there never was one.
pub(in crate::control) fn last_version(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<u32> {
    connection.query_row(
        "SELECT coalesce(max(version), 0) FROM policies WHERE name = ?1",
        [name],
        |row| row.get(0),
    )
}

fn policy(row: &Row<'_>) -> rusqlite::Result<Policy> {
    let json: Option<Value> = optional_json(row, 2)?;
    Ok(Policy {
        name: row.get(0)?,
        version: row.get(1)?,
        // What was written was read without a fault, and what is read never becomes less.
        document: json
            .as_ref()
            .map(|json| Document::read(json).0)
            .unwrap_or_default(),
        json,
        reason: row.get(3)?,
        author: row.get(4)?,
        updated_at: Timestamp::from_millis(row.get(5)?),
    })
}

const POLICY: &str = "SELECT name, version, document, reason, author, updated_at FROM policies p";
