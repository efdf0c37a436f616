//! What an answer means for each number: the whole call is taken or the whole call is refused.

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
    let error = &body["ResponseMetadata"]["Error"];
    if let Some(code) = json::text(error, "Code") {
        let message = json::text(error, "Message").unwrap_or_default();
        if let Some(verdict) = skew::refused(job, round, reply, &code, &message) {
            return Reading::All(verdict);
        }
        let cause = job.cause(round, &code, &message);
        return match codes::treatment(&code) {
            Some(treatment) => treatment.of_call(job, cause),
            // Undocumented. A refusal, unless the vendor (or its gateway) failed on the way.
            None if reply.status.is_server_error() => {
                Reading::All(answer::without_code(job, round, reply))
            }
            None => Treatment::Elsewhere.of_call(job, cause),
        };
    }
    match body["Result"]["MessageID"].as_array() {
        Some(ids) => accepted(job, round, ids),
        None => Reading::All(answer::without_code(job, round, reply)),
    }
}

/// The ids stand in the order of the numbers; with another count nothing says whose is whose, or
/// who was left out.
fn accepted(job: &Job<'_>, round: &[usize], ids: &[Value]) -> Reading {
    let ids: Vec<&str> = ids
        .iter()
        .filter_map(Value::as_str)
        .filter(|id| !id.is_empty())
        .collect();
    if ids.len() != round.len() {
        let detail = format!(
            "the answer has {} message ids for {} numbers",
            ids.len(),
            round.len()
        );
        return Reading::All(Verdict::Unknown(job.cause(round, "missing_id", &detail)));
    }
    let accept = |id: &str| {
        Verdict::Accepted(Acceptance {
            vendor_id: Some(id.to_owned()),
            ..Acceptance::default()
        })
    };
    Reading::Each(ids.into_iter().map(accept).collect())
}
