//! What parts of austin write down for themselves: cursors and marks, by name.

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

/// What stands under `name`.
pub(super) fn read(connection: &Connection, name: &str) -> rusqlite::Result<Option<Value>> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM remembered WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    text.map(|text| {
        serde_json::from_str(&text).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
        })
    })
    .transpose()
}

/// Writes `value` under `name`; `None` removes it.
pub(super) fn write(
    connection: &Connection,
    name: &str,
    value: Option<&Value>,
) -> rusqlite::Result<()> {
    match value {
        Some(value) => connection
            .prepare_cached(
                "INSERT INTO remembered (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = ?2",
            )?
            .execute((name, value.to_string()))?,
        None => connection
            .prepare_cached("DELETE FROM remembered WHERE name = ?1")?
            .execute([name])?,
    };
    Ok(())
}

/// What stands under names that begin with `prefix`, by name.
pub(super) fn read_all(
    connection: &Connection,
    prefix: &str,
) -> rusqlite::Result<Vec<(String, Value)>> {
    connection
        .prepare_cached(
            "SELECT name, value FROM remembered WHERE name >= ?1 AND substr(name, 1, length(?1)) = ?1
             ORDER BY name",
        )?
        .query_map([prefix], |row| {
            let text: String = row.get(1)?;
            let value = serde_json::from_str(&text).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(
                    1,
                    rusqlite::types::Type::Text,
                    error.into(),
                )
            })?;
            Ok((row.get(0)?, value))
        })?
        .collect()
}

/// Writes many values in one commit.
pub(super) fn write_all(
    connection: &mut Connection,
    values: &[(String, Value)],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for (name, value) in values {
        write(&transaction, name, Some(value))?;
    }
    transaction.commit()
}
