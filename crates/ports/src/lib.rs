//! What the engine needs from the outside world, as narrow object-safe traits.
//!
//! Methods are intents, batched, and atomic by contract; no transaction handle leaves a backend.
//! Every backend of a port runs the same conformance suite (`austin-testkit`).

pub mod blobs;
pub mod catalog;
pub mod clock;
pub mod ledger;
pub mod mailbox;
pub mod meter;
pub mod suppressions;
pub mod wire;

use std::future::Future;
use std::pin::Pin;

pub use blobs::Blobs;
pub use catalog::Catalog;
pub use clock::{Clock, Entropy, SystemClock};
pub use ledger::Ledger;
pub use mailbox::Mailboxes;
pub use meter::Meter;
pub use suppressions::Suppressions;
pub use wire::Wire;

/// A boxed future, so that ports can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
