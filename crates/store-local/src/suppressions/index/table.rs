//! Entries by a hash of their address: one array, 24 bytes a slot, at most three quarters full,
//! grown by a fifth at a time, so that an entry costs at most 39 bytes.
//!
//! Open addressing with linear probing. Several entries may have the same hash: all that are about
//! one address.
//!
//! Invariant: between the place where a hash begins to look and its entry no slot is free.

/// An entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) hash: u64,
    /// 0: the slot is free.
    pub(super) id: u64,
    /// Seconds since 1970; 0: no end.
    pub(super) until: u32,
    /// 0: all.
    pub(super) channel: u8,
    pub(super) reason: u8,
    /// Whether a delivery was its cause.
    pub(super) caused: bool,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Slot>,
    len: usize,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// All entries with this hash.
    pub(super) fn find(&self, hash: u64) -> impl Iterator<Item = &Slot> {
        self.probe(hash)
            .map(|at| &self.slots[at])
            .filter(move |slot| slot.hash == hash)
    }

    /// Adds an entry, whose id is not 0 and in no other.
    pub(super) fn insert(&mut self, slot: Slot) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let at = self.free(slot.hash);
        self.slots[at] = slot;
        self.len += 1;
    }

    /// The entry with this hash and id.
    pub(super) fn get_mut(&mut self, hash: u64, id: u64) -> Option<&mut Slot> {
        let at = self.place(hash, id)?;
        self.slots.get_mut(at)
    }

    /// Takes an entry out; whether it was there.
    pub(super) fn remove(&mut self, hash: u64, id: u64) -> bool {
        let Some(mut gap) = self.place(hash, id) else {
            return false;
        };
        self.len -= 1;
        // What stands behind the gap and could not be found across it moves into it.
        let mut at = gap;
        loop {
            at = self.after(at);
            let slot = self.slots[at];
            if slot.id == 0 {
                break;
            }
            let home = self.home(slot.hash);
            let reachable = if gap < at {
                gap < home && home <= at
            } else {
                gap < home || home <= at
            };
            if !reachable {
                self.slots[gap] = slot;
                gap = at;
            }
        }
        self.slots[gap] = Slot::default();
        true
    }

    fn place(&self, hash: u64, id: u64) -> Option<usize> {
        self.probe(hash)
            .find(|at| self.slots[*at].hash == hash && self.slots[*at].id == id)
    }

    /// The taken slots from where `hash` begins to look to the next free one.
    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> {
        let first = (!self.slots.is_empty()).then(|| self.home(hash));
        std::iter::successors(first, |at| Some(self.after(*at)))
            .take_while(|at| self.slots[*at].id != 0)
    }

    fn free(&self, hash: u64) -> usize {
        let mut at = self.home(hash);
        while self.slots[at].id != 0 {
            at = self.after(at);
        }
        at
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() {
            0
        } else {
            at + 1
        }
    }

    /// Where `hash` begins to look: its share of the array, which needs no power of two.
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
    }

    fn grow(&mut self) {
        let room = (self.slots.len() + self.slots.len() / 5).max(MIN_ROOM);
        let mut grown = Self {
            slots: vec![Slot::default(); room],
            len: self.len,
        };
        for slot in self.slots.iter().filter(|slot| slot.id != 0) {
            let at = grown.free(slot.hash);
            grown.slots[at] = *slot;
        }
        *self = grown;
    }
}

const MIN_ROOM: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn slot(hash: u64, id: u64) -> Slot {
        Slot {
            hash,
            id,
            ..Slot::default()
        }
    }

    proptest! {
        /// Against a set of pairs; few hashes, so that chains collide and wrap around.
        #[test]
        fn holds_what_a_set_holds(steps in proptest::collection::vec((any::<bool>(), 0u64..24, 1u64..40), 0..400)) {
            let spread = |hash: u64| hash.wrapping_mul(0x0aaa_aaaa_aaaa_aaab).rotate_left(3);
            let mut table = Table::default();
            let mut model = BTreeSet::new();
            for (insert, hash, id) in steps {
                let hash = spread(hash);
                if insert {
                    if model.insert((hash, id)) {
                        table.insert(slot(hash, id));
                    }
                } else {
                    prop_assert_eq!(table.remove(hash, id), model.remove(&(hash, id)));
                }
                prop_assert_eq!(table.len(), model.len());
                for hash in (0..24).map(spread) {
                    let mut found: Vec<u64> = table.find(hash).map(|slot| slot.id).collect();
                    found.sort_unstable();
                    let wanted: Vec<u64> =
                        model.iter().filter(|(of, _)| *of == hash).map(|(_, id)| *id).collect();
                    prop_assert_eq!(found, wanted);
                }
            }
        }
    }

    #[test]
    fn an_entry_costs_at_most_forty_bytes() {
        let mut table = Table::default();
        let mut hash = 1u64;
        for id in 1..200_000u64 {
            hash = hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            table.insert(slot(hash, id));
            if id > 1_000 {
                let each = table.bytes() as u64 / id;
                assert!(each < 40, "{each} bytes each at {id}");
            }
        }
    }
}
