//! What the centre's word on the parts of a message means.

use austin_adapter_api::adapter::fault_verdict;
use austin_adapter_api::{Fault, Phase, Reply, SmppPart, SmppReply};
use austin_domain::Verdict;
use austin_domain::verdict::{Acceptance, Cause};

use super::codes;
use super::ids::Format;
use super::request;
use crate::rounds::{Job, Reading};

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    match reply {
        Reply::Smpp(SmppReply::NotBound(status)) => Reading::All(refusal(job, round, *status, "")),
        Reply::Smpp(SmppReply::Submitted(parts)) => Reading::Each(vec![verdict(job, round, parts)]),
        Reply::Http(_) | Reply::Smtp(_) | Reply::Token(_) | Reply::Fault(_) => {
            Reading::All(Verdict::Unknown(Cause::new(
                "protocol_error",
                "no SMPP answer to an SMPP call",
            )))
        }
    }
}

fn verdict(job: &Job<'_>, round: &[usize], parts: &[SmppPart]) -> Verdict {
    let accepted = parts.iter().filter(|part| is_accepted(part)).count();
    if accepted == parts.len() && accepted > 0 {
        return accept(job, round, parts);
    }
    let number = |wanted: &dyn Fn(&SmppPart) -> bool| {
        let place = parts.iter().position(wanted)?;
        Some((place + 1, &parts[place]))
    };
    let total = parts.len();
    let open = number(&|part| {
        matches!(
            part,
            SmppPart::Missing(Fault {
                phase: Phase::MaybeSent,
                ..
            })
        )
    });
    if let Some((place, SmppPart::Missing(fault))) = open {
        let detail = format!("part {place} of {total}: {}", fault.detail);
        return Verdict::Unknown(job.cause(round, fault.kind.as_str(), &detail));
    }
    let Some((place, worst)) = number(&|part| !is_accepted(part)) else {
        return Verdict::Unknown(Cause::new("empty_answer", "an answer without parts"));
    };
    if accepted > 0 {
        // Sent again, the parts that were taken would come twice; left so, the message is torn.
        let (code, detail) = match worst {
            SmppPart::Answered { status, .. } => {
                (codes::code(*status), codes::words(*status).to_owned())
            }
            SmppPart::Missing(fault) => (fault.kind.as_str().to_owned(), fault.detail.clone()),
        };
        let detail = format!(
            "{accepted} of {total} parts were taken; part {place} was not: {code} {detail}"
        );
        return Verdict::Unknown(job.cause(round, "partly_taken", &detail));
    }
    match worst {
        SmppPart::Answered { status, .. } if total == 1 => refusal(job, round, *status, ""),
        SmppPart::Answered { status, .. } => {
            refusal(job, round, *status, &format!("part {place} of {total}: "))
        }
        SmppPart::Missing(fault) => fault_verdict(&Fault {
            detail: job.cause(round, "", &fault.detail).detail,
            ..fault.clone()
        }),
    }
}

fn accept(job: &Job<'_>, round: &[usize], parts: &[SmppPart]) -> Verdict {
    let format = Format::of_answers(job.account);
    let ids: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            SmppPart::Answered { message_id, .. } if !message_id.trim().is_empty() => {
                Some(message_id.trim())
            }
            SmppPart::Answered { .. } | SmppPart::Missing(_) => None,
        })
        .collect();
    let keys: Vec<String> = ids.iter().filter_map(|id| format.spell(id)).collect();
    let item = job.items(round).next();
    let segments = item
        .and_then(|item| request::parted(job, item).ok())
        .and_then(|parted| u16::try_from(parted.segments).ok());
    Verdict::Accepted(Acceptance {
        vendor_id: (!ids.is_empty()).then(|| printable(&ids.join(","))),
        receipt_key: (!keys.is_empty()).then(|| keys.join("\n")),
        segments,
        cost: None,
    })
}

/// Ids as they are shown: one line, bounded.
fn printable(ids: &str) -> String {
    ids.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MOST_ID_CHARS)
        .collect()
}

fn refusal(job: &Job<'_>, round: &[usize], status: u32, place: &str) -> Verdict {
    let detail = format!("{place}{}", codes::words(status));
    let cause = job.cause(round, &codes::code(status), &detail);
    codes::of(status).treatment.verdict(job, cause)
}

fn is_accepted(part: &SmppPart) -> bool {
    matches!(
        part,
        SmppPart::Answered {
            status: codes::OK,
            ..
        }
    )
}

/// 255 ids of 16 characters.
const MOST_ID_CHARS: usize = 4_400;
