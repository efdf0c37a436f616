//! The embedded backend of the store ports: one data directory, nothing else to install.
//!
//! The only crate that knows SQLite. It owns the layout of the data directory:
//! `lock`, `FORMAT`, `master.key`, `control.db`, `suppressions.db`, `imports/`, `lists/`,
//! `calendars/`, `uploads/` and the ledger's files.

pub mod blobs;
pub mod control;
pub mod durable;
pub mod entropy;
pub mod finding;
pub mod ledger;
pub mod lists;
pub mod lock;
pub mod mailboxes;
pub mod meter;
pub mod migrate;
pub mod suppressions;
pub mod vault;

pub use blobs::LocalBlobs;
pub use control::ControlStore;
pub use entropy::OsEntropy;
pub use finding::{Finding, Severity};
pub use ledger::LocalLedger;
pub use lists::LocalLists;
pub use lock::DataDir;
pub use mailboxes::LocalMailboxes;
pub use meter::LocalMeter;
pub use suppressions::LocalSuppressions;
pub use vault::Vault;
