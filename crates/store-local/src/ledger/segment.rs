//! One segment file as the writer holds it: its connection, its open transaction, its head row.
//!
//! Invariant: rows and the head row that counts them are written in one transaction, and
//! `applied` names the last journal frame whose effects are in it, so that a frame takes effect
//! exactly once however often the journal is read.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::schema::{self, Commit};

/// The head row of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last journal frame whose effects are in the file.
    pub(crate) applied: u64,
    /// Every id in the file is above it.
    pub(crate) floor: u64,
    /// The highest id in the file.
    pub(crate) last: u64,
    /// Deliveries in the file.
    pub(crate) deliveries: u64,
    /// Those in an open state.
    pub(crate) open: u64,
    /// Least accepted_at, in milliseconds.
    pub(crate) oldest_at: i64,
    /// Greatest accepted_at, in milliseconds.
    pub(crate) newest_at: i64,
    /// Greatest lead of an id's time over its accepted_at, in milliseconds.
    pub(crate) drift: i64,
    /// The highest call id.
    pub(crate) calls: i64,
}

/// A segment the writer knows.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Its number; they are in the order of their ids.
    pub(crate) number: u32,
    /// As the open transaction sees it.
    pub(crate) head: Head,
    /// Why nothing in it can be trusted, when that is so.
    pub(crate) damage: Option<String>,
    /// Whether it changed since it was last made durable.
    pub(crate) dirty: bool,
    /// Whether a transaction is open.
    pub(crate) in_transaction: bool,
    /// When it was last used, for closing the least used.
    pub(crate) used: u64,
    path: PathBuf,
    committed: Head,
    connection: Option<Connection>,
}

impl Segment {
    /// Opens an existing file. One that cannot be read is damaged, which is no error here.
    ///
    /// # Errors
    /// Those that have nothing to do with the file's content.
    pub(crate) fn open(dir: &Path, number: u32, below: u64) -> Result<Self, Fault> {
        // A file that lost all it held learns its floor from the journal.
        let mut segment = Self::new(dir, number, UNKNOWN_FLOOR);
        segment.head.last = 0;
        match segment.load() {
            Ok(()) => {}
            Err(fault) if fault.is_damage() => {
                segment.head.floor = below;
                segment.head.last = below;
                segment.set_aside(&fault);
            }
            Err(fault) => return Err(fault),
        }
        Ok(segment)
    }

    /// Makes a new file whose ids will all be above `floor`.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn create(dir: &Path, number: u32, floor: u64) -> Result<Self, Fault> {
        let mut segment = Self::new(dir, number, floor);
        segment.load()?;
        // The file's name must not be lost with what is acknowledged in it.
        crate::durable::sync_dir(dir).map_err(Fault::io("cannot sync the ledger directory"))?;
        Ok(segment)
    }

    /// Tells an empty segment that lost its floor, or has none yet, what it is.
    pub(crate) fn set_floor(&mut self, floor: u64) {
        if self.head.floor == UNKNOWN_FLOOR {
            self.head.floor = floor;
            self.head.last = floor;
        }
    }

    fn new(dir: &Path, number: u32, floor: u64) -> Self {
        let head = Head {
            floor,
            last: floor,
            oldest_at: i64::MAX,
            newest_at: i64::MIN,
            ..Head::default()
        };
        Self {
            number,
            head,
            damage: None,
            // What an earlier process left in the write-ahead log may not be durable.
            dirty: true,
            in_transaction: false,
            used: 0,
            path: path(dir, number),
            committed: head,
            connection: None,
        }
    }

    fn load(&mut self) -> Result<(), Fault> {
        let connection = schema::open(&self.path, schema::SEGMENT, CACHE_KIB, Commit::Lazy)?;
        let head = read_head(&connection)
            .and_then(|head| match head {
                Some(head) => Ok(head),
                None => {
                    connection.execute(INSERT_HEAD, params(&self.head))?;
                    Ok(self.head)
                }
            })
            .map_err(Fault::sqlite(schema::name(&self.path)))?;
        self.head = head;
        self.committed = head;
        self.connection = Some(connection);
        Ok(())
    }

    /// Stops using the file: it stays where it is, untouched.
    pub(crate) fn set_aside(&mut self, fault: &Fault) {
        tracing::error!(segment = %schema::name(&self.path), %fault, "ledger segment set aside as damaged");
        self.damage = Some(fault.to_string());
        self.connection = None;
        self.in_transaction = false;
    }

    /// The file's name, for messages.
    pub(crate) fn name(&self) -> String {
        schema::name(&self.path)
    }

    /// The connection with a transaction open, and the head to be kept with it.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn writing(&mut self) -> Result<(&Connection, &mut Head), Fault> {
        if !self.in_transaction {
            let name = schema::name(&self.path);
            let connection = self.connected()?;
            connection
                .execute_batch("BEGIN IMMEDIATE")
                .map_err(Fault::sqlite(name))?;
            self.in_transaction = true;
            self.dirty = true;
        }
        self.connected()?;
        let Self {
            connection, head, ..
        } = self;
        match connection {
            Some(connection) => Ok((connection, head)),
            None => Err(Fault::Damaged(schema::name(&self.path))),
        }
    }

    /// The connection, for reading what the open transaction sees.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn connected(&mut self) -> Result<&Connection, Fault> {
        if let Some(damage) = &self.damage {
            return Err(Fault::Damaged(damage.clone()));
        }
        if self.connection.is_none() {
            let connection = schema::open(&self.path, schema::SEGMENT, CACHE_KIB, Commit::Lazy)?;
            self.connection = Some(connection);
        }
        self.connection
            .as_ref()
            .ok_or_else(|| Fault::Damaged(schema::name(&self.path)))
    }

    /// Whether a connection is open.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Closes the connection; only without an open transaction.
    pub(crate) fn disconnect(&mut self) {
        if !self.in_transaction {
            self.connection = None;
        }
    }

    /// Commits what is open as the state after frame `sequence`.
    ///
    /// # Errors
    /// [`Fault`]; the transaction is then still open, or was rolled back by SQLite.
    pub(crate) fn commit(&mut self, sequence: u64) -> Result<(), Fault> {
        if !self.in_transaction {
            return Ok(());
        }
        self.head.applied = sequence;
        let head = self.head;
        let name = schema::name(&self.path);
        let connection = self.connected()?;
        connection
            .prepare_cached(UPDATE_HEAD)
            .and_then(|mut update| update.execute(params(&head)))
            .and_then(|_| connection.execute_batch("COMMIT"))
            .map_err(Fault::sqlite(name))?;
        self.in_transaction = false;
        self.committed = head;
        Ok(())
    }

    /// Forgets what is not committed.
    pub(crate) fn rollback(&mut self) {
        if self.in_transaction {
            // SQLite may have rolled back by itself; closing does it in any case.
            let rolled = self
                .connection
                .as_ref()
                .is_some_and(|connection| connection.execute_batch("ROLLBACK").is_ok());
            if !rolled {
                self.connection = None;
            }
            self.in_transaction = false;
        }
        self.head = self.committed;
    }
}

