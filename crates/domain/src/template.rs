//! Templates: who owns the words, which variables they take, and how they are rendered.

pub mod check;
pub mod diff;
pub mod life;
pub mod pattern;
pub mod render;
#[cfg(test)]
mod sample;
pub mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::channel::{Channel, Class, Lane};
use crate::content::Content;
use crate::id::TemplateId;
use crate::time::Timestamp;

pub use life::{Life, Mark, Standing, Step, TemplateState, VersionState};
pub use pattern::Pattern;

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
    /// The version new messages use, or would if the template were in use; versions count from 1.
    pub current: u32,
    /// The last step of its life: who, when, why. `None` before the first.
    pub since: Option<Mark>,
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

/// One version of a template's words. All but its standing is for life.
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
    /// The words in other languages, by canonical language tag; see [`crate::locale`].
    #[serde(default)]
    pub locales: BTreeMap<String, Localised>,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// How far it has come.
    #[serde(default)]
    pub standing: Standing,
}

impl Version {
    /// Whether it says the same as `other`, whoever wrote it and wherever it stands.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.content == other.content
            && self.variables == other.variables
            && self.vendor_templates == other.vendor_templates
            && self.policies == other.policies
            && self.locales == other.locales
    }

    /// Which of its languages answers for `wanted`, a canonical tag; `None`: the default words.
    pub fn locale(&self, wanted: Option<&str>) -> Option<&str> {
        if self.locales.is_empty() {
            return None;
        }
        let found = crate::locale::lookup(wanted?, |tag| self.locales.contains_key(tag))?;
        let (tag, _) = self.locales.get_key_value(&found)?;
        Some(tag)
    }

    /// How the vendor of `account` knows the words in the language `locale`, one of its own.
    /// Words of a language are known by that language's entry and no other; its signature is the
    /// default's where it names none.
    pub fn vendor_template(
        &self,
        account: &str,
        locale: Option<&str>,
    ) -> Option<Cow<'_, VendorTemplate>> {
        let usual = self.vendor_templates.get(account);
        let Some(localised) = locale.and_then(|tag| self.locales.get(tag)) else {
            return usual.map(Cow::Borrowed);
        };
        let sign = usual.and_then(|usual| usual.sign.as_ref());
        match (localised.vendor_templates.get(account), sign) {
            (Some(own), None) => Some(Cow::Borrowed(own)),
            (Some(own), Some(_)) if own.sign.is_some() => Some(Cow::Borrowed(own)),
            (Some(own), Some(sign)) => Some(Cow::Owned(VendorTemplate {
                sign: Some(sign.clone()),
                ..own.clone()
            })),
            (None, Some(sign)) => Some(Cow::Owned(VendorTemplate {
                sign: Some(sign.clone()),
                ..VendorTemplate::default()
            })),
            (None, None) => None,
        }
    }
}

/// The words of a version in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Localised {
    /// The words; of the same kind as the version's, with the same variables.
    pub content: Content,
    /// Per account key: how the vendor knows these words.
    #[serde(default)]
    pub vendor_templates: BTreeMap<String, VendorTemplate>,
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
    /// Least characters of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// What its whole text must look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// The only texts it may have; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<String>,
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
