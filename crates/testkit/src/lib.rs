//! What tests share: a clock moved by hand, seeded randomness, builders, and one conformance
//! suite per store port that every backend runs. Development only.

#![expect(
    clippy::unwrap_used,
    reason = "a failed expectation of a test ends the test"
)]

pub mod blobs_suite;
pub mod builders;
pub mod catalog;
pub mod catalog_suite;
pub mod client;
pub mod clock;
pub mod entropy;
pub mod ledger;
pub mod ledger_suite;
pub mod mailboxes;
pub mod mailboxes_suite;
pub mod meter;
pub mod meter_suite;
pub mod process;
pub mod suite;
pub mod suppressions;
pub mod suppressions_suite;

pub use catalog::GivenCatalog;
pub use client::Client;
pub use clock::ManualClock;
pub use entropy::SeededEntropy;
pub use ledger::MemoryLedger;
pub use mailboxes::MemoryMailboxes;
pub use meter::MemoryMeter;
pub use process::Process;
pub use suppressions::MemorySuppressions;
