//! The index file of one segment: sorted runs in blocks of about a page.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};

use super::tail::Entry;
use crate::ledger::fault::Fault;
use crate::ledger::schema::{self, Commit};

/// An index file, open for writing. Only the upkeep thread writes.
#[derive(Debug)]
pub(crate) struct IndexFile {
    connection: Connection,
    name: String,
}

impl IndexFile {
    /// Opens the file at `path`, or makes it.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let connection = schema::open(path, schema::INDEX, CACHE_KIB, Commit::Durable)?;
        let name = schema::name(path);
        connection
            .execute(
                "INSERT OR IGNORE INTO coverage (one, upto, listed) VALUES (1, 0, 0)",
                [],
            )
            .map_err(Fault::sqlite(&name))?;
        Ok(Self { connection, name })
    }

    /// The frame up to which it is complete.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn covered(&self) -> Result<u64, Fault> {
        self.connection
            .query_row("SELECT upto FROM coverage", [], |row| row.get::<_, i64>(0))
            .map(i64::cast_unsigned)
            .map_err(Fault::sqlite(&self.name))
    }

    /// Adds a run, after which the file is complete up to frame `upto`.
    ///
    /// # Errors
    /// [`Fault`]; nothing was added.
    pub(crate) fn add_run(&mut self, entries: &[Entry], upto: u64) -> Result<(), Fault> {
        let add = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            let run: i64 =
                transaction.query_row("SELECT 1 + ifnull(max(run), 0) FROM block", [], |row| {
                    row.get(0)
                })?;
            write_blocks(&transaction, run, entries)?;
            transaction.execute(
                "UPDATE coverage SET upto = max(upto, ?1)",
                [upto.cast_signed()],
            )?;
            transaction.commit()
        };
        add().map_err(Fault::sqlite(&self.name))?;
        self.checkpoint()
    }

    /// How many runs there are.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn runs(&self) -> Result<usize, Fault> {
        runs(&self.connection)
            .map(|runs| runs.len())
            .map_err(Fault::sqlite(&self.name))
    }

    /// Makes one run of all.
    ///
    /// # Errors
    /// [`Fault`]; nothing was changed.
    pub(crate) fn merge(&mut self) -> Result<(), Fault> {
        let merge = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            let mut entries = Vec::new();
            {
                let mut select = transaction.prepare("SELECT entries, sum FROM block")?;
                let mut rows = select.query([])?;
                while let Some(row) = rows.next()? {
                    entries.extend(read_block(row)?);
                }
            }
            entries.sort_unstable();
            entries.dedup();
            let newest: i64 =
                transaction.query_row("SELECT ifnull(max(run), 0) FROM block", [], |row| {
                    row.get(0)
                })?;
            transaction.execute("DELETE FROM block", [])?;
            write_blocks(&transaction, newest + 1, &entries)?;
            transaction.commit()
        };
        merge().map_err(Fault::sqlite(&self.name))?;
        self.checkpoint()
    }

    /// Notes the open deliveries of a segment that takes no new ones, with their lanes.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn list_open(&mut self, rows: &[(i64, i64)]) -> Result<(), Fault> {
        let list = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            transaction.execute("DELETE FROM open_row", [])?;
            {
                let mut insert =
                    transaction.prepare("INSERT INTO open_row (id, lane) VALUES (?1, ?2)")?;
                for (id, lane) in rows {
                    insert.execute([id, lane])?;
                }
            }
            transaction.execute("UPDATE coverage SET listed = 1", [])?;
            transaction.commit()
        };
        list().map_err(Fault::sqlite(&self.name))?;
        self.checkpoint()
    }

    fn checkpoint(&self) -> Result<(), Fault> {
        schema::checkpoint(&self.connection)
            .map(|_| ())
            .map_err(Fault::sqlite(&self.name))
    }
}

