//! austin's words and pure policies.
//!
//! This crate does no IO, reads no clock and draws no random number: `now` and randomness are
//! arguments. Everything here can be tested by calling it.

pub mod address;
pub mod backoff;
pub mod calendar;
pub mod canary;
pub mod caps;
pub mod channel;
pub mod content;
pub mod content_check;
pub mod delivery;
pub mod health;
pub mod id;
pub mod locale;
pub mod mask;
pub mod name;
pub mod policy;
pub mod quiet;
pub mod quota;
pub mod rate;
pub mod route;
pub mod segments;
pub mod span;
pub mod suppression;
pub mod template;
pub mod time;
pub mod verdict;
pub mod zone;

pub use channel::{Channel, Class, Lane};
pub use content::{Content, Vars};
pub use delivery::{Reason, RuleRef, State};
pub use id::{
    AccountId, AppId, DeliveryId, Id, ImportId, KeyId, MessageId, SuppressionId, TemplateId,
};
pub use time::Timestamp;
pub use verdict::Verdict;
