//! Every documented code of the send APIs, and of the gateway before them.
//!
//! Exact codes come before prefixes. The reader of the answer decides about a code that is in
//! neither. A call with one number may be refused with a code that otherwise comes by receipt; in
//! a receipt all codes but `0` say that the message did not arrive. Codes that are about our clock
//! are in `skew`.

use crate::treatment::Treatment::{self, *};

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
    // The number: none, not in service, or barred; off or out of reach for now.
    ("NE:0100", BadRecipient),
    ("NE:0104", BadRecipient),
    ("NE:0105", BadRecipient),
    ("NE:0103", NumberPause(300)),
    ("NE:0106", NumberPause(300)),
    // The message: content, black list or unsubscribed, frequency, hours, under review, the same
    // again, opt-out wording.
    ("CR:0200", BadContent),
    ("CR:0201", BadRecipient),
    ("CR:0202", NumberLimit),
    ("CR:0203", Elsewhere),
    ("CR:0205", Elsewhere),
    ("CR:0213", NumberLimit),
    ("CR:0216", BadContent),
    // Billing; the signature.
    ("CR:0204", Misconfigured),
    ("CR:0212", Approval),
    ("CR:0215", Approval),
    ("CR:0206", Throttled),
    ("CR:0208", Throttled),
    // Requests the carrier's side finds wrong.
    ("CE:0300", Elsewhere),
    ("CE:0301", Elsewhere),
    ("CE:0302", Elsewhere),
    ("CE:0304", Elsewhere),
    // The vendor or the carrier.
    ("SY:0500", Later),
    ("SY:0501", Later),
    ("UN:0900", Later),
    // The gateway (common codes of Volcengine's OpenAPI).
    ("FlowLimitExceeded", Throttled),
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
