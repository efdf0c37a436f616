//! The composition root: the only place that knows which backend is used.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use austin_adapters::registry;
use austin_engine::{Adapters, Lists, Parts};
use austin_ports::Entropy as _;
use austin_ports::clock::SystemClock;
use austin_store_local::ledger::{self, LocalLedger};
use austin_store_local::lists::Found;
use austin_store_local::{
    ControlStore, DataDir, Finding, LocalBlobs, LocalLists, LocalMailboxes, LocalMeter,
    LocalSuppressions, OsEntropy, Vault, control, lock, suppressions,
};
use prometheus_client::registry::Registry;

use crate::exit::Failure;
use crate::settings::{Durability, Settings};
use crate::workshop;

/// Where the master key may come from besides the data directory.
const MASTER_KEY: &str = "AUSTIN_MASTER_KEY";

/// The opened embedded store.
pub(crate) struct Store {
    /// Templates, accounts, routes, apps.
    pub(crate) catalog: ControlStore,
    dir: Arc<DataDir>,
    vault: Arc<Vault>,
}

/// Takes the data directory and opens what people configure. Blocks.
///
/// # Errors
/// When another process has the directory, or something in it cannot be read.
pub(crate) fn open(data: &Path) -> Result<Store, Failure> {
    let dir = DataDir::open(data).map_err(|error| match error {
        lock::Error::InUse { .. } => Failure::locked(error.to_string()),
        other => Failure::failed(other.to_string()),
    })?;
    let given = std::env::var(MASTER_KEY).ok();
    let vault = Vault::open_dir(data, given.as_deref(), Arc::new(OsEntropy))
        .map_err(|error| Failure::failed(error.to_string()))?;
    let (dir, vault) = (Arc::new(dir), Arc::new(vault));
    let catalog = ControlStore::open(dir.clone(), vault.clone())
        .map_err(|error| Failure::failed(error.to_string()))?;
    Ok(Store {
        catalog,
        dir,
        vault,
    })
}

/// Everything the engine is made of, on an opened store. Recovers the ledger; blocks.
///
/// # Errors
/// When the ledger or the uploads cannot be opened, or TLS cannot be set up.
pub(crate) fn parts(
    store: &Store,
    settings: &Settings,
    registry: &mut Registry,
) -> Result<(Parts, Arc<LocalLedger>), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    let options = ledger::Options {
        sync: match settings.store.durability {
            Durability::Full => ledger::Sync::Full,
            Durability::Normal => ledger::Sync::Normal,
        },
        segment_deliveries: settings.store.segment_deliveries,
        low_water_bytes: settings.store.low_water_bytes,
        remember_for: settings.engine.remember_for,
        ..ledger::Options::default()
    };
    let node = options.node;
    let given = lists(store).look().map(named).unwrap_or_default();
    let ledger = LocalLedger::open(store.dir.path(), store.vault.clone(), options, registry)
        .map_err(|error| failed(&error))?;
    let ledger = Arc::new(ledger);
    let blobs = LocalBlobs::open(store.dir.clone(), settings.engine.max_attachment_bytes)
        .map_err(|error| failed(&error))?;
    let entries = LocalSuppressions::open(store.dir.clone(), &store.vault, &OsEntropy)
        .map_err(|error| failed(&error))?;
    let wire =
        austin_wire::Client::new(&settings.wire, registry).map_err(|error| failed(&error))?;
    let parts = Parts {
        ledger: ledger.clone(),
        catalog: Arc::new(store.catalog.clone()),
        blobs: Arc::new(blobs),
        suppressions: Arc::new(entries),
        meter: Arc::new(LocalMeter::new(person_key(), node)),
        lists: Arc::new(ArcSwap::from_pointee(given)),
        wire: Arc::new(wire),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        adapters: Adapters::with_workshop(
            austin_adapters::registry(),
            workshop::workshop(&settings.script)?,
        ),
        config: austin_engine::Config {
            content_key: store.vault.derive("austin 2026 content digest"),
            ..settings.engine.clone()
        },
    };
    Ok((parts, ledger))
}

/// The files that hold what policies name.
pub(crate) fn lists(store: &Store) -> LocalLists {
    LocalLists::new(store.dir.clone())
}

/// What the files hold, as the engine takes it.
pub(crate) fn named(found: Found) -> Lists {
    Lists {
        words: found.words,
        calendars: found.calendars,
    }
}

/// A key of this process alone, for what is only kept in memory.
fn person_key() -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&OsEntropy.next().to_le_bytes());
    key[16..].copy_from_slice(&OsEntropy.next().to_le_bytes());
    key
}

/// The mailboxes that are read, where there are any.
///
/// # Errors
/// When the directory that is set cannot be opened.
pub(crate) fn mailboxes(settings: &Settings) -> Result<Option<LocalMailboxes>, Failure> {
    let of = &settings.mailboxes;
    of.directory
        .as_deref()
        .map(|directory| LocalMailboxes::open(directory, of.most_bytes as u64))
        .transpose()
        .map_err(|error| Failure::failed(format!("mailboxes.directory: {error}")))
}

/// The built-in adapters of this program.
pub(crate) fn adapters() -> Adapters {
    Adapters::new(registry())
}

/// Examines a data directory without changing it; austin may run meanwhile. Blocks.
pub(crate) fn examine(data: &Path) -> Vec<Finding> {
    let given = std::env::var(MASTER_KEY).ok();
    let mut findings = control::check(data, given.as_deref());
    if data.is_dir() {
        findings.extend(suppressions::check(data));
        findings.extend(ledger::check(data));
    }
    findings
}
