//! How the ledger is set.

use std::sync::Arc;
use std::time::Duration;

use super::disk::{Disk, RealDisk};

/// What a write has survived when it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// Power loss: the journal is synced before the answer.
    #[default]
    Full,
    /// The death of the process, but not power loss: the kernel has it.
    Normal,
}

/// Settings of the ledger; the defaults are right for production.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a write has survived when it is answered.
    pub sync: Sync,
    /// This process's number in ids (0–63).
    pub node: u8,
    /// Size of a journal file. It is written once with zeros and then used again and again.
    pub journal_bytes: u64,
    /// Deliveries after which a new segment is begun.
    pub segment_deliveries: u64,
    /// Rows that may wait in the queue before accepts are refused as busy.
    pub queue_rows: u32,
    /// Most rows the state files may lag behind the journal.
    pub lag_rows: u64,
    /// Longest time the state files lag behind the journal.
    pub lag_for: Duration,
    /// Rows after which the state files are made durable and journal files free again.
    pub checkpoint_rows: u64,
    /// Index entries kept in memory per segment before they are written as a run.
    pub run_entries: usize,
    /// Runs after which they are merged into one.
    pub merge_runs: usize,
    /// Most rows one call of a scan without an index reads.
    pub scan_rows: usize,
    /// Accepts are refused when less than this is free on the file system.
    pub low_water_bytes: u64,
    /// How often free space is looked at, and a refusing ledger tries again.
    pub probe_every: Duration,
    /// How long marked requests are remembered.
    pub remember_for: Duration,
    /// The disk.
    pub disk: Arc<dyn Disk>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sync: Sync::Full,
            node: 0,
            journal_bytes: 64 << 20,
            segment_deliveries: 1_000_000,
            queue_rows: 65_536,
            lag_rows: 5_000,
            lag_for: Duration::from_millis(50),
            checkpoint_rows: 250_000,
            run_entries: 65_536,
            merge_runs: 40,
            scan_rows: 20_000,
            low_water_bytes: 256 << 20,
            probe_every: Duration::from_millis(250),
            remember_for: Duration::from_secs(24 * 3600),
            disk: Arc::new(RealDisk),
        }
    }
}
