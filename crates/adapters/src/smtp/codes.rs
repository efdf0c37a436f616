//! What a refusal means: enhanced code first, then the command it answered, then the basic code.
//!
//! RFC 5321 section 4.2, RFC 3463, RFC 5248. Servers are free in their choice, so that the
//! default leans to where a mistake costs least: temporary ones are tried later, final ones at
//! another account.

use std::time::Duration;

use austin_domain::Verdict;
use austin_domain::verdict::Cause;

use super::enhanced::Enhanced;

/// How long grey-listing servers usually want a sender to stay away.
const GREY_LISTED_FOR: Duration = Duration::from_secs(300);

/// What was refused.
pub(super) struct Refusal<'a> {
    pub(super) code: u16,
    pub(super) enhanced: Option<Enhanced>,
    pub(super) stage: &'a str,
    pub(super) text: &'a str,
}

/// The verdict of a 4xx or 5xx reply.
pub(super) fn verdict(refusal: &Refusal<'_>, cause: Cause) -> Verdict {
    if refusal.code < 500 {
        for_now(refusal, cause)
    } else {
        for_good(refusal, cause)
    }
}

fn for_now(refusal: &Refusal<'_>, cause: Cause) -> Verdict {
    let enhanced = refusal.enhanced.map(|e| (e.subject, e.detail));
    let text = refusal.text.to_ascii_lowercase();
    if [
        "greylist",
        "graylist",
        "grey list",
        "gray list",
        "grey-list",
        "gray-list",
    ]
    .iter()
    .any(|word| text.contains(word))
    {
        return Verdict::Later {
            cause,
            after: Some(GREY_LISTED_FOR),
        };
    }
    match (refusal.code, enhanced) {
        // A temporary failure of the authentication server.
        (454, _) => Verdict::Later { cause, after: None },
        (421, _) | (_, Some((7, _) | (2, 1) | (4, 5))) => Verdict::Throttled { cause, pause: None },
        _ => Verdict::Later { cause, after: None },
    }
}

fn for_good(refusal: &Refusal<'_>, cause: Cause) -> Verdict {
    if refusal.stage == "auth" {
        return Verdict::Misconfigured(cause);
    }
    match refusal.enhanced.map(|e| (e.subject, e.detail)) {
        // Our own address is refused.
        Some((1, 7 | 8)) => Verdict::Misconfigured(cause),
        Some((1, _)) | Some((2, 1)) => Verdict::BadRecipient(cause),
        // A full mailbox is no bad address.
        Some((2, 2)) => Verdict::Elsewhere(cause),
        Some((3, 4) | (2, 3) | (6, _)) => Verdict::BadContent(cause),
        Some((7, 8 | 9 | 11 | 13 | 14)) => Verdict::Misconfigured(cause),
        Some((7, 0)) if refusal.code == 530 => Verdict::Misconfigured(cause),
        Some((7, _)) => Verdict::Elsewhere(cause),
        _ => by_basic_code(refusal, cause),
    }
}

fn by_basic_code(refusal: &Refusal<'_>, cause: Cause) -> Verdict {
    match (refusal.code, refusal.stage) {
        (530 | 534 | 535 | 538, _) => Verdict::Misconfigured(cause),
        (550 | 553, "mail") => Verdict::Misconfigured(cause),
        (552, _) => Verdict::BadContent(cause),
        (550 | 551 | 553 | 556, "rcpt") => Verdict::BadRecipient(cause),
        _ => Verdict::Elsewhere(cause),
    }
}
