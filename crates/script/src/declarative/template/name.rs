//! What a template can name, and where.

use std::collections::{BTreeMap, BTreeSet};

use austin_adapter_api::{Account, Batch, Context, Descriptor, Inbound, Item, Subject};
use austin_domain::Content;
use serde_json::Value;

use super::{Filled, Unfilled};
use crate::form;
use crate::shape::query;

/// Where a template stands: not everything is there everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::declarative) enum Place {
    /// A request that sends.
    Send,
    /// The signature of a request, once it is made.
    Sign,
    /// What is made of an answer for one recipient.
    Reply,
    /// A request for a token, for receipts or for the balance.
    Ask,
    /// A request about one delivery.
    Subject,
    /// Proof of origin of receipts.
    Inbound,
}

/// The names of a definition.
#[derive(Clone, Copy, Debug)]
pub(in crate::declarative) struct Names<'a> {
    pub(in crate::declarative) descriptor: &'a Descriptor,
    pub(in crate::declarative) tokens: &'a BTreeSet<String>,
    /// Of `let`, in the order in which they can be used.
    pub(in crate::declarative) lets: &'a BTreeSet<String>,
}

/// The values.
#[derive(Clone, Copy)]
pub(in crate::declarative) struct Scope<'a> {
    pub(in crate::declarative) descriptor: &'a Descriptor,
    pub(in crate::declarative) account: &'a Account,
    pub(in crate::declarative) context: &'a Context,
    pub(in crate::declarative) batch: Option<&'a Batch>,
    pub(in crate::declarative) item: Option<&'a Item>,
    pub(in crate::declarative) lets: Option<&'a BTreeMap<String, String>>,
    pub(in crate::declarative) token: Option<&'a str>,
    pub(in crate::declarative) subject: Option<&'a Subject>,
    pub(in crate::declarative) cursor: Option<&'a Value>,
    pub(in crate::declarative) inbound: Option<&'a Inbound>,
    pub(in crate::declarative) made: Option<&'a BTreeMap<&'static str, String>>,
}

impl<'a> Scope<'a> {
    pub(in crate::declarative) fn new(
        descriptor: &'a Descriptor,
        account: &'a Account,
        context: &'a Context,
    ) -> Self {
        Self {
            descriptor,
            account,
            context,
            batch: None,
            item: None,
            lets: None,
            token: None,
            subject: None,
            cursor: None,
            inbound: None,
            made: None,
        }
    }
}

