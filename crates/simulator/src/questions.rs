//! What the own protocol answers besides sending: tokens, receipts to fetch, recalls, balance.
//!
//! Invariant: a token that ran out or was revoked is never taken again; a fetched receipt stays
//! where it is, so that the same place gives the same receipts.

use std::sync::atomic::{AtomicU64, Ordering};

use http::request::Parts;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::actor::Actor;
use crate::ledger::Ledger;
use crate::query::parameter;
use crate::reply::Reply;
use crate::vendor::own;

/// The tokens given out under a behaviour.
#[derive(Debug, Default)]
pub(crate) struct Issued {
    count: AtomicU64,
    /// Token and when it runs out.
    good: Mutex<Vec<(Box<str>, i64)>>,
}

impl Issued {
    fn issue(&self, now_ms: i64, life_ms: u64) -> String {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let token = format!("sim-token-{now_ms}-{number}");
        let ends = now_ms.saturating_add_unsigned(life_ms);
        let mut good = self.good.lock();
        good.retain(|(_, ends)| *ends > now_ms);
        good.push((token.as_str().into(), ends));
        token
    }

    /// Whether this token may be used now.
    pub(crate) fn is_good(&self, token: &str, now_ms: i64) -> bool {
        let good = self.good.lock();
        good.iter()
            .any(|(known, ends)| **known == *token && *ends > now_ms)
    }

    /// Makes every token invalid.
    pub(crate) fn revoke(&self) {
        self.good.lock().clear();
    }

    /// How many were given out.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// Answers a question; `path` is what follows `/sim`.
pub(crate) fn answer(
    actor: &Actor,
    ledger: &Ledger,
    (parts, path): (&Parts, &str),
    body: &[u8],
    now_ms: i64,
) -> Reply {
    if let Err(reply) = own::knows_secret(actor, &parts.headers) {
        return reply;
    }
    match (parts.method.as_str(), path) {
        ("POST", "/token") => match &actor.behaviour.tokens {
            Some(plan) => {
                let token = actor.issued.issue(now_ms, plan.life_ms);
                Reply::json(200, &json!({"token": token, "expires_in_ms": plan.life_ms}))
            }
            None => Reply::error(404, "this behaviour gives no tokens"),
        },
        ("GET", "/receipts") => receipts(actor, parts),
        ("POST", "/recall") => recall(ledger, body),
        ("GET", "/balance") => Reply::json(
            200,
            &json!({"amount": actor.behaviour.balance, "unit": "CNY"}),
        ),
        _ => Reply::error(405, "the question is asked by another method"),
    }
}

fn receipts(actor: &Actor, parts: &Parts) -> Reply {
    let number = |name, usual| {
        let given = parameter(parts, name).and_then(|text| text.parse().ok());
        given.unwrap_or(usual)
    };
    let after: usize = number("after", 0);
    let Some(courier) = &actor.courier else {
        return Reply::json(
            200,
            &json!({"receipts": [], "cursor": after, "more": false}),
        );
    };
    let (found, more) = courier.fetch(after, number("limit", PAGE).clamp(1, PAGE));
    Reply::json(
        200,
        &json!({
            "receipts": own::words(&found), "cursor": after + found.len(), "more": more,
        }),
    )
}

fn recall(ledger: &Ledger, body: &[u8]) -> Reply {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(reference) = body["reference"].as_str() else {
        return Reply::error(400, "the field `reference` is missing");
    };
    let code = match ledger.known(reference, None) {
        None => "unknown",
        Some(known) if known.entries.iter().any(|entry| entry.status.is_some()) => "too_late",
        Some(_) => "ok",
    };
    Reply::json(200, &json!({ "code": code }))
}

const PAGE: usize = 100;
