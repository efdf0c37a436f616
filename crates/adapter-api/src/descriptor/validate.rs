//! Whether settings and secrets are what a descriptor asks for.
//!
//! Owns every rule about account fields, so that the API, the console and a start from stored
//! accounts refuse the same things in the same words. A fault never repeats a secret's value.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::{Descriptor, Field, FieldKind};

/// Most characters of a text or URL setting.
pub const MAX_SETTING_CHARS: usize = 1_024;
/// Most bytes of a secret.
pub const MAX_SECRET_BYTES: usize = 16 * 1_024;

/// One thing that is wrong with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// JSON pointer (RFC 6901) into the account: `/settings/…` or `/secrets/…`.
    pub pointer: String,
    /// Stable code: `unknown_field`, `required`, `wrong_type`, `too_long`, `control_character`,
    /// `out_of_range`, `bad_url`, `not_a_choice`.
    pub code: &'static str,
    /// For people; says what is expected.
    pub detail: String,
}

/// Everything that is wrong with `settings` and `secrets` by `descriptor`; empty when nothing
/// is. Known fields come in the descriptor's order, unknown ones after them. A setting that is
/// `null` and a secret that is empty count as not given.
pub fn validate(
    descriptor: &Descriptor,
    settings: &BTreeMap<String, Value>,
    secrets: &BTreeMap<String, SecretString>,
) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    for field in &descriptor.settings {
        let given = settings.get(&field.name).filter(|value| is_given(value));
        check(&mut faults, "settings", field, given, setting_fault);
    }
    for field in &descriptor.secrets {
        let given = secrets
            .get(&field.name)
            .map(|secret| secret.expose_secret())
            .filter(|secret| !secret.is_empty());
        check(&mut faults, "secrets", field, given, secret_fault);
    }
    let adapter = &descriptor.name;
    unknown(
        &mut faults,
        "settings",
        adapter,
        &descriptor.settings,
        settings.keys(),
    );
    unknown(
        &mut faults,
        "secrets",
        adapter,
        &descriptor.secrets,
        secrets.keys(),
    );
    faults
}

fn is_given(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

type Finding = (&'static str, String);

fn check<T: ?Sized>(
    faults: &mut Vec<FieldFault>,
    place: &str,
    field: &Field,
    given: Option<&T>,
    examine: impl Fn(&FieldKind, &T) -> Option<Finding>,
) {
    let finding = match given {
        Some(value) => examine(&field.kind, value),
        None if field.required => Some(("required", format!("is required: {}", field.help))),
        None => None,
    };
    if let Some((code, detail)) = finding {
        faults.push(FieldFault {
            pointer: pointer(place, &field.name),
            code,
            detail,
        });
    }
}

fn setting_fault(kind: &FieldKind, value: &Value) -> Option<Finding> {
    match (kind, value) {
        (FieldKind::Text, Value::String(text)) => text_fault(text, MAX_SETTING_CHARS),
        (FieldKind::Url, Value::String(text)) => {
            text_fault(text, MAX_SETTING_CHARS).or_else(|| url_fault(text))
        }
        (FieldKind::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
            Some(number) if (*min..=*max).contains(&number) => None,
            Some(_) => Some(("out_of_range", format!("must be from {min} to {max}"))),
            None if number.is_u64() => {
                Some(("out_of_range", format!("must be from {min} to {max}")))
            }
            None => Some((
                "wrong_type",
                format!("must be a whole number from {min} to {max}"),
            )),
        },
        (FieldKind::Boolean, Value::Bool(_)) => None,
        (FieldKind::Choice(words), Value::String(word)) => choice_fault(words, word),
        (kind, _) => Some(("wrong_type", format!("must be {}", expected(kind)))),
    }
}

fn secret_fault(kind: &FieldKind, secret: &str) -> Option<Finding> {
    if secret.len() > MAX_SECRET_BYTES {
        return Some((
            "too_long",
            format!("must be at most {MAX_SECRET_BYTES} bytes"),
        ));
    }
    match kind {
        FieldKind::Url => url_fault(secret),
        FieldKind::Choice(words) => choice_fault(words, secret),
        FieldKind::Text | FieldKind::Integer { .. } | FieldKind::Boolean => None,
    }
}

fn text_fault(text: &str, max: usize) -> Option<Finding> {
    if text.chars().count() > max {
        return Some(("too_long", format!("must be at most {max} characters")));
    }
    text.chars().any(char::is_control).then(|| {
        (
            "control_character",
            "must not contain line breaks or other control characters".to_owned(),
        )
    })
}

fn url_fault(text: &str) -> Option<Finding> {
    let fault = |detail: &str| Some(("bad_url", detail.to_owned()));
    match Url::parse(text) {
        Err(error) => fault(&format!("must be an absolute http or https URL: {error}")),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            fault("must be an absolute http or https URL")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            fault("must not carry a user name or password")
        }
        Ok(_) => None,
    }
}

fn choice_fault(words: &[String], word: &str) -> Option<Finding> {
    (!words.iter().any(|known| known == word)).then(|| {
        (
            "not_a_choice",
            format!("must be one of {}", words.join(", ")),
        )
    })
}

fn expected(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Text => "text".to_owned(),
        FieldKind::Url => "an absolute http or https URL".to_owned(),
        FieldKind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        FieldKind::Boolean => "true or false".to_owned(),
        FieldKind::Choice(words) => format!("one of {}", words.join(", ")),
    }
}

fn unknown<'a>(
    faults: &mut Vec<FieldFault>,
    place: &str,
    adapter: &str,
    fields: &[Field],
    given: impl Iterator<Item = &'a String>,
) {
    for name in given.filter(|name| !fields.iter().any(|field| field.name == **name)) {
        let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        faults.push(FieldFault {
            pointer: pointer(place, name),
            code: "unknown_field",
            detail: format!("is unknown to {adapter}; known {place}: {known}"),
        });
    }
}

fn pointer(place: &str, name: &str) -> String {
    format!("/{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
