//! The vendors imitated, and what all imitations have in common.
//!
//! Invariant: a vendor module turns bytes into messages and outcomes into bytes; it decides
//! nothing, keeps nothing and waits for nothing.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use serde::Serialize;

use crate::actor::Actor;
use crate::ledger::{Ledger, Mark};
use crate::receipts::Receipt;
use crate::reply::Reply;
use crate::webhook;

pub(crate) mod aliyun;
pub(crate) mod authorization;
pub(crate) mod aws_ses;
pub(crate) mod aws_sns;
pub(crate) mod codes;
pub(crate) mod own;
pub(crate) mod sendgrid;
pub(crate) mod sigv4;
pub(crate) mod tencent;
pub(crate) mod twilio;
pub(crate) mod volcengine;
pub(crate) mod yunpian;

/// Whose protocol a call speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Vendor {
    Own,
    Tencent,
    Aliyun,
    Yunpian,
    Volcengine,
    Twilio,
    AwsSns,
    Sendgrid,
    AwsSes,
    Webhook,
    Smtp,
    Smpp,
}

/// One message of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// The caller's reference; empty where there is none.
    pub(crate) reference: Cow<'a, str>,
    pub(crate) to: Cow<'a, str>,
    /// The content, or what of it the protocol carries (template variables).
    pub(crate) text: Cow<'a, str>,
    /// The vendor refuses the recipient as no number.
    pub(crate) malformed: bool,
}

/// A call as understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub(crate) messages: Vec<Message<'a>>,
    pub(crate) shape: Shape<'a>,
    /// The reference belongs to the whole call and there are several messages.
    pub(crate) shared: bool,
    /// A receipt URL given with the call.
    pub(crate) callback: Option<Arc<str>>,
}

/// What is needed beside the messages to word the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape<'a> {
    Own,
    Tencent { session: Cow<'a, str> },
    Aliyun,
    YunpianOne,
    YunpianMany,
    Volcengine { action: &'static str },
    Twilio,
    AwsSns,
    Sendgrid,
    AwsSes,
    Webhook,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome<'a> {
    Accepted {
        mark: Mark,
        segments: u32,
    },
    /// With the imitated vendor's own code.
    Refused {
        code: Cow<'a, str>,
        message: Cow<'a, str>,
    },
}

/// A request as a vendor module sees it.
#[derive(Debug)]
pub(crate) struct Inbound<'a> {
    pub(crate) parts: &'a Parts,
    /// The path without the prefixes of the simulator.
    pub(crate) path: &'a str,
    pub(crate) body: &'a Bytes,
    pub(crate) actor: &'a Actor,
    /// To answer questions from.
    pub(crate) ledger: &'a Ledger,
    pub(crate) now_ms: i64,
}

impl Inbound<'_> {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }
}

/// Reads a call, after checking its credentials; or the vendor's answer to a wrong one, or to a
/// question.
pub(crate) fn parse<'a>(vendor: Vendor, inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    match vendor {
        Vendor::Own => own::parse(inbound),
        Vendor::Tencent => tencent::parse(inbound),
        Vendor::Aliyun => aliyun::parse(inbound),
        Vendor::Yunpian => yunpian::parse(inbound),
        Vendor::Volcengine => volcengine::parse(inbound),
        Vendor::Twilio => twilio::parse(inbound),
        Vendor::AwsSns => aws_sns::parse(inbound),
        Vendor::Sendgrid => sendgrid::parse(inbound),
        Vendor::AwsSes => aws_ses::parse(inbound),
        Vendor::Webhook | Vendor::Smtp | Vendor::Smpp => webhook::parse(inbound),
    }
}

/// Words the ordinary answer.
pub(crate) fn answer(call: &Call<'_>, outcomes: &[Outcome<'_>]) -> Reply {
    match &call.shape {
        Shape::Own => own::answer(call, outcomes),
        Shape::Tencent { session } => tencent::answer(call, session, outcomes),
        Shape::Aliyun => aliyun::answer(outcomes),
        Shape::YunpianOne => yunpian::answer_one(call, outcomes),
        Shape::YunpianMany => yunpian::answer_many(call, outcomes),
        Shape::Volcengine { action } => volcengine::answer(action, outcomes),
        Shape::Twilio => twilio::answer(call, outcomes),
        Shape::AwsSns => aws_sns::answer(outcomes),
        Shape::Sendgrid => sendgrid::answer(outcomes),
        Shape::AwsSes => aws_ses::answer(outcomes),
        Shape::Webhook => webhook::answer(outcomes),
    }
}

