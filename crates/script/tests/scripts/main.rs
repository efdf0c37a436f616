//! Scripts and their loader, on real worker processes.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod contract;
mod hostile;
mod shipped;
mod support;
mod throughput;
