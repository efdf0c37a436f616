//! What counts against limits: what the [`Meter`](crate::Meter) is filled with after a start.

use std::time::Duration;

use austin_domain::{DeliveryId, Lane, State, TemplateId, Timestamp};

/// A delivery that counts against limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Canonical address.
    pub to: String,
    /// Its template.
    pub template: TemplateId,
    /// Its queue.
    pub lane: Lane,
    /// Digest of what it says, where it is kept.
    pub content: Option<u64>,
    /// Where it stands.
    pub state: State,
    /// When it counted: when it was accepted; for what was scheduled or held, when it went out
    /// (its first attempt, or its release to the queue), if that was [`AT_ONCE`] or more after
    /// acceptance. What still waits for its time: when it was accepted.
    pub at: Timestamp,
    /// Whether caps count it: not what is scheduled or held and was never attempted.
    pub counts: bool,
}

/// What goes out sooner than this after its acceptance counts from its acceptance.
pub const AT_ONCE: Duration = Duration::from_secs(2);

/// Whether a delivery in this state has a place among what limits count: unless it ended without
/// reaching the person. `unknown` may have reached them.
pub const fn counts(state: State) -> bool {
    match state {
        State::Accepted
        | State::Scheduled
        | State::Held
        | State::Queued
        | State::Sending
        | State::Sent
        | State::Delivered
        | State::Unknown => true,
        State::Undelivered
        | State::Suppressed
        | State::Failed
        | State::Expired
        | State::Recalled => false,
    }
}

/// Whether a delivery still waits for the time it is meant to go out at.
pub const fn waits_for_its_time(state: State, attempts: u16) -> bool {
    matches!(state, State::Scheduled | State::Held) && attempts == 0
}
