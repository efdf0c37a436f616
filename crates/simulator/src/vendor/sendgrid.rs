//! SendGrid v3, `POST /v3/mail/send`, and its Event Webhook.
//!
//! Invariant: a call is taken or refused as a whole, under one `X-Message-Id`; each
//! personalization is a mail of its own, whose custom arguments stand in its events. The argument
//! `austin_delivery` is taken for its reference.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::authorization::same;
use super::{Call, Inbound, Message, Outcome, Shape};
use crate::receipts::Receipt;
use crate::reply::{JSON, Reply};

const REFERENCE: &str = "austin_delivery";

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    authorise(inbound)?;
    if inbound.path != "/v3/mail/send" {
        return Err(failure("404", "the simulator imitates POST /v3/mail/send"));
    }
    let body: Value = serde_json::from_slice(inbound.body)
        .map_err(|error| failure("400", &format!("Bad Request: {error}")))?;
    let all = body["personalizations"].as_array();
    let all = all.filter(|all| (1..=1_000).contains(&all.len()));
    let all = all.ok_or_else(|| missing("personalizations", "1 to 1000 personalizations"))?;
    if !is_address(&body["from"]["email"]) {
        let why = "The from object must be provided for every email send.";
        return Err(missing("from.email", why));
    }
    let text = text(&body)?;
    let messages = all
        .iter()
        .enumerate()
        .map(|(index, one)| message(index, one, &text))
        .collect::<Result<_, _>>()?;
    Ok(Call {
        messages,
        shape: Shape::Sendgrid,
        shared: false,
        callback: None,
    })
}

fn authorise(inbound: &Inbound<'_>) -> Result<(), Reply> {
    let Some(key) = &inbound.actor.behaviour.credentials.sendgrid_api_key else {
        return Ok(());
    };
    let given = inbound
        .header("authorization")
        .and_then(|header| header.strip_prefix("Bearer "));
    if given.is_some_and(|given| same(given, key.reveal())) {
        return Ok(());
    }
    let why = "The provided authorization grant is invalid, expired, or revoked";
    Err(failure("401", why))
}

/// Subject and contents, the plain one first as the vendor demands.
fn text(body: &Value) -> Result<String, Reply> {
    let subject = body["subject"].as_str().unwrap_or_default();
    if subject.is_empty() {
        return Err(missing("subject", "The subject is required."));
    }
    let parts = body["content"].as_array().filter(|parts| !parts.is_empty());
    let parts = parts.ok_or_else(|| missing("content", "The content is required."))?;
    let mut text = subject.to_owned();
    for (index, part) in parts.iter().enumerate() {
        let field = |name: &str| format!("content.{index}.{name}");
        let value = part["value"].as_str().filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| missing(&field("value"), "must have a value"))?;
        if index > 0 && part["type"] == "text/plain" {
            let why = "text/plain must come before text/html";
            return Err(missing(&field("type"), why));
        }
        text.push('\n');
        text.push_str(value);
    }
    Ok(text)
}

fn message<'a>(index: usize, one: &Value, text: &str) -> Result<Message<'a>, Reply> {
    let [to] = one["to"].as_array().map_or(&[][..], Vec::as_slice) else {
        let why = "the simulator takes one recipient a personalization";
        return Err(missing(&format!("personalizations.{index}.to"), why));
    };
    let reference = one["custom_args"][REFERENCE].as_str().unwrap_or_default();
    Ok(Message {
        reference: reference.to_owned().into(),
        malformed: !is_address(&to["email"]),
        to: to["email"].as_str().unwrap_or_default().to_owned().into(),
        text: text.to_owned().into(),
    })
}

fn is_address(email: &Value) -> bool {
    let parts = email.as_str().and_then(|text| text.split_once('@'));
    parts.is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
}

pub(crate) fn answer(outcomes: &[Outcome<'_>]) -> Reply {
    let refused = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Refused { code, message } => Some(failure(code, message)),
        Outcome::Accepted { .. } => None,
    });
    let first = || match outcomes.first() {
        Some(Outcome::Accepted { mark, .. }) => {
            Reply::new(202, JSON, Bytes::new()).header("x-message-id", message_id(mark.number))
        }
        _ => failure("400", "no recipient"),
    };
    refused.unwrap_or_else(first)
}

/// A status, perhaps with the field that is at fault behind it.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    let (status, field) = code.split_once(' ').unwrap_or((code, ""));
    let field = (!field.is_empty()).then_some(field);
    let errors = json!({"errors": [{"message": message, "field": field, "help": null}]});
    Reply::json(status.parse().unwrap_or(400), &errors)
}

fn missing(field: &str, why: &str) -> Reply {
    failure(&format!("400 {field}"), why)
}

/// An array of events.
pub(crate) fn receipts(batch: &[Receipt]) -> (&'static str, Bytes) {
    let events = batch.iter().map(|receipt| {
        let mut event = json!({
            "email": &*receipt.to,
            "timestamp": receipt.done_ms / 1_000,
            "sg_event_id": format!("event-{}", receipt.mark.number),
            "sg_message_id": format!("{}.filter-1", message_id(receipt.id)),
            "smtp-id": format!("<{}@simulator.example>", message_id(receipt.id)),
        });
        if !receipt.reference.is_empty() {
            event[REFERENCE] = (*receipt.reference).into();
        }
        if receipt.delivered {
            event["event"] = "delivered".into();
            event["response"] = "250 OK".into();
        } else {
            event["event"] = "bounce".into();
            event["type"] = "bounce".into();
            event["status"] = (*receipt.code).into();
            event["reason"] = format!("550 {}", receipt.code).into();
        }
        event
    });
    (JSON, Reply::json(200, &Value::Array(events.collect())).body)
}

/// The headers of a signed post; `key` is a P-256 key, Base64 of PKCS #8. None where it is none.
pub(crate) fn signature(key: &str, at_ms: i64, body: &[u8]) -> Vec<(&'static str, String)> {
    let timestamp = (at_ms / 1_000).to_string();
    let signed = [timestamp.as_bytes(), body].concat();
    let signature = STANDARD.decode(key).ok().and_then(|key| {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key).ok()?;
        pair.sign(&SystemRandom::new(), &signed).ok()
    });
    let Some(signature) = signature else {
        tracing::warn!("receipts.token is no P-256 key: events go unsigned");
        return Vec::new();
    };
    vec![
        (
            "x-twilio-email-event-webhook-signature",
            STANDARD.encode(signature.as_ref()),
        ),
        ("x-twilio-email-event-webhook-timestamp", timestamp),
    ]
}

fn message_id(number: u64) -> String {
    format!("sg{number:020}")
}
