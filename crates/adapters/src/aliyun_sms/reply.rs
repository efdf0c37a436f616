//! What an answer means for each number: the whole call is taken or the whole call is refused.

use austin_adapter_api::Reply;
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde_json::Value;

use super::{codes, request};
use crate::rounds::{Job, Reading};
use crate::treatment::Treatment;
use crate::{answer, json, phone, skew};

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    let reply = match answer::http(reply) {
        Ok(reply) => reply,
        Err(verdict) => return Reading::All(verdict),
    };
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let Some(code) = json::text(&body, "Code") else {
        return Reading::All(answer::without_code(job, round, reply));
    };
    if code == "OK" {
        return Reading::Each(accepted(job, round, json::text(&body, "BizId")));
    }
    let message = json::text(&body, "Message").unwrap_or_default();
    if let Some(verdict) = skew::refused(job, round, reply, &code, &message) {
        return Reading::All(verdict);
    }
    let cause = job.cause(round, &code, &message);
    match codes::treatment(&code) {
        // Each number has its own words, and only some are refused.
        Some(Treatment::BadContent) if !request::is_same(job, round) => {
            Reading::OneOf(Verdict::BadContent(cause))
        }
        Some(treatment) => treatment.of_call(job, cause),
        // Undocumented. A refusal, unless the vendor (or its gateway) failed on the way.
        None if reply.status.is_server_error() => {
            Reading::All(answer::without_code(job, round, reply))
        }
        None => Treatment::Elsewhere.of_call(job, cause),
    }
}

fn accepted(job: &Job<'_>, round: &[usize], biz_id: Option<String>) -> Vec<Verdict> {
    job.items(round)
        .map(|item| {
            let key = |id: &String| receipt_key(id, &item.to);
            Verdict::Accepted(Acceptance {
                receipt_key: biz_id.as_ref().map(key),
                vendor_id: biz_id.clone(),
                ..Acceptance::default()
            })
        })
        .collect()
}

/// What a receipt is matched by: one `BizId` covers a whole call.
pub(super) fn receipt_key(biz_id: &str, number: &str) -> String {
    format!("{biz_id}/{}", phone::vendor_digits(number))
}
