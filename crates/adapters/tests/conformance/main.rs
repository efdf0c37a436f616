//! One suite that every built-in adapter passes: golden requests at a fixed clock and nonce,
//! signature vectors, every documented code, partial failures, garbage, faults, receipts, and
//! secrets and addresses kept out of everything a person may read.

#![expect(
    clippy::unwrap_used,
    reason = "clippy lets tests unwrap, not the functions they share"
)]

mod aliyun;
mod aliyun_dm;
mod aws_sns;
mod bounce;
mod everywhere;
mod questions;
mod replies;
mod sendgrid;
mod ses;
mod signatures;
mod simulator;
mod skew;
mod smpp;
mod smtp;
mod support;
mod tencent;
mod twilio;
mod unsubscribe;
mod volcengine;
mod webhook;
mod yunpian;
