//! A version compiled once and rendered many times.
//!
//! All parsing, and the escaping of defaults, happens in [`Compiled::new`]; a rendering is one
//! walk over the slots of each text that appends to one string. The invariant: rendering never
//! looks at what it has written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::content::{Content, Vars};
use crate::template::Version;
use crate::template::text::{Escape, Piece, SyntaxError, Text};

/// A version whose texts are parsed.
#[derive(Clone, Debug)]
pub struct Compiled {
    form: Form,
    locales: BTreeMap<String, Form>,
    // Of every declared optional variable, unescaped; empty where the spec has none.
    defaults: Vars,
}

/// The shape of [`Content`], with prepared texts.
#[derive(Clone, Debug)]
enum Form {
    Text(Prepared),
    Email {
        subject: Prepared,
        html: Option<Prepared>,
        text: Option<Prepared>,
    },
    Payload(Prepared),
}

impl Compiled {
    /// Parses the texts of `version`, in all its languages.
    ///
    /// # Errors
    /// The field (`text`, `subject`, `html`, `body`) and its first fault.
    pub fn new(version: &Version) -> Result<Self, (&'static str, SyntaxError)> {
        let defaults = defaults(version);
        let mut locales = BTreeMap::new();
        for (tag, localised) in &version.locales {
            locales.insert(tag.clone(), Form::new(&localised.content, &defaults)?);
        }
        Ok(Self {
            form: Form::new(&version.content, &defaults)?,
            locales,
            defaults,
        })
    }

    /// The default content with `vars` filled in; optional variables that are not given take
    /// their default. Escapes HTML in `html`, JSON in `body`, line breaks in `subject`.
    ///
    /// # Errors
    /// The name of a variable without a value; cannot happen for vars that passed
    /// [`crate::template::check::vars`].
    pub fn render(&self, vars: &Vars) -> Result<Content, String> {
        self.form.render(vars)
    }

    /// As [`Self::render`], in the language `locale`: one of the version's own tags, as
    /// [`Version::locale`] finds them. The default words where it is none of them.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_in(&self, locale: Option<&str>, vars: &Vars) -> Result<Content, String> {
        let form = locale.and_then(|tag| self.locales.get(tag));
        form.unwrap_or(&self.form).render(vars)
    }

    /// `vars` with the defaults of optional variables that are not given: what an adapter gets
    /// whose vendor renders the words itself. Borrows when nothing is missing.
    pub fn complete<'a>(&self, vars: &'a Vars) -> Cow<'a, Vars> {
        let mut complete = Cow::Borrowed(vars);
        for (name, default) in &self.defaults {
            if !vars.contains_key(name) {
                complete.to_mut().insert(name.clone(), default.clone());
            }
        }
        complete
    }
}

impl Form {
    fn new(content: &Content, defaults: &Vars) -> Result<Self, (&'static str, SyntaxError)> {
        let prepare = |field, text: &str, escape| match Text::parse(text) {
            Ok(text) => Ok(Prepared::new(&text, escape, defaults)),
            Err(error) => Err((field, error)),
        };
        Ok(match content {
            Content::Text { text } => Self::Text(prepare("text", text, Escape::None)?),
            Content::Email {
                subject,
                html,
                text,
            } => Self::Email {
                subject: prepare("subject", subject, Escape::Line)?,
                html: html
                    .as_ref()
                    .map(|html| prepare("html", html, Escape::Html))
                    .transpose()?,
                text: text
                    .as_ref()
                    .map(|text| prepare("text", text, Escape::None))
                    .transpose()?,
            },
            Content::Payload { body } => Self::Payload(prepare("body", body, Escape::Json)?),
        })
    }

    fn render(&self, vars: &Vars) -> Result<Content, String> {
        let optional = |part: &Option<Prepared>| {
            part.as_ref()
                .map(|prepared| prepared.render(vars))
                .transpose()
        };
        Ok(match self {
            Self::Text(text) => Content::Text {
                text: text.render(vars)?,
            },
            Self::Email {
                subject,
                html,
                text,
            } => Content::Email {
                subject: subject.render(vars)?,
                html: optional(html)?,
                text: optional(text)?,
            },
            Self::Payload(body) => Content::Payload {
                body: body.render(vars)?,
            },
        })
    }
}

fn defaults(version: &Version) -> Vars {
    version
        .variables
        .iter()
        .filter(|(_, spec)| !spec.required)
        .map(|(name, spec)| (name.clone(), spec.default.clone().unwrap_or_default()))
        .collect()
}

/// A text laid out for rendering: all its words in one string, and what goes in between.
#[derive(Clone, Debug)]
struct Prepared {
    escape: Escape,
    words: String,
    slots: Vec<Slot>,
}

/// A place where a value goes.
#[derive(Clone, Debug)]
struct Slot {
    // Byte offset in the words.
    at: usize,
    name: String,
    // The default, escaped; none for a variable that must be given.
    otherwise: Option<String>,
}

impl Prepared {
    fn new(text: &Text, escape: Escape, defaults: &Vars) -> Self {
        let mut words = String::new();
        let mut slots = Vec::new();
        for piece in &text.pieces {
            match piece {
                Piece::Literal(literal) => words.push_str(literal),
                Piece::Variable(name) => slots.push(Slot {
                    at: words.len(),
                    name: name.clone(),
                    otherwise: defaults.get(name).map(|default| escape.apply(default)),
                }),
            }
        }
        Self {
            escape,
            words,
            slots,
        }
    }

    fn render(&self, vars: &Vars) -> Result<String, String> {
        let mut out = String::with_capacity(self.words.len() + self.slots.len() * USUAL_VALUE);
        let mut copied = 0;
        for slot in &self.slots {
            out.push_str(&self.words[copied..slot.at]);
            copied = slot.at;
            match (vars.get(&slot.name), &slot.otherwise) {
                (Some(value), _) => self.escape.append(value, &mut out),
                (None, Some(default)) => out.push_str(default),
                (None, None) => return Err(slot.name.clone()),
            }
        }
        out.push_str(&self.words[copied..]);
        Ok(out)
    }
}

/// Bytes set aside for one value before rendering; longer ones grow the string.
const USUAL_VALUE: usize = 24;

#[cfg(test)]
mod tests;
