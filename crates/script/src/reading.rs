//! The usual reading of replies that lack the vendor's own code.

use std::time::Duration;

use austin_adapter_api::adapter::fault_verdict;
use austin_adapter_api::{HttpReply, Reply};
use austin_domain::verdict::Cause;
use austin_domain::{Timestamp, Verdict};

/// Longest wait taken from a `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// The verdict for a whole call by transport and HTTP status alone.
pub(crate) fn usual(reply: &Reply, now: Timestamp) -> Verdict {
    match reply {
        Reply::Fault(fault) => fault_verdict(fault),
        Reply::Http(reply) => by_status(reply, now),
        Reply::Smtp(_) | Reply::Smpp(_) | Reply::Token(_) => Verdict::Unknown(Cause::new(
            "protocol_error",
            "no HTTP answer to an HTTP call",
        )),
    }
}

/// By the HTTP status: 429 and 503 ask for less traffic; a redirect, 401, 403, 404, 405 and 407
/// show a wrong endpoint, key or address list; 408, 502, 504 and a 2xx may come after the vendor
/// has acted; any other 5xx is the vendor's word that it failed, any other 4xx refuses this
/// request only.
pub(crate) fn by_status(reply: &HttpReply, now: Timestamp) -> Verdict {
    let status = reply.status.as_u16();
    let reason = reply.status.canonical_reason().unwrap_or_default();
    // The body may repeat what was sent: it stays in the redacted evidence.
    let cause = Cause::new(
        format!("http_{status}"),
        &format!("answered {status} {reason}"),
    );
    match status {
        429 | 503 => Verdict::Throttled {
            cause,
            pause: retry_after(reply, now),
        },
        300..400 | 401 | 403 | 404 | 405 | 407 => Verdict::Misconfigured(cause),
        408 | 502 | 504 => Verdict::Unknown(cause),
        400..600 => Verdict::Elsewhere(cause),
        _ => Verdict::Unknown(cause),
    }
}

/// The wait that `Retry-After` asks for, in seconds or as a date.
fn retry_after(reply: &HttpReply, now: Timestamp) -> Option<Duration> {
    let text = reply.header("retry-after")?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(text)
                .ok()?;
            Timestamp::from(at).since(now)
        }
    };
    Some(wait.min(LONGEST_WAIT))
}
