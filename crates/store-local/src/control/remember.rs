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
