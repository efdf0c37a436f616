//! The built-in vendors.
//!
//! Each one is a small folder: `sign` (how requests are signed), `request` (what is sent),
//! `reply` (what the answer means for each recipient), `codes` (every vendor code and its
//! treatment), `receipts` (what the vendor posts to us later). No adapter does IO, reads a clock
//! or draws a random number, none panics on what a vendor says, and every one of them gives
//! exactly one verdict per recipient.

mod answer;
mod beijing;
mod endpoint;
mod entries;
mod fields;
mod json;
mod phone;
mod post;
mod redact;
mod registry;
mod rounds;
mod treatment;

pub mod aliyun_sms;
pub mod simulator;
pub mod smpp;
pub mod smtp;
pub mod tencent_sms;
pub mod webhook;
pub mod yunpian_sms;

pub use registry::{find, registry};
