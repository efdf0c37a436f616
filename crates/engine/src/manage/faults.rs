//! Faults of a request, collected so that they are answered all at once.

use std::time::Duration;

use austin_domain::{name, span};

use crate::refusal::{FieldFault, Refusal};

/// Most characters of a name, team, owner, contact or business.
const MAX_TEXT: usize = 128;
/// Longest length of time that people may write.
const MAX_SPAN: Duration = Duration::from_secs(31 * 86_400);

#[derive(Debug, Default)]
pub(super) struct Faults(Vec<FieldFault>);

impl Faults {
    pub(super) fn add(&mut self, pointer: &str, code: &str, detail: impl Into<String>) {
        self.0.push(FieldFault::new(pointer, code, detail));
    }

    pub(super) fn push(&mut self, fault: FieldFault) {
        self.0.push(fault);
    }

    /// The key rule.
    pub(super) fn key(&mut self, pointer: &str, key: &str) {
        if let Some(detail) = name::key_fault(key) {
            self.add(pointer, "invalid_key", detail);
        }
    }

    /// One line of at most 128 characters.
    pub(super) fn line(&mut self, pointer: &str, text: &str) {
        if text.chars().count() > MAX_TEXT {
            let detail = format!("must be at most {MAX_TEXT} characters");
            self.add(pointer, "too_long", detail);
        } else if text.chars().any(char::is_control) {
            let detail = "must not contain line breaks or other control characters";
            self.add(pointer, "control_character", detail);
        }
    }

    /// A length of time from one second to 31 days.
    pub(super) fn span(&mut self, pointer: &str, text: &str) -> Option<Duration> {
        let span = span::parse(text).filter(|span| !span.is_zero() && *span <= MAX_SPAN);
        if span.is_none() {
            self.add(
                pointer,
                "invalid_duration",
                "must be a duration such as \"30s\", \"5m\", \"12h\" or \"1d\", at most 31 days",
            );
        }
        span
    }

    /// A number from 1 to `max` that may be left out.
    pub(super) fn count(&mut self, pointer: &str, value: Option<u64>, max: u64) {
        if value.is_some_and(|value| !(1..=max).contains(&value)) {
            self.add(pointer, "out_of_range", format!("must be from 1 to {max}"));
        }
    }

    /// A word of a closed list.
    pub(super) fn word<T: std::str::FromStr>(&mut self, pointer: &str, word: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        word.parse()
            .map_err(|error: T::Err| self.add(pointer, "unknown_value", error.to_string()))
            .ok()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_result(self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Refusal::fields(self.0))
        }
    }
}

/// `name` as one step of a JSON pointer (RFC 6901 section 3).
pub(super) fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
