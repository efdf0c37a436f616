//! The life of a template and of its versions: which step may follow which.
//!
//! ```text
//! version:   draft → submitted → approved → live → retired → live …
//!            draft ◄─ withdrawn, rejected ─┘
//! template:  draft → submitted → approved → enabled ⇄ disabled → archived → (restored)
//! ```
//!
//! Until a version is live, the template stands where the furthest of its versions stands. From
//! then on it is enabled, disabled or archived, and further versions wait beside the live one.
//! The invariant: once a version has gone live, exactly one is, and it is the current one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Whether a template may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateState {
    /// Being written; sends are refused.
    Draft,
    /// A first version waits for approval; sends are refused.
    Submitted,
    /// A first version is approved and was not made live yet; sends are refused.
    Approved,
    /// In use.
    Enabled,
    /// Switched off; sends are refused and waiting deliveries stop.
    Disabled,
    /// Put away; as disabled, and not to be changed until it is restored.
    Archived,
}

impl TemplateState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Draft,
        Self::Submitted,
        Self::Approved,
        Self::Enabled,
        Self::Disabled,
        Self::Archived,
    ];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Archived => "archived",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// How far one version has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// Being written; also after it was withdrawn or rejected.
    #[default]
    Draft,
    /// Waits for approval.
    Submitted,
    /// May be made live.
    Approved,
    /// What new messages use.
    Live,
    /// Was live; may be made live again.
    Retired,
}

impl VersionState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Draft,
        Self::Submitted,
        Self::Approved,
        Self::Live,
        Self::Retired,
    ];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Live => "live",
            Self::Retired => "retired",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether it never was live and waits to be.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Draft | Self::Submitted | Self::Approved)
    }
}

/// Who did something, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// Who: `app/name` or `local`.
    pub by: String,
    /// Why, for people.
    pub reason: Option<String>,
}

/// Where one version stands and how it got there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// How far it has come.
    pub state: VersionState,
    /// What the last step was, e.g. `reject`; with its mark. `None` before the first.
    pub last: Option<(String, Mark)>,
    /// Its last approval.
    pub approved: Option<Mark>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A version asks for approval.
    Submit(u32),
    /// A version is a draft again, by its author's wish.
    Withdraw(u32),
    /// A version is a draft again, because an approver does not want it.
    Reject(u32),
    /// A version may be made live.
    Approve(u32),
    /// A version becomes the one that new messages use. A template that never had one is in use
    /// from now on; one that is switched off stays so.
    Publish(u32),
    /// A template that was switched off is in use again.
    Enable,
    /// A template is switched off.
    Disable,
    /// A template is put away.
    Archive,
    /// A template is taken out again; switched off if it had been in use.
    Restore,
}

impl Step {
    /// The word used in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit(_) => "submit",
            Self::Withdraw(_) => "withdraw",
            Self::Reject(_) => "reject",
            Self::Approve(_) => "approve",
            Self::Publish(_) => "publish",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Archive => "archive",
            Self::Restore => "restore",
        }
    }

    /// The version it is about.
    pub const fn version(self) -> Option<u32> {
        match self {
            Self::Submit(number)
            | Self::Withdraw(number)
            | Self::Reject(number)
            | Self::Approve(number)
            | Self::Publish(number) => Some(number),
            Self::Enable | Self::Disable | Self::Archive | Self::Restore => None,
        }
    }
}

/// Why a step is not taken; a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Barred(pub String);

/// Where a template and all its versions stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The template.
    pub state: TemplateState,
    /// The current version's number: the live one, else the newest.
    pub current: u32,
    /// Its versions; number `n` stands at index `n - 1`.
    pub versions: Vec<VersionState>,
}

impl Life {
    /// Whether a version ever went live.
    pub fn was_live(&self) -> bool {
        self.versions.contains(&VersionState::Live)
    }

    /// The number of the newest version in one of these states.
    pub fn newest(&self, wanted: impl Fn(VersionState) -> bool) -> Option<u32> {
        (1..)
            .zip(&self.versions)
            .filter(|(_, state)| wanted(**state))
            .last()
            .map(|(number, _)| number)
    }

