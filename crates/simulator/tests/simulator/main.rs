//! The simulator over real sockets, through a client that is nothing but bytes.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets something unexpected should stop there"
)]

mod aws_ses;
mod aws_sns;
mod control;
mod faults;
mod hooks;
mod mail;
mod own;
mod pulls;
mod receipts;
mod rig;
mod sendgrid;
mod twilio;
mod vendors;
mod volcengine;
