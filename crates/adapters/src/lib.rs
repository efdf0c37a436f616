//! The built-in vendors.
//!
//! Each one is a small folder: `sign` (how requests are signed), `request` (what is sent),
//! `reply` (what the answer means for each recipient), `codes` (every vendor code and its
//! treatment), `receipts` (what the vendor posts to us later). No adapter does IO, reads a clock
//! or draws a random number, none panics on what a vendor says, and every one of them gives
//! exactly one verdict per recipient.

mod answer;
mod asking;
mod beijing;
mod decimal;
mod endpoint;
mod entries;
mod fields;
mod json;
mod mail;
mod phone;
mod post;
mod redact;
mod registry;
mod rounds;
mod skew;
mod treatment;
mod xml;

pub mod acs3;
pub mod aliyun_dm_email;
pub mod aliyun_sms;
pub mod aws_ses_email;
pub mod aws_sns_sms;
pub mod sendgrid_email;
pub mod sigv4;
pub mod simulator;
pub mod smpp;
pub mod smtp;
pub mod tencent_sms;
pub mod twilio_sms;
pub mod volcengine_sms;
pub mod webhook;
pub mod yunpian_sms;

pub use registry::{find, registry};
