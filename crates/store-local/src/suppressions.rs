//! Who must not be messaged, in `suppressions.db`: the embedded [`Suppressions`].
//!
//! Invariant: the index in memory holds what is committed. It learns of a change after the commit
//! and before the caller hears of it, while the writer is held, so that it learns in commit order.
//! Addresses are stored as they are, like the ledger's: the data directory is for its owner only.

mod check;
mod entries;
mod find;
mod imports;
mod index;
mod keys;
mod rows;
mod schema;
mod strikes;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use austin_domain::id::Sequence;
use austin_domain::suppression::Reasons;
use austin_domain::{Channel, ImportId, SuppressionId, Timestamp};
use austin_ports::suppressions::{
    Error, Event, Filter, ImportBatch, ImportRow, ImportState, Imports, Lift, LinkKey, NewImport,
    NewSuppression, Page, Put, Result, RowFault, Size, Spool, Strike, Strikes, Suppressed,
    Suppression, Suppressions,
};
use austin_ports::{BoxFuture, Entropy};
use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use rusqlite::Connection;

use crate::{DataDir, Vault, migrate};
use entries::{Lesson, Putting, teach};
use index::{Entry, Index};

pub use check::check;
pub use schema::MIGRATIONS;

/// The embedded [`Suppressions`]. Clones share one store.
#[derive(Clone)]
pub struct LocalSuppressions(Arc<Shared>);

struct Shared {
    writer: Mutex<Writer>,
    reader: Mutex<Connection>,
    index: Index,
    link_keys: Vec<LinkKey>,
    folder: PathBuf,
    /// Bytes of files that are on their way.
    received: Mutex<HashMap<ImportId, u64>>,
    // Keeps the directory ours for as long as anybody can write.
    _dir: Arc<DataDir>,
}

struct Writer {
    connection: Connection,
    ids: Sequence,
}

impl LocalSuppressions {
    /// Opens `suppressions.db` in `dir` (making or migrating it) and reads all entries. Blocks.
    ///
    /// # Errors
    /// Why not, with words for whoever started austin.
    pub fn open(dir: Arc<DataDir>, vault: &Vault, entropy: &dyn Entropy) -> Result<Self> {
        let path = schema::path(dir.path());
        let named = |error: &dyn fmt::Display| Error(format!("{}: {error}", schema::FILE));
        let mut connection = schema::writer(&path).map_err(|error| named(&error))?;
        migrate::migrate(&mut connection, MIGRATIONS).map_err(|error| named(&error))?;
        let folder = imports::folder(dir.path());
        imports::clear(&folder)
            .map_err(|error| Error(format!("{} cannot be cleared: {error}", folder.display())))?;
        imports::interrupt(&connection).map_err(|error| named(&error))?;
        let link_keys = keys::open(&connection, vault, entropy).map_err(|error| named(&error))?;
        let index = Index::new();
        let last = load(&connection, &index).map_err(|error| named(&error))?;
        Ok(Self(Arc::new(Shared {
            writer: Mutex::new(Writer {
                connection,
                ids: Sequence::new(0, last),
            }),
            reader: Mutex::new(schema::reader(&path).map_err(|error| named(&error))?),
            index,
            link_keys,
            folder,
            received: Mutex::default(),
            _dir: dir,
        })))
    }

    /// Runs `work` where it may block, in one transaction. Once started it ends, even when the
    /// caller goes away.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let shared = Arc::clone(&self.0);
        blocking(move || {
            let mut writer = shared.writer.lock();
            let Writer { connection, ids } = &mut *writer;
            // Dropped without a commit it takes everything back.
            let transaction = connection.transaction().map_err(failed)?;
            let mut step = Step {
                connection: &transaction,
                index: &shared.index,
                ids,
                lessons: Vec::new(),
            };
            let done = work(&mut step).map_err(failed)?;
            let lessons = step.lessons;
            transaction.commit().map_err(failed)?;
            teach(&shared.index, lessons);
            Ok(done)
        })
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let shared = Arc::clone(&self.0);
        blocking(move || work(&shared.reader.lock()).map_err(failed))
    }
}

/// One transaction.
struct Step<'a> {
    connection: &'a Connection,
    index: &'a Index,
    ids: &'a mut Sequence,
    lessons: Vec<Lesson>,
}

impl Suppressions for LocalSuppressions {
    fn check_but(
        &self,
        channel: Channel,
        address: &str,
        exempt: Reasons,
        now: Timestamp,
    ) -> Option<Suppressed> {
        self.0.index.check(channel, address, exempt, now)
    }

