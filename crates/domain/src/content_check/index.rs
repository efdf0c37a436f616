//! Finding many words in a text at once.
//!
//! Each place of a text is looked up by its two letters in a bit set that fits the processor's
//! cache; nearly all end there. Where words begin so, the lengths these have are known, and the
//! piece of each such length is looked up by its hash. A text costs as much whether the list has
//! a hundred words or a hundred thousand, and at worst one look-up for each place and length.
//! (An Aho-Corasick automaton over so many Chinese words misses the cache at every byte: it is
//! several times slower, and its full table takes hundreds of megabytes.)

use hashbrown::HashMap;

use super::fold::{Letter, Text};

/// Words by how they begin, how long they are and what they are.
pub(super) struct Index {
    /// Bit set over mixed pairs of first letters.
    begins: Box<[u64]>,
    /// How far a mixed pair is moved to be a place in the bit set.
    shift: u32,
    /// Bit n: words with n + 1 letters begin with this pair.
    lengths: HashMap<u64, u64>,
    /// The first in `words` with this hash.
    hashes: HashMap<u64, u32>,
    /// Hash, place and letters of each word, in the order of the hashes.
    words: Box<[(u64, u32, Box<str>)]>,
    /// Words of one letter, which begin with a pair of it and nothing, exist.
    singles: bool,
}

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

impl Index {
    /// Of folded words of 1 to 64 letters; they are known by their places.
    pub(super) fn new(patterns: Vec<String>) -> Self {
        let mut lengths: HashMap<u64, u64> = HashMap::new();
        let mut words = Vec::with_capacity(patterns.len());
        for (place, pattern) in (0u32..).zip(patterns) {
            let mut letters = pattern.chars();
            let (first, second) = (letters.next().unwrap_or('\0'), letters.next());
            let count = pattern.chars().count().clamp(1, 64);
            *lengths.entry(pair(first, second)).or_default() |= 1 << (count - 1);
            let hash = pattern.chars().fold(0, onward);
            words.push((hash, place, pattern.into_boxed_str()));
        }
        words.sort_unstable_by_key(|(hash, place, _)| (*hash, *place));
        let mut hashes = HashMap::with_capacity(words.len());
        for (at, (hash, _, _)) in (0u32..).zip(&words) {
            hashes.entry(*hash).or_insert(at);
        }
        // Sixteen bits for each beginning: one in sixteen other pairs is looked up in vain.
        let bits = (lengths.len() * 16).next_power_of_two().max(1024);
        let shift = 64 - bits.trailing_zeros();
        let mut begins = vec![0u64; bits / 64].into_boxed_slice();
        let mut singles = false;
        for (key, mask) in &lengths {
            let place = mixed(*key, shift);
            if let Some(word) = begins.get_mut(place / 64) {
                *word |= 1 << (place % 64);
            }
            singles |= mask & 1 != 0;
        }
        Self {
            begins,
            shift,
            lengths,
            hashes,
            words: words.into_boxed_slice(),
            singles,
        }
    }

    /// Calls `hit` with the first letter and the word of everything that stands in the text, in
    /// order, for as long as it says true.
    pub(super) fn find(&self, text: &Text, mut hit: impl FnMut(usize, usize) -> bool) {
        let letters = text.letters.as_slice();
        let mut sums = Vec::new();
        for (first, letter) in letters.iter().enumerate() {
            let next = letters.get(first + 1).map(|next| next.c);
            let mut mask = self.beginning(pair(letter.c, next));
            if self.singles && next.is_some() {
                mask |= self.beginning(pair(letter.c, None));
            }
            while mask != 0 {
                let length = mask.trailing_zeros() as usize + 1;
                mask &= mask - 1;
                if sums.is_empty() {
                    sums = running_sums(letters);
                }
                let end = first + length;
                let Some(hash) = piece(&sums, first, end) else {
                    break;
                };
                let until = letters
                    .get(end)
                    .map_or(text.text.len(), |after| after.at as usize);
                let written = text.text.get(letter.at as usize..until);
                for place in self.same(hash, written.unwrap_or_default()) {
                    if !hit(first, place) {
                        return;
                    }
                }
            }
        }
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let letters: usize = self.words.iter().map(|(_, _, word)| word.len()).sum();
        letters
            + self.begins.len() * 8
            + self.lengths.capacity() * 17
            + self.hashes.capacity() * 17
            + self.words.len() * size_of::<(u64, u32, Box<str>)>()
    }

    /// The lengths of words that begin with a pair.
    #[inline]
    fn beginning(&self, pair: u64) -> u64 {
        let place = mixed(pair, self.shift);
        let word = self.begins.get(place / 64).copied().unwrap_or(0);
        if word & (1 << (place % 64)) == 0 {
            return 0;
        }
        self.lengths.get(&pair).copied().unwrap_or(0)
    }

    /// Places of the words that are written so.
    fn same<'a>(&'a self, hash: u64, written: &'a str) -> impl Iterator<Item = usize> + 'a {
        let begin = self
            .hashes
            .get(&hash)
            .map_or(self.words.len(), |at| *at as usize);
        let rest = self.words.get(begin..).unwrap_or_default();
        rest.iter()
            .take_while(move |(known, _, _)| *known == hash)
            .filter(move |(_, _, word)| &**word == written)
            .map(|(_, place, _)| *place as usize)
    }
}

/// The first two letters as one number.
fn pair(first: char, second: Option<char>) -> u64 {
    u64::from(u32::from(first)) << 32 | u64::from(second.map_or(0, u32::from))
}

#[inline]
const fn mixed(pair: u64, shift: u32) -> usize {
    let mixed = (pair ^ (pair >> 29)).wrapping_mul(BASE);
    (mixed >> shift) as usize
}

/// The hash of a text that goes on with `c`.
fn onward(hash: u64, c: char) -> u64 {
    hash.wrapping_mul(BASE)
        .wrapping_add(u64::from(u32::from(c)) + 1)
}

/// The hashes of the text up to each letter.
fn running_sums(letters: &[Letter]) -> Vec<u64> {
    let mut sums = Vec::with_capacity(letters.len() + 1);
    let mut hash = 0;
    sums.push(hash);
    for letter in letters {
        hash = onward(hash, letter.c);
        sums.push(hash);
    }
    sums
}

/// The hash of the letters from `first` up to `end`; `None` past the end of the text.
fn piece(sums: &[u64], first: usize, end: usize) -> Option<u64> {
    let length = u32::try_from(end - first).ok()?;
    let before = sums.get(first)?.wrapping_mul(BASE.wrapping_pow(length));
    Some(sums.get(end)?.wrapping_sub(before))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fold;
    use super::*;

    fn any_words() -> impl Strategy<Value = Vec<String>> {
        let words = proptest::collection::hash_set("[ab中文字]{1,5}", 1..40);
        words.prop_map(|words| words.into_iter().collect())
    }

    proptest! {
        #[test]
        fn every_word_is_found_wherever_it_stands(words in any_words(), text in "[ab中文字，]{0,40}") {
            let folded = fold::fold(&text);
            let mut wanted = Vec::new();
            for (first, letter) in folded.letters.iter().enumerate() {
                let rest = &folded.text[letter.at as usize..];
                let here = words.iter().enumerate().filter(|(_, word)| rest.starts_with(*word));
                wanted.extend(here.map(|(place, _)| (first, place)));
            }
            let mut found = Vec::new();
            Index::new(words).find(&folded, |first, place| {
                found.push((first, place));
                true
            });
            wanted.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, wanted);
        }
    }
}
