//! Numbered, checked, atomic changes to the shape of a database.
//!
//! Invariant: after [`migrate`], however it ended and whenever the process was killed, the
//! database has exactly the shape of its `user_version`: each migration and its record are one
//! transaction.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

/// One numbered change. Once released, neither its number nor its SQL changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Counts from 1 without gaps.
    pub number: u32,
    /// What it brings, e.g. `first`.
    pub name: &'static str,
    /// The statements, without `BEGIN` and `COMMIT`.
    pub sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> [u8; 32] {
        *blake3::hash(self.sql.as_bytes()).as_bytes()
    }
}

/// Brings a database to the newest shape. Answers the numbers of the migrations it ran.
///
/// # Errors
/// [`Error`]; migrations before the failing one stay applied, the failing one leaves no trace.
pub fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<Vec<u32>, Error> {
    let version = verify(connection, migrations)?;
    let mut ran = Vec::new();
    for migration in migrations.iter().filter(|known| known.number > version) {
        run(connection, migration).map_err(|error| Error::Failed {
            number: migration.number,
            name: migration.name,
            error: error.to_string(),
        })?;
        ran.push(migration.number);
    }
    Ok(ran)
}

/// The version of a database, after checking that it is one of ours and that what was applied to
/// it is what this austin would apply. Changes nothing.
///
/// # Errors
/// [`Error`]
pub fn verify(connection: &Connection, migrations: &[Migration]) -> Result<u32, Error> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > known {
        return Err(Error::Newer {
            found: version,
            known,
        });
    }
    if version == 0 {
        let tables: u32 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        return if tables == 0 {
            Ok(0)
        } else {
            Err(Error::Foreign)
        };
    }
    for migration in migrations.iter().filter(|known| known.number <= version) {
        let applied: Option<Vec<u8>> = connection
            .query_row(
                "SELECT checksum FROM migrations WHERE number = ?1",
                [migration.number],
                |row| row.get(0),
            )
            .optional()?;
        if applied.as_deref() != Some(&migration.checksum()) {
            return Err(Error::Changed {
                number: migration.number,
                name: migration.name,
            });
        }
    }
    Ok(version)
}

fn run(connection: &mut Connection, migration: &Migration) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(RECORDS)?;
    transaction.execute_batch(migration.sql)?;
    transaction.execute(
        "INSERT INTO migrations (number, name, checksum) VALUES (?1, ?2, ?3)",
        (migration.number, migration.name, migration.checksum()),
    )?;
    transaction.pragma_update(None, "user_version", migration.number)?;
    transaction.commit()
}

/// Why a database was not brought up to date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A later austin wrote it.
    #[error(
        "it has schema version {found}, and this austin knows versions up to {known}: it was \
         written by a newer austin; run that one, or restore a backup"
    )]
    Newer {
        /// Its version.
        found: u32,
        /// The newest this binary knows.
        known: u32,
    },
    /// It holds tables but was not made here.
    #[error("it is a database, but not one austin made")]
    Foreign,
    /// What was applied is not what this binary has under that number.
    #[error(
        "migration {number} ({name}) was applied to it in another wording; it was made by an \
         unreleased or altered austin, or is damaged"
    )]
    Changed {
        /// Its number.
        number: u32,
        /// Its name.
        name: &'static str,
    },
    /// A migration failed and left no trace.
    #[error("migration {number} ({name}) failed and was taken back: {error}")]
    Failed {
        /// Its number.
        number: u32,
        /// Its name.
        name: &'static str,
        /// What SQLite said.
        error: String,
    },
    /// The database cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

const RECORDS: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum BLOB NOT NULL
) STRICT";

#[cfg(test)]
mod tests;
