//! What an answer means for its one recipient.

use austin_adapter_api::Reply;
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde_json::Value;

use super::codes;
use crate::rounds::{Job, Reading};
use crate::treatment::Treatment;
use crate::{answer, json};

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    let reply = match answer::http(reply) {
        Ok(reply) => reply,
        Err(verdict) => return Reading::All(verdict),
    };
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if reply.status.is_success() {
        return Reading::All(created(job, round, &body).unwrap_or_else(|| {
            // A success that names no message: nobody knows what became of it.
            answer::without_code(job, round, reply)
        }));
    }
    let Some(code) = json::text(&body, "code").and_then(|code| code.parse().ok()) else {
        return Reading::All(answer::without_code(job, round, reply));
    };
    let message = json::text(&body, "message").unwrap_or_default();
    match refusal(job, round, code, &message) {
        Some(Verdict::Throttled { cause, pause: None }) => Reading::All(Verdict::Throttled {
            cause,
            pause: answer::retry_after(reply, job.context.now),
        }),
        Some(verdict) => Reading::All(verdict),
        // Undocumented. A refusal, unless the vendor failed on the way; 401, 403 and 429 say
        // enough by themselves.
        None if matches!(reply.status.as_u16(), 401 | 403 | 429 | 500..) => {
            Reading::All(answer::without_code(job, round, reply))
        }
        None => {
            let cause = job.cause(round, &code.to_string(), &message);
            Reading::All(Treatment::Elsewhere.verdict(job, cause))
        }
    }
}

/// A message that was created: taken, or failed at once.
fn created(job: &Job<'_>, round: &[usize], body: &Value) -> Option<Verdict> {
    let sid = json::text(body, "sid")?;
    let failed = matches!(
        json::text(body, "status").as_deref(),
        Some("failed" | "undelivered" | "canceled")
    );
    if failed {
        let code = json::text(body, "error_code").unwrap_or_default();
        let message = json::text(body, "error_message").unwrap_or_default();
        let verdict = code
            .parse()
            .ok()
            .and_then(|code| refusal(job, round, code, &message));
        return Some(verdict.unwrap_or_else(|| {
            let cause = job.cause(
                round,
                if code.is_empty() { "failed" } else { &code },
                &message,
            );
            Verdict::Elsewhere(cause)
        }));
    }
    Some(Verdict::Accepted(Acceptance {
        vendor_id: Some(sid),
        // 0 while a messaging service has not chosen the sender yet.
        segments: json::small(body, "num_segments").filter(|count| *count > 0),
        ..Acceptance::default()
    }))
}

fn refusal(job: &Job<'_>, round: &[usize], code: i64, message: &str) -> Option<Verdict> {
    let treatment = codes::treatment(code)?;
    Some(treatment.verdict(job, job.cause(round, &code.to_string(), message)))
}
