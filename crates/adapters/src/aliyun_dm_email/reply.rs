//! What an answer means: an `EnvId`, or a code.

use austin_adapter_api::Reply;
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde_json::Value;

use super::codes;
use crate::rounds::{Job, Reading};
use crate::treatment::Treatment;
use crate::{answer, json, skew};

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    let reply = match answer::http(reply) {
        Ok(reply) => reply,
        Err(verdict) => return Reading::All(verdict),
    };
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let Some(code) = json::text(&body, "Code") else {
        return match json::text(&body, "EnvId") {
            Some(id) if reply.status.is_success() => {
                Reading::Each(vec![Verdict::Accepted(Acceptance {
                    vendor_id: Some(id),
                    ..Acceptance::default()
                })])
            }
            _ => Reading::All(answer::without_code(job, round, reply)),
        };
    };
    let message = json::text(&body, "Message").unwrap_or_default();
    if let Some(verdict) = skew::refused(job, round, reply, &code, &message) {
        return Reading::All(verdict);
    }
    let cause = job.cause(round, &code, &message);
    match codes::treatment(&code) {
        Some(treatment) => treatment.of_call(job, cause),
        // Undocumented. A refusal, unless the vendor (or its gateway) failed on the way.
        None if reply.status.is_server_error() => {
            Reading::All(answer::without_code(job, round, reply))
        }
        None => Treatment::Elsewhere.of_call(job, cause),
    }
}
