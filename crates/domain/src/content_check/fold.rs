//! Text as word lists compare it: one form for each letter, and without what is put between the
//! letters of a word so that it is not found.
//!
//! Folded together: capitals, full-width and half-width forms, traditional and simplified
//! characters, circled, mathematical and raised letters and digits. Left out: characters of no
//! width, combining marks. Separators (blanks, `.`, `*`, `-`, emoji …) are left out but remembered
//! as gaps; what ends a clause (`，`, `。`, `!`, a line end) stays as a break, which no word
//! reaches across. Letters of other scripts that only look alike stay what they are.

use std::sync::LazyLock;

/// Stands in the folded text for whatever ends a clause.
pub(super) const BREAK: char = '\n';
/// More separators in a row than this are a break.
const MOST_GAP: u32 = 8;

/// What becomes of one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folded {
    As(char),
    /// A half-width mark that voices the syllable before it: this far on in the kana table.
    Voice(u32),
    Gap,
    Break,
    Nothing,
}

/// A folded text, and where each of its characters came from.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) letters: Vec<Letter>,
}

/// One character of a folded text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    /// Its first byte in the folded text.
    pub(super) at: u32,
    /// Which character of the original it was, from 0.
    pub(super) from: u32,
    pub(super) c: char,
    pub(super) kind: Kind,
    /// Separators stood before it.
    pub(super) gap: bool,
}

/// How a letter behaves at the edge of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words of such letters are set apart by blanks.
    Letter,
    Digit,
    /// Words run on without a blank: Chinese, Japanese, Thai …
    Running,
    Break,
}

impl Kind {
    const fn of(c: char) -> Self {
        match c {
            '0'..='9' => Self::Digit,
            BREAK => Self::Break,
            // Latin, Greek, Cyrillic and Armenian with their extensions.
            '\0'..='\u{58f}' | '\u{1e00}'..='\u{1fff}' => Self::Letter,
            _ => Self::Running,
        }
    }
}

/// Folds a text.
pub(super) fn fold(original: &str) -> Text {
    let mut folded = Text {
        text: String::with_capacity(original.len()),
        letters: Vec::with_capacity(original.len() / 2),
    };
    let han = &*SIMPLIFIED;
    let mut gap = 0u32;
    for (from, c) in (0u32..).zip(original.chars()) {
        let c = match one(c, han) {
            Folded::As(c) => c,
            Folded::Break => BREAK,
            Folded::Gap => {
                gap += 1;
                if gap <= MOST_GAP {
                    continue;
                }
                BREAK
            }
            Folded::Voice(by) => {
                folded.voice(by);
                continue;
            }
            Folded::Nothing => continue,
        };
        folded.push(c, from, gap > 0);
        gap = 0;
    }
    folded
}

impl Text {
    fn push(&mut self, c: char, from: u32, gap: bool) {
        let kind = Kind::of(c);
        let ended = self
            .letters
            .last()
            .is_none_or(|last| last.kind == Kind::Break);
        if kind == Kind::Break && ended {
            return;
        }
        let at = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push(c);
        self.letters.push(Letter {
            at,
            from,
            c,
            kind,
            gap,
        });
    }

    fn voice(&mut self, by: u32) {
        let voiced = self.text.chars().next_back().and_then(|c| match (c, by) {
            ('ウ', 1) => Some('ヴ'),
            ('カ'..='ト', 1) | ('ハ'..='ホ', 1 | 2) => char::from_u32(u32::from(c) + by),
            _ => None,
        });
        if let (Some(voiced), Some(last)) = (voiced, self.letters.last_mut()) {
            self.text.pop();
            self.text.push(voiced);
            last.c = voiced;
        }
    }

    /// The text without its breaks, for asking whether one contains another.
    pub(super) fn bare(self) -> String {
        self.text.replace(BREAK, "")
    }
}

