//! The control API below `/control`.
//!
//! Invariant: a change is answered only when it is in force; a refused change changes nothing.

use http::Method;
use http::request::Parts;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::actor::Actor;
use crate::exchange::read;
use crate::query::parameter;
use crate::reply::{Reply, TEXT};
use crate::server::State;

/// Answers a control request; `path` is what follows `/control`.
pub(crate) async fn answer(state: &State, parts: &Parts, path: &str, body: Incoming) -> Reply {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let method = &parts.method;
    match (method.as_str(), segments.as_slice()) {
        ("GET", []) => overview(state),
        ("GET", ["behaviours"]) => behaviours(state),
        ("GET", ["behaviours", name]) => match state.registry.get(name) {
            Some(actor) => Reply::json(200, &shown(&actor)),
            None => no_behaviour(name),
        },
        ("PUT", ["behaviours", name]) => match document(state, body).await {
            Ok(behaviour) => match state.registry.set(name, behaviour) {
                Ok(actor) => Reply::json(200, &shown(&actor)),
                Err(why) => Reply::error(422, &why.to_string()),
            },
            Err(reply) => reply,
        },
        ("DELETE", ["behaviours", name]) => {
            if state.registry.remove(name) {
                Reply::text(204, "")
            } else {
                no_behaviour(name)
            }
        }
        ("DELETE", ["behaviours", name, "tokens"]) => match state.registry.get(name) {
            Some(actor) => {
                actor.issued.revoke();
                Reply::text(204, "")
            }
            None => no_behaviour(name),
        },
        ("GET", ["ledger"]) => ledger(state, parts),
        ("DELETE", ["ledger"]) => {
            state.ledger.clear();
            state.registry.clear_counts();
            Reply::text(204, "")
        }
        ("GET", ["ledger", "summary"]) => {
            Reply::json(200, &state.summary(limit(parts, LISTED, LISTED_MOST)))
        }
        ("GET", ["rates"]) => rates(state, parts),
        (_, ["mails" | "smtp", ..]) => mail(state, parts, &segments, body).await,
        (_, ["smpp", ..]) => smpp(state, parts, &segments, body).await,
        _ => nothing_here(method, path),
    }
}

