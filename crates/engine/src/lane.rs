//! One lane: the deliveries that are ready, in memory as far as it reaches and on disk beyond.

pub(crate) mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use austin_domain::{DeliveryId, Lane as LaneName, Timestamp};
use austin_ports::ledger::WorkItem;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use queue::Queue;

use crate::rate::Rate;

/// One lane's queue and its counters. Shared by intake, its dispatcher and the reconcilers.
pub(crate) struct Lane {
    pub(crate) name: LaneName,
    queue: Mutex<Queue>,
    /// Rung when something may have become ready.
    pub(crate) bell: Notify,
    /// Deliveries in the hands of vendors.
    pub(crate) in_flight: AtomicU32,
    /// Timers that will become ready deliveries of this lane.
    pub(crate) later: AtomicU64,
    /// Deliveries that left the lane for good, per second.
    pub(crate) settled: Rate,
    blocked: Mutex<Option<String>>,
    refilling: AtomicBool,
}

impl Lane {
    fn new(name: LaneName, memory: usize) -> Self {
        Self {
            name,
            queue: Mutex::new(Queue::new(memory)),
            bell: Notify::new(),
            in_flight: AtomicU32::new(0),
            later: AtomicU64::new(0),
            settled: Rate::default(),
            blocked: Mutex::new(None),
            refilling: AtomicBool::new(false),
        }
    }

    /// Gives access to the queue; keep it short, never across an await.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        act(&mut self.queue.lock())
    }

    /// Puts freshly accepted deliveries in and wakes the dispatcher.
    pub(crate) fn offer(&self, items: Vec<WorkItem>) {
        self.with(|queue| queue.offer(items));
        self.bell.notify_one();
    }

    /// Puts deliveries that became due in and wakes the dispatcher.
    pub(crate) fn offer_due(&self, ids: impl IntoIterator<Item = DeliveryId>) {
        self.with(|queue| queue.offer_due(ids));
        self.bell.notify_one();
    }

    /// Ready deliveries, in memory and on disk.
    pub(crate) fn waiting(&self) -> u64 {
        self.with(|queue| queue.waiting())
    }

    /// When the oldest ready delivery in memory was accepted.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.with(|queue| queue.oldest())
    }

    /// Says why the lane stands, or that it moves.
    pub(crate) fn set_blocked(&self, why: Option<String>) {
        *self.blocked.lock() = why;
    }

    /// Why the lane stands.
    pub(crate) fn blocked(&self) -> Option<String> {
        self.blocked.lock().clone()
    }

    /// Claims the right to refill; one refill at a time.
    pub(crate) fn begin_refill(&self) -> bool {
        !self.refilling.swap(true, Ordering::AcqRel)
    }

    /// Gives the right to refill back when nothing was read.
    pub(crate) fn end_refill_quietly(&self) {
        self.refilling.store(false, Ordering::Release);
    }

    /// Gives the right to refill back and wakes the dispatcher.
    pub(crate) fn end_refill(&self) {
        self.refilling.store(false, Ordering::Release);
        self.bell.notify_one();
    }
}

/// All lanes that have or had traffic.
pub(crate) struct Lanes {
    by_name: RwLock<HashMap<LaneName, Arc<Lane>>>,
    memory: usize,
}

impl Lanes {
    pub(crate) fn new(memory: usize) -> Self {
        Self {
            by_name: RwLock::new(HashMap::new()),
            memory,
        }
    }

    /// The lane, and whether it was made just now (its dispatcher must then be started).
    pub(crate) fn get(&self, name: LaneName) -> (Arc<Lane>, bool) {
        if let Some(lane) = self.by_name.read().get(&name) {
            return (Arc::clone(lane), false);
        }
        let mut by_name = self.by_name.write();
        if let Some(lane) = by_name.get(&name) {
            return (Arc::clone(lane), false);
        }
        let lane = Arc::new(Lane::new(name, self.memory));
        by_name.insert(name, Arc::clone(&lane));
        (lane, true)
    }

    /// The lane, if it has or had traffic.
    pub(crate) fn peek(&self, name: LaneName) -> Option<Arc<Lane>> {
        self.by_name.read().get(&name).cloned()
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Lane>> {
        let mut lanes: Vec<_> = self.by_name.read().values().cloned().collect();
        lanes.sort_by_key(|lane| lane.name);
        lanes
    }
}
