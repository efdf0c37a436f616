//! The shapes of the ledger's database files, and how connections to them are set.

use std::path::Path;

use austin_domain::{State, Timestamp};
use rusqlite::{Connection, OpenFlags};

use super::fault::Fault;
use crate::migrate::{self, Migration};

/// A segment's migrations.
pub(crate) const SEGMENT: &[Migration] = &[
    Migration {
        number: 1,
        name: "first",
        sql: include_str!("../../migrations/ledger/0001_first.sql"),
    },
    Migration {
        number: 2,
        name: "reopened",
        sql: include_str!("../../migrations/ledger/0002_reopened.sql"),
    },
    Migration {
        number: 3,
        name: "rules",
        sql: include_str!("../../migrations/ledger/0003_rules.sql"),
    },
    Migration {
        number: 4,
        name: "remembered",
        sql: include_str!("../../migrations/ledger/0004_remembered.sql"),
    },
    Migration {
        number: 5,
        name: "late",
        sql: include_str!("../../migrations/ledger/0005_late.sql"),
    },
    Migration {
        number: 6,
        name: "kept",
        sql: include_str!("../../migrations/ledger/0006_kept.sql"),
    },
];
/// Those of a segment's index.
pub(crate) const INDEX: &[Migration] = &[Migration {
    number: 1,
    name: "first",
    sql: include_str!("../../migrations/ledger-index/0001_first.sql"),
}];
/// Those of the parked receipts.
pub(crate) const PARKED: &[Migration] = &[Migration {
    number: 1,
    name: "first",
    sql: include_str!("../../migrations/ledger-parked/0001_first.sql"),
}];

/// How durable a commit to a file is by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// Not: the journal has it.
    Lazy,
    /// At once.
    Durable,
}

/// Opens a file for writing, makes it when it is not there, and brings it to the newest shape.
///
/// # Errors
/// [`Fault`] naming the file.
pub(crate) fn open(
    path: &Path,
    migrations: &[Migration],
    cache_kib: u32,
    commit: Commit,
) -> Result<Connection, Fault> {
    let file = name(path);
    let mut connection = Connection::open(path).map_err(Fault::sqlite(&file))?;
    let set = |connection: &Connection| {
        connection.pragma_update(None, "page_size", 4096)?;
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection.pragma_update(
            None,
            "synchronous",
            match commit {
                Commit::Lazy => "NORMAL",
                Commit::Durable => "FULL",
            },
        )?;
        connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.query_row("PRAGMA secure_delete = FAST", [], |_| Ok(()))?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(()))
    };
    set(&connection).map_err(Fault::sqlite(&file))?;
    migrate::migrate(&mut connection, migrations).map_err(|error| shape(&file, &error))?;
    Ok(connection)
}

/// Opens an existing file for reading. It may look into the write-ahead log, so it is not opened
/// read-only in the sense of the file system.
///
/// # Errors
/// [`Fault`] naming the file.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    };
    open().map_err(Fault::sqlite(name(path)))
}

fn shape(file: &str, error: &migrate::Error) -> Fault {
    let text = format!("{file}: {error}");
    match error {
        migrate::Error::Unreadable(_) | migrate::Error::Foreign => Fault::Damaged(text),
        migrate::Error::Newer { .. }
        | migrate::Error::Changed { .. }
        | migrate::Error::Failed { .. } => Fault::Shape(text),
    }
}

/// Moves what is committed into the database file and syncs it. `true` when nothing is left in
/// the write-ahead log.
///
/// # Errors
/// What SQLite says.
pub(crate) fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, log, moved): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && log == moved)
    })
}

/// The last part of a path, for messages.
pub(crate) fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A state as it is stored: one byte wide whatever it is.
pub(crate) const fn stored(state: State) -> i64 {
    state.code() as i64 + STATE_OFFSET
}

/// The state behind a stored number.
pub(crate) fn state(stored: i64) -> Option<State> {
    State::from_code(u8::try_from(stored - STATE_OFFSET).ok()?)
}

/// A due time as it is stored.
pub(crate) fn stored_due(due_at: Option<Timestamp>) -> i64 {
    due_at.map_or(AT_ONCE, |at| at.millis().min(AT_ONCE - 1))
}

/// The due time behind a stored number.
pub(crate) fn due(stored: i64) -> Option<Timestamp> {
    (stored < AT_ONCE).then(|| Timestamp::from_millis(stored))
}

const STATE_OFFSET: i64 = 16;
/// Stands for "no due time" in the width of a real one.
pub(crate) const AT_ONCE: i64 = (1 << 47) - 1;
/// Stands for "no account yet" in the width of a real one.
pub(crate) const NO_ACCOUNT: i64 = i64::MIN;
const READER_CACHE_KIB: i64 = 1024;
const STATEMENTS: usize = 48;
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);
