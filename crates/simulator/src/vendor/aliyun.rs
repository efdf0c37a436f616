//! Alibaba Cloud SMS, Dysmsapi 2017-05-25, actions `SendSms` and `SendBatchSms`.
//!
//! Invariant: one `BizId` for a call, accepted or refused as a whole; per-recipient outcomes come
//! by receipt only (help.aliyun.com, api-dysmsapi-2017-05-25-sendsms).

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Call, Inbound, Message, Outcome, Shape, request_id};
use crate::clock::beijing;
use crate::phone;
use crate::receipts::Receipt;
use crate::reply::{JSON, Reply};

mod signature;

type Params<'a> = HashMap<Cow<'a, str>, Cow<'a, str>>;

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    if let Some(keys) = &inbound.actor.behaviour.credentials.aliyun {
        signature::verify(inbound, keys).map_err(|(code, why)| failure(code, &why))?;
    }
    let mut params: Params<'a> = Params::new();
    let query = inbound.parts.uri.query().unwrap_or("");
    params.extend(form_urlencoded::parse(query.as_bytes()));
    params.extend(form_urlencoded::parse(inbound.body));
    let version = inbound.header("x-acs-version");
    if version != Some("2017-05-25") {
        let why = "Specified parameter x-acs-version must be 2017-05-25.";
        return Err(failure("InvalidVersion", why));
    }
    match inbound.header("x-acs-action") {
        Some("SendSms") => send(&mut params),
        Some("SendBatchSms") => send_batch(&mut params),
        other => Err(failure(
            "InvalidAction.NotFound",
            &format!(
                "the simulator does not imitate the action {}",
                other.unwrap_or("(none)")
            ),
        )),
    }
}

fn send<'a>(params: &mut Params<'a>) -> Result<Call<'a>, Reply> {
    let numbers = required(params, "PhoneNumbers")?;
    required(params, "SignName")?;
    required(params, "TemplateCode")?;
    let text = params.remove("TemplateParam").unwrap_or_default();
    if !text.is_empty() && !serde_json::from_str::<Value>(&text).is_ok_and(|v| v.is_object()) {
        let why = "JSON参数不合法，只接受字符串值";
        return Err(failure("isv.INVALID_JSON_PARAM", why));
    }
    let reference = params.remove("OutId").unwrap_or_default();
    let numbers: Vec<String> = numbers.split(',').map(str::to_owned).collect();
    if numbers.len() > 1_000 {
        let why = "手机号码数量超过限制，最多支持1000条";
        return Err(failure("isv.MOBILE_COUNT_OVER_LIMIT", why));
    }
    let shared = numbers.len() > 1;
    let messages = numbers
        .into_iter()
        .map(|to| message(to, text.clone(), &reference));
    Ok(call(messages.collect(), shared))
}

fn send_batch<'a>(params: &mut Params<'a>) -> Result<Call<'a>, Reply> {
    required(params, "TemplateCode")?;
    let numbers: Vec<String> = list(&required(params, "PhoneNumberJson")?)?;
    let signs: Vec<String> = list(&required(params, "SignNameJson")?)?;
    let texts: Option<Vec<Value>> = match params.remove("TemplateParamJson") {
        Some(json) => Some(list(&json)?),
        None => None,
    };
    let uneven = signs.len() != numbers.len()
        || texts
            .as_ref()
            .is_some_and(|texts| texts.len() != numbers.len());
    if numbers.is_empty() || uneven {
        let why = "the JSON arrays must be of equal length and not empty";
        return Err(failure("isv.INVALID_PARAMETERS", why));
    }
    if numbers.len() > 100 {
        let why = "手机号码数量超过限制，最多支持100条";
        return Err(failure("isv.MOBILE_COUNT_OVER_LIMIT", why));
    }
    let reference = params.remove("OutId").unwrap_or_default();
    let shared = numbers.len() > 1;
    let messages = numbers.into_iter().enumerate().map(|(index, to)| {
        let vars = texts.as_ref().and_then(|texts| texts.get(index));
        let text = vars.map_or(String::new(), ToString::to_string);
        message(to, text.into(), &reference)
    });
    Ok(call(messages.collect(), shared))
}

fn message<'a>(to: String, text: Cow<'a, str>, reference: &Cow<'a, str>) -> Message<'a> {
    Message {
        reference: reference.clone(),
        malformed: phone::parse(&to).is_none(),
        to: to.into(),
        text,
    }
}

const fn call(messages: Vec<Message<'_>>, shared: bool) -> Call<'_> {
    Call {
        messages,
        shape: Shape::Aliyun,
        shared,
        callback: None,
    }
}

fn required<'a>(params: &mut Params<'a>, name: &str) -> Result<Cow<'a, str>, Reply> {
    params
        .remove(name)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| {
            let why = format!("{name} is mandatory for this action.");
            failure(&format!("Missing{name}"), &why)
        })
}

fn list<T: serde::de::DeserializeOwned>(json: &str) -> Result<Vec<T>, Reply> {
    serde_json::from_str(json)
        .map_err(|error| failure("isv.INVALID_JSON_PARAM", &error.to_string()))
}

pub(crate) fn answer(outcomes: &[Outcome<'_>]) -> Reply {
    match outcomes.first() {
        Some(Outcome::Accepted { mark, .. }) => Reply::json(
            200,
            &json!({
                "Message": "OK",
                "RequestId": request_id(mark.number),
                "Code": "OK",
                "BizId": biz_id(mark.number),
            }),
        ),
        Some(Outcome::Refused { code, message }) => failure(code, message),
        None => failure("isv.INVALID_PARAMETERS", "no recipient"),
    }
}

/// Business codes (`isv.`, `isp.`) under HTTP 200; gateway codes under 4xx with `HostId`.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    let request_id = request_id(code.len() as u64);
    if code.starts_with("isv.") || code.starts_with("isp.") {
        return Reply::json(
            200,
            &json!({"Message": message, "RequestId": request_id, "Code": code}),
        );
    }
    let status = match code {
        "InvalidAccessKeyId.NotFound" | "InvalidAction.NotFound" => 404,
        "ServiceUnavailable" => 503,
        _ => 400,
    };
    Reply::json(
        status,
        &json!({
            "Code": code,
            "Message": message,
            "RequestId": request_id,
            "HostId": "dysmsapi.aliyuncs.com",
        }),
    )
}

pub(crate) fn receipts(batch: &[Receipt]) -> (&'static str, Bytes) {
    let items = batch.iter().map(|receipt| {
        let phone = phone::parse(&receipt.to);
        let mainland = phone.filter(|phone| phone.country == "86");
        let (code, words) = match (receipt.delivered, &*receipt.code) {
            (true, _) => ("DELIVERED", "用户接收成功"),
            (false, code) => (code, "用户接收失败"),
        };
        json!({
            "phone_number": mainland.map_or(&*receipt.to, |phone| phone.national),
            "send_time": beijing(receipt.accepted_ms),
            "report_time": beijing(receipt.done_ms),
            "success": receipt.delivered,
            "err_code": code,
            "err_msg": words,
            "sms_size": receipt.segments.to_string(),
            "biz_id": biz_id(receipt.id),
            "out_id": &*receipt.reference,
        })
    });
    (JSON, Reply::json(200, &Value::Array(items.collect())).body)
}

/// HTTP 200 with a `code` that is a number.
pub(crate) fn acknowledged(status: u16, body: &[u8]) -> bool {
    status == 200
        && serde_json::from_slice::<Value>(body)
            .is_ok_and(|answer| answer.get("code").is_some_and(Value::is_number))
}

fn biz_id(number: u64) -> String {
    format!("{number}^0")
}
