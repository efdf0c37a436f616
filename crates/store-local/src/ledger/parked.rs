//! Receipts that wait for their attempt, and what the writer must know to notice it.
//!
//! Invariant: the keys in memory are those of the rows as the open transaction sees them.

use std::path::{Path, PathBuf};

use austin_domain::Timestamp;
use austin_ports::ledger::{NewReceipt, ParkedReceipt};
use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension, params};

use super::apply::receipt_digest;
use super::fault::Fault;
use super::index::key;
use super::op;
use super::schema::{self, Commit};

/// The file of parked receipts.
#[derive(Debug)]
pub(crate) struct Parked {
    connection: Connection,
    applied: u64,
    committed: u64,
    last: u64,
    in_transaction: bool,
    /// Whether it changed since it was last made durable.
    pub(crate) dirty: bool,
    /// What each waits for, and its numbers.
    keys: HashMap<i64, Vec<u64>>,
    digests: HashMap<[u8; 16], u64>,
}

impl Parked {
    /// Opens the file in `dir`, or makes it.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn open(dir: &Path) -> Result<Self, Fault> {
        let connection = schema::open(&path(dir), schema::PARKED, CACHE_KIB, Commit::Lazy)?;
        let mut parked = Self {
            connection,
            applied: 0,
            committed: 0,
            last: 0,
            in_transaction: false,
            dirty: true,
            keys: HashMap::new(),
            digests: HashMap::new(),
        };
        parked.load().map_err(Fault::sqlite(FILE))?;
        Ok(parked)
    }

    /// The last journal frame whose effects are in the file.
    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    /// The number the next one gets.
    pub(crate) fn next(&self) -> u64 {
        self.last + 1
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether the same receipt is parked already.
    pub(crate) fn holds(&self, receipt: &NewReceipt) -> bool {
        self.digests.contains_key(&receipt_digest(receipt))
    }

    /// Those that wait for one of `keys`, oldest first.
    pub(crate) fn waiting_for(&self, keys: &[i64]) -> Vec<u64> {
        let found = keys.iter().filter_map(|key| self.keys.get(key));
        let mut numbers: Vec<u64> = found.flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// One by its number.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn get(&self, id: u64) -> Result<Option<ParkedReceipt>, Fault> {
        self.connection
            .prepare_cached("SELECT received_at, body FROM parked WHERE id = ?1")
            .and_then(|mut select| select.query_row([id.cast_signed()], read_row).optional())
            .map_err(Fault::sqlite(FILE))
    }

    /// Parks one, where frame `sequence` has not taken effect yet.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn insert(
        &mut self,
        sequence: u64,
        id: u64,
        received_at: Timestamp,
        receipt: &NewReceipt,
    ) -> Result<(), Fault> {
        if sequence <= self.applied {
            return Ok(());
        }
        self.begin()?;
        let digest = receipt_digest(receipt);
        self.connection
            .prepare_cached(
                "INSERT INTO parked (id, received_at, digest, body) VALUES (?1, ?2, ?3, ?4)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    id.cast_signed(),
                    received_at.millis(),
                    digest,
                    op::encode(receipt)
                ])
            })
            .map_err(Fault::sqlite(FILE))?;
        self.last = self.last.max(id);
        self.remember(id, receipt);
        Ok(())
    }

    /// Takes one out, where frame `sequence` has not taken effect yet.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn remove(
        &mut self,
        sequence: u64,
        id: u64,
        receipt: &NewReceipt,
    ) -> Result<(), Fault> {
        if sequence <= self.applied {
            return Ok(());
        }
        self.begin()?;
        self.connection
            .prepare_cached("DELETE FROM parked WHERE id = ?1")
            .and_then(|mut delete| delete.execute([id.cast_signed()]))
            .map_err(Fault::sqlite(FILE))?;
        for key in keys_of(receipt) {
            if let Some(numbers) = self.keys.get_mut(&key) {
                numbers.retain(|number| *number != id);
                if numbers.is_empty() {
                    self.keys.remove(&key);
                }
            }
        }
        self.digests.remove(&receipt_digest(receipt));
        Ok(())
    }

    /// Commits what is open as the state after frame `sequence`.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn commit(&mut self, sequence: u64) -> Result<(), Fault> {
        if !self.in_transaction {
            return Ok(());
        }
        self.connection
            .execute(
                "UPDATE parking SET applied = ?1, last = ?2",
                [sequence.cast_signed(), self.last.cast_signed()],
            )
            .and_then(|_| self.connection.execute_batch("COMMIT"))
            .map_err(Fault::sqlite(FILE))?;
        self.in_transaction = false;
        self.applied = sequence;
        self.committed = sequence;
        Ok(())
    }

    /// Forgets what is not committed.
    pub(crate) fn rollback(&mut self) {
        if !self.in_transaction {
            return;
        }
        self.in_transaction = false;
        // SQLite may have rolled back by itself.
        let _ = self.connection.execute_batch("ROLLBACK");
        if let Err(error) = self.load() {
            tracing::error!(%error, "cannot read the parked receipts again");
        }
    }

    /// Moves what is committed into the database file and syncs it; `true` when all of it is.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn checkpoint(&self) -> Result<bool, Fault> {
        schema::checkpoint(&self.connection).map_err(Fault::sqlite(FILE))
    }

    fn begin(&mut self) -> Result<(), Fault> {
        if !self.in_transaction {
            self.connection
                .execute_batch("BEGIN IMMEDIATE")
                .map_err(Fault::sqlite(FILE))?;
            self.in_transaction = true;
            self.dirty = true;
        }
        Ok(())
    }

    fn load(&mut self) -> rusqlite::Result<()> {
        self.keys.clear();
        self.digests.clear();
        let head = self
            .connection
            .query_row("SELECT applied, last FROM parking", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .optional()?;
        if let Some((applied, last)) = head {
            (self.applied, self.last) = (applied.cast_unsigned(), last.cast_unsigned());
        } else {
            self.connection.execute(
                "INSERT INTO parking (one, applied, last) VALUES (1, 0, 0)",
                [],
            )?;
        }
        self.committed = self.applied;
        let mut rows = Vec::new();
        {
            let mut select = self
                .connection
                .prepare("SELECT id, body FROM parked ORDER BY id")?;
            let mut found = select.query([])?;
            while let Some(row) = found.next()? {
                let body: Vec<u8> = row.get(1)?;
                rows.push((
                    row.get::<_, i64>(0)?.cast_unsigned(),
                    super::apply::decode::<NewReceipt>(1, &body)?,
                ));
            }
        }
        for (id, receipt) in rows {
            self.remember(id, &receipt);
        }
        Ok(())
    }

    fn remember(&mut self, id: u64, receipt: &NewReceipt) {
        for key in keys_of(receipt) {
            self.keys.entry(key).or_default().push(id);
        }
        self.digests.insert(receipt_digest(receipt), id);
    }
}

/// Where the file is.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// The keys a receipt waits for.
pub(crate) fn keys_of(receipt: &NewReceipt) -> Vec<i64> {
    let named = receipt.delivery.map(key::parked_delivery);
    let keyed = receipt.key.as_ref();
    let keyed = keyed.map(|text| key::receipt(receipt.account, text));
    named.into_iter().chain(keyed).collect()
}

/// A row of `received_at, body`.
pub(crate) fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<ParkedReceipt> {
    let body: Vec<u8> = row.get(1)?;
    Ok(ParkedReceipt {
        received_at: Timestamp::from_millis(row.get(0)?),
        receipt: super::apply::decode(1, &body)?,
    })
}

const FILE: &str = "parked.db";
const CACHE_KIB: u32 = 1024;