fn write_blocks(connection: &Connection, run: i64, entries: &[Entry]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare(
        "INSERT INTO block (run, first_key, first_id, sum, entries) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut bytes = Vec::with_capacity(BLOCK * 16);
    for block in entries.chunks(BLOCK) {
        bytes.clear();
        for entry in block {
            bytes.extend_from_slice(&entry.key.to_le_bytes());
            bytes.extend_from_slice(&entry.id.to_le_bytes());
        }
        insert.execute(params![
            run,
            block[0].key,
            block[0].id.cast_signed(),
            crc32c::crc32c(&bytes),
            bytes
        ])?;
    }
    Ok(())
}

fn read_block(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<Entry>> {
    let bytes = row.get_ref(0)?.as_blob()?;
    let sum: u32 = row.get(1)?;
    if crc32c::crc32c(bytes) != sum || bytes.len() % 16 != 0 {
        return Err(rusqlite::Error::FromSqlConversionFailure(
            0,
            rusqlite::types::Type::Blob,
            "a block of the index does not fit its checksum".into(),
        ));
    }
    let (entries, _) = bytes.as_chunks::<16>();
    Ok(entries
        .iter()
        .map(|entry| {
            let (mut key, mut id) = ([0; 8], [0; 8]);
            key.copy_from_slice(&entry[..8]);
            id.copy_from_slice(&entry[8..]);
            Entry::new(i64::from_le_bytes(key), u64::from_le_bytes(id))
        })
        .collect())
}

/// The numbers of the runs, newest first.
fn runs(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    // One seek per run instead of a scan over all blocks.
    let mut select = connection.prepare_cached(
        "WITH RECURSIVE r(run) AS (
             SELECT max(run) FROM block
             UNION ALL
             SELECT (SELECT max(run) FROM block WHERE run < r.run) FROM r WHERE r.run IS NOT NULL)
         SELECT run FROM r WHERE run IS NOT NULL",
    )?;
    let runs = select.query_map([], |row| row.get(0))?;
    runs.collect()
}

/// Connections for looking up, kept open for the files used last.
#[derive(Debug, Default)]
pub(crate) struct Readers(Mutex<Vec<(PathBuf, Connection)>>);

impl Readers {
    /// Appends the ids with `key` below `below` in the file at `path`, the newest `limit` of each
    /// run.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn look_up(
        &self,
        path: &Path,
        wanted: (i64, u64, usize),
        ids: &mut Vec<u64>,
    ) -> Result<(), Fault> {
        let kept = {
            let mut idle = self.0.lock();
            let place = idle.iter().position(|(kept, _)| kept == path);
            place.map(|place| idle.remove(place).1)
        };
        let connection = match kept {
            Some(connection) => connection,
            None => schema::open_reader(path)?,
        };
        for_each_run(&connection, wanted, ids).map_err(Fault::sqlite(schema::name(path)))?;
        let mut idle = self.0.lock();
        if idle.len() >= MOST_IDLE {
            idle.remove(0);
        }
        idle.push((path.to_owned(), connection));
        Ok(())
    }

    /// Closes what is kept open of a file.
    pub(crate) fn forget(&self, path: &Path) {
        self.0.lock().retain(|(kept, _)| kept != path);
    }
}

fn for_each_run(
    connection: &Connection,
    (key, below, limit): (i64, u64, usize),
    ids: &mut Vec<u64>,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT entries, sum FROM block
         WHERE run = ?1 AND (first_key, first_id) < (?2, ?3)
         ORDER BY first_key DESC, first_id DESC",
    )?;
    let below = below.min(i64::MAX.cast_unsigned());
    for run in runs(connection)? {
        let mut found = 0;
        let mut rows = select.query(params![run, key, below.cast_signed()])?;
        while let Some(row) = rows.next()? {
            let block = read_block(row)?;
            let end = block.partition_point(|entry| *entry < Entry::new(key, below));
            let start = block[..end].partition_point(|entry| entry.key < key);
            ids.extend(
                block[start..end]
                    .iter()
                    .rev()
                    .take(limit - found)
                    .map(|entry| entry.id),
            );
            found += (end - start).min(limit - found);
            if start > 0 || found >= limit {
                break;
            }
        }
    }
    Ok(())
}

/// The open deliveries noted at sealing above `after`, at most `limit`; `None` when the segment
/// was not sealed yet.
///
/// # Errors
/// [`Fault`]
pub(crate) fn listed(
    path: &Path,
    after: u64,
    limit: usize,
) -> Result<Option<Vec<(u64, u16)>>, Fault> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = schema::open_reader(path)?;
    let read = || -> rusqlite::Result<Option<Vec<(u64, u16)>>> {
        let listed = connection
            .query_row("SELECT listed FROM coverage", [], |row| {
                row.get::<_, i64>(0)
            })
            .optional()?;
        if listed != Some(1) {
            return Ok(None);
        }
        let mut select = connection
            .prepare("SELECT id, lane FROM open_row WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let rows = select.query_map(
            params![
                after.cast_signed(),
                i64::try_from(limit).unwrap_or(i64::MAX)
            ],
            |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)),
        )?;
        rows.collect::<rusqlite::Result<_>>().map(Some)
    };
    read().map_err(Fault::sqlite(schema::name(path)))
}

// Fills a page together with the row.
const BLOCK: usize = 248;
const CACHE_KIB: u32 = 2048;
const MOST_IDLE: usize = 64;
