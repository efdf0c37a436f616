//! What an answer means: 202 takes all, a refusal is of the whole call and names fields.
//!
//! The vendor has no codes of its own beside the HTTP status. The field that a 400 names tells
//! whether a recipient, the words or the account is at fault.

use std::time::Duration;

use austin_adapter_api::{HttpReply, Reply};
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde_json::Value;

use crate::rounds::{Job, Reading};
use crate::treatment::Treatment;
use crate::{answer, json};

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    let reply = match answer::http(reply) {
        Ok(reply) => reply,
        Err(verdict) => return Reading::All(verdict),
    };
    match reply.status.as_u16() {
        202 => Reading::Each(accepted(job, round, reply.header("x-message-id"))),
        400 => refused(job, round, reply),
        429 => Reading::All(throttled(job, round, reply)),
        _ => Reading::All(answer::without_code(job, round, reply)),
    }
}

fn accepted(job: &Job<'_>, round: &[usize], id: Option<&str>) -> Vec<Verdict> {
    let id = id.filter(|id| !id.is_empty());
    job.items(round)
        .map(|item| {
            Verdict::Accepted(Acceptance {
                vendor_id: id.map(str::to_owned),
                receipt_key: id.map(|id| receipt_key(id, &item.to)),
                ..Acceptance::default()
            })
        })
        .collect()
}

/// What an event is matched by: one message id covers a whole call. Events have the id with a
/// suffix.
pub(super) fn receipt_key(id: &str, email: &str) -> String {
    let id = id.split('.').next().unwrap_or_default();
    format!("{id}/{}", email.to_ascii_lowercase())
}

/// A 400 with the vendor's list of errors.
fn refused(job: &Job<'_>, round: &[usize], reply: &HttpReply) -> Reading {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let errors: Vec<(String, String)> = body["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| {
            let message = json::text(error, "message")?;
            Some((json::text(error, "field").unwrap_or_default(), message))
        })
        .collect();
    if errors.is_empty() {
        return Reading::All(answer::without_code(job, round, reply));
    }
    let treatment = errors
        .iter()
        .map(|(field, _)| treatment(field))
        .min_by_key(|treatment| weight(*treatment))
        .unwrap_or(Treatment::Elsewhere);
    let code = format!("400 {}", without_numbers(&errors[0].0));
    let words: Vec<String> = errors
        .iter()
        .map(|(field, message)| format!("{field}: {message}"))
        .collect();
    let cause = job.cause(round, code.trim_end(), &words.join("; "));
    treatment.of_call(job, cause)
}

/// Every field that the vendor documents errors for.
fn treatment(field: &str) -> Treatment {
    let mut path = field.split('.');
    match path.next().unwrap_or_default() {
        "personalizations" if path.any(|part| part == "to") => Treatment::BadRecipient,
        "from" | "reply_to" => Treatment::Misconfigured,
        "content" | "subject" | "attachments" => Treatment::BadContent,
        _ => Treatment::Elsewhere,
    }
}

/// Which of several faults decides: the account's before a person's before the words'.
const fn weight(treatment: Treatment) -> u8 {
    match treatment {
        Treatment::Misconfigured => 0,
        Treatment::BadRecipient => 1,
        Treatment::BadContent => 2,
        _ => 3,
    }
}

/// `personalizations.3.to.0.email` as `personalizations.to.email`, so that codes can be counted.
fn without_numbers(field: &str) -> String {
    let parts = field
        .split('.')
        .filter(|part| part.parse::<u64>().is_err())
        .collect::<Vec<_>>();
    parts.join(".")
}

/// Too fast; the vendor says when its window ends.
fn throttled(job: &Job<'_>, round: &[usize], reply: &HttpReply) -> Verdict {
    let reset = || {
        let at = reply
            .header("x-ratelimit-reset")?
            .trim()
            .parse::<i64>()
            .ok()?;
        let wait = at.saturating_sub(job.context.now.seconds()).clamp(0, 3_600);
        u64::try_from(wait).ok().map(Duration::from_secs)
    };
    Verdict::Throttled {
        cause: job.cause(round, "http_429", &answer::quoted(reply)),
        pause: answer::retry_after(reply, job.context.now).or_else(reset),
    }
}
