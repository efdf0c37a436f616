//! Every documented code of the send APIs, and of the gateway before them.
//!
//! Exact codes come before prefixes. The reader of the answer decides about a code that is in
//! neither. Codes of receipts need no treatment: all but `0` say that a message did not arrive.

use crate::treatment::Treatment::{self, *};

/// The request's time is too far from the vendor's.
pub(super) const CLOCK_SKEW: &str = "InvalidTimestamp";

/// What a documented code asks for.
pub(super) fn treatment(code: &str) -> Option<Treatment> {
    let exact = EXACT.iter().find(|(known, _)| *known == code);
    let by_prefix = || PREFIXES.iter().find(|(prefix, _)| code.starts_with(prefix));
    exact.or_else(by_prefix).map(|(_, treatment)| *treatment)
}

const EXACT: &[(&str, Treatment)] = &[
    // The vendor.
    ("RE:0500", Later),
    // The number; one of the call.
    ("RE:0006", BadRecipient),
    // A country the message group may not send to; another vendor may.
    ("RE:0011", NumberLimit),
    // The account: authentication, not opened, closed, unknown message group, address list,
    // arrears, a type of message that is not enabled, over its threshold.
    ("RE:0000", Misconfigured),
    ("RE:0001", Misconfigured),
    ("RE:0002", Misconfigured),
    ("RE:0003", Misconfigured),
    ("RE:0007", Misconfigured),
    ("RE:0010", Misconfigured),
    ("RE:0012", Misconfigured),
    ("RE:0013", Misconfigured),
    // Signature and template.
    ("RE:0004", Approval),
    ("RE:0005", Approval),
    // Parameters the vendor finds wrong: nothing was sent.
    ("RE:0009", Elsewhere),
    // The gateway (common codes of Volcengine's OpenAPI).
    ("FlowLimitExceeded", Throttled),
    (CLOCK_SKEW, Misconfigured),
    ("MissingAuthenticationToken", Misconfigured),
    ("MissingSignature", Misconfigured),
    ("InvalidAuthorization", Misconfigured),
    ("InvalidCredential", Misconfigured),
    ("InvalidSecretToken", Misconfigured),
    ("SignatureDoesNotMatch", Misconfigured),
    ("LackPolicy", Misconfigured),
    ("AccessDenied", Misconfigured),
    ("ServiceNotFound", Misconfigured),
    ("InvalidActionOrVersion", Misconfigured),
    ("MissingParameter", Elsewhere),
    ("MissingRequestInfo", Elsewhere),
];

const PREFIXES: &[(&str, Treatment)] = &[
    ("InvalidAccessKey", Misconfigured),
    // The gateway lost sight of a call that may have reached the service.
    ("InternalServiceTimeout", SeenBefore),
    // InternalError, InternalServiceError
    ("Internal", Later),
    ("ServiceUnavailable", Later),
];
