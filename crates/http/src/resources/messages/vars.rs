//! Variable values as clients send them: any JSON, but no name twice.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Values by name.
#[derive(Clone, Debug, Default, PartialEq, ToSchema)]
#[schema(value_type = std::collections::HashMap<String, Value>, example = json!({"order": "A1"}))]
pub(crate) struct Vars(Map<String, Value>);

impl From<Vars> for Map<String, Value> {
    fn from(vars: Vars) -> Self {
        vars.0
    }
}

impl<'de> Deserialize<'de> for Vars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Vars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of values by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Vars, A::Error> {
        let mut values = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if values.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            values.insert(name, value);
        }
        Ok(Vars(values))
    }
}
