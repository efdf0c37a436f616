//! SendSms and SendBatchSms.

use austin_adapter_api::sign::sha256_hex;
use austin_adapter_api::{HttpRequest, Item};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ENDPOINT, REGION};
use crate::endpoint::Endpoint;
use crate::phone;
use crate::post::{JSON, add_header, post, secret, setting};
use crate::rounds::Job;
use crate::sigv4::{Input, VOLCENGINE, date, sign};

/// Name of the service in the signature.
const SERVICE: &str = "volcSMS";

/// An operation of the API.
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

const SEND_SMS: Action = Action {
    name: "SendSms",
    version: "2020-01-01",
};
const SEND_BATCH_SMS: Action = Action {
    name: "SendBatchSms",
    version: "2021-01-01",
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Send<'a> {
    sms_account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<&'a str>,
    #[serde(rename = "TemplateID")]
    template_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    tag: &'a str,
    #[serde(flatten)]
    to: To,
}

/// Whom a call is for.
#[derive(Serialize)]
#[serde(untagged)]
enum To {
    #[serde(rename_all = "PascalCase")]
    Same {
        phone_numbers: String,
        template_param: String,
    },
    #[serde(rename_all = "PascalCase")]
    Each { messages: Vec<Message> },
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    phone_number: String,
    template_param: String,
}

/// The signed request of one round.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let items: Vec<&Item> = job.items(round).collect();
    let Some(first) = items.first() else {
        return Err(elsewhere("empty_round", "a call without recipients"));
    };
    let mainland = phone::is_mainland(&first.to);
    let same = items.iter().all(|item| item.vars == first.vars);
    let body = Send {
        sms_account: setting(job.account, "sms_account")?,
        sign: signature(job, mainland)?,
        template_id: template_id(job)?,
        from: job.account.text("from").filter(|_| !mainland),
        tag: &job.call_reference(round),
        to: if same {
            let numbers: Vec<String> = items.iter().map(|item| number(&item.to)).collect();
            To::Same {
                phone_numbers: numbers.join(","),
                template_param: template_param(job, first)?,
            }
        } else {
            let message = |item: &&Item| {
                Ok(Message {
                    phone_number: number(&item.to),
                    template_param: template_param(job, item)?,
                })
            };
            To::Each {
                messages: items.iter().map(message).collect::<Result<_, Verdict>>()?,
            }
        },
    };
    let body =
        serde_json::to_vec(&body).map_err(|error| elsewhere("bad_body", &error.to_string()))?;
    let action = if same { SEND_SMS } else { SEND_BATCH_SMS };
    signed(job, &action, body)
}

/// A signed call of an operation.
pub(super) fn signed(
    job: &Job<'_>,
    action: &Action,
    body: Vec<u8>,
) -> Result<HttpRequest, Verdict> {
    let endpoint = Endpoint::of(job.account, ENDPOINT)?;
    let date = date(job.context.now);
    let digest = sha256_hex(&body);
    let token = job.account.secret("session_token");
    let mut own = vec![("x-content-sha256", digest.as_str()), ("x-date", &date)];
    if let Some(token) = token {
        own.push(("x-security-token", token));
    }
    let mut headers = vec![("content-type", JSON), ("host", endpoint.host())];
    headers.extend(&own);
    let path = endpoint.path_of("/");
    let input = Input {
        dialect: VOLCENGINE,
        service: SERVICE,
        region: job.account.text("region").unwrap_or(REGION),
        now: job.context.now,
        method: "POST",
        path: &path,
        query: &[("Action", action.name), ("Version", action.version)],
        headers: &headers,
        body: &body,
    };
    let key = secret(job.account, "secret_access_key")?;
    let authorization = sign(&input, secret(job.account, "access_key_id")?, key).authorization;
    let url = endpoint.url(&format!(
        "/?Action={}&Version={}",
        action.name, action.version
    ));
    let mut request = post(url, JSON, body);
    for (name, value) in own {
        add_header(&mut request, name, value)?;
    }
    add_header(&mut request, "authorization", &authorization)?;
    Ok(request)
}

/// The number as the vendor takes it: national for the mainland, E.164 with `+` abroad.
pub(super) fn number(number: &str) -> String {
    if phone::is_mainland(number) {
        phone::vendor_digits(number)
    } else {
        number.to_owned()
    }
}

fn signature<'a>(job: &Job<'a>, mainland: bool) -> Result<Option<&'a str>, Verdict> {
    let own = job
        .batch
        .vendor_template
        .as_ref()
        .and_then(|own| own.sign.as_deref());
    let name = own
        .filter(|name| !name.is_empty())
        .or_else(|| job.account.text("sign"));
    if name.is_none() && mainland {
        return Err(elsewhere(
            "missing_sign",
            "mainland numbers need a signature and neither the template nor the account has one",
        ));
    }
    Ok(name)
}

fn template_id<'a>(job: &Job<'a>) -> Result<&'a str, Verdict> {
    let own = job
        .batch
        .vendor_template
        .as_ref()
        .and_then(|own| own.template_id.as_deref());
    own.filter(|id| !id.is_empty())
        .or_else(|| job.account.text("template_id"))
        .ok_or_else(|| {
            elsewhere(
                "missing_template_id",
                "neither the template (vendor_templates) nor the account names a vendor template",
            )
        })
}

/// The vendor's variables, named as ours, as JSON text.
fn template_param(job: &Job<'_>, item: &Item) -> Result<String, Verdict> {
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
    Ok(Value::from(values).to_string())
}

fn elsewhere(code: &str, detail: &str) -> Verdict {
    Verdict::Elsewhere(Cause::new(code, detail))
}
