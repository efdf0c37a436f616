//! What an answer, an XML document, means for its one recipient.

use austin_adapter_api::Reply;
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;

use super::codes;
use crate::rounds::{Job, Reading};
use crate::treatment::Treatment;
use crate::{answer, skew, xml};

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    let reply = match answer::http(reply) {
        Ok(reply) => reply,
        Err(verdict) => return Reading::All(verdict),
    };
    let body = std::str::from_utf8(&reply.body).unwrap_or_default();
    let result = xml::content(body, "PublishResult");
    let id = result.and_then(|result| xml::text(result, "MessageId"));
    if let Some(id) = id.filter(|_| reply.status.is_success()) {
        return Reading::All(Verdict::Accepted(Acceptance {
            vendor_id: Some(id),
            ..Acceptance::default()
        }));
    }
    let error = xml::content(body, "Error");
    let Some(code) = error.and_then(|error| xml::text(error, "Code")) else {
        return Reading::All(answer::without_code(job, round, reply));
    };
    let words = error.and_then(|error| xml::text(error, "Message"));
    let words = words.unwrap_or_default();
    if let Some(verdict) = skew::refused(job, round, reply, &code, &words) {
        return Reading::All(verdict);
    }
    let cause = job.cause(round, &code, &words);
    Reading::All(match codes::treatment(&code, &words) {
        Some(treatment) => treatment.verdict(job, cause),
        // Undocumented. A refusal, unless the vendor failed on the way.
        None if reply.status.is_server_error() => answer::without_code(job, round, reply),
        None => Treatment::Elsewhere.verdict(job, cause),
    })
}
