//! Every exception that `SendEmail` documents, and the common errors of AWS. Codes that are about
//! our clock are in `skew`.

use crate::treatment::Treatment::{self, *};

/// What a documented exception asks for.
pub(super) fn treatment(code: &str) -> Option<Treatment> {
    let known = CODES.iter().find(|(known, _)| *known == code);
    known.map(|(_, treatment)| *treatment)
}

const CODES: &[(&str, Treatment)] = &[
    // Rate, or the quota of the day: the message says which.
    ("TooManyRequestsException", Throttled),
    ("ThrottlingException", Throttled),
    ("Throttling", Throttled),
    // The account.
    ("AccountSuspendedException", Misconfigured),
    ("SendingPausedException", Misconfigured),
    ("MailFromDomainNotVerifiedException", Misconfigured),
    ("LimitExceededException", Misconfigured),
    // The configuration set that the account names does not exist.
    ("NotFoundException", Misconfigured),
    // Refused for its content, or an identity that is not verified; SES does not say apart.
    ("MessageRejected", Elsewhere),
    ("BadRequestException", Elsewhere),
    ("ValidationException", Elsewhere),
    // Credentials.
    ("AccessDeniedException", Misconfigured),
    ("IncompleteSignature", Misconfigured),
    ("IncompleteSignatureException", Misconfigured),
    ("InvalidClientTokenId", Misconfigured),
    ("InvalidSignatureException", Misconfigured),
    ("SignatureDoesNotMatch", Misconfigured),
    ("MissingAuthenticationToken", Misconfigured),
    ("MissingAuthenticationTokenException", Misconfigured),
    ("UnrecognizedClientException", Misconfigured),
    ("ExpiredTokenException", Misconfigured),
    ("NotAuthorized", Misconfigured),
    ("OptInRequired", Misconfigured),
    // The vendor.
    ("InternalFailure", Later),
    ("InternalServerException", Later),
    ("InternalServiceErrorException", Later),
    ("ServiceUnavailable", Later),
    ("ServiceUnavailableException", Later),
];
