//! Named calendars: days that are closed, and days that work although they are a weekend.
//!
//! Read from JSON (`{"closed": ["2026-10-01", {"from": "2026-02-15", "to": "2026-02-23"}],
//! "working": ["2026-02-14"]}`) or from iCalendar files. Every fault is named with its place; a
//! calendar with a fault is not taken at all, because a holiday that is missed is a message that
//! wakes somebody.

mod ics;
mod json;

use std::fmt;

use jiff::civil::Date;

/// Most days a calendar lists; ten years of weekends and holidays are fewer.
pub const MAX_DAYS: usize = 2_000;
/// Most faults that are named at once.
const MAX_FAULTS: usize = 100;

/// Days that differ from the rest of their week. Days are counted since 1970-01-01.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// In order, each once.
    closed: Vec<i64>,
    /// In order, each once, none of them closed.
    working: Vec<i64>,
}

/// What a day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing is sent on it.
    Closed,
    /// It works, whatever its weekday.
    Working,
}

/// One thing that is wrong with a calendar file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: `line 12`, `closed/3`, or empty for the whole.
    pub place: String,
    /// What is wrong and what is expected.
    pub why: String,
}

impl Fault {
    fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            why: why.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.why)
        } else {
            write!(f, "{}: {}", self.place, self.why)
        }
    }
}

impl Calendar {
    /// Reads either form: iCalendar when the text begins with `BEGIN:VCALENDAR`, else JSON.
    ///
    /// # Errors
    /// Every fault with its place, up to a hundred.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let text = text.trim_start_matches('\u{feff}');
        let begin = text.trim_start().as_bytes();
        if begin.len() >= 6 && begin[..6].eq_ignore_ascii_case(b"BEGIN:") {
            ics::parse(text)
        } else {
            json::parse(text)
        }
    }

    /// What is special about a day, if anything.
    pub fn kind(&self, day: i64) -> Option<Kind> {
        if self.closed.binary_search(&day).is_ok() {
            Some(Kind::Closed)
        } else if self.working.binary_search(&day).is_ok() {
            Some(Kind::Working)
        } else {
            None
        }
    }

    /// How many days are listed.
    pub const fn len(&self) -> usize {
        self.closed.len() + self.working.len()
    }

    /// Whether no day is listed.
    pub const fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.working.is_empty()
    }

    /// The last day listed, in text; a calendar that ends soon wants to be renewed.
    pub fn last(&self) -> Option<String> {
        let last = self.closed.last().max(self.working.last())?;
        Some(shown(*last))
    }

    /// The calendar as JSON that [`Calendar::parse`] reads back.
    pub fn to_json(&self) -> serde_json::Value {
        let days = |days: &[i64]| days.iter().map(|day| shown(*day)).collect::<Vec<_>>();
        serde_json::json!({"closed": days(&self.closed), "working": days(&self.working)})
    }
}

/// Days as they are gathered, with the places they came from.
#[derive(Default)]
struct Builder {
    closed: Vec<i64>,
    working: Vec<i64>,
    faults: Vec<Fault>,
}

impl Builder {
    fn fault(&mut self, place: impl Into<String>, why: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault::new(place, why));
        }
    }

    /// Adds the days `from` to `to`, both included.
    fn add(&mut self, place: &str, kind: Kind, from: i64, to: i64) {
        let days = match kind {
            Kind::Closed => &mut self.closed,
            Kind::Working => &mut self.working,
        };
        if to < from {
            self.fault(place, "the last day is before the first");
        } else if to - from >= 366 {
            self.fault(place, "a stretch of days has at most 366");
        } else if days.len() < MAX_DAYS * 2 {
            days.extend(from..=to);
        }
    }

    fn finish(mut self) -> Result<Calendar, Vec<Fault>> {
        for days in [&mut self.closed, &mut self.working] {
            days.sort_unstable();
            days.dedup();
        }
        let both: Vec<i64> = self
            .working
            .iter()
            .copied()
            .filter(|day| self.closed.binary_search(day).is_ok())
            .collect();
        for day in both {
            self.fault("", format!("{} is both closed and working", shown(day)));
        }
        if self.closed.len() + self.working.len() > MAX_DAYS {
            self.fault("", format!("a calendar lists at most {MAX_DAYS} days"));
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        if self.closed.is_empty() && self.working.is_empty() {
            return Err(vec![Fault::new("", "no day is listed")]);
        }
        Ok(Calendar {
            closed: self.closed,
            working: self.working,
        })
    }
}

/// The days since 1970-01-01 of a date.
fn number(date: Date) -> i64 {
    let since = date.to_zoned(jiff::tz::TimeZone::UTC);
    since.map_or(0, |at| at.timestamp().as_second().div_euclid(86_400))
}

/// A day as `2026-01-31`.
fn shown(day: i64) -> String {
    crate::time::Timestamp::from_seconds(day.saturating_mul(86_400)).utc("%Y-%m-%d")
}

#[cfg(test)]
mod tests;
