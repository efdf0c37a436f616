//! `to`: one recipient or many, each an address or an object around one.

use std::fmt;

use austin_engine::send::Recipient;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::Vars;

/// Recipients that are kept while parsing. A body of 8 MiB can name millions, which would take
/// forty times its size in memory; those beyond are only counted, to be refused by their number.
const KEPT: usize = 10_000;

/// The recipients of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Recipients {
    pub(super) kept: Vec<Recipient>,
    pub(super) count: usize,
}

impl<'de> Deserialize<'de> for Recipients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany)
    }
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Recipients;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a recipient or an array of recipients")
    }

    fn visit_str<E: Error>(self, to: &str) -> Result<Recipients, E> {
        Ok(one(plain(to)))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Recipients, A::Error> {
        Single.visit_map(access).map(|single| one(single.0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Recipients, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < KEPT {
            match access.next_element::<Parsed>()? {
                Some(Parsed(recipient)) => kept.push(recipient),
                None => break,
            }
        }
        let mut count = kept.len();
        if count == KEPT {
            while access.next_element::<IgnoredAny>()?.is_some() {
                count += 1;
            }
        }
        Ok(Recipients { kept, count })
    }
}

struct Parsed(Recipient);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Single)
    }
}

struct Single;

impl<'de> Visitor<'de> for Single {
    type Value = Parsed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address or an object with one in `to`")
    }

    fn visit_str<E: Error>(self, to: &str) -> Result<Parsed, E> {
        Ok(Parsed(plain(to)))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Parsed, A::Error> {
        let body = RecipientBody::deserialize(MapAccessDeserializer::new(access))?;
        Ok(Parsed(Recipient {
            to: body.to,
            vars: body.vars.into(),
            reference: body.reference,
            locale: body.locale,
            time_zone: body.time_zone,
        }))
    }
}

fn one(recipient: Recipient) -> Recipients {
    Recipients {
        kept: vec![recipient],
        count: 1,
    }
}

fn plain(to: &str) -> Recipient {
    Recipient {
        to: to.to_owned(),
        ..Recipient::default()
    }
}

/// A recipient with values of their own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Recipient)]
pub(super) struct RecipientBody {
    /// The address: E.164 phone, e-mail address, URL, … as the template's channel has it.
    #[schema(example = "+8613711112201")]
    to: String,
    /// Values for this recipient, over the shared ones.
    #[serde(default)]
    vars: Vars,
    /// Your own name for this delivery, at most 128 characters.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// BCP 47 language of the recipient.
    locale: Option<String>,
    /// IANA time zone of the recipient.
    time_zone: Option<String>,
}

/// One recipient: an address, or an object around one.
#[derive(ToSchema)]
#[schema(as = ToOne)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents what the visitor above reads")]
pub(super) enum OneSchema {
    /// An address.
    Address(String),
    /// An address with values of its own.
    Recipient(RecipientBody),
}

/// One recipient or an array of at most 1,000.
#[derive(ToSchema)]
#[schema(as = To)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents what the visitor above reads")]
pub(super) enum ToSchemaDoc {
    /// One recipient.
    One(OneSchema),
    /// Many recipients.
    Many(Vec<OneSchema>),
}
