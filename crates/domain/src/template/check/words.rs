//! The texts of a version: present, within their limits, parsed, every placeholder declared.

use std::collections::BTreeSet;

use super::{Fault, payload};
use crate::channel::Channel;
use crate::content::Content;
use crate::template::text::Text;
use crate::template::{VariableKind, Version};

/// Most characters of an SMS text, before its variables are filled in.
const MAX_SMS_CHARS: usize = 5_000;
/// Most characters of an e-mail subject (RFC 5322 section 2.1.1).
const MAX_SUBJECT_CHARS: usize = 998;
/// Most bytes of each part of an e-mail.
const MAX_PART_BYTES: usize = 512 * 1024;
/// Most bytes of a payload, and of a text on channels other than SMS.
const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// How much a field may hold.
#[derive(Clone, Copy)]
enum Limit {
    Chars(usize),
    Bytes(usize),
}

/// Checks every text of `content`, which stands at `place` (a JSON pointer) in `version`, and
/// gives the names of the variables that they use.
pub(super) fn check(
    channel: Channel,
    version: &Version,
    (place, content): (&str, &Content),
    faults: &mut Vec<Fault>,
) -> BTreeSet<String> {
    let mut fields = Fields {
        version,
        place,
        faults,
        used: BTreeSet::new(),
    };
    match content {
        Content::Text { text } => {
            let limit = match channel {
                Channel::Sms => Limit::Chars(MAX_SMS_CHARS),
                _ => Limit::Bytes(MAX_PAYLOAD_BYTES),
            };
            fields.read("text", text, limit);
            fields.no_controls("text", text);
        }
        Content::Email {
            subject,
            html,
            text,
        } => {
            fields.read("subject", subject, Limit::Chars(MAX_SUBJECT_CHARS));
            if subject.contains(char::is_control) {
                fields.fault("subject", "invalid", "the subject is one line of words");
            }
            if html.is_none() && text.is_none() {
                let detail = "an e-mail needs html, text or both";
                fields.faults.push(Fault::new(place, "required", detail));
            }
            for (field, part) in [("html", html), ("text", text)] {
                if let Some(part) = part {
                    fields.read(field, part, Limit::Bytes(MAX_PART_BYTES));
                    fields.no_controls(field, part);
                }
            }
        }
        Content::Payload { body } => {
            if let Some(body) = fields.read("body", body, Limit::Bytes(MAX_PAYLOAD_BYTES)) {
                fields.json("body", &body);
            }
        }
    }
    fields.used
}

struct Fields<'a> {
    version: &'a Version,
    place: &'a str,
    faults: &'a mut Vec<Fault>,
    used: BTreeSet<String>,
}

impl Fields<'_> {
    fn fault(&mut self, field: &str, code: &'static str, detail: impl Into<String>) {
        let pointer = format!("{}/{field}", self.place);
        self.faults.push(Fault::new(pointer, code, detail));
    }

    /// Checks what every text has in common; the parsed text when there is one to look at.
    fn read(&mut self, field: &str, text: &str, limit: Limit) -> Option<Text> {
        if text.trim().is_empty() {
            self.fault(field, "required", format!("{field} must not be empty"));
            return None;
        }
        let (size, most, unit) = match limit {
            Limit::Chars(most) => (text.chars().count(), most, "characters"),
            Limit::Bytes(most) => (text.len(), most, "bytes"),
        };
        if size > most {
            let detail = format!("{field} has {size} {unit}, at most {most} are allowed");
            self.fault(field, "too_long", detail);
            return None;
        }
        let text = match Text::parse(text) {
            Ok(text) => text,
            Err(error) => {
                self.fault(field, "syntax", error.to_string());
                return None;
            }
        };
        for name in text.variables() {
            if !self.version.variables.contains_key(name) {
                let detail = format!("{field} uses {name}, which variables does not declare");
                self.fault(field, "undeclared_variable", detail);
            }
            self.used.insert(name.to_owned());
        }
        Some(text)
    }

    fn no_controls(&mut self, field: &str, text: &str) {
        if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            let detail = format!("{field} has a control character other than tab and line break");
            self.fault(field, "invalid", detail);
        }
    }

    fn json(&mut self, field: &str, body: &Text) {
        let variables = &self.version.variables;
        let bare = |name: &str| {
            variables.get(name).is_none_or(|spec| {
                spec.kind != VariableKind::String && (spec.required || spec.default.is_some())
            })
        };
        let misplaced = payload::faults(body, bare);
        for (name, detail) in &misplaced {
            self.fault(field, "invalid", format!("in {field}, {name} {detail}"));
        }
        if misplaced.is_empty()
            && let Err(error) = serde_json::from_str::<serde_json::Value>(&payload::sample(body))
        {
            let detail = format!("{field} is not JSON once its variables are filled in: {error}");
            self.fault(field, "not_json", detail);
        }
    }
}
