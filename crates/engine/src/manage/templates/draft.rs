//! A version as its author wrote it, and how it becomes one.

use std::collections::BTreeMap;

use austin_domain::template::{
    Localised, Pattern, Standing, VariableKind, VariableSpec, VendorTemplate, Version, check,
};
use austin_domain::{Channel, Content, Timestamp, locale};
use austin_ports::catalog::Snapshot;
use serde_json::Value;

use crate::manage::faults::{Faults, step};
use crate::manage::policies;

/// A version as its author wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VersionDraft {
    /// The words.
    pub content: ContentDraft,
    /// What may and must be filled in.
    pub variables: BTreeMap<String, VariableDraft>,
    /// Dedup, caps, quiet hours.
    pub policies: Option<Value>,
    /// Per account key: how the vendor knows this template.
    pub vendor_templates: BTreeMap<String, VendorTemplate>,
    /// The words in other languages, by language tag in any spelling.
    pub locales: BTreeMap<String, LocaleDraft>,
}

/// The words of a version in one language.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocaleDraft {
    /// The words.
    pub content: ContentDraft,
    /// Per account key: how the vendor knows these words.
    pub vendor_templates: BTreeMap<String, VendorTemplate>,
}

/// The words of a version: `text`, or `subject` with `html` and/or `text`, or `body`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContentDraft {
    /// Plain text, or the plain part of an e-mail.
    pub text: Option<String>,
    /// Subject of an e-mail.
    pub subject: Option<String>,
    /// HTML part of an e-mail.
    pub html: Option<String>,
    /// A JSON document: an object, or its text.
    pub body: Option<Value>,
}

/// A variable as its author wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VariableDraft {
    /// `string` (when not given), `number`, `integer` or `boolean`.
    pub kind: Option<String>,
    /// When not given: whether there is no default.
    pub required: Option<bool>,
    /// Text, number or yes/no.
    pub default: Option<Value>,
    /// Most characters.
    pub max_length: Option<u32>,
    /// Least characters.
    pub min_length: Option<u32>,
    /// A regular expression for the whole text.
    pub pattern: Option<String>,
    /// The only values it may have: texts, numbers or yes/no.
    pub one_of: Vec<Value>,
    /// Text, number or yes/no.
    pub example: Option<Value>,
    /// Never shown, wiped when the delivery ends.
    pub secret: bool,
}

impl VersionDraft {
    /// The version, or `None` with every fault added. Without a snapshot accounts are taken at
    /// their word.
    pub(super) fn build(
        self,
        faults: &mut Faults,
        snapshot: Option<&Snapshot>,
        channel: Option<Channel>,
        (author, now): (String, Timestamp),
    ) -> Option<Version> {
        let content = self.content.build(faults, "/content", channel);
        let mut variables = BTreeMap::new();
        for (name, draft) in self.variables {
            if let Some(spec) = draft.build(faults, &name) {
                variables.insert(name, spec);
            }
        }
        if let Some(given) = &self.policies {
            policies::check(faults, given);
        }
        if let Some(snapshot) = snapshot {
            for key in self.vendor_templates.keys() {
                vendor_account(faults, snapshot, channel, ("", key));
            }
            for (tag, draft) in &self.locales {
                let place = format!("/locales/{}", step(tag));
                for key in draft.vendor_templates.keys() {
                    vendor_account(faults, snapshot, channel, (&place, key));
                }
            }
        }
        let locales = localised(faults, channel, self.locales);
        let version = Version {
            number: 1,
            content: content?,
            variables,
            vendor_templates: self.vendor_templates,
            policies: self.policies.filter(|given| *given != Value::Null),
            locales,
            author,
            created_at: now,
            standing: Standing::default(),
        };
        for fault in check::version(channel?, &version) {
            faults.add(&fault.pointer, fault.code, fault.detail);
        }
        faults.is_empty().then_some(version)
    }
}

