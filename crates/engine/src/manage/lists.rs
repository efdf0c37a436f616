//! Word lists and calendars that policies name.

use std::sync::Arc;

use austin_domain::calendar::{self, Calendar};
use austin_domain::content_check::{Found, MAX_WORDS, WordFault};
use austin_ports::catalog::{AuditEntry, CalendarEntry, CatalogChange, WordListEntry, Words};

use super::faults::{Faults, step};
use super::{Registrar, missing, vanished};
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalCode};

/// Most word lists.
const MAX_LISTS: usize = 200;
/// Most words of all lists: they are compiled at each start and kept in memory.
const MAX_ALL_WORDS: usize = 1_000_000;
/// Most calendars.
const MAX_CALENDARS: usize = 1_000;
/// Most characters of a text to try a list on.
const MAX_SAMPLE: usize = 100_000;
/// Words that a trial names.
const MOST_FOUND: usize = 100;
/// Faults that a refusal names.
const MOST_FAULTS: usize = 100;

/// A word list as it is sent.
#[derive(Clone, Debug)]
pub struct WordListDraft {
    /// All its words.
    pub words: WordsDraft,
    /// The team it belongs to.
    pub team: Option<String>,
    /// Why, for people.
    pub reason: Option<String>,
}

/// The words of a list as they are sent.
#[derive(Clone, Debug)]
pub enum WordsDraft {
    /// One a line, with blank lines and comments; faults name lines.
    Lines(String),
    /// One by one; faults name places of `/words`.
    Each(Vec<String>),
}

impl WordsDraft {
    /// One word a line. Here every word counts: none may be empty or look like a comment.
    fn into_text(self, faults: &mut Faults) -> String {
        let words = match self {
            Self::Lines(text) => return text,
            Self::Each(words) => words,
        };
        if words.len() > MAX_WORDS {
            let detail = format!("a list has at most {MAX_WORDS} words");
            faults.add("/words", "too_many", detail);
            return String::new();
        }
        for (index, word) in words.iter().enumerate() {
            let why = match word.trim().chars().next() {
                None => "is empty",
                Some('#') => "begins with #, as a comment does",
                Some(_) if word.chars().any(char::is_control) => "has a control character",
                Some(_) => continue,
            };
            faults.add(&format!("/words/{index}"), "bad_word", why);
            if faults.len() >= MOST_FAULTS {
                break;
            }
        }
        words.join("\n")
    }
}

