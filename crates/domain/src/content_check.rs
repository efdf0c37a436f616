//! What a text must not say, and what it must: words, links, length, the way to opt out.
//!
//! A [`Spec`] is what people write in a policy; [`Rules`] are what it compiles to, with the word
//! lists it names. The invariant: a check looks at what the reader gets, after rendering, and
//! names every fault with the rule that it breaks; it never says the address.

mod fold;
mod html;
mod index;
mod links;
mod words;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use links::{Domains, Link, MAX_DOMAINS, find as find_links};
pub use words::{Found, MAX_WORD, MAX_WORDS, WordFault, WordList};

use crate::channel::{Channel, Class, Lane};
use crate::content::Content;
use crate::segments;

/// Most faults of one kind that a check names.
const MOST_NAMED: usize = 5;

/// What becomes of a text with a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFault {
    /// It is refused.
    #[default]
    Refuse,
    /// It waits for somebody to say yes.
    Hold,
}

/// The rules as they are written: `content` of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Names of word lists of which no word may stand in a text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// The hosts that links may lead to; an empty list allows no link, none at all any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<String>>,
    /// Most billing parts of a text message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_segments: Option<u16>,
    /// Most characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// Wording of which a marketing text message has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<OptOut>,
    /// What becomes of a text with a fault.
    #[serde(default)]
    pub on_fault: OnFault,
}

/// Ways to say how one opts out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptOut {
    /// One of these must stand in the text; capitals, width and blanks do not matter.
    pub any_of: Vec<String>,
}

/// A field of a [`Spec`] that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadSpec {
    /// The field, as a path: `links/2`.
    pub field: String,
    /// What is wrong and what is expected.
    pub why: String,
}

/// Compiled rules.
#[derive(Clone, Debug)]
pub struct Rules {
    words: Vec<Arc<WordList>>,
    links: Option<Domains>,
    max_segments: Option<u16>,
    max_length: Option<u32>,
    /// Folded, beside the wording as written.
    opt_out: Vec<(String, String)>,
    on_fault: OnFault,
}

/// One text to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// How it goes and what it is for.
    pub lane: Lane,
    /// The recipient: the country of a phone decides on the parts.
    pub to: &'a str,
    /// The signature that the vendor puts before a text message.
    pub sign: Option<&'a str>,
    /// The rendered words.
    pub content: &'a Content,
}

/// Where in a message something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The text, or the plain text of a mail.
    Text,
    /// The subject of a mail.
    Subject,
    /// The HTML of a mail.
    Html,
    /// The strings of a JSON document.
    Payload,
}

/// One thing that is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A word of a list.
    Word {
        /// Which word of which list.
        found: Found,
        /// Where; `found.at` counts in the visible words of it.
        part: Part,
    },
    /// A link to a host that is not allowed.
    Link {
        /// The host.
        host: String,
        /// Where.
        part: Part,
    },
    /// More billing parts than allowed.
    Segments {
        /// How many it has.
        count: u16,
        /// How many it may have.
        most: u16,
    },
    /// More characters than allowed.
    Length {
        /// How many it has.
        count: u32,
        /// How many it may have.
        most: u32,
        /// Of which part.
        part: Part,
    },
    /// A marketing text message that does not say how one opts out.
    OptOut {
        /// One of these is missing.
        any_of: Vec<String>,
    },
}

/// What a check comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Nothing is wrong.
    Passed,
    /// It is refused for these reasons.
    Refused(Vec<Finding>),
    /// It waits for approval for these reasons.
    Held(Vec<Finding>),
}

impl Spec {
    /// Compiles the rules; `lists` gives a word list by its name.
    ///
    /// # Errors
    /// Every field that cannot be, unknown lists among them.
    pub fn compile(
        &self,
        mut lists: impl FnMut(&str) -> Option<Arc<WordList>>,
    ) -> Result<Rules, Vec<BadSpec>> {
        let mut faults = Vec::new();
        let mut fault = |field: String, why: String| faults.push(BadSpec { field, why });
        let mut words = Vec::new();
        for (index, name) in self.words.iter().enumerate() {
            match lists(name) {
                Some(list) => words.push(list),
                None => {
                    let name: String = name.chars().take(80).collect();
                    fault(
                        format!("words/{index}"),
                        format!("there is no word list {name:?}"),
                    );
                }
            }
        }
        let links = self.links.as_ref().map(|entries| Domains::new(entries));
        let links = match links.transpose() {
            Ok(links) => links,
            Err(wrong) => {
                for (index, why) in wrong {
                    fault(format!("links/{index}"), why);
                }
                None
            }
        };
        if self.max_segments == Some(0) {
            fault("max_segments".to_owned(), "must be at least 1".to_owned());
        }
        if self.max_length == Some(0) {
            fault("max_length".to_owned(), "must be at least 1".to_owned());
        }
        let mut opt_out = Vec::new();
        if let Some(OptOut { any_of }) = &self.opt_out {
            if any_of.is_empty() {
                let why = "must name at least one wording".to_owned();
                fault("opt_out/any_of".to_owned(), why);
            }
            for (index, wording) in any_of.iter().enumerate() {
                let folded = fold::fold(wording).bare();
                if folded.is_empty() {
                    let why = "has neither letters nor digits".to_owned();
                    fault(format!("opt_out/any_of/{index}"), why);
                }
                opt_out.push((folded, wording.clone()));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Rules {
            words,
            links,
            max_segments: self.max_segments,
            max_length: self.max_length,
            opt_out,
            on_fault: self.on_fault,
        })
    }
}

impl Rules {
    /// Checks one text.
    pub fn check(&self, item: &Item<'_>) -> Checked {
        let mut findings = Vec::new();
        self.check_parts(item, &mut findings);
        self.check_text_message(item, &mut findings);
        if findings.is_empty() {
            return Checked::Passed;
        }
        match self.on_fault {
            OnFault::Refuse => Checked::Refused(findings),
            OnFault::Hold => Checked::Held(findings),
        }
    }

