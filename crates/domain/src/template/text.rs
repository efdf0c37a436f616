//! The placeholder language: literal text and `{{name}}`, nothing else.
//!
//! Names are 1–64 of ASCII letters, digits, `_`, `.` and `-`, beginning with a letter or `_`;
//! spaces inside the braces are ignored. `{{` that is not a placeholder is an error naming its
//! place; a literal `{{` is written `{{{{`. One brace, and any closing braces, are plain text:
//! of a run of opening braces each four are a literal `{{`, and of the rest the last two open a
//! placeholder, so that `{{{name}}}` is a brace, a placeholder and a brace.
//!
//! The invariant: a value is never expanded again. A text is parsed once, before any value is
//! known, and values are only ever appended to the output.

mod escape;
mod java;

use std::borrow::Cow;
use std::fmt;

/// Most characters of a placeholder's name.
pub const MAX_NAME: usize = 64;

/// A parsed text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Literal and placeholder pieces in order. Literals are not empty and do not adjoin.
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
    /// For the inside of a JSON string (RFC 8259 section 7).
    Json,
    /// As one header line: a line break becomes one space, and so does any other control
    /// character.
    Line,
}

impl Text {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`SyntaxError`] with the place of the first fault.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parsed = Self::default();
        let mut rest = text;
        while let Some(found) = rest.find("{{") {
            let (before, from) = rest.split_at(found);
            let run = from.bytes().take_while(|byte| *byte == b'{').count();
            let opens = run % 4 >= 2;
            let literal_braces = run / 4 * 2 + run % 2;
            parsed.push_literal(before);
            parsed.push_literal(&"{".repeat(literal_braces));
            rest = &from[run..];
            if opens {
                let at = text.len() - rest.len();
                let (name, after) = placeholder(rest).map_err(|detail| SyntaxError {
                    at: text[..at - 2].chars().count(),
                    detail,
                })?;
                parsed.pieces.push(Piece::Variable(name.to_owned()));
                rest = after;
            }
        }
        parsed.push_literal(rest);
        Ok(parsed)
    }

    /// The text written for Java austin, whose placeholders are `{$name}`. Print it
    /// ([`Display`](fmt::Display)) to get the same words in our language. As there, `{$` that
    /// is never closed is plain text; a placeholder inside another one is refused, because a
    /// value is never expanded again here.
    ///
    /// # Errors
    /// [`SyntaxError`] with the place of the first placeholder that has no counterpart.
    pub fn from_java(text: &str) -> Result<Self, SyntaxError> {
        java::parse(text)
    }

    /// The names of its variables, each once, in order of appearance.
    pub fn variables(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for piece in &self.pieces {
            if let Piece::Variable(name) = piece
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
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
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(words) => out.push_str(words),
                Piece::Variable(name) => {
                    let value = value(name).ok_or_else(|| name.clone())?;
                    escape.append(&value, &mut out);
                }
            }
        }
        Ok(out)
    }

    fn push_literal(&mut self, words: &str) {
        if words.is_empty() {
            return;
        }
        if let Some(Piece::Literal(last)) = self.pieces.last_mut() {
            last.push_str(words);
        } else {
            self.pieces.push(Piece::Literal(words.to_owned()));
        }
    }
}

/// The text in the placeholder language; parsing it again gives an equal [`Text`].
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(words) => f.write_str(&words.replace("{{", "{{{{"))?,
                Piece::Variable(name) => write!(f, "{{{{{name}}}}}")?,
            }
        }
        Ok(())
    }
}

impl Escape {
    /// Appends `value`, escaped, to `out`.
    pub fn append(self, value: &str, out: &mut String) {
        match self {
            Self::None => out.push_str(value),
            Self::Html => escape::html(value, out),
            Self::Json => escape::json(value, out),
            Self::Line => escape::line(value, out),
        }
    }

    /// `value`, escaped.
    pub fn apply(self, value: &str) -> String {
        let mut out = String::with_capacity(value.len());
        self.append(value, &mut out);
        out
    }
}

/// Whether `name` may stand in a placeholder.
pub fn is_name(name: &str) -> bool {
    name_fault(name).is_none()
}

/// What is wrong with `name` as a placeholder's name; `None` when nothing is.
pub fn name_fault(name: &str) -> Option<String> {
    let fault = if name.is_empty() {
        "a variable needs a name"
    } else if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        "a variable name begins with a letter a-z, A-Z or _"
    } else if !name.bytes().all(is_name_byte) {
        "a variable name has only the letters a-z and A-Z, digits, _, . and -"
    } else if name.len() > MAX_NAME {
        return Some(format!("a variable name has at most {MAX_NAME} characters"));
    } else {
        return None;
    };
    Some(fault.to_owned())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// The name that `rest`, which follows `{{`, begins with, and what comes after its `}}`.
fn placeholder(rest: &str) -> Result<(&str, &str), String> {
    let Some((inside, after)) = rest.split_once("}}") else {
        return Err("{{ is not closed by }}; a literal {{ is written {{{{".to_owned());
    };
    let name = inside.trim_matches(' ');
    match name_fault(name) {
        Some(fault) => Err(format!("{fault}; a literal {{{{ is written {{{{{{{{")),
        None => Ok((name, after)),
    }
}

#[cfg(test)]
mod tests;
