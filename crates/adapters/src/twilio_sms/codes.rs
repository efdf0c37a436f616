//! Every documented code of creating a message, and of a message that failed.
//!
//! A code that is not listed is a refusal all the same: the message was not sent, another
//! account may take it; the reader of the answer decides about one under a 5xx.

use crate::treatment::Treatment::{self, *};

/// What a documented code asks for.
pub(super) fn treatment(code: i64) -> Option<Treatment> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, treatment)| *treatment)
}

const CODES: &[(i64, Treatment)] = &[
    // The vendor: queue overflow, maintenance, internal error.
    (30001, Later),
    (21730, Later),
    (20500, Later),
    (20503, Later),
    // Too fast: API concurrency, message rate, the sender's queue.
    (20429, Throttled),
    (14107, Throttled),
    (21611, Throttled),
    // The address: no number, no mobile number, unknown handset, landline.
    (21211, BadRecipient),
    (21614, BadRecipient),
    (21635, BadRecipient),
    (30005, BadRecipient),
    (30006, BadRecipient),
    // Opted out, or blocked by the person or the carrier.
    (21610, BadRecipient),
    (30004, BadRecipient),
    // Switched off or out of reach now.
    (30003, NumberLimit),
    // Filtered by a carrier, cause unknown: another vendor's path may end better, and a sender
    // that is filtered again and again is in trouble.
    (30007, Elsewhere),
    (30008, Elsewhere),
    // A country the account may not send to, or the sender cannot reach.
    (21408, NumberLimit),
    (21612, NumberLimit),
    // Words: none, or more than 1,600 characters.
    (21602, BadContent),
    (21617, BadContent),
    (21619, BadContent),
    // The sender: the template's own or the account's.
    (21212, Approval),
    (21603, Approval),
    (21606, Approval),
    (21659, Approval),
    (21660, Approval),
    (21703, Approval),
    (21705, Approval),
    // The account: not active, credentials, suspended, unregistered sender, daily cap, no such
    // account, callback URL that is none.
    (10001, Misconfigured),
    (20003, Misconfigured),
    (20005, Misconfigured),
    (20008, Misconfigured),
    (20404, Misconfigured),
    (30002, Misconfigured),
    (30034, Misconfigured),
    (63038, Misconfigured),
    (21609, Misconfigured),
    // Requests we never make, or content templates that do not fit: nothing was sent.
    (21604, Elsewhere),
    (21655, Elsewhere),
    (21656, Elsewhere),
];
