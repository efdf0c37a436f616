//! What a SendSms answer means for each number.

use std::collections::{HashMap, VecDeque};

use austin_adapter_api::{Item, Reply};
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde_json::Value;

use super::codes;
use crate::rounds::{Job, Reading};
use crate::{answer, beijing, json, phone, skew};

/// First hour (Beijing) at which marketing may be sent again.
const MARKETING_FROM_HOUR: u8 = 8;

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    let reply = match answer::http(reply) {
        Ok(reply) => reply,
        Err(verdict) => return Reading::All(verdict),
    };
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let response = &body["Response"];
    if let Some(code) = json::text(&response["Error"], "Code") {
        let message = json::text(&response["Error"], "Message").unwrap_or_default();
        if let Some(verdict) = skew::refused(job, round, reply, &code, &message) {
            return Reading::All(verdict);
        }
        let cause = job.cause(round, &code, &message);
        return match delayed(&code, job) {
            Some(after) => Reading::All(Verdict::Later {
                cause,
                after: Some(after),
            }),
            None => codes::treatment(&code).of_call(job, cause),
        };
    }
    match response["SendStatusSet"].as_array() {
        Some(statuses) => Reading::Each(each(job, round, statuses)),
        None => Reading::All(answer::without_code(job, round, reply)),
    }
}

/// Verdicts by number: the vendor's order and spelling of numbers are not relied upon.
fn each(job: &Job<'_>, round: &[usize], statuses: &[Value]) -> Vec<Verdict> {
    let mut by_number: HashMap<String, VecDeque<&Value>> = HashMap::new();
    for status in statuses {
        let number = json::text(status, "PhoneNumber").unwrap_or_default();
        by_number
            .entry(phone::vendor_digits(&number))
            .or_default()
            .push_back(status);
    }
    job.items(round)
        .map(|item| {
            let statuses = by_number.get_mut(&phone::vendor_digits(&item.to));
            match statuses.and_then(VecDeque::pop_front) {
                Some(status) => verdict(job, item, status),
                None => Verdict::Unknown(job.cause_for(
                    item,
                    "missing_status",
                    "the answer has no status for this number",
                )),
            }
        })
        .collect()
}

fn verdict(job: &Job<'_>, item: &Item, status: &Value) -> Verdict {
    let Some(code) = json::text(status, "Code") else {
        let detail = "the status of this number has no code";
        return Verdict::Unknown(job.cause_for(item, "missing_code", detail));
    };
    if code.eq_ignore_ascii_case("ok") {
        return Verdict::Accepted(Acceptance {
            vendor_id: json::text(status, "SerialNo"),
            segments: json::small(status, "Fee"),
            ..Acceptance::default()
        });
    }
    let message = json::text(status, "Message").unwrap_or_default();
    let cause = job.cause_for(item, &code, &message);
    match delayed(&code, job) {
        Some(after) => Verdict::Later {
            cause,
            after: Some(after),
        },
        None => codes::treatment(&code).verdict(job, cause),
    }
}

/// The wait until marketing is allowed again.
fn delayed(code: &str, job: &Job<'_>) -> Option<std::time::Duration> {
    (code == codes::MARKETING_HOURS)
        .then(|| beijing::until_hour(MARKETING_FROM_HOUR, job.context.now))
}
