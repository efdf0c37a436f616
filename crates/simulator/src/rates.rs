//! What happened in each of the last ten minutes' seconds, per behaviour.
//!
//! Invariant: a second's counters are exact; they are reset under a lock by the first caller of a
//! new second before anyone counts in it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;

/// Counters of one second.
#[derive(Debug, Default)]
struct Slot {
    second: AtomicI64,
    counters: [AtomicU64; KINDS],
}

/// What can be counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Calls,
    Messages,
    Accepted,
    Throttled,
    /// What the limit let through, in the limit's unit.
    Admitted,
}

const KINDS: usize = 5;

/// One second as shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Second {
    /// Unix time.
    pub(crate) second: i64,
    pub(crate) calls: u64,
    pub(crate) messages: u64,
    pub(crate) accepted: u64,
    pub(crate) throttled: u64,
}

/// A ring of seconds.
#[derive(Debug)]
pub(crate) struct Rates {
    slots: Box<[Slot]>,
    turn: Mutex<()>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            slots: (0..SECONDS).map(|_| Slot::default()).collect(),
            turn: Mutex::new(()),
        }
    }
}

impl Rates {
    /// Adds `n` to a counter of the second of `now_ms`.
    pub(crate) fn add(&self, now_ms: i64, kind: Kind, n: u64) {
        self.slot(now_ms.div_euclid(1_000)).counters[kind as usize].fetch_add(n, Ordering::Relaxed);
    }

    /// Takes `n` of the second's allowance, all or nothing.
    pub(crate) fn admit(&self, now_ms: i64, n: u64, most: u64) -> bool {
        let slot = self.slot(now_ms.div_euclid(1_000));
        slot.counters[Kind::Admitted as usize]
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(n).filter(|sum| *sum <= most)
            })
            .is_ok()
    }

    /// The seconds seen, oldest first, at most `count` of the newest.
    pub(crate) fn seconds(&self, count: usize) -> Vec<Second> {
        let mut all: Vec<Second> = self
            .slots
            .iter()
            .filter_map(|slot| {
                let get = |kind: Kind| slot.counters[kind as usize].load(Ordering::Relaxed);
                let second = Second {
                    second: slot.second.load(Ordering::Acquire),
                    calls: get(Kind::Calls),
                    messages: get(Kind::Messages),
                    accepted: get(Kind::Accepted),
                    throttled: get(Kind::Throttled),
                };
                (second.calls + second.messages > 0).then_some(second)
            })
            .collect();
        all.sort_unstable_by_key(|second| second.second);
        all.split_off(all.len().saturating_sub(count))
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        let _turn = self.turn.lock();
        for slot in &self.slots {
            reset(slot);
        }
    }

    fn slot(&self, second: i64) -> &Slot {
        let index = usize::try_from(second.rem_euclid(SECONDS_I64)).unwrap_or(0);
        let slot = &self.slots[index];
        if slot.second.load(Ordering::Acquire) != second {
            let _turn = self.turn.lock();
            if slot.second.load(Ordering::Acquire) != second {
                reset(slot);
                slot.second.store(second, Ordering::Release);
            }
        }
        slot
    }
}

fn reset(slot: &Slot) {
    for counter in &slot.counters {
        counter.store(0, Ordering::Relaxed);
    }
}

const SECONDS: usize = 600;
const SECONDS_I64: i64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_second_and_forgets_old_ones() {
        let rates = Rates::default();
        rates.add(1_000_999, Kind::Calls, 2);
        rates.add(1_001_000, Kind::Calls, 3);
        let shown: Vec<_> = rates
            .seconds(10)
            .iter()
            .map(|s| (s.second, s.calls))
            .collect();
        assert_eq!(shown, [(1_000, 2), (1_001, 3)]);
        rates.add(1_600_000, Kind::Calls, 1);
        let shown: Vec<_> = rates
            .seconds(1)
            .iter()
            .map(|s| (s.second, s.calls))
            .collect();
        assert_eq!(
            shown,
            [(1_600, 1)],
            "the same place in the ring, ten minutes later"
        );
        assert_eq!(rates.seconds(10).len(), 2);
    }

    #[test]
    fn admits_all_or_nothing_and_anew_each_second() {
        let rates = Rates::default();
        assert!(rates.admit(5_000, 6, 10));
        assert!(!rates.admit(5_999, 5, 10));
        assert!(rates.admit(5_999, 4, 10));
        assert!(!rates.admit(5_999, 1, 10));
        assert!(rates.admit(6_000, 10, 10));
    }
}
