//! The embedded ledger against the port's suite, against a model, and against broken files.

mod crash;
mod full;
mod model;
mod stored;
mod suite;

use std::path::Path;
use std::sync::Arc;

use austin_testkit::SeededEntropy;
use prometheus_client::registry::Registry;

use super::*;
use crate::vault::Keys;

/// Small files, so that everything that happens to large ones happens here too.
pub(super) fn options() -> Options {
    Options {
        journal_bytes: 64 << 10,
        segment_deliveries: 1_000_000,
        run_entries: 64,
        merge_runs: 4,
        scan_rows: 16,
        low_water_bytes: 0,
        probe_every: std::time::Duration::ZERO,
        ..Options::default()
    }
}

pub(super) fn vault() -> Arc<Vault> {
    let keys = Keys::parse("1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    Arc::new(Vault::new(keys, Arc::new(SeededEntropy::new(7))))
}

pub(super) fn try_open(
    dir: &Path,
    options: Options,
) -> std::result::Result<LocalLedger, OpenError> {
    LocalLedger::open(dir, vault(), options, &mut Registry::default())
}

pub(super) fn open(dir: &Path, options: Options) -> LocalLedger {
    try_open(dir, options).unwrap()
}
