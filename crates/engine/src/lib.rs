//! What happens to a message between the API and the vendor.
//!
//! The delivery path is a list of short steps, each a module: `intake` (check, per person) →
//! `planner` (now, later or never) → [`austin_ports::Ledger::accept`] (durable) → `dispatcher`
//! (the only loop that leases) → `attempt` (drive one adapter to verdicts) → `settle` (verdicts
//! to what follows) → `receipts`. Reconcilers take no input, read state and may run twice.

mod accept;
mod aftermath;
mod asking;
mod assemble;
mod attempt;
mod daybook;
mod decide;
mod directory;
mod dispatcher;
mod gate;
mod health;
mod inquiry;
mod intake;
mod judge;
mod lane;
mod lookahead;
mod mailboxes;
mod metrics;
mod outlives;
mod pace;
mod pauses;
mod places;
mod planner;
mod pulls;
mod quota;
mod rate;
mod receipt_watch;
mod receipts;
mod reconcilers;
mod recovery;
mod refs;
mod release;
mod render;
mod routing;
mod rulebook;
mod sessions;
mod settler;
mod shared;
mod timers;
mod tokens;
mod uses;

#[cfg(test)]
mod samples;

pub mod adapters;
pub mod caller;
pub mod carry;
pub mod config;
pub mod engine;
pub mod manage;
pub mod once;
pub mod planning;
pub mod preview;
pub mod recall;
pub mod receipt_counts;
pub mod refusal;
pub mod send;
pub mod simulate;
pub mod status;
pub mod suppress;
pub mod timeline;

pub use adapters::{Adapters, Workshop};
pub use caller::Caller;
pub use carry::can_carry;
pub use config::Config;
pub use engine::{Engine, Parts};
pub use once::{Once, OnceAnswer};
pub use refusal::{FieldFault, Refusal, RefusalCode};
pub use rulebook::{CurrentLists, Lists};
pub use suppress::{ImportDraft, SuppressionDraft, Unsubscribed};
pub use uses::Use;
