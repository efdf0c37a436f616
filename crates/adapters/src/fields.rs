//! Short ways to write descriptor fields.

use std::time::Duration;

use austin_adapter_api::{Field, FieldKind};
use austin_domain::Class;
use austin_domain::quota::NumberRule;

/// An optional text field.
pub(crate) fn text(name: &str, help: &str) -> Field {
    optional(name, FieldKind::Text, help)
}

/// An optional whole number from `min` to `max`.
pub(crate) fn integer(name: &str, min: i64, max: i64, help: &str) -> Field {
    optional(name, FieldKind::Integer { min, max }, help)
}

/// An optional choice of one of `words`.
pub(crate) fn choice(name: &str, words: &[&str], help: &str) -> Field {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    optional(name, FieldKind::Choice(words), help)
}

/// An optional http or https URL.
pub(crate) fn url(name: &str, help: &str) -> Field {
    optional(name, FieldKind::Url, help)
}

/// The base URL every HTTP vendor's account may replace.
pub(crate) fn endpoint(default: &str) -> Field {
    let help = "Another base URL than the vendor's own: a regional one, a proxy, a test server.";
    with_default(optional("endpoint", FieldKind::Url, help), default)
}

/// The same field, demanded.
pub(crate) fn required(field: Field) -> Field {
    Field {
        required: true,
        ..field
    }
}

/// The same field with what stands when it is not given.
pub(crate) fn with_default(field: Field, default: &str) -> Field {
    Field {
        default: Some(default.to_owned()),
        ..field
    }
}

/// An optional field of any kind.
pub(crate) fn optional(name: &str, kind: FieldKind, help: &str) -> Field {
    Field {
        name: name.to_owned(),
        kind,
        required: false,
        default: None,
        help: help.to_owned(),
    }
}

/// Rules on verification codes to one number: so many in so many seconds.
pub(crate) fn codes_to_a_number(rules: [(u32, u64); 3]) -> Vec<NumberRule> {
    rules
        .into_iter()
        .map(|(count, seconds)| NumberRule {
            class: Some(Class::Verification),
            count,
            window: Duration::from_secs(seconds),
        })
        .collect()
}

pub(crate) const HOUR: u64 = 3600;
pub(crate) const DAY: u64 = 24 * HOUR;
