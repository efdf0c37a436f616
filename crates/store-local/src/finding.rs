//! What an examination of the data directory found, for `austin doctor`.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Works, but should be put right.
    Warning,
    /// Broken: austin will not start, or some of its data cannot be trusted.
    Fault,
}

impl Severity {
    /// The word people and scripts read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// One thing an examination found. Holds no secret and no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file or part concerned, e.g. `control.db`.
    pub subject: String,
    /// What was found.
    pub detail: String,
    /// What to do about it; empty when there is nothing to do.
    pub advice: String,
}

impl Finding {
    /// A finding about `subject`.
    pub fn new(
        severity: Severity,
        subject: impl Into<String>,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            subject: subject.into(),
            detail: detail.into(),
            advice: advice.into(),
        }
    }

    /// A [`Severity::Fault`].
    pub fn fault(
        subject: impl Into<String>,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Fault, subject, detail, advice)
    }

    /// A [`Severity::Warning`].
    pub fn warning(
        subject: impl Into<String>,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warning, subject, detail, advice)
    }

    /// A [`Severity::Note`].
    pub fn note(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Severity::Note, subject, detail, "")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (severity, subject) = (self.severity.as_str(), &self.subject);
        write!(f, "{severity}: {subject}: {}", self.detail)?;
        if self.advice.is_empty() {
            return Ok(());
        }
        write!(f, " → {}", self.advice)
    }
}
