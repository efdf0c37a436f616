//! Every documented code, for a whole call or for one number.
//!
//! A code that is not listed is a refusal all the same: the message was not sent, another
//! account may take it ([`UNKNOWN`]).

use crate::treatment::Treatment::{self, *};

/// What an undocumented code means.
const UNKNOWN: Treatment = Elsewhere;
/// Some argument is malformed; the words say which.
pub(super) const BAD_ARGUMENT: i64 = 2;

/// What a code (never 0) asks for.
pub(super) fn treatment(code: i64) -> Treatment {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or(UNKNOWN, |(_, treatment)| *treatment)
}

const CODES: &[(i64, Treatment)] = &[
    // The vendor or the carrier.
    (-50, Later),
    (-51, Later),
    (-53, Later),
    (28, Later),
    // Too fast.
    (-4, Throttled),
    (-5, Throttled),
    // Enough for this number: short waits pass, longer ones are better spent at another vendor.
    (8, NumberPause(30)),
    (9, NumberPause(300)),
    (17, NumberLimit),
    (22, NumberLimit),
    (33, NumberLimit),
    (10, BadRecipient),
    // Marketing is paused at this vendor.
    (13, Elsewhere),
    // Words no vendor may carry.
    (4, BadContent),
    // A country this vendor or template does not serve; of one number, and not a bad one.
    (20, NumberLimit),
    (23, NumberLimit),
    // The account.
    (-1, Misconfigured),
    (-2, Misconfigured),
    (-3, Misconfigured),
    (3, Misconfigured),
    (-57, Misconfigured),
    (15, Approval),
    // The text matches no approved template, or an unusable one: other texts of the account
    // still go, so the account does not stop.
    (5, Elsewhere),
    (7, Elsewhere),
    // Wrong requests: nothing was sent.
    (1, Elsewhere),
    (BAD_ARGUMENT, Elsewhere),
    (6, Elsewhere),
    (11, Elsewhere),
    (12, Elsewhere),
    (14, Elsewhere),
    (16, Elsewhere),
    (18, Elsewhere),
    (19, Elsewhere),
    (21, Elsewhere),
    (25, Elsewhere),
];
