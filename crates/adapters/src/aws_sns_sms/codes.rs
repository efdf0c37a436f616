//! Every documented code of `Publish`, and those common to all AWS services.
//!
//! Exact codes come before prefixes. The reader of the answer decides about a code that is in
//! neither. Codes that are about our clock are in `skew`.

use crate::treatment::Treatment::{self, *};

/// Some parameter is wrong; the words say which.
pub(super) const INVALID_PARAMETER: &[&str] = &[
    "InvalidParameter",
    "InvalidParameterValue",
    "ParameterValueInvalid",
    "ValidationException",
    "ValidationError",
    "ConflictException",
];

/// What a documented code asks for, with the vendor's words.
pub(super) fn treatment(code: &str, words: &str) -> Option<Treatment> {
    if INVALID_PARAMETER.contains(&code) {
        return Some(invalid_parameter(words));
    }
    let exact = EXACT.iter().find(|(known, _)| *known == code);
    let by_prefix = || PREFIXES.iter().find(|(prefix, _)| code.starts_with(prefix));
    exact.or_else(by_prefix).map(|(_, treatment)| *treatment)
}

/// The number or the words condemn the message everywhere; anything else only this request.
fn invalid_parameter(words: &str) -> Treatment {
    let words = words.to_ascii_lowercase();
    let about = |subjects: &[&str]| subjects.iter().any(|subject| words.contains(subject));
    if about(&["phonenumber", "phone number", "opted_out", "opted out"]) {
        BadRecipient
    } else if about(&[
        "message too long",
        "empty message",
        "invalid parameter: message",
    ]) {
        BadContent
    } else {
        Elsewhere
    }
}

const EXACT: &[(&str, Treatment)] = &[
    // The vendor.
    ("InternalError", Later),
    ("InternalFailure", Later),
    ("InternalServerException", Later),
    ("ServiceUnavailable", Later),
    // Too fast.
    ("Throttled", Throttled),
    ("ThrottledException", Throttled),
    ("Throttling", Throttled),
    ("ThrottlingException", Throttled),
    ("RequestLimitExceeded", Throttled),
    ("TooManyRequestsException", Throttled),
    ("KMSThrottling", Throttled),
    // The number opted out at this account.
    ("OptedOut", BadRecipient),
    // The account: permission, keys, signature, spend limit, a sender that is not there.
    ("AuthorizationError", Misconfigured),
    ("AccessDenied", Misconfigured),
    ("AccessDeniedException", Misconfigured),
    ("NotAuthorized", Misconfigured),
    ("OptInRequired", Misconfigured),
    ("InvalidClientTokenId", Misconfigured),
    ("UnrecognizedClientException", Misconfigured),
    ("MissingAuthenticationToken", Misconfigured),
    ("SignatureDoesNotMatch", Misconfigured),
    ("IncompleteSignature", Misconfigured),
    ("ExpiredToken", Misconfigured),
    ("ExpiredTokenException", Misconfigured),
    ("InvalidSecurity", Misconfigured),
    ("ServiceQuotaExceededException", Misconfigured),
    ("ResourceNotFoundException", Misconfigured),
    ("NotFound", Misconfigured),
    // Requests we never make; if we do, nothing was sent.
    ("InvalidAction", Elsewhere),
    ("MissingAction", Elsewhere),
    ("MissingParameter", Elsewhere),
    ("MalformedQueryString", Elsewhere),
    ("EndpointDisabled", Elsewhere),
    ("PlatformApplicationDisabled", Elsewhere),
];

const PREFIXES: &[(&str, Treatment)] = &[
    // KMSAccessDenied, KMSDisabled, KMSInvalidState, KMSNotFound, KMSOptInRequired
    ("KMS", Misconfigured),
];
