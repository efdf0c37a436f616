//! `POST /v3/mail/send`: one personalization for each recipient, each with our reference.

use austin_adapter_api::{Attachment, HttpRequest, Item};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::ENDPOINT;
use crate::endpoint::Endpoint;
use crate::mail::{self, DELIVERY_TAG};
use crate::post::{JSON, add_header, post, secret};
use crate::rounds::Job;

/// The request of one round, whose items have the same words.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let Some(first) = job.items(round).next() else {
        return Err(Verdict::Unknown(Cause::new(
            "empty_round",
            "a call without recipients",
        )));
    };
    let endpoint = Endpoint::of(job.account, ENDPOINT)?;
    let words = mail::words(first)?;
    mail::check_files(job)?;
    let mut body = Map::new();
    body.insert("personalizations".into(), personalizations(job, round)?);
    body.insert("from".into(), from(job)?);
    if let Some(reply_to) = mail::reply_to(job.account)? {
        body.insert("reply_to".into(), json!({"email": reply_to.to_string()}));
    }
    body.insert("subject".into(), words.subject.into());
    // The vendor wants the plain part first.
    let parts = [("text/plain", words.text), ("text/html", words.html)];
    let parts = parts
        .into_iter()
        .filter_map(|(kind, words)| Some(json!({"type": kind, "value": words?})));
    body.insert("content".into(), parts.collect::<Vec<_>>().into());
    if !job.batch.attachments.is_empty() {
        body.insert("attachments".into(), files(job));
    }
    let mut request = post(
        endpoint.url("/v3/mail/send"),
        JSON,
        Value::from(body).to_string(),
    );
    let key = secret(job.account, "api_key")?;
    add_header(&mut request, "authorization", &format!("Bearer {key}"))?;
    Ok(request)
}

fn personalizations(job: &Job<'_>, round: &[usize]) -> Result<Value, Verdict> {
    let one = |item: &Item| {
        let to = mail::recipient(item)?.to_string();
        let reference = &item.reference;
        let mut one = json!({"to": [{"email": to}], "custom_args": {DELIVERY_TAG: reference}});
        if let Some(headers) = mail::list_headers(item)? {
            one["headers"] = headers.into_iter().map(named).collect::<Map<_, _>>().into();
        }
        Ok(one)
    };
    let all: Vec<Value> = job.items(round).map(one).collect::<Result<_, _>>()?;
    Ok(all.into())
}

fn named((name, value): (&str, String)) -> (String, Value) {
    (name.to_owned(), value.into())
}

fn from(job: &Job<'_>) -> Result<Value, Verdict> {
    let mut from = Map::new();
    from.insert(
        "email".into(),
        mail::sender(job.account)?.to_string().into(),
    );
    if let Some(name) = mail::sender_name(job.account)? {
        from.insert("name".into(), name.into());
    }
    Ok(from.into())
}

fn files(job: &Job<'_>) -> Value {
    let one = |file: &Attachment| {
        json!({
            "content": STANDARD.encode(&file.data),
            "type": file.content_type,
            "filename": file.name,
            "disposition": "attachment",
        })
    };
    job.batch
        .attachments
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .into()
}
