//! Templates: who owns the words, which variables they take, and how they are rendered.

pub mod check;
pub mod render;
#[cfg(test)]
mod sample;
pub mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::channel::{Channel, Class, Lane};
use crate::content::Content;
use crate::id::TemplateId;
use crate::time::Timestamp;

/// A template: one key, one owner, one channel and class, many versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Number for stores.
    pub id: TemplateId,
    /// What callers name it by; see [`crate::name::key_fault`].
    pub key: String,
    /// For people.
    pub name: String,
    /// How its messages travel.
    pub channel: Channel,
    /// What its messages are for.
    pub class: Class,
    /// Who answers for it.
    pub owner: Ownership,
    /// Whether it may be used.
    pub state: TemplateState,
    /// The version new messages use; versions count from 1.
    pub current: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything about it last changed.
    pub updated_at: Timestamp,
}

impl Template {
    /// The queue of its messages.
    pub const fn lane(&self) -> Lane {
        Lane {
            channel: self.channel,
            class: self.class,
        }
    }
}

/// Who answers for a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The team.
    pub team: String,
    /// The person, usually an e-mail address.
    pub owner: String,
    /// How to reach them when it burns.
    pub contact: String,
    /// The line of business it serves.
    pub business: String,
}

/// Whether a template may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateState {
    /// Being written; sends are refused.
    Draft,
    /// In use.
    Enabled,
    /// Switched off; sends are refused and waiting deliveries stop.
    Disabled,
}

impl TemplateState {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

/// One immutable version of a template's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Counts from 1.
    pub number: u32,
    /// The words with placeholders.
    pub content: Content,
    /// What may and must be filled in.
    pub variables: BTreeMap<String, VariableSpec>,
    /// Per account key: how the vendor knows this template.
    pub vendor_templates: BTreeMap<String, VendorTemplate>,
    /// Dedup, caps, quiet hours as they were written, shape checked; `None` when none were given.
    #[serde(default)]
    pub policies: Option<serde_json::Value>,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

/// What a variable may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableSpec {
    /// Its kind of value.
    pub kind: VariableKind,
    /// Whether a message without it is refused. An optional one renders as its default.
    pub required: bool,
    /// Used when it is not given; empty text when unset.
    pub default: Option<String>,
    /// Most characters of its text.
    pub max_length: Option<u32>,
    /// Stands for it in previews.
    pub example: Option<String>,
    /// Sealed at rest, never shown or logged, wiped when the delivery ends (codes, passwords).
    pub secret: bool,
}

/// The kind of value a variable takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    /// Text.
    String,
    /// A JSON number, or text that is one.
    Number,
    /// A whole number, or text that is one.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// How a vendor that keeps its own approved templates knows this one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorTemplate {
    /// The vendor's template id.
    pub template_id: Option<String>,
    /// The vendor's signature (the text between 【 and 】).
    pub sign: Option<String>,
    /// Our variable names in the order of the vendor's parameters; `None` lets the adapter
    /// pass them by name.
    pub params: Option<Vec<String>>,
}
