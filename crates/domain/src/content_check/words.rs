//! Word lists: compiled once, then shared.
//!
//! All words of a list are looked for at once, in time that hardly depends on how many there are.
//! A word of Latin, Greek or Cyrillic letters or of digits is only found as a whole word (`ass` is not in
//! `class`), unless it is written with a `*` on the open side (`*coin*`); Chinese words are found
//! wherever they stand.

use std::fmt;
use std::sync::Arc;

use super::fold::{self, Kind, Text};
use super::index::Index;

/// Most words of a list.
pub const MAX_WORDS: usize = 200_000;
/// Most characters of a word, once folded.
pub const MAX_WORD: usize = 64;
/// Most faults that are named at once.
const MAX_FAULTS: usize = 100;

/// A list of words, ready to be looked for. Share it by `Arc`; a list that changes is compiled
/// anew and put in its place.
pub struct WordList {
    name: Arc<str>,
    words: Vec<Word>,
    index: Index,
}

/// One word of a list.
struct Word {
    /// As it stands in the list.
    written: Box<str>,
    /// Bit n: the word itself has a separator before its character n.
    gaps: u64,
    letters: u16,
    /// Letters may go on before it, after it.
    open: (bool, bool),
}

/// One line of a list that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordFault {
    /// The line, or the place in the list, from 1; 0 for the whole.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// A word that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The list.
    pub list: Arc<str>,
    /// The word as the list has it.
    pub word: String,
    /// The first character of it in the text that was looked through, from 0.
    pub at: u32,
}

impl fmt::Display for WordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.why)
        } else {
            write!(f, "line {}: {}", self.line, self.why)
        }
    }
}

impl fmt::Debug for WordList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordList")
            .field("name", &self.name)
            .field("words", &self.words.len())
            .finish_non_exhaustive()
    }
}

impl WordList {
    /// A list of one word a line. Blank lines, and lines that begin with `#`, are passed over.
    ///
    /// # Errors
    /// Every line that cannot be used, up to a hundred.
    pub fn from_text(name: &str, text: &str) -> Result<Self, Vec<WordFault>> {
        let text = text.trim_start_matches('\u{feff}');
        let lines = (1..).zip(text.lines().map(str::trim));
        Self::compile(
            name,
            lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')),
        )
    }

    /// A list of these words.
    ///
    /// # Errors
    /// Every word that cannot be used by its place from 1, up to a hundred.
    pub fn from_words<'a>(
        name: &str,
        words: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Vec<WordFault>> {
        Self::compile(name, (1..).zip(words))
    }