    /// A further draft; its number.
    ///
    /// # Errors
    /// [`Barred`] when the template is archived.
    pub fn add(&mut self) -> Result<u32, Barred> {
        self.not_archived("a version cannot be added")?;
        self.versions.push(VersionState::Draft);
        self.settle();
        Ok(u32::try_from(self.versions.len()).unwrap_or(u32::MAX))
    }

    /// Takes a step, whole or not at all.
    ///
    /// # Errors
    /// [`Barred`], which says what may be done instead.
    pub fn take(&mut self, step: Step) -> Result<(), Barred> {
        match step {
            Step::Submit(number) => self.turn(
                number,
                step,
                &[VersionState::Draft],
                VersionState::Submitted,
            ),
            Step::Withdraw(number) | Step::Reject(number) => {
                let from = [VersionState::Submitted, VersionState::Approved];
                self.turn(number, step, &from, VersionState::Draft)
            }
            Step::Approve(number) => self.turn(
                number,
                step,
                &[VersionState::Submitted],
                VersionState::Approved,
            ),
            Step::Publish(number) => self.publish(number, step),
            Step::Enable => self.switch(step, &[TemplateState::Disabled], TemplateState::Enabled),
            Step::Disable => self.switch(step, &[TemplateState::Enabled], TemplateState::Disabled),
            Step::Archive => {
                let from = [
                    TemplateState::Draft,
                    TemplateState::Submitted,
                    TemplateState::Approved,
                    TemplateState::Disabled,
                ];
                self.switch(step, &from, TemplateState::Archived)
            }
            Step::Restore => {
                self.switch(step, &[TemplateState::Archived], TemplateState::Disabled)?;
                self.settle();
                Ok(())
            }
        }
    }

    fn publish(&mut self, number: u32, step: Step) -> Result<(), Barred> {
        let before = self.newest(|state| state == VersionState::Live);
        let from = [VersionState::Approved, VersionState::Retired];
        self.turn(number, step, &from, VersionState::Live)?;
        if let Some(slot) = before.and_then(|number| self.slot(number)) {
            *slot = VersionState::Retired;
        } else {
            self.state = TemplateState::Enabled;
        }
        self.current = number;
        Ok(())
    }

    fn turn(
        &mut self,
        number: u32,
        step: Step,
        from: &[VersionState],
        to: VersionState,
    ) -> Result<(), Barred> {
        self.not_archived("its versions stay as they are")?;
        let Some(slot) = self.slot(number) else {
            return Err(Barred(format!("there is no version {number}")));
        };
        if !from.contains(slot) {
            return Err(Barred(format!(
                "version {number} is {}; {} takes one that is {}",
                slot.as_str(),
                step.as_str(),
                words(from.iter().map(|state| state.as_str())),
            )));
        }
        *slot = to;
        self.settle();
        Ok(())
    }

    fn switch(
        &mut self,
        step: Step,
        from: &[TemplateState],
        to: TemplateState,
    ) -> Result<(), Barred> {
        if !from.contains(&self.state) {
            return Err(Barred(format!(
                "the template is {}; {} takes one that is {}",
                self.state.as_str(),
                step.as_str(),
                words(from.iter().map(|state| state.as_str())),
            )));
        }
        self.state = to;
        Ok(())
    }

    /// Until a version is live: the template stands where the furthest version stands.
    fn settle(&mut self) {
        if self.was_live() || self.state == TemplateState::Archived {
            return;
        }
        let has = |wanted| self.versions.contains(&wanted);
        self.state = if has(VersionState::Approved) {
            TemplateState::Approved
        } else if has(VersionState::Submitted) {
            TemplateState::Submitted
        } else {
            TemplateState::Draft
        };
        self.current = u32::try_from(self.versions.len()).unwrap_or(u32::MAX);
    }

    fn not_archived(&self, consequence: &str) -> Result<(), Barred> {
        if self.state == TemplateState::Archived {
            let detail = format!("the template is archived, so {consequence}; restore it first");
            return Err(Barred(detail));
        }
        Ok(())
    }

    fn slot(&mut self, number: u32) -> Option<&mut VersionState> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.versions.get_mut(index)
    }
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

impl fmt::Display for TemplateState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for VersionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
