//! Every documented code of `SingleSendMail`, and the gateway's.
//!
//! Exact codes come before prefixes. The reader of the answer decides about a code that is in
//! neither. Codes that are about our clock are in `skew`.

use crate::treatment::Treatment::{self, *};

/// What a documented code asks for.
pub(super) fn treatment(code: &str) -> Option<Treatment> {
    let exact = EXACT.iter().find(|(known, _)| *known == code);
    let by_prefix = || PREFIXES.iter().find(|(prefix, _)| code.starts_with(prefix));
    exact.or_else(by_prefix).map(|(_, treatment)| *treatment)
}

const EXACT: &[(&str, Treatment)] = &[
    // The address.
    ("InvalidToAddress", BadRecipient),
    // In the vendor's own list of addresses that bounced; another vendor may know better.
    ("InvalidToAddress.Spam", Elsewhere),
    // The words.
    ("InvalidBody", BadContent),
    ("InvalidSubject.Malformed", Elsewhere),
    // Refused by state of the account, rate or quota; the code does not say which.
    ("InvalidSendMail.Spam", Elsewhere),
    // The account: its sender address.
    ("InvalidMailAddress.NotFound", Misconfigured),
    ("InvalidMailAddressStatus.Malformed", Misconfigured),
    ("InvalidMailAddressSendType.Malformed", Misconfigured),
    ("InvalidMailAddressDomain.Malformed", Misconfigured),
    ("InvalidMailAddressName.Malformed", Misconfigured),
    ("InvalidFromAlias.Malformed", Misconfigured),
    ("InvalidFromALias.Malformed", Misconfigured),
    ("Forbidden", Misconfigured),
    ("Forbidden.RAM", Misconfigured),
    ("NoPermission", Misconfigured),
    ("InvalidAccessKeyId.NotFound", Misconfigured),
    ("SignatureDoesNotMatch", Misconfigured),
    // The vendor.
    ("InternalServiceError", Later),
    ("ServiceUnavailable", Later),
    // Our nonces never repeat, so the same bytes arrived twice.
    ("SignatureNonceUsed", SeenBefore),
];

const PREFIXES: &[(&str, Treatment)] = &[
    ("Throttling", Throttled),
    ("InternalError", Later),
    ("InvalidAccessKeyId", Misconfigured),
];
