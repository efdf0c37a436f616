//! Word lists and calendars as they are read, and compiled.

use std::sync::Arc;

use austin_domain::Timestamp;
use austin_domain::calendar::Calendar;
use austin_ports::catalog::{CalendarEntry, Snapshot, WordListEntry, Words};
use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use super::Error;

pub(super) fn load(connection: &Connection, snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut statement = connection.prepare(
        "SELECT name, version, team, words, reason, author, updated_at
         FROM word_lists WHERE words IS NOT NULL",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let entry = word_list(row)?;
        snapshot
            .word_lists
            .insert(entry.name.clone(), Arc::new(entry));
    }
    let mut statement = connection.prepare(
        "SELECT name, version, days, reason, author, updated_at
         FROM calendars WHERE days IS NOT NULL",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let entry = calendar(row)?;
        snapshot
            .calendars
            .insert(entry.name.clone(), Arc::new(entry));
    }
    Ok(())
}

fn word_list(row: &Row<'_>) -> rusqlite::Result<WordListEntry> {
    let name: String = row.get(0)?;
    let words = Words::compile(&name, row.get_ref(3)?.as_str()?);
    Ok(WordListEntry {
        words: words.map_err(|faults| unreadable(3, "word list", &name, faults.first()))?,
        version: row.get(1)?,
        team: row.get(2)?,
        reason: row.get(4)?,
        author: row.get(5)?,
        updated_at: Timestamp::from_millis(row.get(6)?),
        name,
    })
}

fn calendar(row: &Row<'_>) -> rusqlite::Result<CalendarEntry> {
    let name: String = row.get(0)?;
    let calendar = Calendar::parse(row.get_ref(2)?.as_str()?);
    let calendar = calendar.map_err(|faults| unreadable(2, "calendar", &name, faults.first()))?;
    Ok(CalendarEntry {
        calendar: Arc::new(calendar),
        version: row.get(1)?,
        reason: row.get(3)?,
        author: row.get(4)?,
        updated_at: Timestamp::from_millis(row.get(5)?),
        name,
    })
}

fn unreadable(
    column: usize,
    what: &str,
    name: &str,
    fault: Option<&impl std::fmt::Display>,
) -> rusqlite::Error {
    let why = fault.map_or_else(String::new, |fault| format!(": {fault}"));
    let error = format!("the {what} {name} cannot be used{why}").into();
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error)
}
