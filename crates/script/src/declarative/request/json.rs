//! JSON bodies.

use serde_json::{Map, Value};

use super::super::template::{Names, Place, Scope, Template, Unfilled};
use super::{items, optional};
use crate::node::Node;

/// JSON with templates as its strings.
#[derive(Clone, Debug)]
pub(super) enum Json {
    Constant(Value),
    Filled(Template),
    Object(Vec<(String, bool, Self)>),
    List(Vec<Self>),
    Each(Box<Self>),
}

impl Json {
    /// Reads JSON with templates; `None` when a fault was noted.
    pub(super) fn read(node: &Node<'_>, names: &Names<'_>, place: Place) -> Option<Self> {
        match node.value() {
            Value::String(_) => Template::read(node, names, place).map(Self::Filled),
            Value::Array(_) => node
                .elements()
                .iter()
                .map(|node| Self::read(node, names, place))
                .collect::<Option<_>>()
                .map(Self::List),
            Value::Object(object) if object.contains_key("$each") => {
                node.object(&["$each"])?;
                let each = node.get("$each")?;
                Self::read(&each, names, place).map(|inner| Self::Each(Box::new(inner)))
            }
            Value::Object(_) => node
                .fields()
                .iter()
                .map(|(name, node)| {
                    let (name, optional) = optional(name);
                    Some((name, optional, Self::read(node, names, place)?))
                })
                .collect::<Option<_>>()
                .map(Self::Object),
            constant => Some(Self::Constant(constant.clone())),
        }
    }

    /// The value.
    pub(super) fn filled(&self, scope: &Scope<'_>) -> Result<Value, Unfilled> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Filled(template) => template.json(scope),
            Self::List(list) => list.iter().map(|inner| inner.filled(scope)).collect(),
            Self::Each(inner) => items(scope)
                .iter()
                .map(|item| {
                    inner.filled(&Scope {
                        item: Some(item),
                        ..*scope
                    })
                })
                .collect(),
            Self::Object(fields) => {
                let mut object = Map::new();
                for (name, optional, inner) in fields {
                    let value = match inner.filled(scope) {
                        Err(_) if *optional => continue,
                        other => other?,
                    };
                    let empty = value.is_null() || value.as_str() == Some("");
                    if !(*optional && empty) {
                        object.insert(name.clone(), value);
                    }
                }
                Ok(Value::Object(object))
            }
        }
    }

    /// The templates outside of `$each`.
    pub(super) fn collect<'a>(&'a self, into: &mut Vec<&'a Template>) {
        match self {
            Self::Constant(_) | Self::Each(_) => {}
            Self::Filled(template) => into.push(template),
            Self::List(list) => list.iter().for_each(|inner| inner.collect(into)),
            Self::Object(fields) => fields.iter().for_each(|(_, _, inner)| inner.collect(into)),
        }
    }
}
