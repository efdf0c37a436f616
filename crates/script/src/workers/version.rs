//! One version of a script: its source, the accounts it has seen, its repute.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use austin_adapter_api::Account;
use austin_domain::AccountId;
use parking_lot::Mutex;
use secrecy::ExposeSecret;

use crate::frames::Failure;
use crate::shape::AccountGiven;

/// A version.
pub(crate) struct Version {
    pub(crate) id: u64,
    name: String,
    number: u32,
    pub(crate) source: String,
    next_slot: AtomicU32,
    accounts: Mutex<HashMap<AccountId, Arc<KnownAccount>>>,
    /// Whether there ever was a strike: the common case needs no lock.
    struck: AtomicBool,
    repute: Mutex<Repute>,
}

/// What is held against a version.
#[derive(Default)]
struct Repute {
    strikes: Vec<Instant>,
    quarantined: Option<String>,
}

/// An account as workers know it.
pub(crate) struct KnownAccount {
    pub(crate) slot: u32,
    pub(crate) json: String,
    account: Account,
}

impl Version {
    pub(super) fn new(id: u64, name: &str, number: u32, source: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            number,
            source: source.to_owned(),
            next_slot: AtomicU32::new(0),
            accounts: Mutex::default(),
            struck: AtomicBool::new(false),
            repute: Mutex::default(),
        }
    }

    /// The account as JSON, written once for each state it was in.
    pub(crate) fn account(&self, account: &Account) -> Arc<KnownAccount> {
        let mut accounts = self.accounts.lock();
        if let Some(known) = accounts.get(&account.id)
            && same(&known.account, account)
        {
            return Arc::clone(known);
        }
        let known = Arc::new(KnownAccount {
            slot: self.next_slot.fetch_add(1, Ordering::Relaxed),
            json: serde_json::to_string(&AccountGiven::of(account)).unwrap_or_default(),
            account: account.clone(),
        });
        accounts.insert(account.id, Arc::clone(&known));
        known
    }

    /// Holds a failure against this version.
    pub(super) fn strike(&self, failure: &Failure, most: usize, memory: Duration) {
        let mut repute = self.repute.lock();
        self.struck.store(true, Ordering::Release);
        repute.strikes.retain(|at| at.elapsed() < memory);
        repute.strikes.push(Instant::now());
        let count = repute.strikes.len();
        tracing::warn!(
            adapter = %self.name,
            version = self.number,
            code = failure.kind.code(),
            strikes = count,
            "a script was stopped"
        );
        if count >= most.max(1) && repute.quarantined.is_none() {
            repute.quarantined = Some(format!(
                "version {} of {} was stopped {count} times, the last time with {}: {}",
                self.number,
                self.name,
                failure.kind.code(),
                failure.detail
            ));
            tracing::error!(adapter = %self.name, version = self.number, "script quarantined");
        }
    }

    /// Whether it is to be kept away from the others.
    pub(super) fn is_suspect(&self, memory: Duration) -> bool {
        self.struck.load(Ordering::Acquire)
            && self
                .repute
                .lock()
                .strikes
                .last()
                .is_some_and(|at| at.elapsed() < memory)
    }

    /// Why it is not called any more.
    pub(super) fn quarantined(&self) -> Option<String> {
        if !self.struck.load(Ordering::Acquire) {
            return None;
        }
        self.repute.lock().quarantined.clone()
    }
}

fn same(known: &Account, account: &Account) -> bool {
    known.key == account.key
        && known.settings == account.settings
        && known.secrets.len() == account.secrets.len()
        && known.secrets.iter().zip(&account.secrets).all(
            |((name, secret), (other_name, other))| {
                name == other_name && secret.expose_secret() == other.expose_secret()
            },
        )
}
