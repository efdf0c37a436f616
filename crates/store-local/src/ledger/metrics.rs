//! What the ledger counts about itself.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The ledger's metrics.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    /// Time from the first byte of a frame to its being durable.
    pub(crate) commit: Histogram,
    /// Calls answered by one frame.
    pub(crate) group: Histogram,
    /// Rows waiting for the writer.
    pub(crate) queue: Gauge,
    /// Deliveries stored.
    pub(crate) deliveries: Gauge,
    /// Deliveries in an open state.
    pub(crate) open: Gauge,
    /// Segments.
    pub(crate) segments: Gauge,
    /// Segments set aside as damaged.
    pub(crate) damaged: Gauge,
    /// Parked receipts.
    pub(crate) parked: Gauge,
    /// Journal files in use.
    pub(crate) journal_files: Gauge,
    /// Bytes written to the journal.
    pub(crate) journal_bytes: Counter,
    /// Rows the state files lag behind the journal.
    pub(crate) lag: Gauge,
    /// Whether new work is refused.
    pub(crate) refusing: Gauge,
    /// Free bytes on the file system.
    pub(crate) free: Gauge<i64>,
    /// Faults of the disk or of files.
    pub(crate) faults: Counter<u64, AtomicU64>,
}

impl Metrics {
    /// Registers them under `austin_ledger_`.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            commit: Histogram::new(exponential_buckets(0.000_05, 2.0, 16)),
            group: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            queue: Gauge::default(),
            deliveries: Gauge::default(),
            open: Gauge::default(),
            segments: Gauge::default(),
            damaged: Gauge::default(),
            parked: Gauge::default(),
            journal_files: Gauge::default(),
            journal_bytes: Counter::default(),
            lag: Gauge::default(),
            refusing: Gauge::default(),
            free: Gauge::default(),
            faults: Counter::default(),
        };
        let registry = registry.sub_registry_with_prefix("austin_ledger");
        registry.register_with_unit(
            "commit",
            "Time to write a journal frame and make it durable",
            Unit::Seconds,
            metrics.commit.clone(),
        );
        registry.register(
            "group_calls",
            "Calls that shared one journal frame",
            metrics.group.clone(),
        );
        registry.register_with_unit(
            "journal",
            "Bytes written to the journal",
            Unit::Bytes,
            metrics.journal_bytes.clone(),
        );
        registry.register("faults", "Faults of disk or files", metrics.faults.clone());
        for (name, help, gauge) in [
            ("queue_rows", "Rows waiting for the writer", &metrics.queue),
            ("deliveries", "Deliveries stored", &metrics.deliveries),
            (
                "open_deliveries",
                "Deliveries not settled yet",
                &metrics.open,
            ),
            ("segments", "Segment files", &metrics.segments),
            (
                "damaged_segments",
                "Segment files set aside as damaged",
                &metrics.damaged,
            ),
            (
                "parked_receipts",
                "Receipts without a delivery",
                &metrics.parked,
            ),
            (
                "journal_files",
                "Journal files in use",
                &metrics.journal_files,
            ),
            ("lag_rows", "Rows in the journal only", &metrics.lag),
            ("refusing", "1 while new work is refused", &metrics.refusing),
            (
                "free_bytes",
                "Free bytes on the ledger's file system",
                &metrics.free,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        metrics
    }
}

/// A count as a gauge shows it.
pub(crate) fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
