//! The life of a delivery: its states, the moves between them, and why it stands where it does.
//!
//! Every move is guarded by the state it starts from ([`State::may_become`]); a store refuses
//! any other, so that two workers or a late receipt can never both win.

use serde::{Deserialize, Serialize};

use crate::id::DeliveryId;

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum State {
    /// Durable and ready for its first attempt.
    Accepted = 1,
    /// Waits for the time its sender asked for.
    Scheduled = 2,
    /// Waits because a rule says so.
    Held = 3,
    /// Waits for another attempt.
    Queued = 4,
    /// Handed to a vendor account; the outcome is not recorded yet.
    Sending = 5,
    /// The vendor accepted it. A receipt may follow.
    Sent = 6,
    /// The vendor says that it reached the person.
    Delivered = 7,
    /// The vendor accepted it and later says that it did not reach the person.
    Undelivered = 8,
    /// A rule stopped it before any vendor saw it.
    Suppressed = 9,
    /// It will not be sent: no vendor would take it.
    Failed = 10,
    /// Its time ran out before a vendor took it.
    Expired = 11,
    /// Its sender took it back.
    Recalled = 12,
    /// A vendor may or may not have taken it, and the policy of its class is not to send it again.
    Unknown = 13,
}

impl State {
    /// Every state, in the order of their codes.
    pub const ALL: &'static [Self] = &[
        Self::Accepted,
        Self::Scheduled,
        Self::Held,
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Suppressed,
        Self::Failed,
        Self::Expired,
        Self::Recalled,
        Self::Unknown,
    ];

    /// The number stores keep; never reused.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.code() == code)
    }

    /// The word used in the API, in metrics and in the console.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Held => "held",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Suppressed => "suppressed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Recalled => "recalled",
            Self::Unknown => "unknown",
        }
    }

    /// Whether austin still has work to do. A delivery that is not open is settled; a receipt
    /// may still refine it.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Accepted | Self::Scheduled | Self::Held | Self::Queued | Self::Sending
        )
    }

    /// Whether it waits for an attempt, now or later: what may be leased, expired or recalled.
    pub const fn is_waiting(self) -> bool {
        matches!(
            self,
            Self::Accepted | Self::Scheduled | Self::Held | Self::Queued
        )
    }

    /// Whether the move from `self` to `next` is allowed. Forward only: a receipt never takes a
    /// delivery back, and `delivered` is final. A receipt may settle `sending` and `unknown`
    /// (the vendor evidently took it), and corrects `undelivered` when the message arrived
    /// after all. One exception: `sent` may become `queued` when no receipt came in time.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            // A receipt for an attempt whose outcome was unknown: no need to send it again.
            Self::Queued if matches!(next, Self::Delivered) => true,
            Self::Accepted | Self::Scheduled | Self::Held | Self::Queued => matches!(
                next,
                Self::Scheduled
                    | Self::Held
                    | Self::Queued
                    | Self::Sending
                    | Self::Suppressed
                    | Self::Failed
                    | Self::Expired
                    | Self::Recalled
            ),
            Self::Sending => matches!(
                next,
                Self::Queued
                    | Self::Held
                    | Self::Sent
                    | Self::Delivered
                    | Self::Undelivered
                    | Self::Failed
                    | Self::Expired
                    | Self::Unknown
            ),
            // The one way back: no receipt in time, and another account may try. Only a change that
            // names `sent` as the state it starts from may ask for it.
            Self::Sent => matches!(
                next,
                Self::Queued | Self::Delivered | Self::Undelivered | Self::Recalled
            ),
            Self::Unknown => matches!(
                next,
                Self::Sent | Self::Delivered | Self::Undelivered | Self::Recalled
            ),
            Self::Undelivered => matches!(next, Self::Delivered),
            Self::Delivered | Self::Suppressed | Self::Failed | Self::Expired | Self::Recalled => {
                false
            }
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|state| state.as_str()).collect();
                format!("unknown state; known: {}", known.join(", "))
            })
    }
}

/// Why a delivery waits, was stopped or failed: a stable code for programs, a sentence for people,
/// and where a rule decided, which one and because of what. Never holds personal data or secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable, snake case, e.g. `vendor_rejected`, `attempts_exhausted`, `expired`.
    pub code: String,
    /// One plain sentence.
    pub detail: String,
    /// The rule that decided.
    pub rule: Option<RuleRef>,
    /// The earlier delivery that made the rule decide so.
    pub cause: Option<DeliveryId>,
}

/// A rule as it stood when it decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleRef {
    /// What it is part of: `policy/night`, `template/order-shipped`, `suppression/sup_…`.
    pub name: String,
    /// The version of that; 0 where it has none.
    pub version: u32,
    /// Its place in it: `cap/0`, `quiet_hours`; empty where it is all of it.
    pub part: String,
}

impl Reason {
    /// A reason with this code and sentence, of no rule.
    pub fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            rule: None,
            cause: None,
        }
    }

    /// The same, decided by `rule`.
    #[must_use]
    pub fn by(self, rule: RuleRef) -> Self {
        Self {
            rule: Some(rule),
            ..self
        }
    }

    /// The same, because of an earlier delivery.
    #[must_use]
    pub fn because_of(self, cause: Option<DeliveryId>) -> Self {
        Self { cause, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_codes_round_trip() {
        for state in State::ALL {
            assert_eq!(State::from_code(state.code()), Some(*state));
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
    }

    #[test]
    fn settled_states_never_open_again_but_for_a_receipt_time_out() {
        for from in State::ALL.iter().filter(|state| !state.is_open()) {
            for to in State::ALL.iter().filter(|state| state.is_open()) {
                let timed_out = (*from, *to) == (State::Sent, State::Queued);
                assert_eq!(from.may_become(*to), timed_out, "{from} to {to}");
            }
        }
    }

    #[test]
    fn only_a_waiting_delivery_can_be_leased_or_withdrawn() {
        for from in State::ALL {
            assert_eq!(from.may_become(State::Sending), from.is_waiting(), "{from}");
            assert_eq!(
                from.may_become(State::Suppressed),
                from.is_waiting(),
                "{from}"
            );
        }
        assert!(!State::Sending.may_become(State::Recalled));
    }

    #[test]
    fn delivered_is_final() {
        assert!(
            State::ALL
                .iter()
                .all(|to| !State::Delivered.may_become(*to))
        );
    }
}
