//! The placeholder language: literal text and `{{name}}`, nothing else.
//!
//! Names are 1–64 of letters, digits, `_`, `.` and `-`, beginning with a letter or `_`; spaces
//! inside the braces are ignored. `{{` that is not a placeholder is an error naming its place;
//! a literal `{{` is written `{{{{`. A value is never expanded again.

use std::borrow::Cow;

/// A parsed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Literal and placeholder pieces in order.
    pub pieces: Vec<Piece>,
}

/// One piece of a parsed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words as they are.
    Literal(String),
    /// A variable's name.
    Variable(String),
}

/// The text is not in the placeholder language.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} at character {at}")]
pub struct SyntaxError {
    /// Character offset, from 0.
    pub at: usize,
    /// What is wrong.
    pub detail: String,
}

/// How values are escaped for the text they stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As they are.
    None,
    /// For HTML text and quoted attributes.
    Html,
    /// For the inside of a JSON string.
    Json,
    /// As one header line: line breaks become spaces.
    Line,
}

impl Text {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`SyntaxError`] with the place of the first fault.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let _ = text;
        unimplemented!()
    }

    /// The names of its variables, each once, in order of appearance.
    pub fn variables(&self) -> Vec<&str> {
        unimplemented!()
    }

    /// The words with every variable replaced by what `value` gives.
    ///
    /// # Errors
    /// The name of the first variable that `value` does not know.
    pub fn render<'a>(
        &self,
        escape: Escape,
        value: impl Fn(&str) -> Option<Cow<'a, str>>,
    ) -> Result<String, String> {
        let _ = (escape, value);
        unimplemented!()
    }
}