/// A name in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::declarative) enum Name {
    Setting(String),
    Secret(String),
    Endpoint,
    /// A field of the item; also of the first item where all are the same.
    Item(ItemField),
    /// The field of all items.
    Items(ItemField),
    Template(TemplateField),
    Class,
    Now(NowField),
    Nonce,
    Let(String),
    Token(String),
    Subject(SubjectField),
    Cursor,
    /// The filled in `each` of a raw body.
    Each,
    /// A part of the request, for signing; `signature` once there is one; of a reply, its id.
    Made(&'static str),
    Body,
    Header(String),
    Query(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::declarative) enum ItemField {
    To,
    Text,
    Subject,
    Html,
    Payload,
    Reference,
    Var(String),
    Vars,
}

impl ItemField {
    /// Whether it is the same for all items of a batch of one content.
    pub(in crate::declarative) const fn is_content(&self) -> bool {
        !matches!(self, Self::To | Self::Reference)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::declarative) enum TemplateField {
    Key,
    Id,
    Sign,
    Params,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::declarative) enum NowField {
    Unix,
    Millis,
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::declarative) enum SubjectField {
    Reference,
    To,
    VendorId,
    SentAt,
}

type Fault = (&'static str, String);

impl Name {
    pub(super) fn parse(text: &str, names: &Names<'_>, place: Place) -> Result<Self, Fault> {
        let unknown = || ("unknown_name", format!("there is no {text:?} to fill in"));
        let (head, tail) = text.split_once('.').unwrap_or((text, ""));
        let name = match (head, tail) {
            ("settings", name) => {
                Self::Setting(field(&names.descriptor.settings, "setting", name)?)
            }
            ("secret", name) => Self::Secret(field(&names.descriptor.secrets, "secret", name)?),
            ("endpoint", "") => {
                field(&names.descriptor.settings, "setting", "endpoint")?;
                Self::Endpoint
            }
            ("item", field) => Self::Item(item_field(field).ok_or_else(unknown)?),
            ("vars", "") => Self::Item(ItemField::Vars),
            ("vars", name) => Self::Item(ItemField::Var(name.to_owned())),
            ("reference", "") => Self::Item(ItemField::Reference),
            ("items", field) => Self::Items(item_field(field).ok_or_else(unknown)?),
            ("template", field) => Self::Template(match field {
                "key" => TemplateField::Key,
                "id" => TemplateField::Id,
                "sign" => TemplateField::Sign,
                "params" => TemplateField::Params,
                _ => return Err(unknown()),
            }),
            ("class", "") => Self::Class,
            ("now", field) => Self::Now(match field {
                "unix" => NowField::Unix,
                "millis" => NowField::Millis,
                "" | "text" => NowField::Text,
                _ => return Err(unknown()),
            }),
            ("nonce", "" | "hex") => Self::Nonce,
            ("let", name) if names.lets.contains(name) => Self::Let(name.to_owned()),
            ("token", name) if names.tokens.contains(name) => Self::Token(name.to_owned()),
            ("subject", field) => Self::Subject(match field {
                "reference" => SubjectField::Reference,
                "to" => SubjectField::To,
                "vendor_id" => SubjectField::VendorId,
                "sent_at" => SubjectField::SentAt,
                _ => return Err(unknown()),
            }),
            ("cursor", "") => Self::Cursor,
            ("each", "") => Self::Each,
            ("body", "") => Self::Body,
            ("header", name) if !name.is_empty() => Self::Header(name.to_ascii_lowercase()),
            ("query", name) if !name.is_empty() => Self::Query(name.to_owned()),
            _ => Self::Made(
                [
                    "request.method",
                    "request.path",
                    "request.query",
                    "request.body",
                    "signature",
                    "reply.id",
                ]
                .into_iter()
                .find(|known| *known == text)
                .ok_or_else(unknown)?,
            ),
        };
        if name.is_at(place) {
            Ok(name)
        } else {
            Err(("wrong_place", format!("{text} is not there at this place")))
        }
    }

    fn is_at(&self, place: Place) -> bool {
        match self {
            Self::Setting(_) | Self::Secret(_) | Self::Endpoint | Self::Now(_) | Self::Nonce => {
                true
            }
            Self::Item(_) | Self::Items(_) | Self::Template(_) | Self::Class => {
                matches!(place, Place::Send | Place::Reply | Place::Sign)
            }
            Self::Let(_) | Self::Token(_) => !matches!(place, Place::Inbound | Place::Reply),
            Self::Subject(_) => place == Place::Subject,
            Self::Cursor => place == Place::Ask,
            Self::Each => place == Place::Send,
            Self::Made("reply.id") => place == Place::Reply,
            Self::Made(_) => place == Place::Sign,
            Self::Body | Self::Header(_) | Self::Query(_) => place == Place::Inbound,
        }
    }

    pub(super) fn value(&self, scope: &Scope<'_>) -> Result<Filled, Unfilled> {
        let missing = |what: &str| Unfilled(format!("{what} is not there"));
        let text = |text: &str| Ok(Filled::Text(text.to_owned()));
        match self {
            Self::Setting(name) => Ok(setting(scope, name)),
            Self::Secret(name) => text(scope.account.secret(name).unwrap_or_default()),
            Self::Endpoint => match setting(scope, "endpoint") {
                Filled::Text(base) => text(base.trim_end_matches('/')),
                other => Ok(other),
            },
            Self::Item(field) => {
                let first = || scope.batch.and_then(|batch| batch.items.first());
                let item = scope
                    .item
                    .or_else(first)
                    .ok_or_else(|| missing("an item"))?;
                field.of(item)
            }
            Self::Items(field) => field.of_all(scope),
            Self::Template(field) => field.value(scope),
            Self::Class => text(scope.batch.map_or("", |batch| batch.class.as_str())),
            Self::Now(NowField::Unix) => Ok(Filled::Json(scope.context.now.seconds().into())),
            Self::Now(NowField::Millis) => Ok(Filled::Json(scope.context.now.millis().into())),
            Self::Now(NowField::Text) => text(&scope.context.now.to_string()),
            Self::Nonce => text(&format!("{:032x}", scope.context.nonce)),
            Self::Let(name) => text(
                scope
                    .lets
                    .and_then(|lets| lets.get(name))
                    .map_or("", String::as_str),
            ),
            Self::Token(_) => text(scope.token.ok_or_else(|| missing("the token"))?),
            Self::Subject(field) => field.value(scope),
            Self::Cursor => Ok(scope
                .cursor
                .filter(|cursor| !cursor.is_null())
                .map_or(Filled::Text(String::new()), plain)),
            Self::Each => self.made(scope, "each"),
            Self::Made(name) => self.made(scope, name),
            Self::Body => text(&String::from_utf8_lossy(
                scope.inbound.map_or(&[][..], |inbound| &inbound.body),
            )),
            Self::Header(name) => text(
                scope
                    .inbound
                    .and_then(|inbound| inbound.headers.get(name))
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default(),
            ),
            Self::Query(name) => {
                let url = scope.inbound.map_or("", |inbound| &inbound.url);
                let pairs = form::parse(query(url));
                let found = pairs.iter().find(|(known, _)| known == name);
                text(found.map_or("", |(_, value)| value))
            }
        }
    }

    fn made(&self, scope: &Scope<'_>, name: &str) -> Result<Filled, Unfilled> {
        let made = scope.made.and_then(|made| made.get(name));
        Ok(Filled::Text(made.cloned().unwrap_or_default()))
    }
}

impl SubjectField {
    fn value(self, scope: &Scope<'_>) -> Result<Filled, Unfilled> {
        let missing = |what: &str| Unfilled(format!("{what} is not there"));
        let subject = scope.subject.ok_or_else(|| missing("the delivery"))?;
        Ok(Filled::Text(match self {
            Self::Reference => subject.reference.clone(),
            Self::To => subject.to.clone(),
            Self::VendorId => subject
                .vendor_id
                .clone()
                .ok_or_else(|| missing("the vendor's id"))?,
            Self::SentAt => subject.sent_at.to_string(),
        }))
    }
}

impl ItemField {
    fn of_all(&self, scope: &Scope<'_>) -> Result<Filled, Unfilled> {
        scope
            .batch
            .map_or(&[][..], |batch| &batch.items)
            .iter()
            .map(|item| self.of(item).map(Filled::into_text))
            .collect::<Result<_, _>>()
            .map(Filled::List)
    }

    fn of(&self, item: &Item) -> Result<Filled, Unfilled> {
        let missing = |what: &str| Unfilled(format!("the template has no {what}"));
        let text = match (self, &*item.content) {
            (Self::To, _) => item.to.clone(),
            (Self::Reference, _) => item.reference.clone(),
            (Self::Vars, _) => return Ok(Filled::Json(serde_json::json!(*item.vars))),
            (Self::Var(name), _) => item
                .vars
                .get(name)
                .cloned()
                .ok_or_else(|| missing(&format!("variable {name}")))?,
            (Self::Text, Content::Text { text }) => text.clone(),
            (Self::Text, Content::Email { text, .. }) => text.clone().unwrap_or_default(),
            (Self::Subject, Content::Email { subject, .. }) => subject.clone(),
            (Self::Html, Content::Email { html, .. }) => html.clone().unwrap_or_default(),
            (Self::Payload, Content::Payload { body }) => body.clone(),
            (Self::Text, Content::Payload { .. }) => return Err(missing("text")),
            (Self::Subject | Self::Html, _) => return Err(missing("e-mail content")),
            (Self::Payload, _) => return Err(missing("payload")),
        };
        Ok(Filled::Text(text))
    }
}

impl TemplateField {
    fn value(self, scope: &Scope<'_>) -> Result<Filled, Unfilled> {
        let vendor = scope.batch.and_then(|batch| batch.vendor_template.as_ref());
        let text = match self {
            Self::Key => scope.batch.map(|batch| batch.template.clone()),
            Self::Id => vendor.and_then(|known| known.template_id.clone()),
            Self::Sign => vendor.and_then(|known| known.sign.clone()),
            Self::Params => {
                let first = || scope.batch.and_then(|batch| batch.items.first());
                let item = scope
                    .item
                    .or_else(first)
                    .ok_or_else(|| Unfilled("an item is not there".into()))?;
                let names = vendor.and_then(|known| known.params.as_ref());
                return names
                    .map_or(&[][..], Vec::as_slice)
                    .iter()
                    .map(|name| {
                        let value = item.vars.get(name).cloned();
                        value
                            .ok_or_else(|| Unfilled(format!("the template has no variable {name}")))
                    })
                    .collect::<Result<_, _>>()
                    .map(Filled::List);
            }
        };
        Ok(Filled::Text(text.unwrap_or_default()))
    }
}

impl Filled {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(list) => list.join(","),
            Self::Json(value) => match plain(&value) {
                Self::Text(text) => text,
                Self::List(_) | Self::Json(_) => value.to_string(),
            },
        }
    }
}

/// Text of a JSON string, else the value itself.
fn plain(value: &Value) -> Filled {
    match value {
        Value::String(text) => Filled::Text(text.clone()),
        other => Filled::Json(other.clone()),
    }
}

fn setting(scope: &Scope<'_>, name: &str) -> Filled {
    let given = scope.account.settings.get(name);
    let given = given.filter(|value| !value.is_null() && value.as_str() != Some(""));
    if let Some(value) = given {
        return plain(value);
    }
    let default = scope
        .descriptor
        .settings
        .iter()
        .find(|field| field.name == name)
        .and_then(|field| field.default.clone());
    Filled::Text(default.unwrap_or_default())
}

fn field(fields: &[austin_adapter_api::Field], kind: &str, name: &str) -> Result<String, Fault> {
    if fields.iter().any(|field| field.name == name) {
        return Ok(name.to_owned());
    }
    let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let code = if kind == "secret" {
        "unknown_secret"
    } else {
        "unknown_setting"
    };
    Err((
        code,
        format!(
            "the descriptor has no {kind} {name:?}; known: {}",
            known.join(", ")
        ),
    ))
}

fn item_field(name: &str) -> Option<ItemField> {
    Some(match name {
        "to" => ItemField::To,
        "text" => ItemField::Text,
        "subject" => ItemField::Subject,
        "html" => ItemField::Html,
        "payload" => ItemField::Payload,
        "reference" => ItemField::Reference,
        "vars" => ItemField::Vars,
        _ => ItemField::Var(name.strip_prefix("vars.")?.to_owned()),
    })
}
