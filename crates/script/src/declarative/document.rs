//! Answers and receipts of any format as one JSON value, read by JSON pointers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::node::Node;
use crate::{form, xml};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Form,
    Xml,
    /// Plain text: the whole body at the pointer `""`.
    Text,
}

impl Format {
    /// Reads `format`; JSON when it is not said.
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let Some(node) = node.get("format") else {
            return Some(Self::Json);
        };
        Some(match node.choice(&["json", "form", "xml", "text"])? {
            "json" => Self::Json,
            "form" => Self::Form,
            "xml" => Self::Xml,
            _ => Self::Text,
        })
    }

    /// The body as a value; `None` when it is not of this format.
    pub(super) fn parse(self, body: &[u8]) -> Option<Value> {
        let text = std::str::from_utf8(body).ok();
        match self {
            Self::Json => serde_json::from_slice(body).ok(),
            Self::Form => {
                let pairs: BTreeMap<String, String> = form::parse(text?).into_iter().collect();
                Some(serde_json::json!(pairs))
            }
            Self::Xml => xml::parse(text?).ok().map(|root| {
                let mut whole = Map::new();
                whole.insert(root.name.clone(), value(root));
                Value::Object(whole)
            }),
            Self::Text => Some(Value::String(text?.trim().to_owned())),
        }
    }
}

/// An element: its text when it has nothing else, else an object of its children (a list where
/// there are several of one name), its attributes with `@`, its text as `#text`.
fn value(element: xml::Element) -> Value {
    if element.children.is_empty() && element.attributes.is_empty() {
        return Value::String(element.text);
    }
    let mut object = Map::new();
    for (name, text) in element.attributes {
        object.insert(format!("@{name}"), text.into());
    }
    if !element.text.is_empty() {
        object.insert("#text".into(), element.text.into());
    }
    for child in element.children {
        let name = child.name.clone();
        let inner = value(child);
        match object.get_mut(&name) {
            None => {
                object.insert(name, inner);
            }
            Some(Value::Array(list)) => list.push(inner),
            Some(first) => *first = Value::Array(vec![first.take(), inner]),
        }
    }
    Value::Object(object)
}

/// A JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(String);

impl Pointer {
    /// Reads a pointer.
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.any_text()?;
        if !text.is_empty() && !text.starts_with('/') {
            node.fault("bad_pointer", "must be a JSON pointer such as /data/id");
            return None;
        }
        Some(Self(text.to_owned()))
    }

    /// The whole document.
    pub(super) const fn whole() -> Self {
        Self(String::new())
    }

    /// An optional field that holds a pointer.
    pub(super) fn field(node: &Node<'_>, name: &str) -> Option<Self> {
        node.get(name).and_then(|node| Self::read(&node))
    }

    pub(super) fn value<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        document.pointer(&self.0).filter(|value| !value.is_null())
    }

    /// Text of a string, number or flag; not empty.
    pub(super) fn text(&self, document: &Value) -> Option<String> {
        match self.value(document)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// A list; one value that is none counts as a list of it, nothing as an empty one.
    pub(super) fn list<'a>(&self, document: &'a Value) -> &'a [Value] {
        match self.value(document) {
            Some(Value::Array(list)) => list,
            Some(single) => std::slice::from_ref(single),
            None => &[],
        }
    }
}

/// The text at an optional pointer.
pub(super) fn text(pointer: &Option<Pointer>, document: &Value) -> Option<String> {
    pointer.as_ref()?.text(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_read_like_json() {
        let document = Format::Xml
            .parse(b"<r c='0'><m>1</m><m>2</m><n><k>v</k></n></r>")
            .unwrap();
        assert_eq!(
            document,
            serde_json::json!({"r": {"@c": "0", "m": ["1", "2"], "n": {"k": "v"}}})
        );
        let list = Pointer("/r/n".into());
        assert_eq!(list.list(&document).len(), 1);
        assert_eq!(Pointer("/r/x".into()).list(&document).len(), 0);
    }
}
