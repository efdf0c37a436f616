//! Sending with an access token: every call carries one, and one that is refused is replaced.

use austin_adapter_api::{Call, HttpReply, Reply, State, Step, TokenWant};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Simulator;
use crate::json;
use crate::post::add_header;
use crate::rounds::{self, Job};

/// Its only token.
pub(super) const ACCESS: &str = "access";

pub(super) fn start() -> Step {
    wants(None, State::default())
}

pub(super) fn resume(vendor: &Simulator, job: &Job<'_>, state: State, reply: Reply) -> Step {
    let State(mut state) = state;
    let rounds = State(state["rounds"].take());
    let token = state["token"].as_str().map(SecretString::from);
    match (reply, token) {
        (Reply::Token(token), _) => carry(job, rounds::again(vendor, job, rounds), &token),
        (Reply::Http(reply), Some(token)) if refuses(&reply) => wants(Some(token), rounds),
        (reply, Some(token)) => carry(job, rounds::resume(vendor, job, rounds, &reply), &token),
        (reply, None) => match rounds::resume(vendor, job, rounds, &reply) {
            Step::Call { state, .. } => wants(None, state),
            step => step,
        },
    }
}

fn wants(refused: Option<SecretString>, State(rounds): State) -> Step {
    Step::Token {
        want: TokenWant {
            name: ACCESS.into(),
            refused,
        },
        state: State(json!({ "rounds": rounds })),
    }
}

/// Puts the token into the call of a step; it stays in the state so that it can be named when the
/// vendor refuses it.
fn carry(job: &Job<'_>, step: Step, token: &SecretString) -> Step {
    let Step::Call {
        call: Call::Http(mut request),
        state: State(rounds),
    } = step
    else {
        return step;
    };
    let value = format!("Bearer {}", token.expose_secret());
    if let Err(verdict) = add_header(&mut request, "authorization", &value) {
        return Step::all(job.batch, &verdict);
    }
    Step::Call {
        call: Call::Http(request),
        state: State(json!({ "rounds": rounds, "token": token.expose_secret() })),
    }
}

fn refuses(reply: &HttpReply) -> bool {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    reply.status == 401 && json::text(&body, "code").as_deref() == Some("token_invalid")
}
