//! What can go wrong inside the ledger, sorted by what follows from it.

use std::io;

use austin_ports::ledger::Error;

/// A failure below the port.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// SQLite refused.
    #[error("{file}: {error}")]
    Sqlite {
        /// The file concerned.
        file: String,
        /// What it said.
        error: rusqlite::Error,
    },
    /// The file system refused.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What it said.
        error: io::Error,
    },
    /// A file of another austin.
    #[error("{0}")]
    Shape(String),
    /// Stored bytes do not mean anything.
    #[error("{0}")]
    Damaged(String),
}

impl Fault {
    /// A failure of SQLite on `file`.
    pub(crate) fn sqlite(file: impl Into<String>) -> impl FnOnce(rusqlite::Error) -> Self {
        let file = file.into();
        move |error| Self::Sqlite { file, error }
    }

    /// A failure of the file system.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }

    /// Whether the stored data itself is broken, so that trying again cannot help.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Io { .. } | Self::Shape(_) => false,
            Self::Sqlite { error, .. } => is_damage(error),
        }
    }

    /// The face of this failure at the port.
    pub(crate) fn to_error(&self) -> Error {
        if self.is_damage() {
            Error::Damaged(self.to_string())
        } else {
            Error::Refusing(self.to_string())
        }
    }
}

/// Whether SQLite says that the stored data is broken.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => {
            matches!(failure.code, DatabaseCorrupt | NotADatabase)
        }
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => true,
        _ => false,
    }
}
