//! What a reply to a message asks for.
//!
//! Only a reply that is nothing but a known word counts: "please stop calling" is no order of
//! ours to read.

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
}

/// Words that end it: what Chinese operators and marketing messages name (TD, T, R, 退订, …), and
/// what operators elsewhere must honour (STOP and its kin).
const STOP: &[&str] = &[
    "TD",
    "T",
    "R",
    "QX",
    "退订",
    "拒收",
    "取消订阅",
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "OPTOUT",
    "REVOKE",
];
/// Words that take it back.
const START: &[&str] = &["START", "UNSTOP", "KT", "开通", "恢复订阅"];
/// Longer texts are no single word.
const MOST_BYTES: usize = 128;

/// What the whole of `text` asks for. Case, full-width letters, spaces and marks around the word
/// make no difference.
pub fn wish(text: &str) -> Option<Wish> {
    let text = text.trim();
    if text.is_empty() || text.len() > MOST_BYTES {
        return None;
    }
    let folded: String = text.chars().map(narrow).collect();
    let word = folded.trim_matches(|c: char| c.is_whitespace() || is_mark(c));
    let is = |known: &&str| word.eq_ignore_ascii_case(known);
    if STOP.iter().any(is) {
        Some(Wish::Stop)
    } else if START.iter().any(is) {
        Some(Wish::Start)
    } else {
        None
    }
}

/// A full-width character as its ASCII twin.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// Marks that people copy along from "回复“TD”退订。".
fn is_mark(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(
            c,
            '。' | '、' | '“' | '”' | '‘' | '’' | '「' | '」' | '【' | '】' | '…'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_words_count_however_they_are_written() {
        for text in [
            "TD",
            "td",
            " Td ",
            "ＴＤ",
            "ｔｄ　",
            "T",
            "r",
            "R。",
            "“TD”",
            "退订",
            "退订！",
            "拒收",
            "STOP",
            "stop.",
            "Unsubscribe",
            "【退订】",
            "\u{feff}TD",
        ] {
            assert_eq!(wish(text), Some(Wish::Stop), "{text}");
        }
        for text in ["START", "start", "ｓｔａｒｔ", "开通", " 开通。"] {
            assert_eq!(wish(text), Some(Wish::Start), "{text}");
        }
    }

    #[test]
    fn other_words_mean_nothing() {
        for text in [
            "",
            " ",
            "。",
            "TD退订",
            "please stop",
            "STOP IT",
            "Thanks",
            "RT",
            "不退订",
            "1",
            "Yes",
        ] {
            assert_eq!(wish(text), None, "{text}");
        }
        assert_eq!(wish(&"T".repeat(1000)), None);
    }

    proptest! {
        #[test]
        fn anything_is_read_without_harm(text in "\\PC{0,200}") {
            let _ = wish(&text);
        }

        #[test]
        fn decoration_changes_nothing(
            word in proptest::sample::select([STOP, START].concat()),
            before in "[ 　“【]{0,3}",
            after in "[ 。！”】]{0,3}",
        ) {
            prop_assert_eq!(wish(&format!("{before}{word}{after}")), wish(word));
        }
    }
}