/// The character by which an address is written: full-width forms narrowed, `None` for what has
/// no width.
pub(super) const fn narrow(c: char) -> Option<char> {
    match c {
        '\0'..='\u{7f}' => Some(c),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0),
        '\u{3000}' => Some(' '),
        _ if invisible(c) => None,
        _ => Some(c),
    }
}

/// Takes no room on a screen.
const fn invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Changes the letter before it.
const fn combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[inline]
fn one(c: char, han: &Simplified) -> Folded {
    match c {
        'a'..='z' | '0'..='9' => Folded::As(c),
        'A'..='Z' => Folded::As(c.to_ascii_lowercase()),
        '\0'..='\u{7f}' => ascii_sign(c),
        FIRST_HAN..=LAST_HAN => Folded::As(han.of(c)),
        _ => other(c),
    }
}

const fn ascii_sign(c: char) -> Folded {
    match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | ',' | '!' | '?' | ';' | ':' => Folded::Break,
        _ => Folded::Gap,
    }
}

fn other(c: char) -> Folded {
    if invisible(c) || combining(c) {
        return Folded::Nothing;
    }
    if let Some(plain) = plain(c) {
        return match plain {
            'a'..='z' | '0'..='9' => Folded::As(plain),
            'A'..='Z' => Folded::As(plain.to_ascii_lowercase()),
            _ => ascii_sign(plain),
        };
    }
    match c {
        '\u{ff66}'..='\u{ff9d}' => Folded::As(wide_kana(c)),
        '\u{ff9e}' => Folded::Voice(1),
        '\u{ff9f}' => Folded::Voice(2),
        '\u{85}' | '\u{2028}' | '\u{2029}' => Folded::Break,
        '·' | '•' | '・' | '･' | '‧' | '※' | '…' => Folded::Gap,
        '\u{2010}'..='\u{2015}' | '\u{2022}'..='\u{2027}' => Folded::Gap,
        // Arrows to symbols, boxes and dingbats; pictures.
        '\u{2190}'..='\u{245f}' | '\u{2500}'..='\u{2bff}' => Folded::Gap,
        '\u{1f000}'..='\u{1faff}' => Folded::Gap,
        _ if c.is_alphanumeric() => Folded::As(c.to_lowercase().next().unwrap_or(c)),
        _ if c.is_whitespace() => Folded::Gap,
        _ => Folded::Break,
    }
}

/// The ASCII character that `c` is a full-width, circled, mathematical, raised or lowered form of.
fn plain(c: char) -> Option<char> {
    let code = u32::from(c);
    let letter = |first: u32, small: bool| {
        let begin = if small { 'a' } else { 'A' };
        char::from_u32(u32::from(begin) + code - first)
    };
    let digit = |value: u32| char::from_digit(value, 10);
    match code {
        0xff01..=0xff5e => char::from_u32(code - 0xfee0),
        0x3000 => Some(' '),
        0x24b6..=0x24cf => letter(0x24b6, false),
        0x24d0..=0x24e9 => letter(0x24d0, true),
        0x249c..=0x24b5 => letter(0x249c, true),
        0x1f110..=0x1f129 => letter(0x1f110, false),
        0x1f130..=0x1f149 => letter(0x1f130, false),
        0x1f150..=0x1f169 => letter(0x1f150, false),
        0x1f170..=0x1f189 => letter(0x1f170, false),
        // Thirteen alphabets of 52 letters each.
        0x1d400..=0x1d6a3 => {
            let place = (code - 0x1d400) % 52;
            let begin = if place < 26 { 'A' } else { 'a' };
            char::from_u32(u32::from(begin) + place % 26)
        }
        0x1d7ce..=0x1d7ff => digit((code - 0x1d7ce) % 10),
        0x2460..=0x2468 => digit(code - 0x2460 + 1),
        0x2474..=0x247c => digit(code - 0x2474 + 1),
        0x2776..=0x277e => digit(code - 0x2776 + 1),
        0x2780..=0x2788 => digit(code - 0x2780 + 1),
        0x24ea | 0x24ff | 0x2070 => Some('0'),
        0xb9 => Some('1'),
        0xb2 | 0xb3 => digit(code - 0xb0),
        0x2074..=0x2079 => digit(code - 0x2070),
        0x2080..=0x2089 => digit(code - 0x2080),
        _ => None,
    }
}

