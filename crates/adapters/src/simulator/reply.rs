//! What an answer means for each recipient, matched by reference.

use std::collections::HashMap;
use std::time::Duration;

use austin_adapter_api::{HttpReply, Item, Reply};
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde_json::Value;

use super::codes;
use crate::rounds::{Job, Reading};
use crate::{answer, json};

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    let reply = match answer::http(reply) {
        Ok(reply) => reply,
        Err(verdict) => return Reading::All(verdict),
    };
    if !reply.status.is_success() {
        return refused(job, round, reply);
    }
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let Some(results) = body["results"].as_array() else {
        return Reading::All(answer::without_code(job, round, reply));
    };
    let by_reference: HashMap<&str, &Value> = results
        .iter()
        .filter_map(|result| Some((result.get("reference")?.as_str()?, result)))
        .collect();
    let verdict = |item: &Item| match by_reference.get(item.reference.as_str()) {
        Some(result) => verdict(job, item, result),
        None => Verdict::Unknown(job.cause_for(
            item,
            "missing_status",
            "the answer has no result for this reference",
        )),
    };
    Reading::Each(job.items(round).map(verdict).collect())
}

/// A refusal of the whole call, by its code where it has one; a status alone reads as a vendor's.
fn refused(job: &Job<'_>, round: &[usize], reply: &HttpReply) -> Reading {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = json::text(&body, "code").unwrap_or_default();
    let wait = answer::retry_after(reply, job.context.now);
    if let Some(treatment) = codes::treatment(&code) {
        let message = json::text(&body, "message").unwrap_or_default();
        return match treatment.of_call(job, job.cause(round, &code, &message)) {
            Reading::All(verdict) => Reading::All(waiting(verdict, wait)),
            reading => reading,
        };
    }
    Reading::All(answer::without_code(job, round, reply))
}

fn verdict(job: &Job<'_>, item: &Item, result: &Value) -> Verdict {
    let Some(code) = json::text(result, "code") else {
        let detail = "the result for this reference has no code";
        return Verdict::Unknown(job.cause_for(item, "missing_code", detail));
    };
    if code == "ok" {
        return Verdict::Accepted(Acceptance {
            vendor_id: json::text(result, "id"),
            receipt_key: None,
            segments: json::small(result, "segments"),
            cost: result["cost"].as_i64(),
        });
    }
    let message = json::text(result, "message").unwrap_or_default();
    let treatment = codes::treatment(&code).unwrap_or(codes::UNKNOWN);
    let verdict = treatment.verdict(job, job.cause_for(item, &code, &message));
    let wait = json::small(result, "retry_after").map(|wait| Duration::from_secs(wait.into()));
    waiting(verdict, wait)
}

/// The verdict with the wait the vendor named.
fn waiting(verdict: Verdict, wait: Option<Duration>) -> Verdict {
    match verdict {
        Verdict::Later { cause, after } => Verdict::Later {
            cause,
            after: wait.or(after),
        },
        Verdict::Throttled { cause, pause } => Verdict::Throttled {
            cause,
            pause: wait.or(pause),
        },
        Verdict::NumberRefused { cause, after } => Verdict::NumberRefused {
            cause,
            after: wait.or(after),
        },
        verdict => verdict,
    }
}
