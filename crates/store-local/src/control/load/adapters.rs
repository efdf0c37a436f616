//! Uploaded adapters with their versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use austin_domain::Timestamp;
use austin_ports::catalog::{AdapterEntry, AdapterVersion, Snapshot, VersionState};
use rusqlite::{Connection, Row};

use super::{Error, json, optional_json, word};

pub(super) fn load(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection
        .prepare("SELECT name, next, active, former, canary, switched_at FROM adapters")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let entry = AdapterEntry {
            versions: versions(connection, &name)?,
            next: row.get(1)?,
            active: row.get(2)?,
            former: row.get(3)?,
            canary: optional_json(row, 4)?,
            switched_at: Timestamp::from_millis(row.get(5)?),
            name: name.clone(),
        };
        snapshot.adapters.insert(name, Arc::new(entry));
    }
    Ok(())
}

fn versions(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<BTreeMap<u32, Arc<AdapterVersion>>> {
    connection
        .prepare_cached(
            "SELECT number, definition, script, examples, state, author, reason, created_at,
                    checked_at, note
             FROM adapter_versions WHERE adapter = ?1",
        )?
        .query_map([name], |row| {
            let version = version(row)?;
            Ok((version.number, Arc::new(version)))
        })?
        .collect()
}

fn version(row: &Row<'_>) -> rusqlite::Result<AdapterVersion> {
    let checked_at: Option<i64> = row.get(8)?;
    Ok(AdapterVersion {
        number: row.get(0)?,
        definition: json(row, 1)?,
        script: row.get(2)?,
        examples: json(row, 3)?,
        state: word(row, 4, VersionState::parse)?,
        author: row.get(5)?,
        reason: row.get(6)?,
        created_at: Timestamp::from_millis(row.get(7)?),
        checked_at: checked_at.map(Timestamp::from_millis),
        note: row.get(9)?,
    })
}
