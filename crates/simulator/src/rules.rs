//! What a behaviour does to a call or a message: matches and actions, as written in JSON.
//!
//! Invariant: a rule that cannot be obeyed as written is refused by [`Rule::check`], not ignored.

use serde::{Deserialize, Serialize};

use crate::span::Span;

mod engine;

pub(crate) use engine::{Condition, Engine, Seen};

/// One rule: when it matches, what happens. Rules are tried in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which messages or calls it is about; everything when left out.
    #[serde(default, rename = "match")]
    pub when: Match,
    /// What happens to them.
    #[serde(rename = "do")]
    pub action: Action,
}

/// Conditions, all of which must hold. The counted ones (`after`, `first`, `every`, `probability`)
/// look only at messages (or calls, for call actions) that pass the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// The recipient as the caller wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<TextMatch>,
    /// The caller's reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<TextMatch>,
    /// A piece of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_contains: Option<String>,
    /// A time since the behaviour was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Leaves the first `n` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only the first `n` (counted after `after`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Every nth (counted after `after`): `3` means the third, sixth, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// A share from 0 to 1, drawn from the seed of the behaviour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

/// How a text is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextMatch {
    /// The whole text.
    Exact(String),
    /// Its beginning.
    Prefix(String),
    /// Its end.
    Suffix(String),
}

/// Milliseconds since the behaviour was set: from `from_ms` on, for `for_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Start.
    #[serde(default)]
    pub from_ms: u64,
    /// Length; without end when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
}

/// What happens. `accept` and `reject` decide one message; the others decide the whole call.
/// The first call rule that fires decides the call (delays add up and go on); where the call is
/// still to be answered, the first message rule that fires decides each message, else it is accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Accepts the message, whatever later rules say.
    Accept,
    /// Refuses the message.
    Reject(Refusal),
    /// Fails the whole call with the vendor's own error answer.
    Fail(Refusal),
    /// Answers a bare HTTP status.
    Status(StatusAnswer),
    /// Accepts at once, answers later; further rules still apply.
    Delay(Wait),
    /// Never answers, until the caller leaves.
    Hang(Fault),
    /// Closes the connection without an answer.
    Cut(Cut),
    /// Sends the first half of the answer, then closes.
    Half(Fault),
    /// Answers 200 with bytes that are no document.
    Garbage(Fault),
    /// Answers 200 with a very large body.
    Huge(Huge),
    /// Answers 302 to another place.
    Redirect(Redirect),
    /// Gives the right body under `text/html`.
    WrongType(Fault),
}

/// A code and its words. The portable codes `bad_recipient`, `bad_content`, `blocked`, `later`,
/// `throttled`, `elsewhere`, `number_limit` and `account_suspended` become the imitated vendor's own;
/// others are sent as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Portable or vendor's own code.
    pub code: String,
    /// Words for people; a fitting sentence when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A bare HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusAnswer {
    /// 200 to 599.
    pub status: u16,
    /// `Retry-After`, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// The body, `text/plain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whether the messages are accepted all the same; no by default.
    #[serde(default)]
    pub accepts: bool,
}

/// How long to wait before answering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Milliseconds, fixed or `[least, most]`.
    pub ms: Span,
}

/// A fault with the choice of accepting the messages first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whether the messages are accepted; by default `half` and `wrong_type` do, `hang` and
    /// `garbage` do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepts: Option<bool>,
}

/// When and how a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Before anything is accepted, or after.
    pub when: CutWhen,
    /// By reset (the default) or by an orderly end.
    #[serde(default)]
    pub how: CutHow,
}

/// The moment of a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutWhen {
    /// Nothing was accepted; without a text condition the body is not even read.
    Before,
    /// The messages were accepted and are in the ledger.
    After,
}

/// The way a connection is closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutHow {
    /// TCP RST.
    #[default]
    Reset,
    /// TCP FIN.
    Fin,
}

/// A very large answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Huge {
    /// Size of the body; 10 MB when left out, at most 1 GiB.
    #[serde(default = "huge_bytes")]
    pub bytes: u64,
    /// Whether the messages are accepted; no by default.
    #[serde(default)]
    pub accepts: bool,
}

/// A redirect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// `Location`.
    pub to: String,
}

impl Action {
    /// Whether it decides the whole call.
    pub(crate) const fn is_call(&self) -> bool {
        !matches!(self, Self::Accept | Self::Reject(_))
    }

    /// Whether the messages of a call so answered are accepted.
    pub(crate) fn accepts(&self) -> bool {
        match self {
            Self::Accept | Self::Delay(_) => true,
            Self::Reject(_) | Self::Fail(_) | Self::Redirect(_) => false,
            Self::Status(answer) => answer.accepts,
            Self::Hang(fault) | Self::Garbage(fault) => fault.accepts.unwrap_or(false),
            Self::Half(fault) | Self::WrongType(fault) => fault.accepts.unwrap_or(true),
            Self::Cut(cut) => cut.when == CutWhen::After,
            Self::Huge(huge) => huge.accepts,
        }
    }
}

impl Match {
    /// Whether it looks at the messages of a call.
    pub(crate) const fn reads_messages(&self) -> bool {
        self.to.is_some() || self.reference.is_some() || self.text_contains.is_some()
    }

    /// Refuses what can never hold or makes no sense.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.every == Some(0) {
            return Err("match.every must be at least 1".into());
        }
        if let Some(share) = self.probability {
            check_share("match.probability", share)?;
        }
        Ok(())
    }
}

impl Rule {
    /// Refuses a rule that cannot be obeyed as written.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.when.check()?;
        match &self.action {
            Action::Reject(refusal) | Action::Fail(refusal) if refusal.code.is_empty() => {
                Err("code must not be empty".into())
            }
            Action::Status(answer) if !(200..=599).contains(&answer.status) => {
                Err(format!("status {} is not in 200..=599", answer.status))
            }
            Action::Huge(huge) if huge.bytes > HUGE_MOST => {
                Err(format!("bytes must be at most {HUGE_MOST}"))
            }
            Action::Redirect(redirect)
                if http::HeaderValue::from_str(&redirect.to).is_err() || redirect.to.is_empty() =>
            {
                Err("redirect.to cannot be sent as a header".into())
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a share outside 0 to 1.
pub(crate) fn check_share(name: &str, share: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&share) {
        Ok(())
    } else {
        Err(format!("{name} must be from 0 to 1"))
    }
}

const fn huge_bytes() -> u64 {
    10_000_000
}

const HUGE_MOST: u64 = 1 << 30;
