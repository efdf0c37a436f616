//! A vendor that says our clock is off.
//!
//! Signed requests carry the time they were signed at, and a vendor refuses those too far from its
//! own. Until somebody sets the clock every call fails, whatever it carries: the account is at
//! fault, and the cause says by how much, so that nobody goes looking for a wrong key.

use austin_adapter_api::HttpReply;
use austin_domain::{Timestamp, Verdict};

use crate::rounds::Job;

/// Codes that say nothing else.
const CODES: &[&str] = &[
    // Tencent Cloud: more than five minutes.
    "AuthFailure.SignatureExpire",
    // Alibaba Cloud: more than fifteen minutes.
    "InvalidTimeStamp.Expired",
    "IllegalTimestamp",
    // Volcengine.
    "InvalidTimestamp",
    // AWS: more than fifteen minutes by its older protocols; five by the newer, which say it in
    // words only.
    "RequestExpired",
    "RequestTimeTooSkewed",
];
/// Words of refused signatures, in lower case, that tell a clock from a wrong key.
const WORDS: &[&str] = &[
    "signature expired",
    "signature is expired",
    "signature not yet current",
    "signature of the request is expired",
    "request has expired",
    "date value is expired",
    "difference between the request time and",
];
/// Closer than this the clocks agree: `Date` has whole seconds and the answer took its time.
const AGREE_MS: u64 = 30_000;

/// The verdict on a refusal that is about our clock; `None` when it is about something else.
pub(crate) fn refused(
    job: &Job<'_>,
    round: &[usize],
    reply: &HttpReply,
    code: &str,
    words: &str,
) -> Option<Verdict> {
    is_said(code, words).then(|| {
        let detail = format!("{}: {words}", measured(reply, job.context.now));
        Verdict::Misconfigured(job.cause(round, code, &detail))
    })
}

fn is_said(code: &str, words: &str) -> bool {
    let (code_said, words) = (code.to_ascii_lowercase(), words.to_ascii_lowercase());
    CODES.contains(&code)
        || (code_said.contains("signature") && WORDS.iter().any(|said| words.contains(said)))
}

/// By how much, as far as the answer tells.
fn measured(reply: &HttpReply, now: Timestamp) -> String {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let date = reply
        .header("date")
        .and_then(|text| parser.parse_timestamp(text.trim()).ok());
    let Some(date) = date.map(Timestamp::from) else {
        return "this machine's clock is too far from the vendor's, which does not say what time \
                it has"
            .to_owned();
    };
    let off = now.millis().abs_diff(date.millis());
    if off < AGREE_MS {
        return "the vendor finds this machine's clock off, but its answer has the same time: the \
                request was held up on its way"
            .to_owned();
    }
    let side = if now < date { "behind" } else { "ahead of" };
    format!(
        "this machine's clock is {} {side} the vendor's",
        long(off / 1000)
    )
}

/// `2 h 5 min`: the two largest units that matter.
fn long(seconds: u64) -> String {
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts: Vec<String> = units
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn dated(date: Option<&'static str>) -> HttpReply {
        HttpReply {
            status: StatusCode::FORBIDDEN,
            headers: date
                .map(|date| (http::header::DATE, HeaderValue::from_static(date)))
                .into_iter()
                .collect::<HeaderMap>(),
            body: "".into(),
        }
    }

    #[test]
    fn the_difference_is_measured() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        for (date, expected) in [
            ("Fri, 02 Jan 2026 03:11:10 GMT", "7 min 5 s behind"),
            ("Fri, 02 Jan 2026 01:04:05 GMT", "2 h ahead of"),
            ("Sun, 04 Jan 2026 03:05:05 GMT", "2 d behind"),
            ("Fri, 02 Jan 2026 03:04:05 +0800", "8 h ahead of"),
            ("Fri, 02 Jan 2026 03:04:34 GMT", "has the same time"),
            ("yesterday", "does not say"),
        ] {
            let said = measured(&dated(Some(date)), now);
            assert!(said.contains(expected), "{date}: {said}");
        }
        assert!(measured(&dated(None), now).contains("does not say"));
    }

    #[test]
    fn a_wrong_key_is_no_clock() {
        let not_current = "Signature not yet current: 20260102T030405Z is still later than …";
        assert!(is_said("InvalidSignatureException", not_current));
        assert!(is_said("RequestTimeTooSkewed", ""));
        assert!(!is_said(
            "SignatureDoesNotMatch",
            "Check your AWS Secret Access Key"
        ));
        assert!(!is_said("MessageRejected", "the words: Signature expired"));
    }
}
