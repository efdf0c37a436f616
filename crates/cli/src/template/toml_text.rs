//! Writes JSON values as TOML that people like to read.

use serde_json::{Map, Value};

use crate::exit::Failure;

/// Appends `name = value`.
///
/// # Errors
/// When TOML cannot say it.
pub(super) fn field(out: &mut String, name: &str, value: &Value) -> Result<(), Failure> {
    let document = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
    out.push_str(&written(&document)?);
    Ok(())
}

/// Appends a table under its own heading.
///
/// # Errors
/// When TOML cannot say it.
pub(super) fn table(out: &mut String, name: &str, value: &Value) -> Result<(), Failure> {
    out.push('\n');
    field(out, name, value)
}

fn written(document: &Value) -> Result<String, Failure> {
    toml::to_string_pretty(document)
        .map_err(|error| Failure::failed(format!("cannot be written as TOML: {error}")))
}
