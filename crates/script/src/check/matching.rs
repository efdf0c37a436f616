//! What was recorded against what came out.

use serde_json::Value;

/// A difference.
pub(super) struct Difference {
    pub(super) pointer: String,
    pub(super) expected: Value,
    pub(super) actual: Value,
    pub(super) detail: String,
}

/// Where `actual` is not what `expected` says. Objects may have more fields than expected, so
/// that an example states what it is about; below `json` and `form` they are compared whole.
pub(super) fn differences(expected: &Value, actual: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(expected, actual, "", false, &mut found);
    found
}

fn walk(expected: &Value, actual: &Value, pointer: &str, whole: bool, found: &mut Vec<Difference>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (name, value) in expected {
                let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                let whole = whole || matches!(name.as_str(), "json" | "form");
                match actual.get(name) {
                    Some(other) => walk(value, other, &place, whole, found),
                    None => found.push(difference(&place, value, &Value::Null, "is missing")),
                }
            }
            for (name, value) in actual
                .iter()
                .filter(|(name, _)| whole && !expected.contains_key(*name))
            {
                let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                found.push(difference(
                    &place,
                    &Value::Null,
                    value,
                    "is not in the example",
                ));
            }
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (index, (value, other)) in expected.iter().zip(actual).enumerate() {
                walk(value, other, &format!("{pointer}/{index}"), whole, found);
            }
        }
        (expected, actual) if expected == actual => {}
        (expected, actual) => found.push(difference(pointer, expected, actual, "is different")),
    }
}

fn difference(pointer: &str, expected: &Value, actual: &Value, detail: &str) -> Difference {
    Difference {
        pointer: pointer.to_owned(),
        expected: expected.clone(),
        actual: actual.clone(),
        detail: detail.to_owned(),
    }
}
