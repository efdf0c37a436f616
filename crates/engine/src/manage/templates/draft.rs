//! A version as its author wrote it, and how it becomes one.

use std::collections::BTreeMap;

use austin_domain::template::{VariableKind, VariableSpec, VendorTemplate, Version, check};
use austin_domain::{Channel, Content, Timestamp};
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
    /// Text, number or yes/no.
    pub example: Option<Value>,
    /// Never shown, wiped when the delivery ends.
    pub secret: bool,
}

impl VersionDraft {
    /// The version, or `None` with every fault added.
    pub(super) fn build(
        self,
        faults: &mut Faults,
        snapshot: &Snapshot,
        channel: Option<Channel>,
        (author, now): (String, Timestamp),
    ) -> Option<Version> {
        let content = self.content.build(faults, channel);
        let mut variables = BTreeMap::new();
        for (name, draft) in self.variables {
            if let Some(spec) = draft.build(faults, &name) {
                variables.insert(name, spec);
            }
        }
        if let Some(given) = &self.policies {
            policies::check(faults, given);
        }
        for key in self.vendor_templates.keys() {
            vendor_account(faults, snapshot, channel, key);
        }
        let version = Version {
            number: 1,
            content: content?,
            variables,
            vendor_templates: self.vendor_templates,
            policies: self.policies.filter(|given| *given != Value::Null),
            author,
            created_at: now,
        };
        for fault in check::version(channel?, &version) {
            faults.add(&fault.pointer, fault.code, fault.detail);
        }
        faults.is_empty().then_some(version)
    }
}

impl ContentDraft {
    fn build(self, faults: &mut Faults, channel: Option<Channel>) -> Option<Content> {
        let email =
            channel == Some(Channel::Email) || self.subject.is_some() || self.html.is_some();
        match (email, self.text, self.body) {
            (true, text, None) => {
                if self.subject.is_none() {
                    faults.add("/content/subject", "required", "an e-mail has a subject");
                }
                if self.html.is_none() && text.is_none() {
                    let detail = "an e-mail has html, text or both";
                    faults.add("/content", "required", detail);
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
                faults.add("/content", "required", "must have text or body");
                None
            }
            (_, _, Some(_)) => {
                let detail = "stands alone: no text, subject or html beside it, and not for e-mail";
                faults.add("/content/body", "conflict", detail);
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
        Some(VariableSpec {
            kind: kind?,
            required,
            default,
            max_length: self.max_length,
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

fn vendor_account(faults: &mut Faults, snapshot: &Snapshot, channel: Option<Channel>, key: &str) {
    let pointer = format!("/vendor_templates/{}", step(key));
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
