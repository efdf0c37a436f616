//! How the engine is doing, for `/readyz`, `/v1/lanes`, metrics and `doctor`.

use std::sync::atomic::Ordering;

use austin_domain::{Lane, Timestamp};

use crate::send::Wait;
use crate::shared::Shared;

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

/// How the lanes are doing.
pub(crate) fn lanes(shared: &Shared) -> Vec<LaneStatus> {
    let now = shared.clock.now();
    shared
        .lanes
        .all()
        .into_iter()
        .map(|lane| LaneStatus {
            lane: lane.name,
            waiting: lane.waiting(),
            later: lane.later.load(Ordering::Relaxed),
            in_flight: lane.in_flight.load(Ordering::Relaxed),
            oldest: lane.oldest(),
            rate: lane.settled.per_second(now),
            blocked: lane.blocked(),
        })
        .collect()
}

/// What stands before a new delivery of a lane.
pub(crate) fn wait(shared: &Shared, name: Lane) -> Wait {
    let Some(lane) = shared.lanes.peek(name) else {
        return Wait::default();
    };
    let ahead = lane.waiting();
    let blocked = lane.blocked();
    if ahead == 0 && blocked.is_none() {
        return Wait::default();
    }
    let rate = lane.settled.per_second(shared.clock.now());
    let reason = match (blocked, ahead) {
        (Some(why), _) => Some(why),
        (None, 0) => None,
        (None, ahead) => Some(format!("{ahead} ahead in lane {name} at {rate:.0}/s")),
    };
    Wait {
        ahead,
        seconds: seconds(ahead, rate),
        reason,
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate for people; the cast saturates"
)]
fn seconds(ahead: u64, rate: f64) -> u64 {
    (ahead as f64 / rate.max(1.0)).ceil() as u64
}
