//! Every code the simulator answers with.

use crate::treatment::Treatment::{self, *};

/// What an undocumented code of one message means: a refusal all the same, another account may
/// take it.
pub(super) const UNKNOWN: Treatment = Elsewhere;

/// What a documented code (never `ok`) asks for.
pub(super) fn treatment(code: &str) -> Option<Treatment> {
    let listed = CODES.iter().find(|(known, _)| *known == code);
    listed.map(|(_, treatment)| *treatment)
}

const CODES: &[(&str, Treatment)] = &[
    ("bad_recipient", BadRecipient),
    // The person does not want messages.
    ("blocked", BadRecipient),
    ("bad_content", BadContent),
    ("later", Later),
    ("throttled", Throttled),
    ("elsewhere", Elsewhere),
    ("number_limit", NumberLimit),
    ("account_suspended", Misconfigured),
];
