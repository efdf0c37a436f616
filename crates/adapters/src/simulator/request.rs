//! The send request.

use std::collections::BTreeMap;

use austin_adapter_api::{HttpRequest, Item};
use austin_domain::verdict::Cause;
use austin_domain::{Content, Verdict};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::endpoint::Endpoint;
use crate::post::{JSON, add_header, post, setting};
use crate::rounds::Job;

#[derive(Serialize)]
struct Send<'a> {
    account: &'a str,
    class: &'static str,
    template: &'a str,
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    reference: &'a str,
    to: &'a str,
    #[serde(flatten)]
    words: Words<'a>,
    vars: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Words<'a> {
    Text(&'a str),
    Email {
        subject: &'a str,
        html: Option<&'a str>,
        text: Option<&'a str>,
    },
    Payload(Box<RawValue>),
}

/// The request of one round.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    // No default: the simulator is wherever it was started.
    let endpoint = Endpoint::of(job.account, setting(job.account, "endpoint")?)?;
    let body = Send {
        account: &job.account.key,
        class: job.batch.class.as_str(),
        template: &job.batch.template,
        messages: job.items(round).map(message).collect::<Result<_, _>>()?,
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Verdict::BadContent(Cause::new("bad_body", &error.to_string())))?;
    let mut request = post(endpoint.url("/sim/send"), JSON, body);
    if let Some(token) = job
        .account
        .secret("token")
        .filter(|token| !token.is_empty())
    {
        add_header(&mut request, "authorization", &format!("Bearer {token}"))?;
    }
    Ok(request)
}

fn message(item: &Item) -> Result<Message<'_>, Verdict> {
    let words = match item.content.as_ref() {
        Content::Text { text } => Words::Text(text),
        Content::Email {
            subject,
            html,
            text,
        } => Words::Email {
            subject,
            html: html.as_deref(),
            text: text.as_deref(),
        },
        Content::Payload { body } => Words::Payload(
            serde_json::from_str(body)
                .map_err(|error| Verdict::BadContent(Cause::new("not_json", &error.to_string())))?,
        ),
    };
    Ok(Message {
        reference: &item.reference,
        to: &item.to,
        words,
        vars: &item.vars,
    })
}
