//! The POST.

use std::time::Duration;

use austin_adapter_api::HttpRequest;
use austin_domain::verdict::Cause;
use austin_domain::{Content, Verdict};
use serde_json::json;
use url::Url;

use super::TIMEOUT_MS;
use super::sign::sign;
use crate::post::{JSON, add_header, post};
use crate::rounds::Job;

/// The request of one recipient.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let Some(item) = job.items(round).next() else {
        return Err(Verdict::Unknown(Cause::new(
            "empty_round",
            "a call without recipients",
        )));
    };
    let body = body(&item.content);
    let timestamp = job.context.now.seconds();
    let mut request = post(target(&item.to)?, JSON, body);
    add_header(&mut request, "webhook-id", &item.reference)?;
    add_header(&mut request, "webhook-timestamp", &timestamp.to_string())?;
    if let Some(secret) = job
        .account
        .secret("signing_secret")
        .filter(|s| !s.is_empty())
    {
        let signature = sign(secret, &item.reference, timestamp, &request.body).map_err(|bad| {
            Verdict::Misconfigured(Cause::new("bad_signing_secret", &bad.to_string()))
        })?;
        add_header(&mut request, "webhook-signature", &signature)?;
    }
    let timeout = job
        .account
        .integer("timeout_ms")
        .and_then(|ms| u64::try_from(ms).ok());
    request.deadline = Duration::from_millis(timeout.unwrap_or(TIMEOUT_MS));
    // The answer only matters by its status; a few words of it are kept for people.
    request.max_reply_bytes = 64 * 1024;
    Ok(request)
}

fn target(to: &str) -> Result<String, Verdict> {
    match Url::parse(to) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url.into()),
        _ => Err(Verdict::BadRecipient(Cause::new(
            "bad_url",
            "the address is not an absolute http or https URL",
        ))),
    }
}

/// A payload goes as it is; other content as a JSON object of its parts.
fn body(content: &Content) -> Vec<u8> {
    let value = match content {
        Content::Payload { body } => return body.clone().into_bytes(),
        Content::Text { text } => json!({ "text": text }),
        Content::Email {
            subject,
            html,
            text,
        } => {
            json!({ "subject": subject, "html": html, "text": text })
        }
    };
    value.to_string().into_bytes()
}
