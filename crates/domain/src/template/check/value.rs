//! One variable's value: whether it is of its kind, and its canonical text.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::template::{VariableKind, VariableSpec};

/// Most bytes of a value whose spec sets no length.
pub(super) const DEFAULT_MAX_BYTES: usize = 8 * 1024;

/// What is wrong with a value: a stable code and the end of a sentence that begins with the
/// variable's name. Never repeats the value.
pub(super) type Wrong = (&'static str, String);

/// The canonical text of `value`, which must be of the kind and length that `spec` asks for.
pub(super) fn text(spec: &VariableSpec, value: &Value) -> Result<String, Wrong> {
    let text = match value {
        Value::String(text) => written(spec.kind, text)?,
        Value::Number(number) => Cow::Owned(counted(spec.kind, number)?),
        Value::Bool(truth) if spec.kind == VariableKind::Boolean => {
            Cow::Borrowed(if *truth { "true" } else { "false" })
        }
        Value::Null => {
            return Err(wrong_type(
                "must not be null; leave it out to use its default",
            ));
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(wrong_type(expected(spec.kind)));
        }
    };
    bounds(spec, &text)?;
    Ok(text.into_owned())
}

/// Whether `text`, a default or an example, fits `spec`.
pub(super) fn fits(spec: &VariableSpec, text: &str) -> Result<(), Wrong> {
    written(spec.kind, text)?;
    bounds(spec, text)
}

/// Everything a spec asks of a text besides its kind. An optional variable may be empty: that is
/// how it is left out.
fn bounds(spec: &VariableSpec, text: &str) -> Result<(), Wrong> {
    length(spec, text)?;
    if text.is_empty() && !spec.required {
        return Ok(());
    }
    if let Some(least) = spec.min_length {
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        if text.chars().take(least).count() < least {
            return Err(("too_short", format!("has at least {least} characters")));
        }
    }
    if let Some(pattern) = &spec.pattern
        && !pattern.fits(text)
    {
        let detail = format!("must look like {}", pattern.as_str());
        return Err(("pattern", detail));
    }
    if !spec.one_of.is_empty() && !spec.one_of.iter().any(|choice| choice == text) {
        return Err(("not_a_choice", choices(&spec.one_of)));
    }
    Ok(())
}

/// The texts that may be given, as far as they fit a sentence.
fn choices(choices: &[String]) -> String {
    let shown: Vec<&str> = choices.iter().take(SHOWN).map(String::as_str).collect();
    let more = if choices.len() > SHOWN { ", …" } else { "" };
    format!("must be one of {}{more}", shown.join(", "))
}

/// Most choices that are named in a fault.
const SHOWN: usize = 20;

fn length(spec: &VariableSpec, text: &str) -> Result<(), Wrong> {
    match spec.max_length {
        Some(most) => {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            // A character has at least one byte, so short texts need no counting.
            if text.len() > most && text.chars().count() > most {
                return Err(("too_long", format!("has at most {most} characters")));
            }
        }
        None if text.len() > DEFAULT_MAX_BYTES => {
            return Err(("too_long", format!("has at most {DEFAULT_MAX_BYTES} bytes")));
        }
        None => {}
    }
    Ok(())
}

/// A value given as text. Digits are kept as the sender wrote them: `1.50` stays `1.50`.
fn written(kind: VariableKind, text: &str) -> Result<Cow<'_, str>, Wrong> {
    let fine = match kind {
        VariableKind::String => true,
        VariableKind::Number => is_json_number(text),
        VariableKind::Integer => is_json_number(text) && !text.contains(['.', 'e', 'E']),
        VariableKind::Boolean => matches!(text, "true" | "false"),
    };
    if fine {
        Ok(Cow::Borrowed(text))
    } else {
        Err(wrong_type(expected(kind)))
    }
}

fn counted(kind: VariableKind, number: &Number) -> Result<String, Wrong> {
    match kind {
        VariableKind::String => Err(wrong_type(
            "is text: put the number in quotes, so that its digits stay as you write them",
        )),
        VariableKind::Boolean => Err(wrong_type(expected(kind))),
        VariableKind::Number => Ok(canonical(number)),
        VariableKind::Integer if !number.is_f64() => Ok(number.to_string()),
        VariableKind::Integer => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() <= EXACT_FLOATS => {
                Ok(canonical(number))
            }
            Some(float) if float.fract() == 0.0 => Err(wrong_type(
                "is too large for an exact JSON number: put it in quotes",
            )),
            _ => Err(wrong_type(expected(kind))),
        },
    }
}

fn expected(kind: VariableKind) -> &'static str {
    match kind {
        VariableKind::String => "must be text",
        VariableKind::Number => "must be a number such as 12.5, or text that is one",
        VariableKind::Integer => "must be a whole number such as 12, or text that is one",
        VariableKind::Boolean => "must be true or false",
    }
}

fn wrong_type(detail: &str) -> Wrong {
    ("wrong_type", detail.to_owned())
}

/// Every whole number up to this is its own double.
const EXACT_FLOATS: f64 = 9_007_199_254_740_992.0;

/// The number as RFC 8785 (and JavaScript) writes it: `12.0` is `12`, `1e21` is `1e+21`.
/// Whole numbers of up to 64 bits keep all their digits.
fn canonical(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    if float == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&float.abs()) {
        return float.to_string();
    }
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        _ => text,
    }
}

/// RFC 8259 section 6, within the range of a double.
fn is_json_number(text: &str) -> bool {
    // serde_json skips white space around a number; the grammar has none.
    let bare = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    bare && serde_json::from_str::<Number>(text).is_ok()
}

#[cfg(test)]
mod tests;
