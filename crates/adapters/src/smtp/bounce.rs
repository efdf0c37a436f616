//! Bounce mails: delivery status notifications (RFC 3464), and reports of abuse (RFC 5965), posted
//! as they arrived.
//!
//! A mail server hands every mail to the envelope sender's mailbox on to the receipt address. The
//! delivery is found by the reference that our mail carried: in the address the bounce was sent
//! to (`return_path`), in `X-Austin-Delivery`, in the `Message-ID`. Anybody can write to that
//! mailbox, so that nothing here costs more than the mail is long.

mod fields;
mod mime;

use austin_adapter_api::{Inbound, Mark, Outcome, Receipt, Receipts, Refused};
use austin_domain::Timestamp;
use http::header::CONTENT_TYPE;

use crate::entries::{self, answered};
use crate::mail::{DELIVERY_HEADER, reference_in};
use crate::post::JSON;
use fields::Fields;
use mime::Entity;

/// Most recipients of one report. A mail of ours has one; an alias may make more of it.
const MOST_RECIPIENTS: usize = 100;
/// Headers that name whom the bounce was sent to.
const ADDRESSED: [&str; 5] = [
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
    "To",
];

/// Reads one bounce mail.
pub(super) fn read(request: &Inbound) -> Result<Receipts, Refused> {
    check_type(request)?;
    let mail = Entity::of_mail(&request.body);
    let parts = mail.leaves();
    if let Some(report) = parts
        .iter()
        .find(|part| part.is_any(&["message/feedback-report"]))
    {
        return complaint(&mail, &parts, &String::from_utf8_lossy(&report.content()));
    }
    let status = parts
        .iter()
        .find(|part| part.is_any(&["message/delivery-status", "message/global-delivery-status"]))
        .ok_or_else(|| {
            let detail = "the mail is no delivery status notification: it has no part \
                          message/delivery-status";
            Refused::malformed(detail)
        })?;
    let blocks = fields::blocks(&String::from_utf8_lossy(&status.content()));
    let Some((about_mail, recipients)) = blocks.split_first() else {
        return Err(Refused::malformed("the delivery status is empty"));
    };
    if recipients.is_empty() {
        return Err(Refused::malformed("the delivery status names no recipient"));
    }
    if recipients.len() > MOST_RECIPIENTS {
        let detail = format!("the delivery status names more than {MOST_RECIPIENTS} recipients");
        return Err(Refused::malformed(detail));
    }
    let found = Found::in_bounce(&mail, &parts, about_mail).ok_or_else(|| {
        Refused::malformed("the bounce names no mail of ours: no reference (dlv_…) is in it")
    })?;
    let date = mail.header("Date").and_then(|text| instant(&text));
    let receipts = recipients
        .iter()
        .enumerate()
        .map(|(index, block)| {
            let receipt = receipt(block, date)
                .map_err(|fault| Refused::malformed(format!("recipient {index} {fault}")))?;
            let raw = format!("{about_mail}\n{block}");
            Ok(Receipt {
                key: found.key.clone(),
                reference: Some(found.reference.clone()),
                raw: entries::evidence(&raw),
                ..receipt
            })
        })
        .collect::<Result<_, Refused>>()?;
    Ok(answered(receipts, JSON, "{}"))
}

/// A mailbox provider tells that the person called the mail spam. Only `abuse` is that; other kinds
/// (`fraud`, `not-spam`, …) are kept as evidence.
fn complaint(mail: &Entity<'_>, parts: &[Entity<'_>], report: &str) -> Result<Receipts, Refused> {
    let blocks = fields::blocks(report);
    let about = blocks
        .first()
        .ok_or_else(|| Refused::malformed("the report of abuse is empty"))?;
    let kind = about
        .get("Feedback-Type")
        .map(str::to_ascii_lowercase)
        .ok_or_else(|| Refused::malformed("the report of abuse has no Feedback-Type"))?;
    let found = Found::in_bounce(mail, parts, about).ok_or_else(|| {
        Refused::malformed("the report names no mail of ours: no reference (dlv_…) is in it")
    })?;
    let at = mail.header("Date").and_then(|text| instant(&text));
    let code = first_word(&kind);
    let receipt = Receipt {
        key: found.key,
        reference: Some(found.reference),
        raw: entries::evidence(&about.to_string()),
        mark: (code == "abuse").then_some(Mark::Complaint),
        ..entries::receipt(String::new(), Outcome::Pending, code, "feedback report", at)
    };
    Ok(answered(vec![receipt], JSON, "{}"))
}

