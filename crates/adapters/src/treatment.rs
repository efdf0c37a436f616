//! From a vendor's code to what the engine does.

use std::time::Duration;

use austin_domain::Verdict;
use austin_domain::verdict::Cause;

use crate::rounds::{Job, Reading};

/// What a vendor code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// The vendor is at fault and may recover.
    Later,
    /// The account sends too fast.
    Throttled,
    /// This address keeps failing, at every vendor.
    BadRecipient,
    /// The words are refused, at every vendor.
    BadContent,
    /// This vendor will not, another may: requests it finds wrong, countries it does not serve.
    Elsewhere,
    /// This vendor does not write to this number now (it had enough, a list, its country);
    /// another may.
    NumberLimit,
    /// The same, gone after so many seconds, which is soon enough to wait for.
    NumberPause(u16),
    /// Credentials, money, permission, quota: the whole account stops.
    Misconfigured,
    /// Template or signature not approved. Stops the account where its own settings name them,
    /// else only this template at this account.
    Approval,
    /// The vendor has seen this very request before: what became of it then is not known.
    SeenBefore,
}

impl Treatment {
    /// The word of its verdict, for tables that people read.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Later => "later",
            Self::Throttled => "throttled",
            Self::BadRecipient => "bad_recipient",
            Self::BadContent => "bad_content",
            Self::Elsewhere => "elsewhere",
            Self::NumberLimit | Self::NumberPause(_) => "number_refused",
            Self::Misconfigured | Self::Approval => "misconfigured",
            Self::SeenBefore => "unknown",
        }
    }

    /// The verdict for the recipients of a call, or of one of them.
    pub(crate) fn verdict(self, job: &Job<'_>, cause: Cause) -> Verdict {
        match self {
            Self::Later => Verdict::Later { cause, after: None },
            Self::Throttled => Verdict::Throttled { cause, pause: None },
            Self::BadRecipient => Verdict::BadRecipient(cause),
            Self::BadContent => Verdict::BadContent(cause),
            Self::Elsewhere => Verdict::Elsewhere(cause),
            Self::NumberLimit => Verdict::NumberRefused { cause, after: None },
            Self::NumberPause(seconds) => Verdict::NumberRefused {
                cause,
                after: Some(Duration::from_secs(seconds.into())),
            },
            Self::Misconfigured => Verdict::Misconfigured(cause),
            Self::Approval if job.has_own_vendor_template() => Verdict::Elsewhere(cause),
            Self::Approval => Verdict::Misconfigured(cause),
            Self::SeenBefore => Verdict::Unknown(cause),
        }
    }

    /// The reading of a whole call that was refused with this treatment. A refusal that is about
    /// one recipient must not condemn the others of the call.
    pub(crate) fn of_call(self, job: &Job<'_>, cause: Cause) -> Reading {
        let verdict = self.verdict(job, cause);
        match self {
            Self::BadRecipient | Self::NumberLimit | Self::NumberPause(_) => {
                Reading::OneOf(verdict)
            }
            Self::Later
            | Self::Throttled
            | Self::BadContent
            | Self::Elsewhere
            | Self::Misconfigured
            | Self::Approval
            | Self::SeenBefore => Reading::All(verdict),
        }
    }
}
