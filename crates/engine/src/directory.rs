//! The accounts of a catalog snapshot, ready to be used: adapter found, secrets opened, pace kept.

use std::sync::Arc;

use arc_swap::ArcSwap;
use austin_adapter_api::{Account, Batching, Speaker};
use austin_domain::{AccountId, Reason, Timestamp};
use austin_ports::Catalog;
use austin_ports::catalog::{AccountRecord, Snapshot};
use austin_ports::ledger::MessageHead;
use austin_ports::ledger::WorkItem;
use hashbrown::HashMap;
use parking_lot::Mutex;
use secrecy::ExposeSecret;

use crate::adapters::{Adapters, Live, Voices};
use crate::asking::Party;
use crate::carry::can_carry;
use crate::health::Health;
use crate::pace::{Bounds, Pace};
use crate::routing::Routes;

/// One account, ready to be called.
pub(crate) struct Usable {
    pub(crate) record: Arc<AccountRecord>,
    pub(crate) account: Account,
    /// Who answers for it besides sending: receipts and questions.
    pub(crate) adapter: Speaker,
    /// Who speaks in its calls.
    pub(crate) voices: Voices,
    pub(crate) key: Arc<str>,
    /// Secret values that evidence must not contain.
    pub(crate) secrets: Vec<String>,
    /// The adapter's rule, narrowed by the account's own limit.
    pub(crate) batching: Batching,
    pub(crate) pace: Arc<Pace>,
    pub(crate) health: Arc<Health>,
    /// Its own limits, else those the vendor states.
    pub(crate) bounds: Arc<Bounds>,
    /// Whether the vendor tells what became of a message.
    pub(crate) receipts: bool,
}

impl Usable {
    /// How much of its share it is well enough for, per mille.
    pub(crate) fn factor(&self, now: Timestamp) -> u32 {
        self.health.factor(now)
    }

    /// Whether it takes work at all now.
    pub(crate) fn is_well(&self, now: Timestamp) -> bool {
        self.pace.resting(now).is_none()
    }

    /// Whether the vendor knows the delivery's template, where it must.
    pub(crate) fn carries(&self, directory: &Directory, item: &WorkItem) -> bool {
        let able = self.adapter.descriptor().capabilities;
        !(able.needs_vendor_template || able.needs_sign)
            || self.why_not_carried(directory, item).is_none()
    }

    /// Why the vendor cannot take the delivery: it knows nothing of the template.
    pub(crate) fn why_not_carried(&self, directory: &Directory, item: &WorkItem) -> Option<Reason> {
        let entry = directory.snapshot.templates.get(&item.message.template)?;
        let version = entry.version(item.message.version)?;
        let locale = version.locale(item.locale());
        can_carry(version, locale, &self.record, self.adapter.descriptor()).err()
    }
}

/// The accounts of one snapshot.
pub(crate) struct Directory {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) routes: Routes,
    accounts: HashMap<AccountId, Arc<Usable>>,
    /// Why accounts that are enabled cannot be used.
    unusable: HashMap<AccountId, String>,
    live: Arc<Live>,
}

impl Directory {
    /// The account, if it is known, enabled and its adapter is there.
    pub(crate) fn usable(&self, id: AccountId) -> Option<&Arc<Usable>> {
        self.accounts.get(&id)
    }

    /// All accounts that can be called.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Usable>> {
        self.accounts.values()
    }

    /// Why no account can send this message, where it is for want of an adapter.
    pub(crate) fn why_unusable(&self, message: &MessageHead) -> Option<&str> {
        if let Some(account) = message.account {
            return self.unusable.get(&account).map(String::as_str);
        }
        let mut of_channel = self.unusable.iter().filter(|(id, _)| {
            let account = self.snapshot.accounts.get(*id);
            account.is_some_and(|account| account.channel == message.lane.channel)
        });
        of_channel.next().map(|(_, why)| why.as_str())
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
            unusable: HashMap::new(),
            live: Arc::default(),
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
        let live = self.adapters.live();
        let current = self.current.load_full();
        if Arc::ptr_eq(&current.snapshot, &snapshot) && Arc::ptr_eq(&current.live, &live) {
            return current;
        }
        let (mut accounts, mut unusable) = (HashMap::new(), HashMap::new());
        for record in snapshot.accounts.values() {
            if !record.enabled || record.deleted_at.is_some() {
                continue;
            }
            match self.usable(&live, record) {
                Ok(usable) => drop(accounts.insert(record.id, Arc::new(usable))),
                Err(why) => drop(unusable.insert(record.id, format!("{}: {why}", record.key))),
            }
        }
        let fresh = Arc::new(Directory {
            routes: Routes::new(&snapshot),
            snapshot,
            accounts,
            unusable,
            live,
        });
        self.current.store(Arc::clone(&fresh));
        fresh
    }

    /// An account that can be asked, also a disabled one; `None` when it is deleted or its adapter
    /// is not there.
    pub(crate) fn party(&self, id: AccountId) -> Option<Party> {
        let snapshot = self.catalog.snapshot();
        let record = snapshot
            .accounts
            .get(&id)
            .filter(|record| record.deleted_at.is_none())?;
        Some(Party {
            account: view(record),
            adapter: self.adapters.get(&record.adapter)?,
            key: Arc::from(record.key.as_str()),
            secrets: secrets(record),
        })
    }

    /// The adapter of this name.
    pub(crate) fn adapter(&self, name: &str) -> Option<Speaker> {
        self.adapters.get(name)
    }

    /// The pace of an account.
    pub(crate) fn pace(&self, id: AccountId) -> Arc<Pace> {
        Arc::clone(self.paces.lock().entry(id).or_default())
    }

    fn usable(&self, live: &Live, record: &Arc<AccountRecord>) -> Result<Usable, String> {
        let voices = self.adapters.voices(live, &record.adapter)?;
        let gone = || format!("there is no adapter {}", record.adapter);
        let adapter = voices.answering().ok_or_else(gone)?.clone();
        let mut batching = voices.batching().unwrap_or(adapter.descriptor().batching);
        let descriptor = adapter.descriptor();
        let bounds = Bounds::of(&record.limits, &descriptor.limits);
        let receipts = descriptor.capabilities.tells_arrivals();
        let pace = self.pace(record.id);
        pace.health.steer(record.steer.as_ref());
        if let Some(most) = record.limits.recipients_per_call {
            batching.max_recipients = batching.max_recipients.min(most).max(1);
        }
        Ok(Usable {
            account: view(record),
            key: Arc::from(record.key.as_str()),
            secrets: secrets(record),
            record: Arc::clone(record),
            adapter,
            voices,
            batching,
            health: Arc::clone(&pace.health),
            pace,
            bounds: Arc::new(bounds),
            receipts,
        })
    }
}

/// Secret values of an account that evidence must not contain.
fn secrets(record: &AccountRecord) -> Vec<String> {
    let values = record.secrets.values();
    values.map(|text| text.expose_secret().to_owned()).collect()
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
