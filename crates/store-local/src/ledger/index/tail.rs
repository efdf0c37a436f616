//! Index entries in memory: sorted stretches of doubling length and a short unsorted end.
//!
//! Adding costs a few comparisons, looking up a few binary searches; many entries with one key
//! (a webhook everybody uses) cost no more than others.

/// A key and the id it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// See [`super::key`].
    pub(crate) key: i64,
    /// A delivery, or a message for its reference.
    pub(crate) id: u64,
}

impl Entry {
    /// An entry.
    pub(crate) const fn new(key: i64, id: u64) -> Self {
        Self { key, id }
    }
}

/// Entries in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail {
    sorted: Vec<Vec<Entry>>,
    end: Vec<Entry>,
    length: usize,
}

impl Tail {
    /// Adds an entry.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.length += 1;
        self.end.push(entry);
        if self.end.len() >= END {
            let mut stretch = std::mem::take(&mut self.end);
            stretch.sort_unstable();
            // Stretches of like length are merged, so that there are few.
            while let Some(before) = self.sorted.pop_if(|before| before.len() <= stretch.len()) {
                stretch.extend(before);
                stretch.sort();
            }
            self.sorted.push(stretch);
            self.end.reserve(END);
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Appends the ids below `below` with `key`.
    pub(crate) fn look_up(&self, key: i64, below: u64, ids: &mut Vec<u64>) {
        for stretch in &self.sorted {
            let from = stretch.partition_point(|entry| entry.key < key);
            let found = stretch[from..]
                .iter()
                .take_while(|entry| entry.key == key && entry.id < below);
            ids.extend(found.map(|entry| entry.id));
        }
        let end = self.end.iter();
        let found = end.filter(|entry| entry.key == key && entry.id < below);
        ids.extend(found.map(|entry| entry.id));
    }

    /// All entries in order, each once.
    pub(crate) fn to_sorted(&self) -> Vec<Entry> {
        let mut all = Vec::with_capacity(self.length);
        for stretch in &self.sorted {
            all.extend_from_slice(stretch);
        }
        all.extend_from_slice(&self.end);
        all.sort();
        all.dedup();
        all
    }
}

const END: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_list_finds(
            entries in proptest::collection::vec((0i64..20, 0u64..50), 0..2000),
            key in 0i64..20,
            below in 0u64..60,
        ) {
            let mut tail = Tail::default();
            for (key, id) in &entries {
                tail.push(Entry::new(*key, *id));
            }
            let mut wanted: Vec<u64> = entries
                .iter()
                .filter(|(k, id)| *k == key && *id < below)
                .map(|(_, id)| *id)
                .collect();
            let mut found = Vec::new();
            tail.look_up(key, below, &mut found);
            wanted.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, wanted);
            prop_assert_eq!(tail.len(), entries.len());
            let sorted = tail.to_sorted();
            prop_assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
