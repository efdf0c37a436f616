//! What the server's last word means.

use austin_adapter_api::{Reply, SmtpReply};
use austin_domain::Verdict;
use austin_domain::verdict::{Acceptance, Cause};

use super::codes::{self, Refusal};
use super::enhanced::Enhanced;
use crate::mail;
use crate::rounds::{Job, Reading};

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    match reply {
        Reply::Smtp(reply) => Reading::Each(vec![verdict(job, round, reply)]),
        Reply::Http(_) | Reply::Smpp(_) | Reply::Token(_) | Reply::Fault(_) => {
            Reading::All(Verdict::Unknown(Cause::new(
                "protocol_error",
                "no SMTP answer to an SMTP call",
            )))
        }
    }
}

fn verdict(job: &Job<'_>, round: &[usize], reply: &SmtpReply) -> Verdict {
    let text = reply.text.join(" ");
    let first = reply.text.first().map_or("", String::as_str);
    let enhanced = Enhanced::parse(reply.code, first);
    let code = match enhanced {
        Some(e) => format!("{} {}.{}.{}", reply.code, e.class, e.subject, e.detail),
        None => reply.code.to_string(),
    };
    let cause = || job.cause(round, &code, &format!("{}: {text}", reply.stage));
    match reply.code {
        200..300 if matches!(reply.stage, "data" | "message") => {
            let id = job
                .items(round)
                .next()
                .and_then(|item| mail::id(job.account, item));
            Verdict::Accepted(Acceptance {
                vendor_id: id,
                ..Acceptance::default()
            })
        }
        400..600 => {
            let refusal = Refusal {
                code: reply.code,
                enhanced,
                stage: reply.stage,
                text: &text,
            };
            codes::verdict(&refusal, cause())
        }
        // Not a last word.
        _ => Verdict::Unknown(cause()),
    }
}
