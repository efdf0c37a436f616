//! The rows of a shard: one array in the order of people's hashes, with a few gaps.
//!
//! A person's rows stand side by side, close behind where their hash would be if all were evenly
//! spread. Invariant: between that slot and the row there is no gap. The array is laid out anew,
//! in one pass, whenever it has grown by a sixteenth: small steps, since memory is what counts.

use std::ops::Range;

use super::row::{PERSON_BITS, Row};

/// The rows of a shard.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Row>,
    /// Slots that hashes are spread over; what is pushed off their end stands behind them.
    spread: usize,
    rows: usize,
}

impl Table {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Row>()
    }

    /// Where the rows of a person are.
    pub(super) fn of(&self, person: u64) -> Range<usize> {
        let first = self.first(person, |found| found >= person);
        let rows = self.slots[first..].iter();
        let count = rows.take_while(|row| row.person() == person).count();
        first..first + count
    }

    /// Rows by their place.
    pub(super) fn get(&self, places: Range<usize>) -> &[Row] {
        &self.slots[places]
    }

    /// Puts another row of the same person in the place of one.
    pub(super) fn replace(&mut self, place: usize, row: Row) {
        debug_assert_eq!(self.slots[place].person(), row.person());
        self.slots[place] = row;
    }

    /// Adds a row.
    pub(super) fn insert(&mut self, row: Row) {
        if (self.rows + 1) * FULL.1 > self.spread * FULL.0 {
            let rows = std::mem::take(&mut self.slots);
            self.lay_out(&rows, self.rows + 1);
        }
        let place = self.first(row.person(), |found| found > row.person());
        let gap = self.slots[place..].iter().position(Row::is_empty);
        let gap = gap.map_or(self.slots.len(), |gap| place + gap);
        if gap == self.slots.len() {
            self.push(Row::EMPTY);
        }
        self.slots.copy_within(place..gap, place + 1);
        self.slots[place] = row;
        self.rows += 1;
    }

    /// Takes a row out. The rows behind it close up.
    pub(super) fn remove(&mut self, place: usize) -> Row {
        let removed = self.slots[place];
        let behind = self.slots[place + 1..].iter().enumerate();
        let moving = behind.take_while(|(index, row)| {
            !row.is_empty() && self.home(row.person()) < place + 1 + index
        });
        let end = place + 1 + moving.count();
        self.slots.copy_within(place + 1..end, place);
        self.slots[end - 1] = Row::EMPTY;
        self.rows -= 1;
        removed
    }

    /// Keeps the rows `keep` says, as it changes them (not their person); how many went.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut Row) -> bool) -> usize {
        let before = self.rows;
        for row in self.slots.iter_mut().filter(|row| !row.is_empty()) {
            if !keep(row) {
                *row = Row::EMPTY;
                self.rows -= 1;
            }
        }
        if self.rows < before {
            let rows = std::mem::take(&mut self.slots);
            self.lay_out(&rows, self.rows);
        }
        before - self.rows
    }

    /// The first place from where `person` would be that is a gap or of someone `past` is true of.
    fn first(&self, person: u64, past: impl Fn(u64) -> bool) -> usize {
        let home = self.home(person);
        let stop = |row: &Row| row.is_empty() || past(row.person());
        let ahead = self.slots[home..].iter().position(stop);
        ahead.map_or(self.slots.len(), |ahead| home + ahead)
    }

    fn home(&self, person: u64) -> usize {
        let high = u128::from(person >> (PERSON_BITS - 32));
        usize::try_from((high * self.spread as u128) >> 32).unwrap_or(0)
    }

    /// Lays `rows` (in order, perhaps with gaps) out with room for `count`.
    fn lay_out(&mut self, rows: &[Row], count: usize) {
        self.slots = Vec::new();
        self.spread = if count == 0 {
            0
        } else {
            count * ROOMY.1 / ROOMY.0 + 1
        };
        self.slots.reserve_exact(self.spread + BEHIND);
        for row in rows.iter().filter(|row| !row.is_empty()) {
            let home = self.home(row.person());
            if home > self.slots.len() {
                self.slots.resize(home, Row::EMPTY);
            }
            self.push(*row);
        }
        if self.slots.len() < self.spread {
            self.slots.resize(self.spread, Row::EMPTY);
        }
    }

    fn push(&mut self, row: Row) {
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(BEHIND);
        }
        self.slots.push(row);
    }
}

/// At most so much of it is rows: of that many slots, so many.
const FULL: (usize, usize) = (95, 100);
/// So much of it is rows after it was laid out.
const ROOMY: (usize, usize) = (895, 1000);
/// Slots for what is pushed off the end.
const BEHIND: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::row::What;
    use super::*;

    fn row(person: u64, number: u32) -> Row {
        let what = What {
            person,
            at: 0,
            counts: true,
            content: 0,
        };
        Row::odd(what, number)
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Remove(usize),
        Retain(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        let top = (1u64 << PERSON_BITS) - 1;
        prop_oneof![
            // Crowded at both ends, and spread out.
            4 => prop_oneof![1u64..20, top - 20..=top, 1..=top].prop_map(Step::Insert),
            2 => any::<usize>().prop_map(Step::Remove),
            1 => (2u32..9).prop_map(Step::Retain),
        ]
    }

    proptest! {
        #[test]
        fn holds_what_a_plain_list_does(steps in proptest::collection::vec(step(), 1..300)) {
            let (mut table, mut list) = (Table::default(), Vec::new());
            for (number, step) in (0u32..).zip(steps) {
                match step {
                    Step::Insert(person) => {
                        table.insert(row(person, number));
                        list.push((person, number));
                    }
                    Step::Remove(at) if !list.is_empty() => {
                        let (person, number) = list.swap_remove(at % list.len());
                        let of = table.of(person);
                        let is = |row: &Row| row.odd_index() == Some(number);
                        let place = table.get(of.clone()).iter().position(is).unwrap();
                        prop_assert_eq!(table.remove(of.start + place), row(person, number));
                    }
                    Step::Remove(_) => {}
                    Step::Retain(every) => {
                        let stays = |number: u32| !number.is_multiple_of(every);
                        let before = list.len();
                        list.retain(|(_, number)| stays(*number));
                        let gone = table.retain(|row| stays(row.odd_index().unwrap()));
                        prop_assert_eq!(gone, before - list.len());
                    }
                }
                prop_assert_eq!(table.len(), list.len());
                for (person, _) in &list {
                    let rows = table.get(table.of(*person)).iter();
                    let mut found: Vec<_> = rows.map(|row| row.odd_index().unwrap()).collect();
                    let of = list.iter().filter(|(other, _)| other == person);
                    let mut wanted: Vec<_> = of.map(|(_, number)| *number).collect();
                    found.sort_unstable();
                    wanted.sort_unstable();
                    prop_assert_eq!(found, wanted);
                }
                prop_assert_eq!(table.get(table.of(777)).len(), 0);
            }
        }
    }
}
