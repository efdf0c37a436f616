//! The real binary, as processes on real files: killed, stopped, disturbed, and talked to as a
//! person or a script would.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failed expectation fails the test; what a run met is worth knowing"
)]

mod adapters;
mod isolation;
mod kill;
mod load;
mod mail;
mod mail_server;
mod mail_vendors;
mod program;
mod questions;
mod receipts;
mod rig;
mod sdk;
mod smpp;
mod smpp_peers;
mod suppressions;
mod templates;
mod vendors;
