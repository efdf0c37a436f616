//! What HTTP itself says, when a vendor's own words are missing.

use std::time::Duration;

use austin_adapter_api::{HttpReply, Reply};
use austin_domain::verdict::Cause;
use austin_domain::{Timestamp, Verdict};

use crate::rounds::Job;

/// Longest wait taken from a `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
/// Most bytes of a body that are quoted; the cause cuts it further once secrets are hidden.
const QUOTED_BYTES: usize = 20_000;

/// The HTTP answer.
///
/// # Errors
/// [`Verdict::Unknown`] for anything else; the host never brings that back to an HTTP call.
pub(crate) fn http(reply: &Reply) -> Result<&HttpReply, Verdict> {
    match reply {
        Reply::Http(reply) => Ok(reply),
        Reply::Smtp(_) | Reply::Smpp(_) | Reply::Token(_) | Reply::Fault(_) => {
            Err(Verdict::Unknown(Cause::new(
                "protocol_error",
                "no HTTP answer to an HTTP call",
            )))
        }
    }
}

/// What an answer means that does not carry the vendor's own code.
///
/// A 2xx and 408, and a gateway's 502 and 504, may come after the vendor has acted: unknown. 503
/// and 429 ask for less traffic. Any other 5xx is the vendor's own word that it failed: another
/// account may take it. A redirect, 401, 403, 404, 405 and 407 show a wrong endpoint, key or
/// address list: the account's fault. Any other 4xx refuses this request only.
pub(crate) fn without_code(job: &Job<'_>, round: &[usize], reply: &HttpReply) -> Verdict {
    let status = reply.status;
    let cause = job.cause(round, &format!("http_{}", status.as_u16()), &quoted(reply));
    match status.as_u16() {
        429 | 503 => Verdict::Throttled {
            cause,
            pause: retry_after(reply, job.context.now),
        },
        300..400 | 401 | 403 | 404 | 405 | 407 => Verdict::Misconfigured(cause),
        408 | 502 | 504 => Verdict::Unknown(cause),
        400..600 => Verdict::Elsewhere(cause),
        _ => Verdict::Unknown(cause),
    }
}

/// Status and the beginning of the body, for people.
pub(crate) fn quoted(reply: &HttpReply) -> String {
    let status = reply.status;
    let reason = status.canonical_reason().unwrap_or_default();
    let body = String::from_utf8_lossy(&reply.body[..reply.body.len().min(QUOTED_BYTES)]);
    let body = body.trim();
    match (body.is_empty(), status.is_success()) {
        (true, true) => format!("answered {} without a body", status.as_u16()),
        (true, false) => format!("answered {} {reason}", status.as_u16()),
        (false, _) => format!("answered {} {reason}: {body}", status.as_u16()),
    }
}

/// The wait that `Retry-After` asks for, in seconds or as a date (RFC 9110 10.2.3), at most a
/// day.
pub(crate) fn retry_after(reply: &HttpReply, now: Timestamp) -> Option<Duration> {
    let text = reply.header("retry-after")?.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let at = jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text)
            .ok()?;
        Timestamp::from(at).since(now)
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        for (text, seconds) in [
            ("7", Some(7)),
            ("Fri, 02 Jan 2026 03:05:05 GMT", Some(60)),
            ("Fri, 02 Jan 2026 03:00:00 GMT", Some(0)),
            ("18446744073709551615", Some(86_400)),
            ("99999999999999999999999", None),
            ("-1", None),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", HeaderValue::from_static(text));
            let reply = HttpReply {
                status: StatusCode::OK,
                headers,
                body: "".into(),
            };
            let wait = retry_after(&reply, now).map(|wait| wait.as_secs());
            assert_eq!(wait, seconds, "{text}");
        }
    }
}