/// The full-width form of a half-width kana.
fn wide_kana(c: char) -> char {
    const WIDE: &str = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";
    let place = u32::from(c).saturating_sub(0xff66) as usize;
    WIDE.chars().nth(place).unwrap_or(c)
}

const FIRST_HAN: char = '\u{4e00}';
const LAST_HAN: char = '\u{9fff}';

/// The simplified form of each character of the main block.
struct Simplified(Box<[u16]>);

impl Simplified {
    #[inline]
    fn of(&self, c: char) -> char {
        let place = u32::from(c).wrapping_sub(u32::from(FIRST_HAN)) as usize;
        let code = self.0.get(place).copied();
        code.and_then(|code| char::from_u32(code.into()))
            .unwrap_or(c)
    }
}

/// Groups of a simplified character and what it is written as elsewhere. After Unihan's
/// `kSimplifiedVariant` (Unicode Character Database 10.0, © 1991–2017 Unicode, Inc., Unicode
/// terms of use), with the variants that phones offer added and rare ones of doubtful meaning
/// left out. Where one form stands for several (`发` for `發` and `髮`), all of them are one.
const GROUPS: &str = include_str!("simplified.txt");

static SIMPLIFIED: LazyLock<Simplified> = LazyLock::new(|| {
    let mut table: Vec<u16> = (0x4e00..=0x9fff).collect();
    for group in GROUPS.split_whitespace() {
        let mut forms = group.chars();
        let simplified = forms
            .next()
            .map(u32::from)
            .and_then(|c| u16::try_from(c).ok());
        for other in forms {
            let place = u32::from(other).saturating_sub(0x4e00) as usize;
            if let (Some(slot), Some(simplified)) = (table.get_mut(place), simplified) {
                *slot = simplified;
            }
        }
    }
    Simplified(table.into_boxed_slice())
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_form_for_each_letter() {
        for (written, folded) in [
            ("AbC", "abc"),
            ("ＡｂＣ１", "abc1"),
            ("ⓐ𝐁𝔠①²", "abc12"),
            ("發票髮", "发票发"),
            ("法\u{200b}轮\u{feff}功", "法轮功"),
            ("法*轮 功", "法轮功"),
            ("法😀轮", "法轮"),
            ("ｶﾞﾊﾟｳﾞｱ", "ガパヴア"),
            ("e\u{301}", "e"),
            ("国。共，产", "国\n共\n产"),
            ("，，a，，", "a\n"),
            ("a         b", "a\nb"),
            ("Ж", "ж"),
        ] {
            assert_eq!(fold(written).text, folded, "{written}");
        }
    }

    #[test]
    fn letters_know_where_they_came_from() {
        let folded = fold("请 a-b");
        let from: Vec<_> = folded
            .letters
            .iter()
            .map(|letter| (letter.from, letter.gap))
            .collect();
        assert_eq!(from, [(0, false), (2, true), (4, true)]);
    }

    #[test]
    fn the_table_is_sound() {
        let table = &*SIMPLIFIED;
        for group in GROUPS.split_whitespace() {
            let all: Vec<char> = group.chars().collect();
            assert!(all.len() >= 2, "{group}");
            for c in &all {
                assert_eq!(table.of(*c), all[0], "{group} {c}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_folded_stays(text in "\\PC{0,60}") {
            let once = fold(&text);
            prop_assert_eq!(once.letters.len(), once.text.chars().count());
            for (letter, (at, _)) in once.letters.iter().zip(once.text.char_indices()) {
                prop_assert_eq!(letter.at as usize, at);
            }
            prop_assert_eq!(&fold(&once.text).text, &once.text);
        }
    }
}
