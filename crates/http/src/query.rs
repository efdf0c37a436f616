//! Query parameters: unknown and repeated ones are refused, not ignored.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::app::App;
use crate::json;
use crate::problem::Problem;

/// The query parameters, as a struct whose fields are all `Option<String>`. Parameters without a
/// value count as not given.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let mut given = Map::new();
        let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        for (name, value) in pairs {
            let name = name.into_owned();
            if given.contains_key(&name) {
                let pointer = format!("/{name}");
                return Err(Problem::field(
                    &pointer,
                    "duplicate_field",
                    "is given twice",
                ));
            }
            let value = match value.is_empty() {
                true => Value::Null,
                false => Value::String(value.into_owned()),
            };
            given.insert(name, value);
        }
        json::parse(Value::Object(given).to_string().as_bytes()).map(Self)
    }
}