impl Registrar<'_> {
    /// Sets a word list, whole: what it says holds for everything that is checked from then on.
    ///
    /// # Errors
    /// Every line or word that cannot be used, up to a hundred; every other field at fault.
    pub async fn put_word_list(
        &self,
        caller: &Caller,
        name: &str,
        draft: WordListDraft,
    ) -> Result<Arc<WordListEntry>, Refusal> {
        let mut faults = Faults::default();
        faults.key("/name", name);
        faults.line("/reason", draft.reason.as_deref().unwrap_or_default());
        if let Some(team) = &draft.team {
            faults.line("/team", team);
            if team.trim().is_empty() {
                faults.add("/team", "required", "must name a team, or be left out");
            }
        }
        let each = matches!(draft.words, WordsDraft::Each(_));
        let text = draft.words.into_text(&mut faults);
        faults.into_result()?;
        let words = compile(name, text, each).await?;
        self.room_for_words(name, words.list().len())?;
        let change = CatalogChange::PutWordList {
            name: name.to_owned(),
            team: draft.team,
            words,
            reason: draft.reason,
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.word_list(name).map_err(|_| vanished("word list"))
    }

    fn room_for_words(&self, name: &str, count: usize) -> Result<(), Refusal> {
        let snapshot = self.catalog.snapshot();
        let others = || {
            snapshot
                .word_lists
                .values()
                .filter(|list| list.name != name)
        };
        if others().count() >= MAX_LISTS {
            let detail = format!("there are {MAX_LISTS} word lists already; delete some first");
            return Err(Refusal::new(RefusalCode::TooLarge, detail));
        }
        let all: usize = others().map(|list| list.words.list().len()).sum();
        if all + count > MAX_ALL_WORDS {
            let detail = format!(
                "all word lists together have at most {MAX_ALL_WORDS} words; the others have {all}"
            );
            return Err(Refusal::new(RefusalCode::TooLarge, detail));
        }
        Ok(())
    }

    /// Deletes a word list.
    ///
    /// # Errors
    /// `not_found`; `conflict` while rules name it.
    pub async fn delete_word_list(
        &self,
        caller: &Caller,
        name: &str,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        self.word_list(name)?;
        let name = name.to_owned();
        let reason = line(reason)?;
        let change = CatalogChange::DeleteWordList { name, reason };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        Ok(())
    }

    /// A word list.
    ///
    /// # Errors
    /// `not_found`.
    pub fn word_list(&self, name: &str) -> Result<Arc<WordListEntry>, Refusal> {
        let snapshot = self.catalog.snapshot();
        let list = snapshot.word_lists.get(name).cloned();
        list.ok_or_else(|| missing("word list", name))
    }

    /// All word lists, by name.
    pub fn word_lists(&self) -> Vec<Arc<WordListEntry>> {
        let snapshot = self.catalog.snapshot();
        snapshot.word_lists.values().cloned().collect()
    }

    /// The words of a list that a text has, in the order in which they begin; up to a hundred.
    ///
    /// # Errors
    /// `not_found`; a text that is too long.
    pub fn try_word_list(&self, name: &str, text: &str) -> Result<Vec<Found>, Refusal> {
        let list = self.word_list(name)?;
        let mut faults = Faults::default();
        if text.chars().nth(MAX_SAMPLE).is_some() {
            let detail = format!("must be at most {MAX_SAMPLE} characters");
            faults.add("/text", "too_long", detail);
        }
        faults.into_result()?;
        Ok(list.words.list().find(text, MOST_FOUND))
    }

    /// Sets a calendar, whole, from JSON or an iCalendar file.
    ///
    /// # Errors
    /// Everything in it that is wrong, up to a hundred; every other field at fault.
    pub async fn put_calendar(
        &self,
        caller: &Caller,
        name: &str,
        text: &str,
        reason: Option<String>,
    ) -> Result<Arc<CalendarEntry>, Refusal> {
        let mut faults = Faults::default();
        faults.key("/name", name);
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        let calendar = Calendar::parse(text).unwrap_or_else(|found| {
            for fault in found {
                name_day(&mut faults, fault);
            }
            Calendar::default()
        });
        faults.into_result()?;
        let snapshot = self.catalog.snapshot();
        if !snapshot.calendars.contains_key(name) && snapshot.calendars.len() >= MAX_CALENDARS {
            let detail = format!("there are {MAX_CALENDARS} calendars already; delete some first");
            return Err(Refusal::new(RefusalCode::TooLarge, detail));
        }
        let change = CatalogChange::PutCalendar {
            name: name.to_owned(),
            calendar: Arc::new(calendar),
            reason,
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.calendar(name).map_err(|_| vanished("calendar"))
    }

    /// Deletes a calendar.
    ///
    /// # Errors
    /// `not_found`; `conflict` while rules name it.
    pub async fn delete_calendar(
        &self,
        caller: &Caller,
        name: &str,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        self.calendar(name)?;
        let name = name.to_owned();
        let reason = line(reason)?;
        let change = CatalogChange::DeleteCalendar { name, reason };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        Ok(())
    }

    /// A calendar.
    ///
    /// # Errors
    /// `not_found`.
    pub fn calendar(&self, name: &str) -> Result<Arc<CalendarEntry>, Refusal> {
        let snapshot = self.catalog.snapshot();
        let calendar = snapshot.calendars.get(name).cloned();
        calendar.ok_or_else(|| missing("calendar", name))
    }

    /// All calendars, by name.
    pub fn calendars(&self) -> Vec<Arc<CalendarEntry>> {
        let snapshot = self.catalog.snapshot();
        snapshot.calendars.values().cloned().collect()
    }

    /// Past changes of a word list or a calendar, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_history(
        &self,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, Refusal> {
        Ok(self.catalog.history(Some(subject), limit).await?)
    }
}

/// Compiles a list beside the tasks that carry deliveries.
async fn compile(name: &str, text: String, each: bool) -> Result<Words, Refusal> {
    let of = name.to_owned();
    let work = move || Words::compile(&of, &text);
    let compiled = tokio::task::spawn_blocking(work).await.map_err(|error| {
        let detail = format!("the list could not be compiled: {error}");
        Refusal::new(RefusalCode::Unavailable, detail)
    })?;
    compiled.map_err(|found| {
        let mut faults = Faults::default();
        for fault in found {
            name_word(&mut faults, fault, each);
        }
        // There is at least one.
        faults
            .into_result()
            .err()
            .unwrap_or_else(|| vanished("word list"))
    })
}

fn name_word(faults: &mut Faults, fault: WordFault, each: bool) {
    match fault.line.checked_sub(1) {
        Some(index) if each => faults.add(&format!("/words/{index}"), "bad_word", fault.why),
        Some(_) => faults.add("", "bad_line", fault.to_string()),
        None if each => faults.add("/words", "empty", fault.why),
        None => faults.add("", "empty", fault.why),
    }
}

fn name_day(faults: &mut Faults, fault: calendar::Fault) {
    let place = fault.place.as_str();
    // A line is no place of a JSON document.
    if place.is_empty() || place.starts_with("line ") {
        return faults.add("", "bad_calendar", fault.to_string());
    }
    let pointer = match place.split_once('/') {
        Some((field @ ("closed" | "working"), index)) => format!("/{field}/{index}"),
        _ => format!("/{}", step(place)),
    };
    faults.add(&pointer, "bad_calendar", fault.why);
}

/// A reason that is one line.
fn line(reason: Option<String>) -> Result<Option<String>, Refusal> {
    let mut faults = Faults::default();
    faults.line("/reason", reason.as_deref().unwrap_or_default());
    faults.into_result()?;
    Ok(reason)
}
