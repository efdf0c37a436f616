//! What an answer means. The exception's name stands in a header, else in the body.

use austin_adapter_api::{HttpReply, Reply};
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
    if reply.status.is_success() {
        return match json::text(&body, "MessageId") {
            Some(id) => Reading::Each(vec![Verdict::Accepted(Acceptance {
                vendor_id: Some(id),
                ..Acceptance::default()
            })]),
            None => Reading::All(answer::without_code(job, round, reply)),
        };
    }
    let Some(code) = exception(reply, &body) else {
        return Reading::All(answer::without_code(job, round, reply));
    };
    let message = json::text(&body, "message").or_else(|| json::text(&body, "Message"));
    let message = message.unwrap_or_default();
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

/// `TooManyRequestsException` of `TooManyRequestsException:http://…` or
/// `com.amazonaws.ses#TooManyRequestsException`.
fn exception(reply: &HttpReply, body: &Value) -> Option<String> {
    let header = reply.header("x-amzn-errortype").map(str::to_owned);
    let text = header
        .or_else(|| json::text(body, "__type"))
        .or_else(|| json::text(body, "code"))?;
    let name = text.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    (!name.is_empty()).then(|| name.to_owned())
}
