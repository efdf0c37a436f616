//! Creating a message.

use austin_adapter_api::sign::percent_encode;
use austin_adapter_api::{Account, HttpRequest, Item};
use austin_domain::verdict::Cause;
use austin_domain::{Content, Verdict};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::ENDPOINT;
use crate::endpoint::Endpoint;
use crate::post::{FORM, add_header, form, post, secret, setting};
use crate::rounds::Job;

/// The query parameter of the callback URL that carries our reference.
pub(super) const REFERENCE: &str = "reference";

/// The request of one round, which has one item.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let Some(item) = job.items(round).next() else {
        return Err(elsewhere("empty_round", "a call without recipients"));
    };
    let mut fields = vec![("To", item.to.clone())];
    fields.push(sender(job)?);
    fields.extend(words(job, item)?);
    if let Some(url) = job.account.text("status_callback") {
        fields.push(("StatusCallback", callback(url, &item.reference)));
    }
    if let Some(seconds) = job.account.integer("validity_period") {
        fields.push(("ValidityPeriod", seconds.to_string()));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let url = messages(job.account, ".json")?;
    let mut request = post(url, FORM, form(&fields));
    add_header(&mut request, "authorization", &basic(job.account)?)?;
    Ok(request)
}

/// The URL of the account's messages, or of what `below` names below them.
pub(super) fn messages(account: &Account, below: &str) -> Result<String, Verdict> {
    let endpoint = Endpoint::of(account, ENDPOINT)?;
    let sid = percent_encode(setting(account, "account_sid")?);
    Ok(endpoint.url(&format!("/2010-04-01/Accounts/{sid}/Messages{below}")))
}

/// The `Authorization` header.
pub(super) fn basic(account: &Account) -> Result<String, Verdict> {
    let (user, password) = match account.text("api_key_sid") {
        Some(key) => (key, secret(account, "api_key_secret")?),
        None => (
            setting(account, "account_sid")?,
            secret(account, "auth_token")?,
        ),
    };
    let pair = STANDARD.encode(format!("{user}:{password}"));
    Ok(format!("Basic {pair}"))
}

fn sender(job: &Job<'_>) -> Result<(&'static str, String), Verdict> {
    let own = job.batch.vendor_template.as_ref();
    let own = own
        .and_then(|own| own.sign.as_deref())
        .filter(|sign| !sign.is_empty());
    if let Some(sender) = own {
        let service = sender.len() == 34 && sender.starts_with("MG");
        let field = if service {
            "MessagingServiceSid"
        } else {
            "From"
        };
        return Ok((field, sender.to_owned()));
    }
    for (setting, field) in [
        ("messaging_service_sid", "MessagingServiceSid"),
        ("from", "From"),
    ] {
        if let Some(sender) = job.account.text(setting) {
            return Ok((field, sender.to_owned()));
        }
    }
    Err(Verdict::Misconfigured(Cause::new(
        "missing_sender",
        "the account has neither from nor messaging_service_sid",
    )))
}

/// The rendered text, or the vendor's own template with its variables.
fn words(job: &Job<'_>, item: &Item) -> Result<Vec<(&'static str, String)>, Verdict> {
    let own = job.batch.vendor_template.as_ref();
    let sid = own
        .and_then(|own| own.template_id.as_deref())
        .filter(|sid| !sid.is_empty());
    if let Some(sid) = sid {
        let params = own.and_then(|own| own.params.as_deref());
        let variables = content_variables(item, params)?;
        return Ok(vec![
            ("ContentSid", sid.to_owned()),
            ("ContentVariables", variables),
        ]);
    }
    match item.content.as_ref() {
        Content::Text { text } => Ok(vec![("Body", text.clone())]),
        Content::Email { .. } | Content::Payload { .. } => Err(Verdict::BadContent(Cause::new(
            "not_text",
            "an SMS needs text content",
        ))),
    }
}

/// Variables are numbered from 1 in the order of `params`; without it they keep our names.
fn content_variables(item: &Item, params: Option<&[String]>) -> Result<String, Verdict> {
    let mut values = Map::new();
    match params {
        None => {
            for (name, value) in item.vars.iter() {
                values.insert(name.clone(), Value::from(value.as_str()));
            }
        }
        Some(names) => {
            for (index, name) in names.iter().enumerate() {
                let value = item.vars.get(name).ok_or_else(|| {
                    let detail =
                        format!("vendor_templates maps {name:?}, which the template does not have");
                    elsewhere("unknown_param", &detail)
                })?;
                values.insert((index + 1).to_string(), Value::from(value.as_str()));
            }
        }
    }
    Ok(Value::from(values).to_string())
}

/// The callback URL with our reference in its query; a fragment would not be sent anyway.
fn callback(url: &str, reference: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{REFERENCE}={}", percent_encode(reference))
}

fn elsewhere(code: &str, detail: &str) -> Verdict {
    Verdict::Elsewhere(Cause::new(code, detail))
}