    fn put(&self, new: Vec<NewSuppression>, now: Timestamp) -> BoxFuture<'_, Result<Vec<Put>>> {
        self.write(move |step| {
            let mut putting = Putting::new(step.connection, step.index, now);
            let puts = new
                .iter()
                .map(|new| putting.put(new, || step.ids.block(now, 1)))
                .collect::<rusqlite::Result<_>>()?;
            step.lessons = putting.lessons;
            Ok(puts)
        })
    }

    fn lift(
        &self,
        id: SuppressionId,
        lift: Lift,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<(Suppression, bool)>>> {
        self.write(move |step| {
            let Some(mut held) = find::get(step.connection, id)? else {
                return Ok(None);
            };
            if held.lifted_at.is_some() {
                return Ok(Some((held, false)));
            }
            entries::lift(step.connection, &held, &lift, now)?;
            held.lifted_at = Some(now);
            let hash = step.index.hash(&held.to);
            step.lessons.push(Lesson::Remove(hash, id));
            Ok(Some((held, true)))
        })
    }

    fn get(&self, id: SuppressionId) -> BoxFuture<'_, Result<Option<Suppression>>> {
        self.read(move |connection| find::get(connection, id))
    }

    fn list(&self, filter: Filter, now: Timestamp) -> BoxFuture<'_, Result<Page>> {
        self.read(move |connection| find::list(connection, &filter, now))
    }

    fn history(&self, id: SuppressionId) -> BoxFuture<'_, Result<Vec<Event>>> {
        self.read(move |connection| find::history(connection, id))
    }

    fn strikes(
        &self,
        addresses: Vec<(Channel, String)>,
    ) -> BoxFuture<'_, Result<Vec<Option<Strikes>>>> {
        self.read(move |connection| {
            let found = addresses
                .iter()
                .map(|(channel, to)| strikes::of(connection, *channel, to));
            found.collect()
        })
    }

    fn strike(&self, strikes: Vec<Strike>) -> BoxFuture<'_, Result<Vec<u32>>> {
        self.write(move |step| {
            let counts = strikes
                .iter()
                .map(|strike| strikes::count(step.connection, strike));
            counts.collect()
        })
    }

    fn link_keys(&self) -> &[LinkKey] {
        &self.0.link_keys
    }

    fn size(&self) -> Size {
        self.0.index.size()
    }
}

impl Imports for LocalSuppressions {
    fn open_import(&self, new: NewImport, now: Timestamp) -> BoxFuture<'_, Result<ImportId>> {
        self.write(move |step| {
            let id = ImportId::from_u64(step.ids.block(now, 1));
            imports::open(step.connection, id, &new, now)?;
            Ok(id)
        })
    }

    fn append_import(&self, id: ImportId, data: Bytes) -> BoxFuture<'_, Result<()>> {
        let shared = Arc::clone(&self.0);
        blocking(move || {
            imports::append(&imports::file(&shared.folder, id), &data).map_err(failed)?;
            *shared.received.lock().entry(id).or_default() += data.len() as u64;
            Ok(())
        })
    }

    fn read_import(&self, id: ImportId) -> BoxFuture<'_, Result<Spool>> {
        let shared = Arc::clone(&self.0);
        blocking(move || imports::read(&imports::file(&shared.folder, id)).map_err(failed))
    }

    fn import_rows(
        &self,
        id: ImportId,
        batch: ImportBatch,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<()>> {
        self.write(move |step| {
            let mut putting = Putting::new(step.connection, step.index, now);
            let next = || step.ids.block(now, 1);
            imports::rows(&mut putting, step.connection, id, &batch, next)?;
            step.lessons = putting.lessons;
            Ok(())
        })
    }

    fn move_import(
        &self,
        id: ImportId,
        state: ImportState,
        fault: Option<RowFault>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<()>> {
        let shared = Arc::clone(&self.0);
        let bytes = shared.received.lock().get(&id).copied().unwrap_or(0);
        let moved = self.write(move |step| {
            imports::advance(step.connection, id, state, fault.as_ref(), bytes, now)
        });
        Box::pin(async move {
            moved.await?;
            if state.is_end() {
                shared.received.lock().remove(&id);
                let path = imports::file(&shared.folder, id);
                // What is left over goes with the next start.
                let removed = blocking(move || Ok(std::fs::remove_file(path))).await;
                drop(removed);
            }
            Ok(())
        })
    }

    fn import(&self, id: ImportId) -> BoxFuture<'_, Result<Option<ImportRow>>> {
        let received = self.0.received.lock().get(&id).copied().unwrap_or(0);
        self.read(move |connection| {
            let found = imports::get(connection, id)?;
            Ok(found.map(|row| ImportRow {
                bytes: row.bytes.max(received),
                ..row
            }))
        })
    }

    fn import_faults(&self, id: ImportId, limit: usize) -> BoxFuture<'_, Result<Vec<RowFault>>> {
        self.read(move |connection| imports::faults(connection, id, limit))
    }
}

impl fmt::Debug for LocalSuppressions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSuppressions").finish_non_exhaustive()
    }
}

/// Fills the index; the highest id ever given.
fn load(connection: &Connection, index: &Index) -> rusqlite::Result<u64> {
    let mut select = connection.prepare(
        "SELECT id, channel, address, reason, until, cause FROM suppressions \
         WHERE lifted_at IS NULL",
    )?;
    let mut found = select.query([])?;
    while let Some(row) = found.next()? {
        let entry = Entry {
            id: SuppressionId::from_i64(row.get(0)?),
            channel: rows::channel(row, 1)?,
            reason: rows::reason(row, 3)?,
            until: rows::instant(row, 4)?,
            cause: rows::delivery(row, 5)?,
        };
        let address = row.get_ref(2)?.as_str()?;
        index.insert(index.hash(address), entry);
    }
    let last: i64 = connection.query_row(
        "SELECT max(coalesce((SELECT max(id) FROM suppressions), 0), \
         coalesce((SELECT max(id) FROM imports), 0))",
        [],
        |row| row.get(0),
    )?;
    Ok(last.cast_unsigned())
}

fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> BoxFuture<'static, Result<T>> {
    Box::pin(async move {
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(failed(error)))
    })
}

fn failed(error: impl fmt::Display) -> Error {
    Error(error.to_string())
}

#[cfg(test)]
mod tests;
