#![doc = include_str!("../README.md")]

mod actor;
mod behaviour;
mod callback;
mod clock;
mod control;
mod crypto;
mod exchange;
mod ledger;
mod options;
mod phone;
mod query;
mod questions;
mod rates;
mod receipts;
mod reply;
mod router;
mod rules;
mod secret;
mod server;
mod smpp;
mod smtp;
mod socket;
mod span;
mod vendor;
mod webhook;

pub use behaviour::{
    AccessKeys, AliyunKeys, Behaviour, CountBy, Credentials, Limit, LimitAnswer, LimitUnit,
    ReceiptFailure, ReceiptPlan, Retry, TencentKeys, TwilioKeys,
};
pub use clock::Clock;
pub use ledger::{Doubled, Mode as LedgerMode, Summary};
pub use options::Options;
pub use rules::{
    Action, Cut, CutHow, CutWhen, Fault, Huge, Match, Redirect, Refusal, Rule, StatusAnswer,
    TextMatch, Wait, Window,
};
pub use secret::Secret;
pub use server::{Error, Handle, Simulator};
pub use smpp::{
    SmppAction, SmppAuth, SmppForm, SmppIds, SmppProgress, SmppReceipts, SmppRule, SmppRules,
    SmppStage,
};
pub use smtp::{SmtpAction, SmtpAuth, SmtpReply, SmtpRule, SmtpRules, SmtpStage};
pub use span::Span;
