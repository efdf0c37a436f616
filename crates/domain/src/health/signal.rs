//! What one call says about its account.

use std::time::Duration;

use crate::verdict::Verdict;

/// What one call says about its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It works; whatever it refused was about the recipient or the content.
    Well,
    /// It works and asks for less traffic, or for none for a while.
    Asked(Option<Duration>, String),
    /// It cannot work until somebody mends it.
    Sick(String),
    /// It failed this time.
    Faulty(String),
}

/// What a call with these verdicts says.
pub fn of(verdicts: &[Verdict]) -> Signal {
    let mut worst = Signal::Well;
    for verdict in verdicts {
        match verdict {
            Verdict::Accepted(_)
            | Verdict::BadRecipient(_)
            | Verdict::BadContent(_)
            | Verdict::NumberRefused { .. } => return Signal::Well,
            Verdict::Misconfigured(_) => worst = Signal::Sick(why(verdict)),
            Verdict::Throttled { pause, .. } => worst = Signal::Asked(*pause, why(verdict)),
            Verdict::Elsewhere(_) | Verdict::Later { .. } | Verdict::Unknown(_) => {
                if worst == Signal::Well {
                    worst = Signal::Faulty(why(verdict));
                }
            }
        }
    }
    worst
}

/// Whether a verdict counts against the account.
pub const fn is_fault(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Elsewhere(_)
        | Verdict::Later { .. }
        | Verdict::Unknown(_)
        | Verdict::Misconfigured(_) => true,
        Verdict::Accepted(_)
        | Verdict::BadRecipient(_)
        | Verdict::BadContent(_)
        | Verdict::Throttled { .. }
        | Verdict::NumberRefused { .. } => false,
    }
}

fn why(verdict: &Verdict) -> String {
    verdict
        .cause()
        .map(|cause| format!("{}: {}", cause.code, cause.detail))
        .unwrap_or_default()
}