    fn check_parts(&self, item: &Item<'_>, findings: &mut Vec<Finding>) {
        match item.content {
            Content::Text { text } => self.check_words(text, Part::Text, findings),
            Content::Email {
                subject,
                html,
                text,
            } => {
                self.check_words(subject, Part::Subject, findings);
                if let Some(text) = text {
                    self.check_words(text, Part::Text, findings);
                }
                if let Some(html) = html {
                    let page = html::read(html);
                    self.check_words(&page.text, Part::Html, findings);
                    let hosts = page.links.iter().filter_map(|href| links::of_href(href));
                    self.check_hosts(hosts, Part::Html, findings);
                }
            }
            Content::Payload { body } => {
                self.check_words(&strings(body), Part::Payload, findings);
            }
        }
    }

    fn check_words(&self, text: &str, part: Part, findings: &mut Vec<Finding>) {
        if !self.words.is_empty() {
            let folded = fold::fold(text);
            let found = self
                .words
                .iter()
                .flat_map(|list| list.find_folded(&folded, MOST_NAMED))
                .take(MOST_NAMED);
            findings.extend(found.map(|found| Finding::Word { found, part }));
        }
        if self.links.is_some() {
            let hosts = links::find(text).into_iter().map(|link| link.host);
            self.check_hosts(hosts, part, findings);
        }
        if let Some(most) = self.max_length
            && text.len() > most as usize
        {
            let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            if count > most {
                findings.push(Finding::Length { count, most, part });
            }
        }
    }

    fn check_hosts(
        &self,
        hosts: impl Iterator<Item = String>,
        part: Part,
        findings: &mut Vec<Finding>,
    ) {
        let Some(allowed) = &self.links else { return };
        let wrong = hosts.filter(|host| !allowed.allow(host)).take(MOST_NAMED);
        findings.extend(wrong.map(|host| Finding::Link { host, part }));
    }

    /// What only text messages have.
    fn check_text_message(&self, item: &Item<'_>, findings: &mut Vec<Finding>) {
        let (Channel::Sms, Content::Text { text }) = (item.lane.channel, item.content) else {
            return;
        };
        if let Some(most) = self.max_segments {
            let count = segments::for_recipient(item.to, item.sign, text).count;
            if count > most {
                findings.push(Finding::Segments { count, most });
            }
        }
        if item.lane.class == Class::Marketing && !self.opt_out.is_empty() {
            let said = fold::fold(text).bare();
            if !self
                .opt_out
                .iter()
                .any(|(wording, _)| said.contains(wording))
            {
                let any_of = self.opt_out.iter().map(|(_, written)| written.clone());
                findings.push(Finding::OptOut {
                    any_of: any_of.collect(),
                });
            }
        }
    }
}

/// The strings of a JSON document, one a line; the document itself when it is none.
fn strings(body: &str) -> Cow<'_, str> {
    fn gather(value: &serde_json::Value, to: &mut String) {
        match value {
            serde_json::Value::String(text) => {
                to.push_str(text);
                to.push('\n');
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| gather(item, to)),
            serde_json::Value::Object(fields) => fields.values().for_each(|item| gather(item, to)),
            _ => {}
        }
    }
    let Ok(value) = serde_json::from_str(body) else {
        return Cow::Borrowed(body);
    };
    let mut text = String::with_capacity(body.len());
    gather(&value, &mut text);
    Cow::Owned(text)
}

impl Part {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Subject => "subject",
            Self::Html => "html",
            Self::Payload => "payload",
        }
    }
}

impl Finding {
    /// The part of the policy that it breaks: `content/words` and the like.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Word { .. } => "content/words",
            Self::Link { .. } => "content/links",
            Self::Segments { .. } => "content/max_segments",
            Self::Length { .. } => "content/max_length",
            Self::OptOut { .. } => "content/opt_out",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word { found, part } => write!(
                f,
                "the {} has the word {:?} of the list {} at character {}",
                part.as_str(),
                found.word,
                found.list,
                found.at.saturating_add(1)
            ),
            Self::Link { host, part } => {
                let part = part.as_str();
                write!(
                    f,
                    "the {part} has a link to {host:?}, which is not on the list"
                )
            }
            Self::Segments { count, most } => {
                write!(
                    f,
                    "the text takes {count} parts; at most {most} are allowed"
                )
            }
            Self::Length { count, most, part } => {
                let part = part.as_str();
                write!(
                    f,
                    "the {part} has {count} characters; at most {most} are allowed"
                )
            }
            Self::OptOut { any_of } => {
                let ways = any_of.join(" / ");
                write!(
                    f,
                    "a marketing text must say how to opt out, one of: {ways}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