/// Whether a final status is about the mailbox: no such one, moved, closed (RFC 3463; 5.1.10 of RFC
/// 7505). A full mailbox, a policy or a size is not.
fn is_of_mailbox(status: &str) -> bool {
    matches!(
        status,
        "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1"
    )
}

fn check_type(request: &Inbound) -> Result<(), Refused> {
    let Some(value) = request.headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let kind = text.split(';').next().unwrap_or_default().trim();
    let fits = |known: &&str| kind.eq_ignore_ascii_case(known);
    if ["message/rfc822", "message/global"].iter().any(fits) {
        return Ok(());
    }
    let kind: String = kind.chars().take(80).collect();
    let detail = format!("content-type is {kind:?}: a bounce mail is posted as message/rfc822");
    Err(Refused::malformed(detail))
}

/// What a bounce is about.
struct Found {
    reference: String,
    /// Our `Message-ID`, which is the vendor id.
    key: Option<String>,
}

impl Found {
    fn in_bounce(mail: &Entity<'_>, parts: &[Entity<'_>], about_mail: &Fields) -> Option<Self> {
        let returned: Vec<Entity<'_>> = parts.iter().filter_map(Entity::returned).collect();
        let addressed = ADDRESSED.iter().filter_map(|name| mail.header(name));
        let marked = returned
            .iter()
            .filter_map(|mail| mail.header(DELIVERY_HEADER));
        let ids: Vec<String> = returned
            .iter()
            .filter_map(|mail| mail.header("Message-ID"))
            .chain(about_mail.get("X-Original-Message-ID").map(str::to_owned))
            .chain(mail.header("In-Reply-To"))
            .chain(mail.header("References"))
            .collect();
        let reference = addressed
            .chain(marked)
            .chain(ids.iter().cloned())
            .find_map(|text| reference_in(&text.to_ascii_lowercase()))?;
        let key = ids.iter().find_map(|id| {
            let id = id.trim().strip_prefix('<')?.strip_suffix('>')?;
            (reference_in(id).as_ref() == Some(&reference)).then(|| id.to_owned())
        });
        Some(Self { reference, key })
    }
}

/// What one recipient's block says.
fn receipt(block: &Fields, date: Option<Timestamp>) -> Result<Receipt, &'static str> {
    let diagnostic = block.get("Diagnostic-Code").map(without_type);
    let stated = block.get("Status").and_then(fields::enhanced);
    let said = diagnostic.and_then(fields::enhanced);
    // Some servers state 5.0.0 whatever the other side said.
    let status = match (stated, said) {
        (Some(stated), Some(said)) if stated.ends_with(".0.0") => Some(said),
        (stated, said) => stated.or(said),
    };
    let action = block.get("Action").map(str::to_ascii_lowercase);
    let class = status.and_then(|status| status.chars().next());
    let outcome = match (action.as_deref().map(first_word), class) {
        (Some("failed"), _) | (None, Some('5')) => Outcome::Undelivered,
        // A relay without reports of its own is the last that can say anything.
        (Some("delivered" | "relayed"), _) | (None, Some('2')) => Outcome::Delivered,
        (Some("delayed" | "expanded"), _) | (None, Some('4')) => Outcome::Pending,
        (Some(_), _) => return Err("has an Action that RFC 3464 does not know"),
        (None, _) => return Err("has neither Action nor Status"),
    };
    let action = action.as_deref().map_or("", first_word);
    let code = status.unwrap_or(action);
    let hard = outcome == Outcome::Undelivered && is_of_mailbox(code);
    let at = block.get("Last-Attempt-Date").and_then(instant).or(date);
    let detail = diagnostic.unwrap_or(action);
    Ok(Receipt {
        mark: hard.then_some(Mark::HardBounce),
        ..entries::receipt(String::new(), outcome, code, detail, at)
    })
}

/// `smtp; 550 no such user` without `smtp;`.
fn without_type(diagnostic: &str) -> &str {
    match diagnostic.split_once(';') {
        Some((kind, words)) if !kind.contains(' ') => words.trim(),
        _ => diagnostic,
    }
}

fn first_word(text: &str) -> &str {
    text.split_ascii_whitespace().next().unwrap_or_default()
}

/// A date of mail headers.
fn instant(text: &str) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let at = parser.parse_timestamp(text.trim()).ok()?;
    Some(at.into())
}
