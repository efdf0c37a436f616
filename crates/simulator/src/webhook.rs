//! A sink for signed webhooks: `POST /hook/{name}` takes any body.
//!
//! Invariant: where the behaviour has a secret, nothing unsigned, wrongly signed or older than five
//! minutes gets into the ledger (Standard Webhooks specification, 1.0).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::crypto::hmac_sha256;
use crate::reply::Reply;
use crate::secret::Secret;
use crate::vendor::authorization::same;
use crate::vendor::{Call, Inbound, Message, Outcome, Shape};

/// The key inside `whsec_<base64>`.
pub(crate) fn key(secret: &Secret) -> Result<Vec<u8>, &'static str> {
    secret
        .reveal()
        .strip_prefix("whsec_")
        .and_then(|text| STANDARD.decode(text).ok())
        .filter(|key| !key.is_empty())
        .ok_or("must be `whsec_` followed by base64")
}

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    if let Some(secret) = &inbound.actor.behaviour.credentials.webhook {
        verify(inbound, secret).map_err(|why| Reply::error(401, &why))?;
    }
    let reference = inbound.parts.headers.get("webhook-id");
    let reference = reference.and_then(|id| id.to_str().ok()).unwrap_or("");
    Ok(Call {
        messages: vec![Message {
            reference: Cow::Borrowed(reference),
            to: Cow::Borrowed(inbound.path),
            text: String::from_utf8_lossy(inbound.body),
            malformed: false,
        }],
        shape: Shape::Webhook,
        shared: false,
        callback: None,
    })
}

fn verify(inbound: &Inbound<'_>, secret: &Secret) -> Result<(), String> {
    let header = |name: &str| {
        inbound
            .header(name)
            .ok_or_else(|| format!("{name} is missing"))
    };
    let id = header("webhook-id")?;
    let timestamp = header("webhook-timestamp")?;
    let signatures = header("webhook-signature")?;
    let seconds: i64 = timestamp
        .parse()
        .map_err(|_| "webhook-timestamp is no number".to_owned())?;
    if (inbound.now_ms / 1_000 - seconds).abs() > 300 {
        return Err("webhook-timestamp is more than five minutes off".into());
    }
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(inbound.body);
    let want = STANDARD.encode(hmac_sha256(&key(secret)?, &signed));
    let found = signatures
        .split(' ')
        .filter_map(|one| one.strip_prefix("v1,"))
        .any(|given| same(given, &want));
    if found {
        Ok(())
    } else {
        Err("no webhook-signature matches".into())
    }
}

pub(crate) fn answer(outcomes: &[Outcome<'_>]) -> Reply {
    match outcomes.first() {
        Some(Outcome::Refused { code, message }) => failure(code, message),
        _ => Reply::json(200, &json!({"ok": true})),
    }
}

/// The status a receiver of webhooks would answer for a portable code.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    let status = match code {
        "bad_recipient" | "blocked" => 410,
        "throttled" => 429,
        "later" | "elsewhere" => 503,
        "account_suspended" => 403,
        _ => 400,
    };
    Reply::json(status, &json!({"code": code, "message": message}))
}