/// Where segment `number` is.
pub(crate) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("seg-{number:06}.db"))
}

/// Where its index is.
pub(crate) fn index_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("seg-{number:06}.idx.db"))
}

/// The numbers of the segments in `dir`, in order.
///
/// # Errors
/// Those of the file system.
pub(crate) fn numbers(dir: &Path) -> Result<Vec<u32>, Fault> {
    let mut numbers = Vec::new();
    let entries =
        std::fs::read_dir(dir).map_err(Fault::io(format!("cannot list {}", dir.display())))?;
    for entry in entries {
        let entry = entry.map_err(Fault::io(format!("cannot list {}", dir.display())))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let digits = name
            .strip_prefix("seg-")
            .and_then(|rest| rest.strip_suffix(".db"));
        numbers.extend(digits.and_then(|digits| digits.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes the files of segment `number`.
///
/// # Errors
/// Those of the file system, other than that a file is not there.
pub(crate) fn unlink(dir: &Path, number: u32) -> Result<(), Fault> {
    for base in [index_path(dir, number), path(dir, number)] {
        for suffix in ["-wal", "-shm", ""] {
            let mut file = base.clone().into_os_string();
            file.push(suffix);
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Fault::io(format!("cannot remove {}", base.display()))(
                        error,
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The head row; `None` in a file that has none yet.
pub(crate) fn read_head(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    connection
        .query_row(
            "SELECT applied, floor, last, deliveries, open, oldest_at, newest_at, drift, calls
             FROM segment",
            [],
            |row| {
                Ok(Head {
                    applied: row.get::<_, i64>(0)?.cast_unsigned(),
                    floor: row.get::<_, i64>(1)?.cast_unsigned(),
                    last: row.get::<_, i64>(2)?.cast_unsigned(),
                    deliveries: row.get::<_, i64>(3)?.cast_unsigned(),
                    open: row.get::<_, i64>(4)?.cast_unsigned(),
                    oldest_at: row.get(5)?,
                    newest_at: row.get(6)?,
                    drift: row.get(7)?,
                    calls: row.get(8)?,
                })
            },
        )
        .optional()
}

fn params(head: &Head) -> [i64; 9] {
    [
        head.applied.cast_signed(),
        head.floor.cast_signed(),
        head.last.cast_signed(),
        head.deliveries.cast_signed(),
        head.open.cast_signed(),
        head.oldest_at,
        head.newest_at,
        head.drift,
        head.calls,
    ]
}

const INSERT_HEAD: &str = "INSERT INTO segment
    (one, applied, floor, last, deliveries, open, oldest_at, newest_at, drift, calls)
    VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const UPDATE_HEAD: &str = "UPDATE segment SET applied = ?1, floor = ?2, last = ?3,
    deliveries = ?4, open = ?5, oldest_at = ?6, newest_at = ?7, drift = ?8, calls = ?9";
const UNKNOWN_FLOOR: u64 = i64::MAX.cast_unsigned();
const CACHE_KIB: u32 = 16 * 1024;
