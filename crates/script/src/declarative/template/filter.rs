//! What can be done to a value before it is filled in.

use austin_adapter_api::sign::percent_encode;
use austin_domain::Timestamp;
use serde_json::Value;

use super::name::{Name, Names, Place, Scope};
use super::{Filled, Unfilled, pieces};
use crate::digest::{Algorithm, Encoding};
use crate::{instant, phone, xml};

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Lower,
    Upper,
    Trim,
    National,
    Json,
    Number,
    Url,
    Xml,
    Raw,
    Encode(Encoding),
    Digest(Algorithm, Encoding),
    Hmac(Algorithm, Name, Encoding),
    Join(String),
    Default(String),
    /// Another name's value where this one is empty.
    Or(Name),
    Prefix(String),
    Suffix(String),
    Format(String, String),
}

/// How what is filled into a raw body is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::declarative) enum Escape {
    None,
    Xml,
    Url,
}

impl Escape {
    pub(super) fn apply(self, text: String) -> String {
        match self {
            Self::None => text,
            Self::Xml => xml::escape(&text),
            Self::Url => percent_encode(&text),
        }
    }
}

type Fault = (&'static str, String);

impl Filter {
    pub(super) fn parse(text: &str, names: &Names<'_>) -> Result<Self, Fault> {
        let (name, arguments) = match text.split_once('(') {
            None => (text, Vec::new()),
            Some((name, rest)) => {
                let inside = rest
                    .strip_suffix(')')
                    .ok_or(("unclosed", format!("{name}( is not closed")))?;
                (
                    name,
                    pieces(inside, ',').into_iter().map(str::trim).collect(),
                )
            }
        };
        let quoted = |index: usize| -> Result<String, Fault> {
            arguments
                .get(index)
                .and_then(|word: &&str| word.strip_prefix('"')?.strip_suffix('"'))
                .map(str::to_owned)
                .ok_or_else(|| ("bad_argument", format!("{name} needs a quoted text")))
        };
        let (filter, most) = match name {
            "lower" => (Self::Lower, 0),
            "upper" => (Self::Upper, 0),
            "trim" => (Self::Trim, 0),
            "national" => (Self::National, 0),
            "json" => (Self::Json, 0),
            "number" => (Self::Number, 0),
            "url" => (Self::Url, 0),
            "xml" => (Self::Xml, 0),
            "raw" => (Self::Raw, 0),
            "base64" => (Self::Encode(Encoding::Base64), 0),
            "base64url" => (Self::Encode(Encoding::Base64Url), 0),
            "hex" => (Self::Encode(Encoding::Hex), 0),
            "join" => (Self::Join(quoted(0)?), 1),
            "default" => (Self::Default(quoted(0)?), 1),
            "or" => {
                let other = arguments.first().copied().unwrap_or_default();
                // A setting or a secret: both are there at every place.
                (Self::Or(Name::parse(other, names, Place::Inbound)?), 1)
            }
            "prefix" => (Self::Prefix(quoted(0)?), 1),
            "suffix" => (Self::Suffix(quoted(0)?), 1),
            "format" => (Self::format(quoted(0)?, quoted(1).unwrap_or_default())?, 2),
            _ => Self::digest(name, &arguments, names)?,
        };
        if arguments.len() > most {
            return Err((
                "bad_argument",
                format!("{name} takes {most} arguments at most"),
            ));
        }
        Ok(filter)
    }

    /// A digest or an HMAC, and how many arguments it takes.
    fn digest(name: &str, arguments: &[&str], names: &Names<'_>) -> Result<(Self, usize), Fault> {
        let encoding = |index: usize| match arguments.get(index) {
            None => Ok(Encoding::default()),
            Some(word) => Encoding::named(word).ok_or_else(|| {
                let known = Encoding::NAMES.join(", ");
                let detail = format!("the encoding must be one of {known}");
                ("bad_argument", detail)
            }),
        };
        if let Some(algorithm) = Algorithm::named(name) {
            return Ok((Self::Digest(algorithm, encoding(0)?), 1));
        }
        let keyed = name.strip_prefix("hmac_").and_then(Algorithm::named);
        let algorithm =
            keyed.ok_or_else(|| ("unknown_filter", format!("there is no filter {name:?}")))?;
        let key = arguments.first().copied().unwrap_or_default();
        // Keys are secrets and settings: both are there at every place.
        let key = Name::parse(key, names, Place::Inbound)?;
        Ok((Self::Hmac(algorithm, key, encoding(1)?), 2))
    }

    fn format(pattern: String, offset: String) -> Result<Self, Fault> {
        let zone = instant::offset(&offset).ok_or((
            "bad_argument",
            "the offset must be such as +08:00".to_owned(),
        ))?;
        instant::format(Timestamp::default(), &pattern, zone)
            .map_err(|detail| ("bad_argument", detail))?;
        Ok(Self::Format(pattern, offset))
    }

    pub(super) fn apply(&self, value: Filled, scope: &Scope<'_>) -> Result<Filled, Unfilled> {
        match (self, value) {
            (Self::Json, Filled::Text(text)) => match serde_json::from_str(&text) {
                Ok(value) => Ok(Filled::Json(value)),
                Err(_) => Err(Unfilled("a value that must be JSON is none".into())),
            },
            (Self::Json, Filled::List(list)) => Ok(Filled::Json(list.into())),
            (Self::Json | Self::Number, value @ Filled::Json(_)) => Ok(value),
            (Self::Number, value) => {
                let text = value.into_text();
                serde_json::from_str::<serde_json::Number>(&text)
                    .map(|number| Filled::Json(Value::Number(number)))
                    .map_err(|_| Unfilled("a value that must be a number is none".into()))
            }
            (Self::Join(separator), Filled::List(list)) => Ok(Filled::Text(list.join(separator))),
            (_, Filled::List(list)) => list
                .into_iter()
                .map(|text| self.text(&text, scope))
                .collect::<Result<_, _>>()
                .map(Filled::List),
            (_, value) => self.text(&value.into_text(), scope).map(Filled::Text),
        }
    }

    fn text(&self, text: &str, scope: &Scope<'_>) -> Result<String, Unfilled> {
        Ok(match self {
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::Trim => text.trim().to_owned(),
            Self::National => phone::national(text).to_owned(),
            Self::Url => percent_encode(text),
            Self::Xml => xml::escape(text),
            Self::Encode(encoding) => encoding.encode(text.as_bytes()),
            Self::Digest(algorithm, encoding) => {
                encoding.encode(&algorithm.digest(text.as_bytes()))
            }
            Self::Hmac(algorithm, key, encoding) => {
                let key = key.value(scope)?.into_text();
                encoding.encode(&algorithm.hmac(key.as_bytes(), text.as_bytes()))
            }
            Self::Default(default) if text.is_empty() => default.clone(),
            Self::Or(other) if text.is_empty() => other.value(scope)?.into_text(),
            Self::Prefix(prefix) if !text.is_empty() => format!("{prefix}{text}"),
            Self::Suffix(suffix) if !text.is_empty() => format!("{text}{suffix}"),
            Self::Format(pattern, offset) => {
                let at: Timestamp = text
                    .parse()
                    .map_err(|_| Unfilled("format needs an instant, such as now".into()))?;
                let zone = instant::offset(offset).unwrap_or(jiff::tz::Offset::UTC);
                instant::format(at, pattern, zone).map_err(Unfilled)?
            }
            Self::Default(_)
            | Self::Or(_)
            | Self::Prefix(_)
            | Self::Suffix(_)
            | Self::Join(_)
            | Self::Raw
            | Self::Json
            | Self::Number => text.to_owned(),
        })
    }
}
