//! What an HTTP status means from a recipient's server.

use std::time::Duration;

use austin_domain::Verdict;
use austin_domain::verdict::Cause;

/// The verdict of a status that is not 2xx.
///
/// 410 is the specification's way to say that the endpoint is gone. 400, 413, 415 and 422 refuse
/// the body, whoever sends it. Busy (408, 425, 429) and failing (5xx) servers are tried later,
/// after `Retry-After` where they say so: one busy recipient must not slow the account down.
/// Everything else (redirects, which are not followed, 401, 403, 404 …) is a refusal that only
/// another account, with other credentials, could change.
pub(super) fn verdict(status: u16, cause: Cause, wait: Option<Duration>) -> Verdict {
    match status {
        410 => Verdict::BadRecipient(cause),
        400 | 413 | 415 | 422 => Verdict::BadContent(cause),
        408 | 425 | 429 | 500..600 => Verdict::Later { cause, after: wait },
        _ => Verdict::Elsewhere(cause),
    }
}
