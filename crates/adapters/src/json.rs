//! Lenient reading of vendors' JSON: a field of an unexpected kind is an absent field.

use serde_json::Value;

/// Non-empty text of a field; numbers count as their text.
pub(crate) fn text(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number that fits, written as a number or as text.
pub(crate) fn small(value: &Value, name: &str) -> Option<u16> {
    text(value, name)?.parse().ok()
}
