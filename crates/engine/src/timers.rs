//! Deliveries that wait for a time of their own: scheduled, held, or between two attempts.
//!
//! Sixteen bytes and a lane each; the delivery itself stays in the ledger.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use austin_domain::{DeliveryId, Lane, Timestamp};
use austin_ports::ledger::Timer;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// All timers of this process.
#[derive(Default)]
pub(crate) struct Timers {
    heap: Mutex<BinaryHeap<Reverse<Timer>>>,
    /// Rung when the earliest timer may have changed.
    pub(crate) bell: Notify,
}

impl Timers {
    /// Adds timers.
    pub(crate) fn add(&self, timers: impl IntoIterator<Item = Timer>) {
        let mut heap = self.heap.lock();
        let before = heap.peek().map(|first| first.0.due_at);
        heap.extend(timers.into_iter().map(Reverse));
        if heap.peek().map(|first| first.0.due_at) != before {
            self.bell.notify_one();
        }
    }

    /// When the earliest is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.heap.lock().peek().map(|first| first.0.due_at)
    }

    /// All deliveries with a timer, in the order of their ids.
    pub(crate) fn ids(&self) -> Vec<(Lane, DeliveryId)> {
        let heap = self.heap.lock();
        let mut ids: Vec<_> = heap
            .iter()
            .map(|timer| (timer.0.lane, timer.0.delivery))
            .collect();
        drop(heap);
        ids.sort_unstable_by_key(|(_, id)| *id);
        ids.dedup_by_key(|(_, id)| *id);
        ids
    }

    /// Takes up to `most` that are due.
    pub(crate) fn take_due(&self, now: Timestamp, most: usize) -> Vec<(Lane, DeliveryId)> {
        let mut heap = self.heap.lock();
        let mut due = Vec::new();
        while due.len() < most && heap.peek().is_some_and(|first| first.0.due_at <= now) {
            if let Some(Reverse(timer)) = heap.pop() {
                due.push((timer.lane, timer.delivery));
            }
        }
        due
    }
}
