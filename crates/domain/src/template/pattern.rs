//! What the whole text of a variable must look like: a regular expression, compiled once.
//!
//! The engine (crate `regex`) matches in time linear in the text, whatever the expression, and
//! what an expression may compile to is bounded, so that no template can stall a sender. The
//! expression always stands for the whole text: `[0-9]{4}` takes `1234` and not `12345`.

use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most characters of an expression.
pub const MAX_PATTERN: usize = 256;
/// Most bytes that one may compile to.
const MAX_COMPILED: usize = 64 * 1024;

/// A compiled expression. Equal when written the same.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    whole: Regex,
}

impl Pattern {
    /// Compiles `source`.
    ///
    /// # Errors
    /// What is wrong with it, in one line for people.
    pub fn new(source: &str) -> Result<Self, String> {
        if source.is_empty() {
            return Err("must not be empty; leave it out to take any text".to_owned());
        }
        if source.chars().count() > MAX_PATTERN {
            return Err(format!("has at most {MAX_PATTERN} characters"));
        }
        // By itself first: an expression must not close the group that is put around it.
        compile(source)?;
        Ok(Self {
            source: source.to_owned(),
            whole: compile(&format!(r"\A(?:{source})\z"))?,
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether the whole of `text` looks like it.
    pub fn fits(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }
}

fn compile(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED * 4)
        .nest_limit(32)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "is too large: use smaller repeats or plain classes such as [0-9] instead of \\d"
                    .to_owned()
            }
            error => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                let why = last.trim_start_matches("error: ").to_owned();
                format!("is not a regular expression: {why}")
            }
        })
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::new(&source).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_whole_text_must_fit() {
        let digits = Pattern::new("[0-9]{4}").unwrap();
        assert!(digits.fits("1234"));
        for text in ["12345", "x1234", "1234\n", "", "12 34"] {
            assert!(!digits.fits(text), "{text:?}");
        }
        let either = Pattern::new("ab|cd").unwrap();
        assert!(either.fits("ab") && either.fits("cd"));
        assert!(!either.fits("abd") && !either.fits("xcd"));
        assert!(Pattern::new("(?i)[a-z]+号").unwrap().fits("A号"));
    }

    #[test]
    fn bad_and_large_ones_are_refused_in_words() {
        for source in ["", "[", "a)|(?:b", "(?x)a # b", "a{1000}{1000}", "\\"] {
            let why = Pattern::new(source).unwrap_err();
            assert!(!why.is_empty() && !why.contains('\n'), "{source}: {why}");
        }
        assert!(Pattern::new(&"a".repeat(MAX_PATTERN + 1)).is_err());
        assert!(Pattern::new(r"\d{6}").is_ok());
        assert!(Pattern::new(r"[A-Z]{2}\d{2,12}[A-Z]{2}").is_ok());
    }

    #[test]
    fn it_is_stored_as_it_was_written() {
        let pattern = Pattern::new("[0-9]{4}").unwrap();
        let stored = serde_json::to_string(&pattern).unwrap();
        assert_eq!(stored, "\"[0-9]{4}\"");
        assert_eq!(serde_json::from_str::<Pattern>(&stored).unwrap(), pattern);
        assert!(serde_json::from_str::<Pattern>("\"[\"").is_err());
    }

    proptest! {
        #[test]
        fn any_expression_compiles_or_is_refused_and_never_panics(
            source in ".{0,40}", text in ".{0,40}",
        ) {
            if let Ok(pattern) = Pattern::new(&source) {
                pattern.fits(&text);
            }
        }

        #[test]
        fn an_escaped_text_fits_itself_only(text in "[a-z(|)*]{1,20}", other in "[a-z(|)*]{1,20}") {
            let pattern = Pattern::new(&regex::escape(&text)).unwrap();
            prop_assert!(pattern.fits(&text));
            prop_assert_eq!(pattern.fits(&other), text == other);
        }
    }
}