/// Also the answer to `GET /`.
pub(crate) fn overview(state: &State) -> Reply {
    let summary = state.summary(0);
    let receipts: Value = state
        .registry
        .names()
        .into_iter()
        .filter_map(|name| {
            let actor = state.registry.get(&name)?;
            let progress = actor.courier.as_ref()?.progress();
            Some((name, json!(progress)))
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    Reply::json(
        200,
        &json!({
            "simulator": "austin",
            "started_at": crate::clock::rfc3339(state.started_ms),
            "ledger": summary.mode,
            "accepted": summary.accepted,
            "doubled_count": summary.doubled_count,
            "behaviours": state.registry.names(),
            "receipts": receipts,
            "mails": state.mailbox.count(),
            "paths": [
                "/sim/send", "/sim/query", "/tencent", "/aliyun", "/yunpian", "/hook/{name}",
                "/a/{behaviour}/…", "/control/behaviours/{name}", "/control/ledger",
                "/control/ledger/summary", "/control/rates", "/control/mails", "/control/smtp",
                "/control/smpp",
            ],
        }),
    )
}

fn behaviours(state: &State) -> Reply {
    let names = state.registry.names();
    let shown: Value = names
        .into_iter()
        .filter_map(|name| {
            let actor = state.registry.get(&name)?;
            Some((name, shown(&actor)))
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    Reply::json(200, &json!({ "behaviours": shown }))
}

fn shown(actor: &Actor) -> Value {
    json!({
        "name": &*actor.tally.name,
        "behaviour": actor.behaviour,
        "fired": actor.rules.fired(),
        "tokens_given": actor.issued.count(),
        "receipts": actor.courier.as_ref().map(|courier| courier.progress()),
    })
}

fn ledger(state: &State, parts: &Parts) -> Reply {
    #[derive(Serialize)]
    struct Found<T> {
        count: u64,
        entries: Vec<T>,
    }
    if let Some(reference) = parameter(parts, "reference") {
        let to = parameter(parts, "to");
        let known = state.ledger.known(&reference, to.as_deref());
        let (count, entries) = known.map_or((0, Vec::new()), |known| (known.count, known.entries));
        return Reply::json(200, &Found { count, entries });
    }
    let entries = state.ledger.newest(limit(parts, LISTED, LISTED_MOST));
    Reply::json(
        200,
        &Found {
            count: state.summary(0).accepted,
            entries,
        },
    )
}

fn rates(state: &State, parts: &Parts) -> Reply {
    let seconds = limit(parts, 60, 600);
    let only = parameter(parts, "behaviour");
    let rates: Value = state
        .registry
        .tallies()
        .into_iter()
        .filter(|tally| only.as_ref().is_none_or(|only| **only == *tally.name))
        .map(|tally| (tally.name.to_string(), json!(tally.rates.seconds(seconds))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    Reply::json(200, &json!({ "rates": rates }))
}

async fn mail(state: &State, parts: &Parts, segments: &[&str], body: Incoming) -> Reply {
    match (parts.method.as_str(), segments) {
        ("GET", ["mails"]) => {
            let mails = state.mailbox.list(limit(parts, LISTED, LISTED_MOST));
            Reply::json(200, &json!({ "mails": mails }))
        }
        ("DELETE", ["mails"]) => {
            state.mailbox.clear();
            Reply::text(204, "")
        }
        ("GET", ["mails", number]) => {
            match number.parse().ok().and_then(|n| state.mailbox.raw(n)) {
                Some(raw) => Reply::new(200, TEXT, raw),
                None => Reply::error(404, &format!("no mail {number} is kept")),
            }
        }
        ("GET", ["smtp"]) => Reply::json(200, &*state.mailbox.rules()),
        ("PUT", ["smtp"]) => match document(state, body).await {
            Ok(rules) => match state.mailbox.set_rules(rules) {
                Ok(()) => Reply::json(200, &*state.mailbox.rules()),
                Err(why) => Reply::error(422, &why),
            },
            Err(reply) => reply,
        },
        _ => nothing_here(&parts.method, parts.uri.path()),
    }
}

async fn smpp(state: &State, parts: &Parts, segments: &[&str], body: Incoming) -> Reply {
    match (parts.method.as_str(), segments) {
        ("GET", ["smpp"]) => Reply::json(200, &state.centre.rules()),
        ("GET", ["smpp", "receipts"]) => Reply::json(200, &state.centre.progress()),
        ("PUT", ["smpp"]) => match document(state, body).await {
            Ok(rules) => match state.centre.set_rules(rules) {
                Ok(()) => Reply::json(200, &state.centre.rules()),
                Err(why) => Reply::error(422, &why),
            },
            Err(reply) => reply,
        },
        _ => nothing_here(&parts.method, parts.uri.path()),
    }
}

/// Reads a JSON body strictly; the answer names the place of a fault.
async fn document<T: DeserializeOwned>(state: &State, body: Incoming) -> Result<T, Reply> {
    let body = read(body, state.body_bytes).await?;
    let mut reader = serde_json::Deserializer::from_slice(&body);
    let document = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Reply::error(422, &error.to_string()))?;
    reader
        .end()
        .map_err(|error| Reply::error(422, &error.to_string()))?;
    Ok(document)
}

fn limit(parts: &Parts, usual: usize, most: usize) -> usize {
    let given = parameter(parts, "limit").and_then(|text| text.parse().ok());
    given.unwrap_or(usual).min(most)
}

fn no_behaviour(name: &str) -> Reply {
    Reply::error(
        404,
        &format!("no behaviour is named `{name}`; PUT /control/behaviours/{name} makes one"),
    )
}

fn nothing_here(method: &Method, path: &str) -> Reply {
    Reply::error(404, &format!("nothing answers {method} {path}; see GET /"))
}

const LISTED: usize = 100;
const LISTED_MOST: usize = 10_000;
