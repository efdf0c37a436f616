//! What people configure, in `control.db`: the embedded [`Catalog`].
//!
//! A change is one transaction together with its audit entry; when it is durable, the next
//! snapshot is published. Readers take the snapshot and never touch SQLite, except `history`.
//!
//! Invariant: the published snapshot is what a fresh start would load. One writer at a time, off
//! the async threads.
//!
//! Beyond the port's contract:
//! - The store sets `created_at` and `updated_at` of templates and accounts from the change's
//!   `now`; a version is kept as given but for its number.
//! - [`CatalogChange::PutAccount`] with the key of an existing account keeps its id, `created_at`
//!   and receipt token, and every stored secret the new record does not name. A secret is
//!   replaced by naming it; it cannot be removed other than with the account.
//! - A deleted account frees its key and forgets its secrets; its record stays, disabled.

mod answers;
mod audit;
mod change;
mod check;
mod load;
mod remember;
mod schema;
mod secrets;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use austin_domain::id::Sequence;
use austin_domain::{AppId, Lane, Timestamp};
use austin_ports::BoxFuture;
use austin_ports::catalog::{
    AuditEntry, Catalog, CatalogChange, CatalogError, KeptAnswer, Policy, Route, Snapshot,
};
use parking_lot::Mutex;
use rusqlite::Connection;
use serde_json::Value;
use tokio::sync::watch;

pub use audit::Broken;
pub use check::check;
pub use schema::MIGRATIONS;

use crate::{DataDir, Vault, migrate};

/// The embedded [`Catalog`]. Clones share one store.
#[derive(Clone)]
pub struct ControlStore(Arc<Shared>);

struct Shared {
    writer: Mutex<Writer>,
    reader: Mutex<Connection>,
    snapshot: ArcSwap<Snapshot>,
    changed: watch::Sender<u64>,
    vault: Arc<Vault>,
    // Keeps the directory ours for as long as anybody can write.
    _dir: Arc<DataDir>,
}

struct Writer {
    connection: Connection,
    ids: Sequence,
}

impl ControlStore {
    /// Opens `control.db` in `dir` (making or migrating it) and loads everything. Blocks.
    ///
    /// # Errors
    /// [`Error`], with words for whoever started austin.
    pub fn open(dir: Arc<DataDir>, vault: Arc<Vault>) -> Result<Self, Error> {
        let path = schema::path(dir.path());
        let mut connection = schema::writer(&path).map_err(Error::Unopened)?;
        migrate::migrate(&mut connection, MIGRATIONS)?;
        let snapshot = load::snapshot(&connection, &vault)?;
        change::accounts::reseal(&mut connection, &vault, &snapshot)?;
        let changes = audit::last(&connection)?;
        let ids = Sequence::new(0, load::last_id(&snapshot));
        Ok(Self(Arc::new(Shared {
            writer: Mutex::new(Writer { connection, ids }),
            reader: Mutex::new(schema::reader(&path)?),
            snapshot: ArcSwap::from_pointee(snapshot),
            changed: watch::Sender::new(changes),
            vault,
            _dir: dir,
        })))
    }

    /// Walks the audit trail; answers how many entries it has. Blocks.
    ///
    /// # Errors
    /// [`Broken`] where it does not hold together.
    pub fn verify_audit(&self) -> Result<u64, Broken> {
        audit::verify(&self.0.reader.lock())
    }
}

impl Shared {
    fn change(
        &self,
        change: CatalogChange,
        author: &str,
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let mut writer = self.writer.lock();
        let Writer { connection, ids } = &mut *writer;
        // Dropped without a commit it takes everything back.
        let transaction = connection.transaction().map_err(failed)?;
        let mut step = change::Step {
            transaction: &transaction,
            vault: &self.vault,
            ids,
            author,
            now,
            next: self.snapshot.load_full(),
        };
        let done = step.make(change)?;
        let next = step.next;
        let Some((subject, action, detail)) = done.entry else {
            return Ok(done.id);
        };
        let entry = AuditEntry {
            at: now,
            author: author.to_owned(),
            subject,
            action: action.to_owned(),
            detail,
        };
        let number = audit::append(&transaction, &entry).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.snapshot.store(next);
        self.changed.send_replace(number);
        Ok(done.id)
    }
}

