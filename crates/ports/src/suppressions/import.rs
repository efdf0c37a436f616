//! Files of suppressions: kept while they are read, and how far that has come.
//!
//! A file belongs to the process that took it. One whose process ended before it was read is
//! `interrupted`: the rows taken so far are in force, and posting the file again takes the rest.

use austin_domain::suppression::Reason;
use austin_domain::{Channel, ImportId, Timestamp};
use bytes::Bytes;

use super::{NewSuppression, Result};
use crate::BoxFuture;

/// A file's content, from its beginning.
pub type Spool = Box<dyn std::io::Read + Send>;

/// Files of suppressions.
pub trait Imports {
    /// Begins an import that receives its file.
    fn open_import(&self, import: NewImport, now: Timestamp) -> BoxFuture<'_, Result<ImportId>>;

    /// Adds to the file of an import that receives.
    fn append_import(&self, id: ImportId, data: Bytes) -> BoxFuture<'_, Result<()>>;

    /// The file of an import, as far as it was received.
    fn read_import(&self, id: ImportId) -> BoxFuture<'_, Result<Spool>>;

    /// Takes rows and counts them, in one step.
    fn import_rows(
        &self,
        id: ImportId,
        batch: ImportBatch,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<()>>;

    /// Moves an import on. An end removes its file; `fault` says what ended a failed one.
    fn move_import(
        &self,
        id: ImportId,
        state: ImportState,
        fault: Option<RowFault>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<()>>;

    /// How far an import has come.
    fn import(&self, id: ImportId) -> BoxFuture<'_, Result<Option<ImportRow>>>;

    /// What was wrong with its rows, in their order; the first 1,000 are kept.
    fn import_faults(&self, id: ImportId, limit: usize) -> BoxFuture<'_, Result<Vec<RowFault>>>;
}

/// An import to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImport {
    /// The channel of rows that name none; `Some(None)`: all channels.
    pub channel: Option<Option<Channel>>,
    /// The reason of rows that name none.
    pub reason: Reason,
    /// Who.
    pub author: String,
}

/// How far an import has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    /// Its id.
    pub id: ImportId,
    /// What was asked for.
    pub asked: NewImport,
    /// Where it stands.
    pub state: ImportState,
    /// Bytes received.
    pub bytes: u64,
    /// What became of its rows.
    pub tally: ImportTally,
    /// What ended a failed one.
    pub fault: Option<RowFault>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it ended; `None` also for an interrupted one.
    pub ended_at: Option<Timestamp>,
}

/// What became of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportTally {
    /// Rows read.
    pub read: u64,
    /// Rows that put an entry in force or changed one.
    pub taken: u64,
    /// Rows that say what is in force already.
    pub unchanged: u64,
    /// Rows with something wrong.
    pub rejected: u64,
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// Its file is on its way.
    Receiving,
    /// Its file is here; others are read first.
    Waiting,
    /// Its rows are being read.
    Running,
    /// All rows were read.
    Done,
    /// It cannot be read further.
    Failed,
    /// The process ended before it was read.
    Interrupted,
}

impl ImportState {
    /// Every state, in the order of their codes.
    pub const ALL: &'static [Self] = &[
        Self::Receiving,
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Interrupted,
    ];

    /// The word used in the API and by stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|state| state.as_str() == word)
    }

    /// Whether nothing more happens to it.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Interrupted)
    }
}

/// Rows of a file.
#[derive(Clone, Debug, Default)]
pub struct ImportBatch {
    /// Good ones.
    pub entries: Vec<NewSuppression>,
    /// How many were rejected.
    pub rejected: u64,
    /// What was wrong with those; a row may have several faults.
    pub faults: Vec<RowFault>,
}

/// Something wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The line of the file it begins at, from 1.
    pub line: u64,
    /// The column; empty when it is about the whole row.
    pub column: String,
    /// Stable code.
    pub code: String,
    /// For people; repeats no address.
    pub detail: String,
}
