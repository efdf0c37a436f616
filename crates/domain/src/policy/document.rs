//! Policies as people write them: one JSON document, read with every fault named by its place.

mod read;

use serde_json::Value;

use super::rules::{Over, Rules};
use crate::channel::{Channel, Class};
use crate::template::check::Fault;

/// A policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// What it is for, for people.
    pub description: Option<String>,
    /// Which templates it is for.
    pub applies_to: AppliesTo,
    /// What it says.
    pub rules: Rules,
}

/// Which templates a policy is for. An empty list stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliesTo {
    /// Channels.
    pub channels: Vec<Channel>,
    /// Classes.
    pub classes: Vec<Class>,
    /// Teams that own the template.
    pub teams: Vec<String>,
    /// Template keys.
    pub templates: Vec<String>,
}

impl AppliesTo {
    /// Whether it is for this template.
    pub fn fits(&self, channel: Channel, class: Class, team: &str, template: &str) -> bool {
        (self.channels.is_empty() || self.channels.contains(&channel))
            && (self.classes.is_empty() || self.classes.contains(&class))
            && (self.teams.is_empty() || self.teams.iter().any(|one| one == team))
            && (self.templates.is_empty() || self.templates.iter().any(|one| one == template))
    }

    /// The narrowest thing it names: what its caps count over, and how strong it is.
    pub const fn narrowest(&self) -> Over {
        if !self.templates.is_empty() {
            Over::Template
        } else if !self.teams.is_empty() {
            Over::Team
        } else if !self.classes.is_empty() {
            Over::Class
        } else if !self.channels.is_empty() {
            Over::Channel
        } else {
            Over::All
        }
    }
}

impl Document {
    /// Reads a policy. What is at fault is left out of the document and named.
    pub fn read(value: &Value) -> (Self, Vec<Fault>) {
        read::document(value)
    }
}

impl Rules {
    /// Reads the rules that a template version carries itself: the same but for `description`,
    /// `applies_to` and `approval`, which is not its author's to say.
    pub fn read(value: &Value) -> (Self, Vec<Fault>) {
        read::own_rules(value)
    }
}

#[cfg(test)]
mod tests;
