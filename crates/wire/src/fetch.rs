//! Fetching attachments: a plain GET under the same guard and bounds.

use std::time::Duration;

use austin_adapter_api::{Fault, FaultKind, HttpRequest};
use austin_ports::wire::Fetched;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};

use crate::fault::not_sent;
use crate::http::{Http, Means};

/// Fetches the file at `url`, at most `max_bytes` of it. Nothing is changed on the other side by
/// a GET, so that every fault says [`NotSent`](austin_adapter_api::Phase::NotSent).
pub(crate) async fn fetch(
    http: &Http,
    url: &str,
    max_bytes: usize,
    deadline: Duration,
    means: Means<'_>,
) -> Result<Fetched, Fault> {
    let is_https = url
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    if !is_https && !means.dialer.guard().allows_private_targets() {
        return Err(not_sent(
            FaultKind::Forbidden,
            "attachments are fetched over https only",
        ));
    }
    let mut request = HttpRequest::new(Method::GET, url, Bytes::new());
    request.max_reply_bytes = max_bytes;
    request.deadline = deadline;
    let reply = http
        .call(request, means)
        .await
        .map_err(|fault| not_sent(fault.kind, fault.detail))?;
    if reply.status != StatusCode::OK {
        let redirect = if reply.status.is_redirection() {
            "; redirects are not followed"
        } else {
            ""
        };
        let detail = format!("the file's server answered {}{redirect}", reply.status);
        return Err(not_sent(FaultKind::Protocol, detail));
    }
    let content_type = reply
        .header(CONTENT_TYPE.as_str())
        .unwrap_or("application/octet-stream")
        .to_owned();
    Ok(Fetched {
        content_type,
        data: reply.body,
    })
}