    fn compile<'a>(
        name: &str,
        lines: impl Iterator<Item = (usize, &'a str)>,
    ) -> Result<Self, Vec<WordFault>> {
        let (mut words, mut patterns, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        let mut known = hashbrown::HashSet::new();
        for (line, written) in lines {
            if words.len() == MAX_WORDS {
                let why = format!("a list has at most {MAX_WORDS} words");
                faults.push(WordFault { line, why });
                break;
            }
            match Word::read(written) {
                // The same word twice, perhaps once in other characters, is one.
                Ok((word, pattern)) => {
                    if known.insert((pattern.clone(), word.open, word.gaps)) {
                        words.push(word);
                        patterns.push(pattern);
                    }
                }
                Err(why) if faults.len() < MAX_FAULTS => faults.push(WordFault { line, why }),
                Err(_) => {}
            }
        }
        if faults.is_empty() && words.is_empty() {
            let why = "the list has no words".to_owned();
            faults.push(WordFault { line: 0, why });
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            name: name.into(),
            words,
            index: Index::new(patterns),
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many words it has, those that fold to the same counted once.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether it has none; it never does.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Bytes of memory that it takes, about.
    pub fn bytes(&self) -> usize {
        let written: usize = self.words.iter().map(|word| word.written.len()).sum();
        written + self.words.len() * size_of::<Word>() + self.index.bytes()
    }

    /// The words of the list that `text` has, up to `most`, in the order in which they begin.
    pub fn find(&self, text: &str, most: usize) -> Vec<Found> {
        self.find_folded(&fold::fold(text), most)
    }

    pub(super) fn find_folded(&self, text: &Text, most: usize) -> Vec<Found> {
        let mut found = Vec::new();
        self.index.find(text, |first, place| {
            let (Some(word), Some(letter)) = (self.words.get(place), text.letters.get(first))
            else {
                return true;
            };
            if word.stands_at(text, first) {
                found.push(Found {
                    list: self.name.clone(),
                    word: word.written.to_string(),
                    at: letter.from,
                });
            }
            found.len() < most
        });
        found
    }
}

impl Word {
    /// The word, and what is looked for.
    fn read(written: &str) -> Result<(Self, String), String> {
        let written = written.trim();
        let (before, rest) = match written.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, written),
        };
        let (after, rest) = match rest.strip_suffix('*') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let folded = fold::fold(rest);
        let letters = folded.letters.len();
        if letters == 0 {
            return Err("has neither letters nor digits".to_owned());
        }
        if letters > MAX_WORD {
            return Err(format!("a word has at most {MAX_WORD} characters"));
        }
        if folded
            .letters
            .iter()
            .any(|letter| letter.kind == Kind::Break)
        {
            return Err("has a mark that ends a clause; no word reaches across one".to_owned());
        }
        let gaps = (1..letters)
            .filter(|index| folded.letters[*index].gap)
            .fold(0, |gaps, index| gaps | 1 << index);
        let word = Self {
            written: written.into(),
            gaps,
            letters: u16::try_from(letters).unwrap_or(u16::MAX),
            open: (before, after),
        };
        Ok((word, folded.text))
    }

    /// Whether what stands at the letter `first` is this word and not a part of others.
    fn stands_at(&self, text: &Text, first: usize) -> bool {
        let letters = &text.letters;
        let end = first + usize::from(self.letters);
        let Some(own) = letters.get(first..end) else {
            return false;
        };
        let runs_on = |a: usize, b: usize| match (letters.get(a), letters.get(b)) {
            (Some(a), Some(b)) => {
                !b.gap && a.kind == b.kind && matches!(a.kind, Kind::Letter | Kind::Digit)
            }
            _ => false,
        };
        let before = first
            .checked_sub(1)
            .is_some_and(|last| runs_on(last, first));
        if (before && !self.open.0) || (runs_on(end - 1, end) && !self.open.1) {
            return false;
        }
        // `s h i t` is the word and `it's hit` is not: letters that are set apart at all are
        // each set apart.
        let (mut apart, mut together) = (false, false);
        for (index, pair) in (1u16..).zip(own.windows(2)) {
            let running = pair.iter().any(|letter| letter.kind == Kind::Running);
            if running || self.gaps & (1 << index) != 0 {
                continue;
            }
            if pair[1].gap {
                apart = true;
            } else {
                together = true;
            }
        }
        !(apart && together)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(words: &str) -> WordList {
        WordList::from_text("test", words).unwrap()
    }

    fn found(list: &WordList, text: &str) -> Vec<(String, u32)> {
        let found = list.find(text, 10);
        found
            .into_iter()
            .map(|found| (found.word, found.at))
            .collect()
    }

    #[test]
    fn words_are_found_however_they_are_written() {
        let list = list("发票\n赌博\nshit\n微信vx\nfree money\n*coin*\n# 注释\n\nＣａｓｈ");
        assert_eq!(list.len(), 7);
        for (text, word, at) in [
            ("代開發票", "发票", 2),
            ("代开發.票", "发票", 2),
            ("发\u{200b}票", "发票", 0),
            ("赌 * 博", "赌博", 0),
            ("you S.H.I.T!", "shit", 4),
            ("ｓｈｉｔ", "shit", 0),
            ("加微信ⓋⓍ", "微信vx", 1),
            ("free-money now", "free money", 0),
            ("freemoney", "free money", 0),
            ("bitcoins", "*coin*", 3),
            ("get CASH", "Ｃａｓｈ", 4),
        ] {
            assert_eq!(found(&list, text), [(word.to_owned(), at)], "{text}");
        }
        for text in [
            "push it",
            "it's hit",
            "cashmere",
            "发。票",
            "发，票",
            "开发与票据",
            "free: money",
            "s-hit",
            "",
            "12345",
        ] {
            assert_eq!(found(&list, text), [], "{text}");
        }
    }

    #[test]
    fn a_word_inside_another_does_not_hide_it() {
        let list = list("vx\nvx123\n123");
        assert_eq!(found(&list, "加vx456"), [("vx".to_owned(), 1)]);
        let all: Vec<_> = found(&list, "vx123")
            .into_iter()
            .map(|(word, _)| word)
            .collect();
        assert_eq!(all, ["vx", "vx123", "123"]);
        assert_eq!(found(&list, "vx1234"), [("vx".to_owned(), 0)]);
    }

    #[test]
    fn faults_have_their_lines() {
        let text = format!("好\n***\n{}\na,b\n\n。", "长".repeat(65));
        let faults = WordList::from_text("test", &text).unwrap_err();
        let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        for (fault, says) in said.iter().zip([
            "line 2: has neither",
            "line 3: a word has at most 64",
            "line 4: has a mark that ends a clause",
            "line 6: has neither",
        ]) {
            assert!(fault.starts_with(says), "{fault}");
        }
        let empty = WordList::from_text("test", "# nothing\n").unwrap_err();
        assert_eq!(empty[0].to_string(), "the list has no words");
        let twice = WordList::from_words("test", ["發票", "发票", "ABC", "abc"]).unwrap();
        assert_eq!(twice.len(), 2);
    }

    proptest! {
        #[test]
        fn a_word_that_is_put_in_is_found(
            word in "[一-龥]{2,6}", before in "[a-z ，。]{0,20}", after in "[a-z ，。]{0,20}",
            sign in proptest::sample::select(vec!["", " ", "*", "\u{200b}", "·", "😀"]),
        ) {
            let list = WordList::from_words("test", [word.as_str()]).unwrap();
            let letters: Vec<String> = word.chars().map(String::from).collect();
            let text = format!("{before}{}{after}", letters.join(sign));
            let at = u32::try_from(before.chars().count()).unwrap();
            prop_assert_eq!(found(&list, &text), [(word, at)]);
        }

        #[test]
        fn no_text_panics(words in "\\PC{0,80}", text in "\\PC{0,80}") {
            if let Ok(list) = WordList::from_words("test", words.split(' ')) {
                for found in list.find(&text, 100) {
                    prop_assert!((found.at as usize) < text.chars().count());
                }
            }
        }
    }
}
