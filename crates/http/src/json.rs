//! Reading JSON, and naming what is wrong with it.
//!
//! The fast path is one plain parse. Only a body that fails is parsed again with its path
//! tracked, so that good requests do not pay for good errors.

use austin_engine::FieldFault;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::app::App;
use crate::body;
use crate::problem::{Code, Problem};

#[cfg(test)]
mod tests;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        body::require_json(&parts.headers)?;
        let bytes = body::collect(&parts.headers, body, &app.options).await?;
        parse(&bytes).map(Self)
    }
}

/// A JSON body that may be left out.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<App> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = body::collect(&parts.headers, body, &app.options).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        body::require_json(&parts.headers)?;
        parse(&bytes).map(Self)
    }
}

/// Reads `bytes`.
///
/// # Errors
/// The place of the syntax error, or the field at fault.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let read = serde_json::from_slice(bytes).map_err(|error| explain::<T>(bytes, &error))?;
    // serde reads an array as a struct, field by field in their order. We do not.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Problem::field("", "wrong_type", "must be an object"));
    }
    Ok(read)
}

#[cold]
fn explain<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Problem {
    match error.classify() {
        Category::Data => {}
        Category::Syntax | Category::Eof | Category::Io => return not_json(bytes, error),
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) => {
            let pointer = pointer(error.path());
            Problem::fields(vec![fault(&pointer, &error.inner().to_string())])
        }
        // What follows the document is at fault.
        Ok(_) => not_json(bytes, error),
    }
}

fn not_json(bytes: &[u8], error: &serde_json::Error) -> Problem {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Problem::new(Code::MalformedJson, "the body is empty");
    }
    // The message may quote what it met; its place is enough.
    let words = match error.classify() {
        Category::Eof => "the JSON breaks off",
        Category::Syntax | Category::Io | Category::Data => "not JSON",
    };
    let detail = format!("{words} at line {} column {}", error.line(), error.column());
    Problem::new(Code::MalformedJson, detail)
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        let step = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            // An unknown field, which its message names.
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&step);
    }
    pointer
}

/// A field fault from serde's message. The messages are serde's own and stable in practice; a
/// message of another form is passed on as it is.
fn fault(pointer: &str, message: &str) -> FieldFault {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message);
    let named = |rest: &str| {
        let name = rest.split('`').nth(1).unwrap_or_default();
        let step = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        // Some deserializers put the field itself into the path, some its parent.
        let base = pointer.strip_suffix(&step).unwrap_or(pointer);
        format!("{base}{step}")
    };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let known = rest
            .split_once("expected ")
            .map_or("none", |(_, known)| known)
            .trim_start_matches("one of ")
            .replace('`', "");
        let detail = format!("is not a field here; known: {known}");
        return FieldFault::new(named(rest), "unknown_field", detail);
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return FieldFault::new(named(rest), "required", "is required");
    }
    if let Some(rest) = message.strip_prefix("duplicate field ") {
        return FieldFault::new(named(rest), "duplicate_field", "stands in the object twice");
    }
    if let Some(rest) = message.strip_prefix("invalid type: ") {
        let (found, expected) = rest.rsplit_once(", expected ").unwrap_or((rest, "another"));
        let detail = format!("must be {}, not {}", wanted(expected), kind(found));
        return FieldFault::new(pointer, "wrong_type", detail);
    }
    if message.starts_with("invalid length ") {
        return FieldFault::new(pointer, "wrong_type", "must be an object");
    }
    if let Some(rest) = message.strip_prefix("invalid value: ") {
        let expected = rest
            .rsplit_once(", expected ")
            .map_or("another", |(_, e)| e);
        return FieldFault::new(pointer, "out_of_range", format!("must be {expected}"));
    }
    FieldFault::new(pointer, "invalid", message)
}

/// serde's word for what it wanted, in JSON's words.
fn wanted(expected: &str) -> &str {
    match expected {
        "a map" => "an object",
        "a sequence" => "an array",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

/// The kind of value without the value, which may be private.
fn kind(found: &str) -> &str {
    found
        .split([' ', '`', '"'])
        .next()
        .filter(|word| !word.is_empty())
        .unwrap_or("this")
}
