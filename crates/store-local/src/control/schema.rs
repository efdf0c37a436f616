//! `control.db`: how it is opened and which shape it has.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::migrate::Migration;

/// Every migration of `control.db`, oldest first.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "first",
        sql: include_str!("../../migrations/control/0001_first.sql"),
    },
    Migration {
        number: 2,
        name: "vendors",
        sql: include_str!("../../migrations/control/0002_vendors.sql"),
    },
    Migration {
        number: 3,
        name: "adapters",
        sql: include_str!("../../migrations/control/0003_adapters.sql"),
    },
    Migration {
        number: 4,
        name: "answers",
        sql: include_str!("../../migrations/control/0004_answers.sql"),
    },
    Migration {
        number: 5,
        name: "pauses",
        sql: include_str!("../../migrations/control/0005_pauses.sql"),
    },
    Migration {
        number: 6,
        name: "templates",
        sql: include_str!("../../migrations/control/0006_templates.sql"),
    },
    Migration {
        number: 7,
        name: "policies",
        sql: include_str!("../../migrations/control/0007_policies.sql"),
    },
    Migration {
        number: 8,
        name: "lists",
        sql: include_str!("../../migrations/control/0008_lists.sql"),
    },
];

/// Where the database of a data directory is.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("control.db")
}

/// The writing connection: each commit is on disk before it returns.
pub(super) fn writer(path: &Path) -> Result<Connection, String> {
    // SQLite would make it readable for others; its log takes the mode of the database.
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error.to_string());
        }
        _ => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.busy_timeout(BUSY_FOR)?;
        Ok(connection)
    };
    open().map_err(|error| error.to_string())
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.busy_timeout(BUSY_FOR)?;
    Ok(connection)
}

// Only a backup tool could hold it up: there is one writer.
const BUSY_FOR: Duration = Duration::from_secs(10);
