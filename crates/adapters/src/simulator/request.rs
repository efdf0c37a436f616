//! The send request.

use std::borrow::Cow;
use std::collections::BTreeMap;

use austin_adapter_api::{HttpRequest, Item};
use austin_domain::verdict::Cause;
use austin_domain::{Content, Verdict};
use serde::Serialize;
use serde_json::json;

use crate::endpoint::Endpoint;
use crate::post::{JSON, add_header, post, setting};
use crate::rounds::Job;

#[derive(Serialize)]
struct Send<'a> {
    account: &'a str,
    class: &'static str,
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    reference: &'a str,
    to: &'a str,
    text: Cow<'a, str>,
    vars: &'a BTreeMap<String, String>,
}

/// The request of one round.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    // No default: the simulator is wherever it was started.
    let endpoint = Endpoint::of(job.account, setting(job.account, "endpoint")?)?;
    let body = Send {
        account: &job.account.key,
        class: job.batch.class.as_str(),
        messages: job.items(round).map(message).collect(),
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Verdict::BadContent(Cause::new("bad_body", &error.to_string())))?;
    let mut request = post(endpoint.url("/sim/send"), JSON, body);
    if !super::by_token(job.account)
        && let Some(token) = job.account.secret("token")
    {
        add_header(&mut request, "authorization", &format!("Bearer {token}"))?;
    }
    Ok(request)
}

fn message(item: &Item) -> Message<'_> {
    let text = match item.content.as_ref() {
        Content::Text { text } => Cow::from(text),
        Content::Payload { body } => Cow::from(body),
        Content::Email {
            subject,
            html,
            text,
        } => json!({ "subject": subject, "html": html, "text": text })
            .to_string()
            .into(),
    };
    Message {
        reference: &item.reference,
        to: &item.to,
        text,
        vars: &item.vars,
    }
}
