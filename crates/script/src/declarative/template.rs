//! Texts with `{{name | filter}}` in them, checked when they are loaded.

mod filter;
mod name;

use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use serde_json::Value;

pub(super) use filter::Escape;
use filter::Filter;
pub(super) use name::{Name, Names, Place, Scope, TemplateField};

use crate::node::Node;

/// A text with expressions in it.
#[derive(Clone, Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Expression(Name, Vec<Filter>),
}

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filled {
    Text(String),
    List(Vec<String>),
    Json(Value),
}

/// Why a template cannot be filled in for this batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unfilled(pub(super) String);

impl Unfilled {
    /// Another account may not need what is missing here; the account itself is not sick.
    pub(super) fn verdict(&self) -> Verdict {
        Verdict::Elsewhere(Cause::new("missing_value", &self.0))
    }
}

impl Template {
    /// Reads a template; faults are noted at the node.
    pub(super) fn read(node: &Node<'_>, names: &Names<'_>, place: Place) -> Option<Self> {
        let text = node.any_text()?;
        match Self::parse(text, names, place) {
            Ok(template) => Some(template),
            Err((code, detail)) => {
                node.fault(code, detail);
                None
            }
        }
    }

    fn parse(text: &str, names: &Names<'_>, place: Place) -> Result<Self, (&'static str, String)> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (inside, after) = after
                .split_once("}}")
                .ok_or(("unclosed", "{{ is not closed by }}".to_owned()))?;
            let mut words = pieces(inside, '|').into_iter();
            let name = Name::parse(words.next().unwrap_or_default().trim(), names, place)?;
            let filters = words
                .map(|word| Filter::parse(word.trim(), names))
                .collect::<Result<_, _>>()?;
            parts.push(Part::Expression(name, filters));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text.
    pub(super) fn text(&self, scope: &Scope<'_>, escape: Escape) -> Result<String, Unfilled> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Expression(name, filters) => {
                    let text = match filled(name, filters, scope)? {
                        Filled::Text(text) => text,
                        Filled::List(list) => list.join(","),
                        Filled::Json(value) => value.to_string(),
                    };
                    let raw = filters.last() == Some(&Filter::Raw) || *name == Name::Each;
                    out.push_str(&if raw { text } else { escape.apply(text) });
                }
            }
        }
        Ok(out)
    }

    /// A JSON value: that of the expression when there is nothing else, else a string.
    pub(super) fn json(&self, scope: &Scope<'_>) -> Result<Value, Unfilled> {
        if let [Part::Expression(name, filters)] = &self.0[..] {
            return Ok(match filled(name, filters, scope)? {
                Filled::Text(text) => Value::String(text),
                Filled::List(list) => list.into(),
                Filled::Json(value) => value,
            });
        }
        self.text(scope, Escape::None).map(Value::String)
    }

    /// The names it uses.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Expression(name, _) => Some(name),
        })
    }
}

fn filled(name: &Name, filters: &[Filter], scope: &Scope<'_>) -> Result<Filled, Unfilled> {
    let defaulted = filters
        .iter()
        .any(|filter| matches!(filter, Filter::Default(_)));
    let mut value = match name.value(scope) {
        Ok(value) => value,
        Err(_) if defaulted => Filled::Text(String::new()),
        Err(unfilled) => return Err(unfilled),
    };
    for filter in filters {
        value = filter.apply(value, scope)?;
    }
    Ok(value)
}

/// The pieces of a text between separators that stand outside quotes.
pub(super) fn pieces(text: &str, separator: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, c) in text.char_indices() {
        if c == '"' {
            quoted = !quoted;
        } else if c == separator && !quoted {
            pieces.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    pieces.push(&text[start..]);
    pieces
}
