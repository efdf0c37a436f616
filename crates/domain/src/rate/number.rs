//! How often one number has been written to, counted against the vendor's rules.
//!
//! Per rule two generations of a hash table, each as long as the rule's window. An entry is
//! sixteen bytes: a keyed hash of the number and counts for the sixteen (or eight, or four) parts
//! of the generation. What holds: a rule is never passed, whatever the order, also where calls
//! leave a second and a half after they were counted; a number is let through at most that and
//! one part of a window late.

use std::time::Duration;

use hashbrown::HashMap;

use crate::channel::Class;
use crate::quota::NumberRule;
use crate::rate::timetable::MOST_AHEAD;
use crate::time::Timestamp;

/// The counts of an account.
#[derive(Clone, Debug, Default)]
pub struct Numbers(Vec<Counted>);

/// A rule that is full for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// The rule.
    pub rule: NumberRule,
    /// When the next one to this number may go.
    pub opens_at: Timestamp,
}

impl Numbers {
    /// Counts by these rules from now on; what was counted for a rule that stays is kept.
    pub fn follow(&mut self, rules: &[NumberRule]) {
        let mut old = std::mem::take(&mut self.0);
        let kept = |rule: &NumberRule, old: &mut Vec<Counted>| {
            let index = old.iter().position(|counted| counted.rule == *rule)?;
            Some(old.swap_remove(index))
        };
        self.0 = rules
            .iter()
            .map(|rule| kept(rule, &mut old).unwrap_or_else(|| Counted::new(rule.clone())))
            .collect();
    }

    /// Whether there is any rule.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one more may go to the number with this hash.
    ///
    /// # Errors
    /// The rule that opens last.
    pub fn check(&self, number: u64, class: Class, now: Timestamp) -> Result<(), Full> {
        let full = self
            .0
            .iter()
            .filter(|counted| counted.counts(class))
            .filter_map(|counted| {
                Some(Full {
                    opens_at: counted.full_until(number, now)?,
                    rule: counted.rule.clone(),
                })
            })
            .max_by_key(|full| full.opens_at);
        full.map_or(Ok(()), Err)
    }

    /// Counts one at `now`.
    pub fn reserve(&mut self, number: u64, class: Class, now: Timestamp) {
        for counted in self.0.iter_mut().filter(|counted| counted.counts(class)) {
            counted.add(number, now);
        }
    }

    /// Takes one back that was counted at `at` and did not go after all.
    pub fn release(&mut self, number: u64, class: Class, at: Timestamp) {
        for counted in self.0.iter_mut().filter(|counted| counted.counts(class)) {
            counted.remove(number, at);
        }
    }

    /// Numbers in memory, all rules together.
    pub fn len(&self) -> usize {
        self.0
            .iter()
            .flat_map(|counted| &counted.generations)
            .map(HashMap::len)
            .sum()
    }

    /// Messages that were not counted because memory for numbers was full.
    pub fn uncounted(&self) -> u64 {
        self.0.iter().map(|counted| counted.uncounted).sum()
    }
}

/// The counts of one rule.
#[derive(Clone, Debug)]
struct Counted {
    rule: NumberRule,
    /// Bits of one part's count.
    bits: u32,
    /// Length of a part, in milliseconds.
    part: i64,
    /// The number of the newer generation.
    newest: i64,
    /// The newer and the older one.
    generations: [HashMap<u64, u64, Already>; 2],
    uncounted: u64,
}

impl Counted {
    fn new(rule: NumberRule) -> Self {
        let bits = match rule.count {
            0..=15 => 4,
            16..=255 => 8,
            _ => 16,
        };
        let window = rule.window.max(LEAST_WINDOW).saturating_add(LATE);
        let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        Self {
            part: window / i64::from(64 / bits) + 1,
            rule,
            bits,
            newest: 0,
            generations: Default::default(),
            uncounted: 0,
        }
    }

    fn counts(&self, class: Class) -> bool {
        self.rule.class.is_none_or(|only| only == class)
    }

    const fn parts(&self) -> i64 {
        64 / self.bits as i64
    }

    /// The part an instant belongs to.
    const fn part_of(&self, at: Timestamp) -> i64 {
        at.millis().div_euclid(self.part)
    }