impl Catalog for ControlStore {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.load_full()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    fn change<'a>(
        &'a self,
        change: CatalogChange,
        author: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, CatalogError>> {
        let (shared, author) = (Arc::clone(&self.0), author.to_owned());
        blocking(move || shared.change(change, &author, now))
    }

    fn history<'a>(
        &'a self,
        subject: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<AuditEntry>, CatalogError>> {
        let (shared, subject) = (Arc::clone(&self.0), subject.map(str::to_owned));
        blocking(move || {
            audit::history(&shared.reader.lock(), subject.as_deref(), limit).map_err(failed)
        })
    }

    fn route_versions(
        &self,
        lane: Lane,
        before: Option<u32>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Route>, CatalogError>> {
        let shared = Arc::clone(&self.0);
        blocking(move || {
            load::route_versions(&shared.reader.lock(), lane, before, limit).map_err(failed)
        })
    }

    fn policy_versions<'a>(
        &'a self,
        name: &'a str,
        before: Option<u32>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Policy>, CatalogError>> {
        let (shared, name) = (Arc::clone(&self.0), name.to_owned());
        blocking(move || {
            load::policies::versions(&shared.reader.lock(), &name, before, limit).map_err(failed)
        })
    }

    fn remembered<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, CatalogError>> {
        let (shared, name) = (Arc::clone(&self.0), name.to_owned());
        blocking(move || remember::read(&shared.reader.lock(), &name).map_err(failed))
    }

    fn remember<'a>(
        &'a self,
        name: &'a str,
        value: Option<Value>,
    ) -> BoxFuture<'a, Result<(), CatalogError>> {
        let (shared, name) = (Arc::clone(&self.0), name.to_owned());
        blocking(move || {
            remember::write(&shared.writer.lock().connection, &name, value.as_ref()).map_err(failed)
        })
    }

    fn remembered_all<'a>(
        &'a self,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Value)>, CatalogError>> {
        let (shared, prefix) = (Arc::clone(&self.0), prefix.to_owned());
        blocking(move || remember::read_all(&shared.reader.lock(), &prefix).map_err(failed))
    }

    fn remember_all(
        &self,
        values: Vec<(String, Value)>,
    ) -> BoxFuture<'_, Result<(), CatalogError>> {
        let shared = Arc::clone(&self.0);
        blocking(move || {
            remember::write_all(&mut shared.writer.lock().connection, &values).map_err(failed)
        })
    }

    fn kept_answer<'a>(
        &'a self,
        app: AppId,
        key: &'a str,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeptAnswer>, CatalogError>> {
        let (shared, key) = (Arc::clone(&self.0), key.to_owned());
        blocking(move || answers::read(&shared.reader.lock(), &shared.vault, (app, &key), since))
    }

    fn keep_answer<'a>(
        &'a self,
        app: AppId,
        key: &'a str,
        answer: KeptAnswer,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<(), CatalogError>> {
        let (shared, key) = (Arc::clone(&self.0), key.to_owned());
        blocking(move || {
            let connection = &mut shared.writer.lock().connection;
            answers::write(connection, &shared.vault, (app, &key), (&answer, since))
        })
    }
}

impl fmt::Debug for ControlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlStore").finish_non_exhaustive()
    }
}

/// Runs `work` where it may block. Once started it ends, even when the caller goes away.
fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CatalogError> + Send + 'static,
) -> BoxFuture<'static, Result<T, CatalogError>> {
    Box::pin(async move {
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(failed(error)))
    })
}

fn failed(error: impl fmt::Display) -> CatalogError {
    CatalogError::Store(error.to_string())
}

/// Why the control store does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or made.
    #[error("control.db cannot be opened: {0}")]
    Unopened(String),
    /// It cannot be brought to the shape this binary knows.
    #[error("control.db: {0}")]
    Migrate(#[from] migrate::Error),
    /// Secrets do not open with the master key given.
    #[error(
        "control.db: the secrets of account {account} do not open: {why}; start austin with the \
         master key they were sealed with"
    )]
    Secrets {
        /// The account's key.
        account: String,
        /// Why not.
        why: String,
    },
    /// What is stored cannot be read.
    #[error("control.db cannot be read: {0}; run austin doctor")]
    Unreadable(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

#[cfg(test)]
mod tests;
