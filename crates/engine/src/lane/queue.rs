//! The order of a lane, as plain data.
//!
//! The ledger is the queue; this is the window onto it that fits into memory. New deliveries
//! enter memory until it is full; from then on they are only counted (they are durable anyway)
//! and read back in id order by a cursor, until the cursor has caught up. A delivery may show up
//! twice here (read back while its own offer was still on its way); the guard of
//! [`austin_ports::Ledger::begin`] lets only one of them through.

use std::collections::VecDeque;

use austin_domain::{DeliveryId, Timestamp};
use austin_ports::ledger::WorkItem;

/// A lane's window onto the ledger.
pub(crate) struct Queue {
    ready: VecDeque<WorkItem>,
    due: VecDeque<DeliveryId>,
    capacity: usize,
    spill: Option<Spill>,
}

/// Deliveries that wait on disk only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spill {
    /// Everything up to here has been read back.
    after: u64,
    /// The newest delivery known to wait on disk.
    last: u64,
    /// `last` as it was when the read under way began.
    last_at_read: u64,
    /// About how many wait there.
    count: u64,
}

/// What a queue wants read from the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refill {
    /// These deliveries, which have become due.
    Due(Vec<DeliveryId>),
    /// Ready deliveries after this one.
    After(DeliveryId, usize),
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            ready: VecDeque::new(),
            due: VecDeque::new(),
            capacity,
            spill: None,
        }
    }

    /// Freshly accepted deliveries, in id order.
    pub(crate) fn offer(&mut self, items: Vec<WorkItem>) {
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return;
        };
        let (first, last, count) = (first.id.as_u64(), last.id.as_u64(), items.len() as u64);
        match &mut self.spill {
            Some(spill) => {
                // Offers of different requests may overtake each other, so the cursor steps
                // back where it must.
                spill.after = spill.after.min(first - 1);
                spill.last = spill.last.max(last);
                spill.count += count;
            }
            None if self.ready.len() + items.len() > self.capacity => {
                self.spill = Some(Spill {
                    after: first - 1,
                    last,
                    last_at_read: 0,
                    count,
                });
            }
            None => {
                self.ready.extend(items);
            }
        }
    }

    /// Deliveries found waiting on disk at start.
    pub(crate) fn offer_backlog(&mut self, first: DeliveryId, last: DeliveryId, count: u64) {
        let spill = self.spill.get_or_insert(Spill {
            after: first.as_u64() - 1,
            last: last.as_u64(),
            last_at_read: 0,
            count: 0,
        });
        spill.after = spill.after.min(first.as_u64() - 1);
        spill.last = spill.last.max(last.as_u64());
        spill.count += count;
    }

    /// Deliveries whose due time has come.
    pub(crate) fn offer_due(&mut self, ids: impl IntoIterator<Item = DeliveryId>) {
        self.due.extend(ids);
    }

    /// Deliveries that may be tried again at once, or were taken and not begun: they go first.
    pub(crate) fn put_back(&mut self, items: impl DoubleEndedIterator<Item = WorkItem>) {
        for item in items.rev() {
            self.ready.push_front(item);
        }
    }

    /// Up to `most` deliveries, oldest first.
    pub(crate) fn take(&mut self, most: usize) -> Vec<WorkItem> {
        let most = most.min(self.ready.len());
        self.ready.drain(..most).collect()
    }

    /// What should be read from the ledger now, if anything: when memory is at most half full.
    pub(crate) fn wants(&mut self, most: usize) -> Option<Refill> {
        if self.ready.len() * 2 > self.capacity {
            return None;
        }
        let room = (self.capacity - self.ready.len()).min(most).max(1);
        if !self.due.is_empty() {
            let room = room.min(self.due.len());
            return Some(Refill::Due(self.due.drain(..room).collect()));
        }
        let spill = self.spill.as_mut()?;
        spill.last_at_read = spill.last;
        Some(Refill::After(DeliveryId::from_u64(spill.after), room))
    }

    /// Deliveries that were read because they had become due.
    pub(crate) fn refilled_due(&mut self, items: Vec<WorkItem>) {
        self.ready.extend(items);
    }

    /// Deliveries that were read after `after`, at most `asked` of them. A short read has seen
    /// everything that was offered before it began; when nothing was offered since, the lane is
    /// back in memory.
    pub(crate) fn refilled(&mut self, after: DeliveryId, asked: usize, items: Vec<WorkItem>) {
        let Some(spill) = &mut self.spill else { return };
        let stepped_back = spill.after < after.as_u64();
        spill.count = spill.count.saturating_sub(items.len() as u64);
        if !stepped_back {
            spill.after = items.last().map_or(after.as_u64(), |item| item.id.as_u64());
        }
        let caught_up = items.len() < asked && !stepped_back && spill.last == spill.last_at_read;
        self.ready.extend(items);
        if caught_up {
            self.spill = None;
        }
    }

    /// Deliveries that a failed read did not bring.
    pub(crate) fn refill_failed(&mut self, refill: Refill) {
        if let Refill::Due(ids) = refill {
            for id in ids.into_iter().rev() {
                self.due.push_front(id);
            }
        }
    }

    /// Ready deliveries, in memory and on disk.
    pub(crate) fn waiting(&self) -> u64 {
        (self.ready.len() + self.due.len()) as u64 + self.spill.map_or(0, |spill| spill.count)
    }

    /// Whether nothing can be taken without a refill.
    pub(crate) fn is_dry(&self) -> bool {
        self.ready.is_empty()
    }

    /// When the oldest delivery in memory was accepted.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.ready.front().map(|item| item.message.accepted_at)
    }
}

#[cfg(test)]
mod tests;