    /// The counts of a part's generation.
    fn slots(&self, number: u64, generation: i64) -> u64 {
        let table = match self.newest - generation {
            0 => &self.generations[0],
            1 => &self.generations[1],
            _ => return 0,
        };
        table.get(&number).copied().unwrap_or(0)
    }

    const fn count(&self, slots: u64, index: i64) -> u32 {
        let mask = (1u64 << self.bits) - 1;
        // Lossless: at most sixteen bits.
        ((slots >> (index as u32 * self.bits)) & mask) as u32
    }

    /// When the rule lets one more through, if it does not now: parts are left out, oldest first,
    /// until there is room.
    fn full_until(&self, number: u64, now: Timestamp) -> Option<Timestamp> {
        let (newest, parts) = (self.part_of(now), self.parts());
        let generation = newest.div_euclid(parts);
        let both = [
            self.slots(number, generation - 1),
            self.slots(number, generation),
        ];
        if both == [0, 0] && self.rule.count > 0 {
            return None;
        }
        let at = |part: i64| {
            let slots = both[usize::from(part.div_euclid(parts) == generation)];
            self.count(slots, part.rem_euclid(parts))
        };
        // A part that reaches into the window counts as a whole.
        let oldest = newest - parts;
        let mut sum: u32 = (oldest..=newest).map(at).sum();
        if sum < self.rule.count && at(newest) < self.most() {
            return None;
        }
        for part in oldest..=newest {
            sum -= at(part);
            if sum < self.rule.count {
                let gone = (part + 1 + parts) * self.part;
                return Some(Timestamp::from_millis(gone.max(now.millis() + 1)));
            }
        }
        // A rule that lets nothing through.
        Some(now.plus(self.rule.window))
    }

    /// Most that one part can count.
    const fn most(&self) -> u32 {
        (1u32 << self.bits) - 1
    }

    fn add(&mut self, number: u64, now: Timestamp) {
        let part = self.part_of(now);
        self.turn(part.div_euclid(self.parts()));
        let (index, bits, most) = (part.rem_euclid(self.parts()), self.bits, self.most());
        // A clock that was set back counts in the newest part there is: late, never lost.
        let index = if part.div_euclid(self.parts()) < self.newest {
            0
        } else {
            index
        };
        let table = &mut self.generations[0];
        if table.len() >= MOST_NUMBERS && !table.contains_key(&number) {
            self.uncounted += 1;
            return;
        }
        let slots = table.entry(number).or_insert(0);
        let shift = index as u32 * bits;
        if (*slots >> shift) & u64::from(most) < u64::from(most) {
            *slots += 1 << shift;
        }
    }

    fn remove(&mut self, number: u64, at: Timestamp) {
        let part = self.part_of(at);
        let age = self.newest - part.div_euclid(self.parts());
        let Some(table) = usize::try_from(age)
            .ok()
            .and_then(|age| self.generations.get_mut(age))
        else {
            return;
        };
        let shift = part.rem_euclid(64 / i64::from(self.bits)) as u32 * self.bits;
        let mask = (1u64 << self.bits) - 1;
        if let Some(slots) = table.get_mut(&number) {
            if (*slots >> shift) & mask > 0 {
                *slots -= 1 << shift;
            }
            if *slots == 0 {
                table.remove(&number);
            }
        }
    }

    /// Makes `generation` the newest, if it is newer.
    fn turn(&mut self, generation: i64) {
        match generation - self.newest {
            ..=0 => return,
            1 => {
                self.generations.swap(0, 1);
                self.generations[0] = HashMap::default();
            }
            _ => self.generations = Default::default(),
        }
        self.newest = generation;
    }
}

/// The keys are keyed hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct Already;

impl std::hash::BuildHasher for Already {
    type Hasher = AsItIs;

    fn build_hasher(&self) -> AsItIs {
        AsItIs(0)
    }
}

struct AsItIs(u64);

impl std::hash::Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Numbers one generation of one rule can hold, in 17 bytes each at best and twice that at worst.
/// Beyond it numbers are not counted, and the vendor's own refusal is what protects them.
const MOST_NUMBERS: usize = 2_000_000;
const LEAST_WINDOW: Duration = Duration::from_millis(64);
/// How long after it was counted a message may leave: what is booked ahead, and a little.
const LATE: Duration = MOST_AHEAD.saturating_add(Duration::from_millis(500));

#[cfg(test)]
mod tests;
