//! The simulator's own protocol: `POST /sim/send`.
//!
//! Invariant: the answer has one result per message, in the order of the messages.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::authorization::same;
use super::{Call, Inbound, Message, Outcome, Shape};
use crate::actor::Actor;
use crate::clock::rfc3339;
use crate::receipts::Receipt;
use crate::reply::{JSON, Reply};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow, default)]
    account: Cow<'a, str>,
    #[serde(borrow, default)]
    class: Cow<'a, str>,
    #[serde(borrow)]
    messages: Vec<Item<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item<'a> {
    #[serde(borrow)]
    reference: Cow<'a, str>,
    #[serde(borrow)]
    to: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Cow<'a, str>,
    #[serde(borrow, default)]
    vars: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Answer<'a> {
    results: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    reference: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<OwnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// The value of `x-sim-signature`.
pub(crate) fn signature(token: &str, body: &[u8]) -> String {
    crate::crypto::hex(&crate::crypto::hmac_sha256(token.as_bytes(), body))
}

/// `sim-<number>`.
pub(crate) struct OwnId(pub(crate) u64);

impl Serialize for OwnId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("sim-{}", self.0))
    }
}

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    authorise(inbound)?;
    let mut reader = serde_json::Deserializer::from_slice(inbound.body);
    let request: Request<'a> = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| failure("bad_request", &error.to_string()))?;
    reader
        .end()
        .map_err(|error| failure("bad_request", &error.to_string()))?;
    // Part of the protocol for those who read the traffic; nothing depends on them.
    let _ = (request.account, request.class);
    if request.messages.is_empty() || request.messages.len() > MESSAGES_MOST {
        let why = format!("messages must be 1 to {MESSAGES_MOST}");
        return Err(failure("bad_request", &why));
    }
    let messages = request.messages.into_iter().map(|item| Message {
        malformed: item.to.is_empty(),
        reference: item.reference,
        to: item.to,
        text: match item.vars {
            Some(vars) if item.text.is_empty() => vars.get().into(),
            _ => item.text,
        },
    });
    Ok(Call {
        messages: messages.collect(),
        shape: Shape::Own,
        shared: false,
        callback: None,
    })
}

/// Checks what a send must carry: the secret, or a token that it opened.
pub(crate) fn authorise(inbound: &Inbound<'_>) -> Result<(), Reply> {
    if inbound.actor.behaviour.tokens.is_none() {
        return knows_secret(inbound.actor, &inbound.parts.headers);
    }
    let issued = &inbound.actor.issued;
    if bearer(&inbound.parts.headers).is_some_and(|token| issued.is_good(token, inbound.now_ms)) {
        return Ok(());
    }
    let why = "the token was revoked or ran out";
    Err(Reply::json(
        401,
        &json!({"code": "token_invalid", "message": why}),
    ))
}

/// Checks the secret where the behaviour has one.
pub(crate) fn knows_secret(actor: &Actor, headers: &HeaderMap) -> Result<(), Reply> {
    let Some(token) = &actor.behaviour.credentials.token else {
        return Ok(());
    };
    if bearer(headers).is_some_and(|given| same(given, token.reveal())) {
        return Ok(());
    }
    let why = "the bearer token is missing or wrong";
    Err(Reply::json(
        401,
        &json!({"code": "unauthorized", "message": why}),
    ))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get("authorization")?.to_str().ok()?;
    header.strip_prefix("Bearer ")
}

pub(crate) fn answer(call: &Call<'_>, outcomes: &[Outcome<'_>]) -> Reply {
    let results = call.messages.iter().zip(outcomes);
    let results = results.map(|(message, outcome)| match outcome {
        Outcome::Accepted { mark, segments } => Line {
            reference: &message.reference,
            code: "ok",
            id: Some(OwnId(mark.number)),
            segments: Some(*segments),
            message: None,
        },
        Outcome::Refused { code, message: why } => Line {
            reference: &message.reference,
            code,
            id: None,
            segments: None,
            message: Some(why),
        },
    });
    Reply::json(
        200,
        &Answer {
            results: results.collect(),
        },
    )
}

/// `{"code","message"}` under 400, 403 or 429.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    let status = match code {
        "account_suspended" => 403,
        "throttled" => 429,
        "later" => 503,
        _ => 400,
    };
    Reply::json(status, &json!({"code": code, "message": message}))
}

pub(crate) fn receipts(batch: &[Receipt]) -> (&'static str, Bytes) {
    (
        JSON,
        Reply::json(200, &json!({"receipts": words(batch)})).body,
    )
}

/// Receipts as JSON, posted or fetched.
pub(crate) fn words(batch: &[Receipt]) -> serde_json::Value {
    #[derive(Serialize)]
    struct Word<'a> {
        id: OwnId,
        reference: &'a str,
        to: &'a str,
        status: &'static str,
        code: &'a str,
        at: String,
    }
    let words = batch.iter().map(|receipt| Word {
        id: OwnId(receipt.id),
        reference: &receipt.reference,
        to: &receipt.to,
        status: if receipt.delivered {
            "delivered"
        } else {
            "undelivered"
        },
        code: &receipt.code,
        at: rfc3339(receipt.done_ms),
    });
    json!(words.collect::<Vec<Word<'_>>>())
}

const MESSAGES_MOST: usize = 1_000;