/// The languages under their canonical tags. What is no tag is left to the check of the version,
/// which names it.
fn localised(
    faults: &mut Faults,
    channel: Option<Channel>,
    drafts: BTreeMap<String, LocaleDraft>,
) -> BTreeMap<String, Localised> {
    let mut locales = BTreeMap::new();
    for (given, draft) in drafts {
        let place = format!("/locales/{}", step(&given));
        let tag = locale::canonical(&given).unwrap_or_else(|_| given.clone());
        if locales.contains_key(&tag) {
            let detail = format!("is the same language as another one here: {tag}");
            faults.add(&place, "duplicate_locale", detail);
        }
        if let Some(content) = draft.content.build(faults, &place, channel) {
            let vendor_templates = draft.vendor_templates;
            locales.insert(
                tag,
                Localised {
                    content,
                    vendor_templates,
                },
            );
        }
    }
    locales
}

impl ContentDraft {
    fn build(self, faults: &mut Faults, place: &str, channel: Option<Channel>) -> Option<Content> {
        let email =
            channel == Some(Channel::Email) || self.subject.is_some() || self.html.is_some();
        match (email, self.text, self.body) {
            (true, text, None) => {
                if self.subject.is_none() {
                    faults.add(
                        &format!("{place}/subject"),
                        "required",
                        "an e-mail has a subject",
                    );
                }
                if self.html.is_none() && text.is_none() {
                    let detail = "an e-mail has html, text or both";
                    faults.add(place, "required", detail);
                }
                Some(Content::Email {
                    subject: self.subject?,
                    html: self.html,
                    text,
                })
            }
            (false, Some(text), None) => Some(Content::Text { text }),
            (false, None, Some(body)) => Some(Content::Payload {
                body: match body {
                    Value::String(text) => text,
                    document => document.to_string(),
                },
            }),
            (false, None, None) => {
                faults.add(place, "required", "must have text or body");
                None
            }
            (_, _, Some(_)) => {
                let detail = "stands alone: no text, subject or html beside it, and not for e-mail";
                faults.add(&format!("{place}/body"), "conflict", detail);
                None
            }
        }
    }
}

impl VariableDraft {
    fn build(self, faults: &mut Faults, name: &str) -> Option<VariableSpec> {
        let pointer = format!("/variables/{}", step(name));
        let kind = match self.kind.as_deref() {
            None | Some("string") => Some(VariableKind::String),
            Some("number") => Some(VariableKind::Number),
            Some("integer") => Some(VariableKind::Integer),
            Some("boolean") => Some(VariableKind::Boolean),
            Some(_) => {
                let detail = "must be one of string, number, integer, boolean";
                faults.add(&format!("{pointer}/type"), "unknown_value", detail);
                None
            }
        };
        let default = scalar(faults, &format!("{pointer}/default"), self.default);
        let example = scalar(faults, &format!("{pointer}/example"), self.example);
        let required = self.required.unwrap_or(default.is_none());
        let place = format!("{pointer}/pattern");
        let pattern = self.pattern.and_then(|source| {
            let compiled = Pattern::new(&source);
            compiled
                .map_err(|detail| faults.add(&place, "invalid", detail))
                .ok()
        });
        let one_of = (0..)
            .zip(self.one_of)
            .filter_map(|(index, value): (usize, Value)| {
                let place = format!("{pointer}/one_of/{index}");
                if value == Value::Null {
                    faults.add(
                        &place,
                        "wrong_type",
                        "must be text, a number, true or false",
                    );
                }
                scalar(faults, &place, Some(value))
            })
            .collect();
        Some(VariableSpec {
            kind: kind?,
            required,
            default,
            max_length: self.max_length,
            min_length: self.min_length,
            pattern,
            one_of,
            example,
            secret: self.secret,
        })
    }
}

fn scalar(faults: &mut Faults, pointer: &str, value: Option<Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Array(_) | Value::Object(_) => {
            faults.add(
                pointer,
                "wrong_type",
                "must be text, a number, true or false",
            );
            None
        }
    }
}

fn vendor_account(
    faults: &mut Faults,
    snapshot: &Snapshot,
    channel: Option<Channel>,
    (place, key): (&str, &str),
) {
    let pointer = format!("{place}/vendor_templates/{}", step(key));
    match snapshot.account(key) {
        None => faults.add(
            &pointer,
            "unknown_account",
            "there is no account by this key; make it first",
        ),
        Some(account) if channel.is_some_and(|channel| channel != account.channel) => faults.add(
            &pointer,
            "wrong_channel",
            format!("this account carries {}", account.channel),
        ),
        Some(_) => {}
    }
}