/// Words the failure of a whole call; `code` may be portable.
pub(crate) fn failure(vendor: Vendor, code: &str, message: Option<&str>) -> Reply {
    let code = codes::call_code(vendor, code);
    let message = message.unwrap_or_else(|| codes::words(&code));
    match vendor {
        Vendor::Own => own::failure(&code, message),
        Vendor::Tencent => tencent::failure(&code, message),
        Vendor::Aliyun => aliyun::failure(&code, message),
        Vendor::Yunpian => yunpian::failure(&code, message),
        Vendor::Volcengine => volcengine::failure(&code, message),
        Vendor::Twilio => twilio::failure(&code, message),
        Vendor::AwsSns => aws_sns::failure(&code, message),
        Vendor::Sendgrid => sendgrid::failure(&code, message),
        Vendor::AwsSes => aws_ses::failure(&code, message),
        Vendor::Webhook | Vendor::Smtp | Vendor::Smpp => webhook::failure(&code, message),
    }
}

/// The body of a receipt post and its content type.
pub(crate) fn receipts(vendor: Vendor, batch: &[Receipt]) -> (&'static str, Bytes) {
    match vendor {
        Vendor::Tencent => tencent::receipts(batch),
        Vendor::Aliyun => aliyun::receipts(batch),
        Vendor::Yunpian => yunpian::receipts(batch),
        Vendor::Volcengine => volcengine::receipts(batch),
        Vendor::Twilio => twilio::receipt(batch),
        Vendor::Sendgrid => sendgrid::receipts(batch),
        Vendor::AwsSes => aws_ses::receipt(batch),
        Vendor::Own | Vendor::AwsSns | Vendor::Webhook | Vendor::Smtp | Vendor::Smpp => {
            own::receipts(batch)
        }
    }
}

/// Whether the answer to a receipt post is what that vendor takes for an acknowledgement.
pub(crate) fn acknowledged(vendor: Vendor, status: u16, body: &[u8]) -> bool {
    match vendor {
        Vendor::Tencent => tencent::acknowledged(status, body),
        Vendor::Aliyun => aliyun::acknowledged(status, body),
        Vendor::Yunpian => yunpian::acknowledged(status, body),
        Vendor::Volcengine => status == 200,
        Vendor::Own
        | Vendor::Twilio
        | Vendor::AwsSns
        | Vendor::Sendgrid
        | Vendor::AwsSes
        | Vendor::Webhook
        | Vendor::Smtp
        | Vendor::Smpp => (200..300).contains(&status),
    }
}

/// Whether one refused message refuses the whole call.
pub(crate) const fn all_or_nothing(vendor: Vendor) -> bool {
    matches!(
        vendor,
        Vendor::Aliyun | Vendor::Volcengine | Vendor::Sendgrid | Vendor::AwsSes
    )
}

/// Whether the vendor posts receipts at all.
pub(crate) const fn posts_receipts(vendor: Vendor) -> bool {
    !matches!(vendor, Vendor::AwsSns)
}

/// Most receipts in one post, where the protocol says so.
pub(crate) const fn receipts_a_post(vendor: Vendor) -> usize {
    match vendor {
        Vendor::Twilio | Vendor::AwsSes => 1,
        _ => usize::MAX,
    }
}

/// The headers that prove where a receipt post, which `first` stands in, comes from.
pub(crate) fn receipt_signature(
    first: &Receipt,
    token: &str,
    url: &str,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    match first.vendor {
        Vendor::Own => vec![("x-sim-signature", own::signature(token, body))],
        Vendor::Twilio => vec![("x-twilio-signature", twilio::signature(token, url, body))],
        Vendor::Sendgrid => sendgrid::signature(token, first.done_ms, body),
        _ => Vec::new(),
    }
}

/// A message's number as a UUID.
pub(crate) fn uuid(number: u64) -> String {
    let hex = format!("{number:016x}");
    [&hex[..8], &hex[8..12], &hex[12..], "8000", "000000000000"].join("-")
}

/// The number in a UUID of [`uuid`].
pub(crate) fn number_of(uuid: &str) -> Option<u64> {
    let hex: String = uuid.split('-').take(3).collect();
    u64::from_str_radix(&hex, 16).ok()
}

/// An id as the vendors write request ids, made of a number.
pub(crate) fn request_id(number: u64) -> String {
    let digest = crate::crypto::sha256(&number.to_be_bytes());
    let hex = crate::crypto::hex(&digest[..16]);
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}
