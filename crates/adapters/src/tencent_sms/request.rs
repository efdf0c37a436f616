//! The SendSms request.

use austin_adapter_api::{HttpRequest, Item};
use austin_domain::verdict::Cause;
use austin_domain::{Content, Verdict};
use serde::Serialize;

use super::sign::{Input, sign};
use super::{ENDPOINT, REGION};
use crate::endpoint::Endpoint;
use crate::phone;
use crate::post::{JSON, add_header, post, secret, setting};
use crate::rounds::Job;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendSms<'a> {
    phone_number_set: Vec<&'a str>,
    sms_sdk_app_id: &'a str,
    template_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_name: Option<&'a str>,
    template_param_set: Vec<&'a str>,
    session_context: &'a str,
}

/// The signed request of one round, whose items share their parameters.
pub(super) fn send_sms(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let Some(first) = job.items(round).next() else {
        return Err(Verdict::Unknown(Cause::new(
            "empty_round",
            "a call without recipients",
        )));
    };
    let body = SendSms {
        phone_number_set: job.items(round).map(|item| item.to.as_str()).collect(),
        sms_sdk_app_id: setting(job.account, "sdk_app_id")?,
        template_id: template_id(job)?.0,
        sign_name: sign_name(job, first)?,
        template_param_set: params(job, first)?,
        session_context: &job.call_reference(round),
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Verdict::Elsewhere(Cause::new("bad_body", &error.to_string())))?;
    signed(job, "SendSms", body)
}

/// A signed call of an action.
pub(super) fn signed(
    job: &Job<'_>,
    action: &'static str,
    body: Vec<u8>,
) -> Result<HttpRequest, Verdict> {
    let endpoint = Endpoint::of(job.account, ENDPOINT)?;
    let timestamp = job.context.now.seconds();
    let input = Input {
        service: "sms",
        host: endpoint.host(),
        content_type: JSON,
        action: None,
        timestamp,
        body: &body,
    };
    let key = secret(job.account, "secret_key")?;
    let authorization = sign(&input, secret(job.account, "secret_id")?, key).authorization;
    let mut request = post(endpoint.url("/"), JSON, body);
    add_header(&mut request, "authorization", &authorization)?;
    add_header(&mut request, "x-tc-action", action)?;
    add_header(&mut request, "x-tc-version", "2021-01-11")?;
    add_header(&mut request, "x-tc-timestamp", &timestamp.to_string())?;
    add_header(
        &mut request,
        "x-tc-region",
        job.account.text("region").unwrap_or(REGION),
    )?;
    Ok(request)
}

/// Whose template id is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Template,
    Account,
}

fn template_id<'a>(job: &Job<'a>) -> Result<(&'a str, Source), Verdict> {
    let own = job
        .batch
        .vendor_template
        .as_ref()
        .and_then(|own| own.template_id.as_deref());
    if let Some(id) = own.filter(|id| !id.is_empty()) {
        return Ok((id, Source::Template));
    }
    let id = job.account.text("template_id").ok_or_else(|| {
        elsewhere(
            "missing_template_id",
            "neither the template (vendor_templates) nor the account names a vendor template",
        )
    })?;
    Ok((id, Source::Account))
}

fn sign_name<'a>(job: &Job<'a>, first: &Item) -> Result<Option<&'a str>, Verdict> {
    let own = job
        .batch
        .vendor_template
        .as_ref()
        .and_then(|own| own.sign.as_deref());
    let name = own
        .filter(|name| !name.is_empty())
        .or_else(|| job.account.text("sign_name"));
    if name.is_none() && phone::is_mainland(&first.to) {
        return Err(elsewhere(
            "missing_sign_name",
            "mainland numbers need a signature and neither the template nor the account has one",
        ));
    }
    Ok(name)
}

/// The vendor template's parameters in its order; see `param_mode` in the descriptor.
fn params<'a>(job: &Job<'a>, first: &'a Item) -> Result<Vec<&'a str>, Verdict> {
    let own = job.batch.vendor_template.as_ref();
    if let Some(names) = own.and_then(|own| own.params.as_ref()) {
        return names.iter().map(|name| value(first, name)).collect();
    }
    let all = || first.vars.values().map(String::as_str).collect();
    match (job.account.text("param_mode"), template_id(job)?.1) {
        (Some("vars"), _) => Ok(all()),
        (Some(_), _) | (None, Source::Account) => whole_text(first).map(|text| vec![text]),
        // One variable has only one order.
        (None, Source::Template) if first.vars.len() <= 1 => Ok(all()),
        (None, Source::Template) => Err(elsewhere(
            "missing_params",
            "the template has several variables and its vendor_templates entry no params order",
        )),
    }
}

fn value<'a>(item: &'a Item, name: &str) -> Result<&'a str, Verdict> {
    item.vars.get(name).map(String::as_str).ok_or_else(|| {
        let detail = format!("vendor_templates maps {name:?}, which the template does not have");
        elsewhere("unknown_param", &detail)
    })
}

fn whole_text(item: &Item) -> Result<&str, Verdict> {
    match item.content.as_ref() {
        Content::Text { text } => Ok(text),
        Content::Email { .. } | Content::Payload { .. } => Err(Verdict::BadContent(Cause::new(
            "not_text",
            "an SMS needs text content",
        ))),
    }
}

fn elsewhere(code: &str, detail: &str) -> Verdict {
    Verdict::Elsewhere(Cause::new(code, detail))
}
