//! SendSms and SendBatchSms. Parameters travel in the form body, so that no number stands in a
//! URL.

use austin_adapter_api::{HttpRequest, Item};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use serde_json::{Map, Value};

use super::ENDPOINT;
use crate::acs3::{self, Action};
use crate::phone::vendor_digits;
use crate::post::form;
use crate::rounds::Job;

/// Whether the items of a round have one and the same parameters, and so take SendSms.
pub(super) fn is_same(job: &Job<'_>, round: &[usize]) -> bool {
    let mut items = job.items(round);
    let first = items.next();
    items.all(|item| first.is_some_and(|first| first.vars == item.vars))
}

/// The signed request of one round.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    if is_same(job, round) {
        send_sms(job, round)
    } else {
        send_batch_sms(job, round)
    }
}

fn send_sms(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let numbers: Vec<String> = job
        .items(round)
        .map(|item| vendor_digits(&item.to))
        .collect();
    let numbers = numbers.join(",");
    let reference = job.call_reference(round);
    let param = match job.items(round).next() {
        Some(item) => template_param(job, item)?,
        None => None,
    };
    let param = param.map(|param| param.to_string());
    let mut fields = vec![
        ("PhoneNumbers", numbers.as_str()),
        ("SignName", sign_name(job)?),
        ("TemplateCode", template_code(job)?),
        ("OutId", &reference),
    ];
    if let Some(param) = &param {
        fields.push(("TemplateParam", param));
    }
    signed(job, "SendSms", form(&fields))
}

fn send_batch_sms(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let sign = sign_name(job)?;
    let mut numbers = Vec::new();
    let mut signs = Vec::new();
    let mut params = Vec::new();
    for item in job.items(round) {
        numbers.push(Value::from(vendor_digits(&item.to)));
        signs.push(Value::from(sign));
        params.push(template_param(job, item)?.unwrap_or_else(|| Value::from(Map::new())));
    }
    let json = |values: Vec<Value>| Value::from(values).to_string();
    let body = form(&[
        ("PhoneNumberJson", &json(numbers)),
        ("SignNameJson", &json(signs)),
        ("TemplateCode", template_code(job)?),
        ("TemplateParamJson", &json(params)),
    ]);
    signed(job, "SendBatchSms", body)
}

/// A signed call of an action.
pub(super) fn signed(
    job: &Job<'_>,
    name: &'static str,
    body: String,
) -> Result<HttpRequest, Verdict> {
    let action = Action {
        endpoint: ENDPOINT,
        name,
        version: "2017-05-25",
    };
    acs3::request(job, action, body)
}

fn sign_name<'a>(job: &Job<'a>) -> Result<&'a str, Verdict> {
    let own = job
        .batch
        .vendor_template
        .as_ref()
        .and_then(|own| own.sign.as_deref());
    own.filter(|name| !name.is_empty())
        .or_else(|| job.account.text("sign_name"))
        .ok_or_else(|| {
            elsewhere(
                "missing_sign_name",
                "neither the template nor the account has a signature",
            )
        })
}

fn template_code<'a>(job: &Job<'a>) -> Result<&'a str, Verdict> {
    let own = job
        .batch
        .vendor_template
        .as_ref()
        .and_then(|own| own.template_id.as_deref());
    own.filter(|code| !code.is_empty())
        .or_else(|| job.account.text("template_code"))
        .ok_or_else(|| {
            elsewhere(
                "missing_template_code",
                "neither the template (vendor_templates) nor the account names a vendor template",
            )
        })
}

/// The vendor's variables, named as ours; nothing when there are none.
fn template_param(job: &Job<'_>, item: &Item) -> Result<Option<Value>, Verdict> {
    let own = job.batch.vendor_template.as_ref();
    let mut values = Map::new();
    match own.and_then(|own| own.params.as_ref()) {
        None => {
            for (name, value) in item.vars.iter() {
                values.insert(name.clone(), Value::from(value.as_str()));
            }
        }
        Some(names) => {
            for name in names {
                let value = item.vars.get(name).ok_or_else(|| {
                    let detail =
                        format!("vendor_templates maps {name:?}, which the template does not have");
                    elsewhere("unknown_param", &detail)
                })?;
                values.insert(name.clone(), Value::from(value.as_str()));
            }
        }
    }
    Ok(if values.is_empty() {
        None
    } else {
        Some(Value::from(values))
    })
}

fn elsewhere(code: &str, detail: &str) -> Verdict {
    Verdict::Elsewhere(Cause::new(code, detail))
}
