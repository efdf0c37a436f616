//! How the engine is doing, for `/readyz`, `/v1/lanes`, metrics and `doctor`.

use austin_domain::{Lane, Timestamp};

/// How one lane is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneStatus {
    /// The lane.
    pub lane: Lane,
    /// Deliveries ready and waiting.
    pub waiting: u64,
    /// Deliveries waiting for a time of their own.
    pub later: u64,
    /// Deliveries in the hands of vendors now.
    pub in_flight: u32,
    /// When the oldest ready one was accepted.
    pub oldest: Option<Timestamp>,
    /// Deliveries settled a second, over the last seconds.
    pub rate: f64,
    /// Why it stands, when it does: no route, all accounts refuse, ….
    pub blocked: Option<String>,
}

/// Whether the engine takes work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// Not yet: still recovering.
    Starting,
    /// No more: stopping.
    Stopping,
    /// Not now, and why.
    Refusing(String),
}
