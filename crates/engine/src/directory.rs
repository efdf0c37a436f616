//! The accounts of a catalog snapshot, ready to be used: adapter found, secrets opened, pace kept.

use std::sync::Arc;

use arc_swap::ArcSwap;
use austin_adapter_api::{Account, Batching, Speaker};
use austin_domain::{AccountId, Timestamp};
use austin_ports::Catalog;
use austin_ports::catalog::{AccountRecord, Snapshot};
use austin_ports::ledger::WorkItem;
use hashbrown::HashMap;
use parking_lot::Mutex;
use secrecy::ExposeSecret;

use crate::adapters::Adapters;
use crate::pace::Pace;
use crate::routing::{FULL, Routes};

/// One account, ready to be called.
pub(crate) struct Usable {
    pub(crate) record: Arc<AccountRecord>,
    pub(crate) account: Account,
    pub(crate) adapter: Speaker,
    pub(crate) key: Arc<str>,
    /// Secret values that evidence must not contain.
    pub(crate) secrets: Vec<String>,
    /// The adapter's rule, narrowed by the account's own limit.
    pub(crate) batching: Batching,
    pub(crate) pace: Arc<Pace>,
}

impl Usable {
    /// How much of its share it is well enough for, per mille.
    pub(crate) fn factor(&self, _now: Timestamp) -> u32 {
        FULL
    }

    /// Whether it takes work at all now.
    pub(crate) fn is_well(&self, now: Timestamp) -> bool {
        self.pace.resting(now).is_none()
    }

    /// Whether the vendor knows the delivery's template, where it must.
    pub(crate) fn carries(&self, _directory: &Directory, _item: &WorkItem) -> bool {
        true
    }
}

/// The accounts of one snapshot.
pub(crate) struct Directory {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) routes: Routes,
    accounts: HashMap<AccountId, Arc<Usable>>,
}

impl Directory {
    /// The account, if it is known, enabled and its adapter is there.
    pub(crate) fn usable(&self, id: AccountId) -> Option<&Arc<Usable>> {
        self.accounts.get(&id)
    }
}

/// Builds the directory anew when the catalog has changed.
pub(crate) struct Directories {
    catalog: Arc<dyn Catalog>,
    adapters: Adapters,
    current: ArcSwap<Directory>,
    paces: Mutex<HashMap<AccountId, Arc<Pace>>>,
}

impl Directories {
    pub(crate) fn new(catalog: Arc<dyn Catalog>, adapters: Adapters) -> Self {
        let empty = Directory {
            snapshot: Arc::default(),
            routes: Routes::default(),
            accounts: HashMap::new(),
        };
        Self {
            catalog,
            adapters,
            current: ArcSwap::from_pointee(empty),
            paces: Mutex::new(HashMap::new()),
        }
    }

    /// The directory of the present snapshot.
    pub(crate) fn current(&self) -> Arc<Directory> {
        let snapshot = self.catalog.snapshot();
        let current = self.current.load_full();
        if Arc::ptr_eq(&current.snapshot, &snapshot) {
            return current;
        }
        let accounts = snapshot
            .accounts
            .values()
            .filter(|record| record.enabled && record.deleted_at.is_none())
            .filter_map(|record| Some((record.id, Arc::new(self.usable(record)?))))
            .collect();
        let fresh = Arc::new(Directory {
            routes: Routes::new(&snapshot),
            snapshot,
            accounts,
        });
        self.current.store(Arc::clone(&fresh));
        fresh
    }

    /// The pace of an account.
    pub(crate) fn pace(&self, id: AccountId) -> Arc<Pace> {
        Arc::clone(self.paces.lock().entry(id).or_default())
    }

    fn usable(&self, record: &Arc<AccountRecord>) -> Option<Usable> {
        let adapter = self.adapters.get(&record.adapter)?.clone();
        let mut batching = adapter.descriptor().batching;
        if let Some(most) = record.limits.recipients_per_call {
            batching.max_recipients = batching.max_recipients.min(most).max(1);
        }
        Some(Usable {
            account: view(record),
            key: Arc::from(record.key.as_str()),
            secrets: record
                .secrets
                .values()
                .map(|text| text.expose_secret().to_owned())
                .collect(),
            record: Arc::clone(record),
            adapter,
            batching,
            pace: self.pace(record.id),
        })
    }
}

/// The account as adapters see it.
pub(crate) fn view(record: &AccountRecord) -> Account {
    Account {
        id: record.id,
        key: record.key.clone(),
        settings: record.settings.clone(),
        secrets: record.secrets.clone(),
    }
}
