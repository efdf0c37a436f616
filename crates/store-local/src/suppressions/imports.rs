//! Files of suppressions: their rows in `imports`, and the files themselves in `DIR/imports` until
//! they have been read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use austin_domain::suppression::Reason;
use austin_domain::{Channel, ImportId, Timestamp};
use austin_ports::suppressions::{
    Fate, ImportBatch, ImportRow, ImportState, ImportTally, NewImport, RowFault,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::entries::Putting;
use super::index::code;
use super::rows;

/// Most faults kept of one import.
const MOST_FAULTS: u64 = 1_000;
/// Stands for "rows must name it" in the channel's column.
const UNSAID: i64 = -1;

/// Where files wait.
pub(super) fn folder(dir: &Path) -> PathBuf {
    dir.join("imports")
}

/// Makes the folder and removes what a process before left in it.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    for entry in std::fs::read_dir(folder)? {
        std::fs::remove_file(entry?.path())?;
    }
    Ok(())
}

/// Marks imports that a process before did not finish.
pub(super) fn interrupt(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE imports SET state = 'interrupted' \
         WHERE state IN ('receiving', 'waiting', 'running')",
        [],
    )?;
    Ok(())
}

pub(super) fn file(folder: &Path, id: ImportId) -> PathBuf {
    folder.join(id.to_string())
}

pub(super) fn append(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(data)
}

pub(super) fn read(path: &Path) -> io::Result<Box<dyn io::Read + Send>> {
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(io::empty())),
        Err(error) => Err(error),
    }
}

pub(super) fn open(
    connection: &Connection,
    id: ImportId,
    new: &NewImport,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO imports (id, channel, reason, author, state, created_at) \
         VALUES (?1, ?2, ?3, ?4, 'receiving', ?5)",
        params![
            id.as_i64(),
            new.channel
                .map_or(UNSAID, |channel| i64::from(code(channel))),
            new.reason.code(),
            new.author,
            now.millis()
        ],
    )?;
    Ok(())
}

/// Takes a batch's entries, and counts it.
pub(super) fn rows(
    putting: &mut Putting<'_>,
    connection: &Connection,
    id: ImportId,
    batch: &ImportBatch,
    mut next: impl FnMut() -> u64,
) -> rusqlite::Result<()> {
    let (mut taken, mut unchanged) = (0u32, 0u32);
    for entry in &batch.entries {
        match putting.put(entry, &mut next)?.fate {
            Fate::Created | Fate::Changed => taken += 1,
            Fate::Unchanged => unchanged += 1,
        }
    }
    let read = batch.entries.len() as u64 + batch.rejected;
    connection
        .prepare_cached(
            "UPDATE imports SET rows_read = rows_read + ?2, taken = taken + ?3, \
             unchanged = unchanged + ?4, rejected = rejected + ?5 WHERE id = ?1",
        )?
        .execute(params![
            id.as_i64(),
            read.cast_signed(),
            taken,
            unchanged,
            batch.rejected.cast_signed()
        ])?;
    keep_faults(connection, id, &batch.faults)
}

fn keep_faults(connection: &Connection, id: ImportId, faults: &[RowFault]) -> rusqlite::Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let kept: i64 = connection
        .prepare_cached("SELECT faults FROM imports WHERE id = ?1")?
        .query_row([id.as_i64()], |row| row.get(0))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO import_faults (import, number, line, name, code, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let room = MOST_FAULTS.saturating_sub(kept.cast_unsigned());
    let faults = faults.iter().take(usize::try_from(room).unwrap_or(0));
    let mut number = kept;
    for fault in faults {
        insert.execute(params![
            id.as_i64(),
            number,
            fault.line.cast_signed(),
            fault.column,
            fault.code,
            fault.detail
        ])?;
        number += 1;
    }
    connection
        .prepare_cached("UPDATE imports SET faults = ?2 WHERE id = ?1")?
        .execute(params![id.as_i64(), number])?;
    Ok(())
}

pub(super) fn advance(
    connection: &Connection,
    id: ImportId,
    state: ImportState,
    fault: Option<&RowFault>,
    bytes: u64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let fault = fault.map(|fault| serde_json::to_string(&Kept::from(fault)).unwrap_or_default());
    connection
        .prepare_cached(
            "UPDATE imports SET state = ?2, fault = ?3, bytes = max(bytes, ?4), ended_at = ?5 \
             WHERE id = ?1",
        )?
        .execute(params![
            id.as_i64(),
            state.as_str(),
            fault,
            bytes.cast_signed(),
            state.is_end().then(|| now.millis())
        ])?;
    Ok(())
}

pub(super) fn get(connection: &Connection, id: ImportId) -> rusqlite::Result<Option<ImportRow>> {
    connection
        .prepare_cached(
            "SELECT id, channel, reason, author, state, bytes, rows_read, taken, unchanged, \
             rejected, fault, created_at, ended_at FROM imports WHERE id = ?1",
        )?
        .query_row([id.as_i64()], import)
        .optional()
}

fn import(row: &Row<'_>) -> rusqlite::Result<ImportRow> {
    let count = |at: usize| row.get::<_, i64>(at).map(i64::cast_unsigned);
    let channel = match row.get::<_, i64>(1)? {
        UNSAID => None,
        0 => Some(None),
        code => Some(Some(
            u8::try_from(code)
                .ok()
                .and_then(Channel::from_code)
                .ok_or_else(|| rows::unknown(1, "channel"))?,
        )),
    };
    let state: String = row.get(4)?;
    let fault: Option<String> = row.get(10)?;
    Ok(ImportRow {
        id: ImportId::from_i64(row.get(0)?),
        asked: NewImport {
            channel,
            reason: Reason::from_code(row.get(2)?).ok_or_else(|| rows::unknown(2, "reason"))?,
            author: row.get(3)?,
        },
        state: ImportState::parse(&state).ok_or_else(|| rows::unknown(4, "state"))?,
        bytes: count(5)?,
        tally: ImportTally {
            read: count(6)?,
            taken: count(7)?,
            unchanged: count(8)?,
            rejected: count(9)?,
        },
        fault: fault
            .and_then(|text| serde_json::from_str::<Kept>(&text).ok())
            .map(Kept::fault),
        created_at: Timestamp::from_millis(row.get(11)?),
        ended_at: rows::instant(row, 12)?,
    })
}

pub(super) fn faults(
    connection: &Connection,
    id: ImportId,
    limit: usize,
) -> rusqlite::Result<Vec<RowFault>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = connection.prepare_cached(
        "SELECT line, name, code, detail FROM import_faults WHERE import = ?1 \
         ORDER BY number LIMIT ?2",
    )?;
    let found = select.query_map(params![id.as_i64(), limit], |row| {
        Ok(RowFault {
            line: row.get::<_, i64>(0)?.cast_unsigned(),
            column: row.get(1)?,
            code: row.get(2)?,
            detail: row.get(3)?,
        })
    })?;
    found.collect()
}

/// A fault as the row of its import keeps it.
#[derive(Deserialize, Serialize)]
struct Kept {
    line: u64,
    column: String,
    code: String,
    detail: String,
}

impl From<&RowFault> for Kept {
    fn from(fault: &RowFault) -> Self {
        Self {
            line: fault.line,
            column: fault.column.clone(),
            code: fault.code.clone(),
            detail: fault.detail.clone(),
        }
    }
}

impl Kept {
    fn fault(self) -> RowFault {
        RowFault {
            line: self.line,
            column: self.column,
            code: self.code,
            detail: self.detail,
        }
    }
}
