//! What policies name: lists of words, and calendars.
//!
//! Both are compiled once, before they come into a snapshot; a snapshot shares them.

use std::sync::Arc;

use austin_domain::Timestamp;
use austin_domain::calendar::Calendar;
use austin_domain::content_check::{WordFault, WordList};
use austin_domain::template::VersionState;
use serde_json::Value;

use super::Snapshot;

/// A list of words as it is kept.
#[derive(Clone, Debug)]
pub struct WordListEntry {
    /// Its name (key rules).
    pub name: String,
    /// The team it belongs to; `None`: everybody's.
    pub team: Option<String>,
    /// Counts its changes from 1, and goes on where it is deleted and made again.
    pub version: u32,
    /// As it was written and as it is looked for.
    pub words: Words,
    /// Who changed it.
    pub author: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub updated_at: Timestamp,
}

/// Words as they were written, one a line, with what they compile to.
#[derive(Clone, Debug)]
pub struct Words {
    text: Arc<str>,
    list: Arc<WordList>,
}

impl Words {
    /// Compiles `text`; takes a while for a long one.
    ///
    /// # Errors
    /// Every line that cannot be used ([`WordList::from_text`]).
    pub fn compile(name: &str, text: &str) -> Result<Self, Vec<WordFault>> {
        Ok(Self {
            list: Arc::new(WordList::from_text(name, text)?),
            text: text.into(),
        })
    }

    /// One word a line, with the blank lines and comments it was written with.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What texts are looked through with.
    pub const fn list(&self) -> &Arc<WordList> {
        &self.list
    }
}

/// A calendar as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarEntry {
    /// Its name (key rules).
    pub name: String,
    /// Counts its changes from 1, and goes on where it is deleted and made again.
    pub version: u32,
    /// Its days.
    pub calendar: Arc<Calendar>,
    /// Who changed it.
    pub author: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub updated_at: Timestamp,
}

/// What a policy may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// A list of words, in `content.words`.
    WordList(&'a str),
    /// A calendar, in `quiet_hours.calendar`.
    Calendar(&'a str),
}

impl Named<'_> {
    /// Whether the rules of a policy or of a template version name it.
    pub fn stands_in(self, rules: &Value) -> bool {
        match self {
            Self::WordList(name) => rules["content"]["words"]
                .as_array()
                .is_some_and(|words| words.iter().any(|word| word == name)),
            Self::Calendar(name) => rules["quiet_hours"]["calendar"] == name,
        }
    }

    /// Whose rules name it, as in the audit trail, in order. Of templates those versions count that
    /// are live or may become so without being written anew; retired ones do not.
    pub fn users(self, snapshot: &Snapshot) -> Vec<String> {
        let mut users: Vec<String> = documents(snapshot)
            .filter(|(_, rules)| self.stands_in(rules))
            .map(|(user, _)| user)
            .collect();
        users.sort();
        users.dedup();
        users
    }
}

/// Every document of rules that holds or may come to hold, with what it belongs to.
fn documents(snapshot: &Snapshot) -> impl Iterator<Item = (String, &Value)> {
    let policies = snapshot.policies.iter();
    let policies = policies
        .filter_map(|(name, policy)| Some((format!("policy/{name}"), policy.json.as_ref()?)));
    let versions = snapshot.templates.values().flat_map(|entry| {
        let subject = format!("template/{}", entry.template.key);
        let versions = entry.versions.iter();
        versions
            .filter(|version| version.standing.state != VersionState::Retired)
            .filter_map(move |version| Some((subject.clone(), version.policies.as_ref()?)))
    });
    policies.chain(versions)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_name_what_stands_in_them() {
        let rules = json!({
            "content": {"words": ["finance", "games"], "links": ["links.example"]},
            "quiet_hours": {"action": "hold", "calendar": "cn-2026"},
        });
        for (named, stands) in [
            (Named::WordList("finance"), true),
            (Named::WordList("games"), true),
            (Named::WordList("cn-2026"), false),
            (Named::WordList("links.example"), false),
            (Named::Calendar("cn-2026"), true),
            (Named::Calendar("games"), false),
        ] {
            assert_eq!(named.stands_in(&rules), stands, "{named:?}");
        }
        for rules in [
            json!(null),
            json!([]),
            json!({"quiet_hours": "hold", "content": {"words": "finance"}}),
            json!({"quiet_hours": ["cn-2026"], "content": "finance"}),
        ] {
            assert!(!Named::WordList("finance").stands_in(&rules), "{rules}");
            assert!(!Named::Calendar("cn-2026").stands_in(&rules), "{rules}");
        }
    }
}
