//! Reads JSON that people wrote: every mistake is named by its pointer, several at once.

use std::cell::RefCell;

use austin_adapter_api::LoadFault;
use serde_json::{Map, Value};

/// A place in a JSON document, with the list of what was wrong so far.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    pointer: String,
    faults: &'a Faults,
}

/// What was wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<LoadFault>>);

impl Faults {
    pub(crate) fn add(&self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.0.borrow_mut().push(LoadFault {
            pointer: pointer.to_owned(),
            code,
            detail: detail.into(),
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(crate) fn take(&self) -> Vec<LoadFault> {
        self.0.take()
    }
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value, pointer: &str, faults: &'a Faults) -> Self {
        Self {
            value,
            pointer: pointer.to_owned(),
            faults,
        }
    }

    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    /// Notes a fault here.
    pub(crate) fn fault(&self, code: &'static str, detail: impl Into<String>) {
        self.faults.add(&self.pointer, code, detail);
    }

    fn wrong_type(&self, expected: &str) {
        self.fault("wrong_type", format!("must be {expected}"));
    }

    fn child(&self, name: &str, value: &'a Value) -> Self {
        Self {
            value,
            pointer: format!(
                "{}/{}",
                self.pointer,
                name.replace('~', "~0").replace('/', "~1")
            ),
            faults: self.faults,
        }
    }

    /// The object here, whose names must all be in `known`.
    pub(crate) fn object(&self, known: &[&str]) -> Option<&'a Map<String, Value>> {
        let object = self.map()?;
        for (name, value) in object
            .iter()
            .filter(|(name, _)| !known.contains(&name.as_str()))
        {
            self.child(name, value).fault(
                "unknown_field",
                format!("is unknown here; known: {}", known.join(", ")),
            );
        }
        Some(object)
    }

    /// The object here, with any names.
    pub(crate) fn map(&self) -> Option<&'a Map<String, Value>> {
        let object = self.value.as_object();
        if object.is_none() {
            self.wrong_type("an object");
        }
        object
    }

    /// The fields of the object here.
    pub(crate) fn fields(&self) -> Vec<(&'a str, Self)> {
        self.map().map_or_else(Vec::new, |object| {
            object
                .iter()
                .map(|(name, value)| (name.as_str(), self.child(name, value)))
                .collect()
        })
    }

    /// The elements of the list here.
    pub(crate) fn elements(&self) -> Vec<Self> {
        match self.value.as_array() {
            Some(list) => list
                .iter()
                .enumerate()
                .map(|(index, value)| self.child(&index.to_string(), value))
                .collect(),
            None => {
                self.wrong_type("a list");
                Vec::new()
            }
        }
    }

    /// A field that may be missing; `null` counts as missing.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.as_object()?.get(name)?;
        (!value.is_null()).then(|| self.child(name, value))
    }

    /// A field that must be there.
    pub(crate) fn need(&self, name: &str) -> Option<Self> {
        let found = self.get(name);
        if found.is_none() && self.value.is_object() {
            self.child(name, &Value::Null)
                .fault("required", format!("is required ({name})"));
        }
        found
    }

    /// Text, not empty.
    pub(crate) fn text(&self) -> Option<&'a str> {
        match self.value.as_str() {
            Some("") => {
                self.fault("empty", "must not be empty");
                None
            }
            None => {
                self.wrong_type("text");
                None
            }
            found => found,
        }
    }

    /// Text that may be empty.
    pub(crate) fn any_text(&self) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong_type("text");
        }
        text
    }

    /// Yes or no.
    pub(crate) fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.wrong_type("true or false");
        }
        flag
    }

    /// A whole number in a range.
    pub(crate) fn integer(&self, min: i64, max: i64) -> Option<i64> {
        match self.value.as_i64() {
            Some(number) if (min..=max).contains(&number) => Some(number),
            Some(_) => {
                self.fault("out_of_range", format!("must be from {min} to {max}"));
                None
            }
            None => {
                self.wrong_type(&format!("a whole number from {min} to {max}"));
                None
            }
        }
    }

    /// One of some words.
    pub(crate) fn choice(&self, words: &[&str]) -> Option<&'a str> {
        let text = self.text()?;
        if words.contains(&text) {
            return Some(text);
        }
        self.fault(
            "not_a_choice",
            format!("must be one of {}", words.join(", ")),
        );
        None
    }

    /// A list of texts; numbers count as their text.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.elements()
            .iter()
            .filter_map(|element| match element.value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => {
                    element.wrong_type("text or a number");
                    None
                }
            })
            .collect()
    }
}
