//! A catalog in memory that shows what a test puts into it.

use std::sync::Arc;

use austin_domain::{AppId, Lane, Timestamp};
use austin_ports::BoxFuture;
use austin_ports::catalog::{
    AuditEntry, Catalog, CatalogChange, CatalogError, KeptAnswer, Policy, Route, Snapshot,
};
use hashbrown::HashMap;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

/// A catalog that only a test changes ([`GivenCatalog::set`]); it takes notes and remembers.
#[derive(Debug)]
pub struct GivenCatalog {
    snapshot: Mutex<Arc<Snapshot>>,
    changed: watch::Sender<u64>,
    notes: Mutex<Vec<AuditEntry>>,
    remembered: Mutex<HashMap<String, Value>>,
    answers: Mutex<HashMap<(AppId, String), KeptAnswer>>,
}

impl GivenCatalog {
    /// A catalog that shows `snapshot`.
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot: Mutex::new(Arc::new(snapshot)),
            changed: watch::Sender::new(0),
            notes: Mutex::default(),
            remembered: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    /// Shows `snapshot` from now on.
    pub fn set(&self, snapshot: Snapshot) {
        *self.snapshot.lock() = Arc::new(snapshot);
        self.changed.send_modify(|number| *number += 1);
    }

    /// The notes so far, oldest first.
    pub fn notes(&self) -> Vec<AuditEntry> {
        self.notes.lock().clone()
    }
}

impl Catalog for GivenCatalog {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.lock())
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn change<'a>(
        &'a self,
        change: CatalogChange,
        author: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, CatalogError>> {
        let taken = match change {
            CatalogChange::Note {
                subject,
                action,
                detail,
            } => {
                self.notes.lock().push(AuditEntry {
                    at: now,
                    author: author.to_owned(),
                    subject,
                    action: action.to_owned(),
                    detail,
                });
                Ok(0)
            }
            _ => Err(CatalogError::Store("only the test changes this".into())),
        };
        Box::pin(async move { taken })
    }

    fn history<'a>(
        &'a self,
        subject: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<AuditEntry>, CatalogError>> {
        let entries = self.notes.lock().iter().rev().cloned().collect::<Vec<_>>();
        let entries = entries
            .into_iter()
            .filter(|entry| subject.is_none_or(|subject| entry.subject == subject))
            .take(limit)
            .collect();
        Box::pin(async move { Ok(entries) })
    }

    fn route_versions(
        &self,
        lane: Lane,
        before: Option<u32>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Route>, CatalogError>> {
        let versions: Vec<Route> = self
            .snapshot()
            .routes
            .get(&lane)
            .map(|route| Route::clone(route))
            .filter(|route| before.is_none_or(|before| route.version < before))
            .into_iter()
            .take(limit)
            .collect();
        Box::pin(async move { Ok(versions) })
    }

    fn policy_versions<'a>(
        &'a self,
        name: &'a str,
        before: Option<u32>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Policy>, CatalogError>> {
        let snapshot = self.snapshot();
        let policy = snapshot.policies.get(name);
        let versions: Vec<Policy> = policy
            .filter(|policy| before.is_none_or(|before| policy.version < before))
            .map(|policy| Policy::clone(policy))
            .into_iter()
            .take(limit)
            .collect();
        Box::pin(async move { Ok(versions) })
    }

    fn remembered<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, CatalogError>> {
        let value = self.remembered.lock().get(name).cloned();
        Box::pin(async move { Ok(value) })
    }

    fn remember<'a>(
        &'a self,
        name: &'a str,
        value: Option<Value>,
    ) -> BoxFuture<'a, Result<(), CatalogError>> {
        let mut remembered = self.remembered.lock();
        match value {
            Some(value) => remembered.insert(name.to_owned(), value),
            None => remembered.remove(name),
        };
        Box::pin(async { Ok(()) })
    }

    fn remembered_all<'a>(
        &'a self,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Value)>, CatalogError>> {
        let remembered = self.remembered.lock();
        let mut found: Vec<_> = remembered
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Box::pin(async move { Ok(found) })
    }

    fn remember_all(
        &self,
        values: Vec<(String, Value)>,
    ) -> BoxFuture<'_, Result<(), CatalogError>> {
        self.remembered.lock().extend(values);
        Box::pin(async { Ok(()) })
    }

    fn kept_answer<'a>(
        &'a self,
        app: AppId,
        key: &'a str,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeptAnswer>, CatalogError>> {
        let answers = self.answers.lock();
        let found = answers.get(&(app, key.to_owned())).cloned();
        Box::pin(async move { Ok(found.filter(|answer| answer.at >= since)) })
    }

    fn keep_answer<'a>(
        &'a self,
        app: AppId,
        key: &'a str,
        answer: KeptAnswer,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<(), CatalogError>> {
        let mut answers = self.answers.lock();
        answers.retain(|_, kept| kept.at >= since);
        answers.insert((app, key.to_owned()), answer);
        Box::pin(async { Ok(()) })
    }
}
