//! What may be done to people, and when: rules as documents, in layers, and the defaults that follow
//! from what a message is for.
//!
//! A [`Document`] is what people write; [`Effective`] is what all of them together say about one
//! template, each rule with the place it stands in.

pub mod document;
pub mod layers;
pub mod rules;

use std::time::Duration;

pub use document::{AppliesTo, Document};
pub use layers::{Effective, Layer, Ruled, Subject};
pub use rules::{
    Approval, Cap, Content, Exemption, OnFault, Over, Overdue, Pattern, Period, QuietAction,
    QuietHours, QuietWindow, Rules, Weekday, Window,
};

use crate::backoff::Backoff;
use crate::channel::Class;

/// What to do with a delivery whose vendor may or may not have taken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Send it again while it is still valid: a second code is better than none.
    Resend,
    /// Leave it `unknown`: a second copy is worse than none.
    Stop,
}

/// How deliveries of a class are treated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassPolicy {
    /// How long a message stays worth sending when its sender does not say.
    pub expires_after: Duration,
    /// What follows an unknown outcome.
    pub on_unknown: OnUnknown,
    /// Most vendor calls for one delivery.
    pub max_attempts: u16,
    /// Waits between attempts.
    pub backoff: Backoff,
}

impl ClassPolicy {
    /// The built-in policy of `class`.
    pub const fn of(class: Class) -> Self {
        match class {
            Class::Verification => Self {
                expires_after: Duration::from_secs(10 * 60),
                on_unknown: OnUnknown::Resend,
                max_attempts: 8,
                backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(15)),
            },
            Class::Notification => Self {
                expires_after: Duration::from_secs(24 * 3600),
                on_unknown: OnUnknown::Stop,
                max_attempts: 20,
                backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(600)),
            },
            Class::Marketing => Self {
                expires_after: Duration::from_secs(24 * 3600),
                on_unknown: OnUnknown::Stop,
                max_attempts: 12,
                backoff: Backoff::new(Duration::from_secs(2), Duration::from_secs(1800)),
            },
        }
    }
}
