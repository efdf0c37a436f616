//! YunPian v2: the five send operations under `/v2/sms/`, and `pull_status`.
//!
//! Invariant: one number answers with one object, HTTP 400 when refused; many numbers answer with
//! a list under HTTP 200, refused ones inside.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::authorization::same;
use super::{Call, Inbound, Message, Outcome, Shape};
use crate::clock::beijing;
use crate::phone;
use crate::receipts::Receipt;
use crate::reply::Reply;

type Params<'a> = HashMap<Cow<'a, str>, Cow<'a, str>>;

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    let mut params: Params<'a> = form_urlencoded::parse(inbound.body).collect();
    let apikey = required(&mut params, "apikey")?;
    if let Some(key) = &inbound.actor.behaviour.credentials.yunpian_apikey
        && !same(&apikey, key.reveal())
    {
        return Err(failure("-1", "非法的apikey"));
    }
    let operation = inbound.path.trim_start_matches("/v2/sms/");
    if operation == "pull_status.json" {
        return Err(pulled(inbound, &params));
    }
    let mobile = required(&mut params, "mobile")?;
    let numbers: Vec<String> = mobile.split(',').map(|to| to.trim().to_owned()).collect();
    let one = matches!(operation, "single_send.json" | "tpl_single_send.json");
    if one && numbers.len() > 1 {
        return Err(failure("2", "mobile: one number only"));
    }
    if numbers.len() > 1_000 {
        return Err(failure("2", "mobile: at most 1000 numbers"));
    }
    let texts = texts(&mut params, operation, numbers.len())?;
    let reference = params.remove("uid").unwrap_or_default();
    let shared = numbers.len() > 1;
    let messages = numbers.into_iter().zip(texts).map(|(to, text)| Message {
        reference: reference.clone(),
        malformed: phone::parse(&to).is_none(),
        to: to.into(),
        text,
    });
    Ok(Call {
        messages: messages.collect(),
        shape: if one {
            Shape::YunpianOne
        } else {
            Shape::YunpianMany
        },
        shared,
        callback: params.remove("callback_url").map(|url| Arc::from(&*url)),
    })
}

/// The text of each number.
fn texts<'a>(
    params: &mut Params<'a>,
    operation: &str,
    count: usize,
) -> Result<Vec<Cow<'a, str>>, Reply> {
    match operation {
        "single_send.json" | "batch_send.json" => Ok(vec![required(params, "text")?; count]),
        "tpl_single_send.json" | "tpl_batch_send.json" => {
            required(params, "tpl_id")?;
            let value = params.remove("tpl_value").unwrap_or_default();
            Ok(vec![value; count])
        }
        "multi_send.json" => {
            let joined = required(params, "text")?;
            let texts = joined.split(',').map(|text| {
                let spaced = text.replace('+', " ");
                let plain = percent_decode_str(&spaced).decode_utf8_lossy();
                Cow::Owned(plain.into_owned())
            });
            let texts: Vec<_> = texts.collect();
            if texts.len() == count {
                Ok(texts)
            } else {
                Err(failure("25", "the numbers of texts and mobiles differ"))
            }
        }
        other => Err(Reply::error(
            404,
            &format!("the simulator does not imitate {other}"),
        )),
    }
}

fn required<'a>(params: &mut Params<'a>, name: &str) -> Result<Cow<'a, str>, Reply> {
    params
        .remove(name)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| failure("1", &format!("参数 {name} 缺失")))
}

pub(crate) fn answer_one(call: &Call<'_>, outcomes: &[Outcome<'_>]) -> Reply {
    match (call.messages.first(), outcomes.first()) {
        (_, Some(Outcome::Refused { code, message })) => failure(code, message),
        (Some(message), Some(outcome)) => Reply::json(200, &line(message, outcome).0),
        _ => failure("2", "no recipient"),
    }
}

pub(crate) fn answer_many(call: &Call<'_>, outcomes: &[Outcome<'_>]) -> Reply {
    let mut total = 0;
    let lines = call.messages.iter().zip(outcomes);
    let lines: Vec<Value> = lines
        .map(|(message, outcome)| {
            let (line, count) = line(message, outcome);
            total += count;
            line
        })
        .collect();
    Reply::json(
        200,
        &json!({
            "total_count": total,
            "total_fee": format!("{:.4}", f64::from(total) * FEE),
            "unit": "RMB",
            "data": lines,
        }),
    )
}

/// One result and how many parts it was charged for.
fn line(message: &Message<'_>, outcome: &Outcome<'_>) -> (Value, u32) {
    match outcome {
        Outcome::Accepted { mark, segments } => {
            let line = json!({
                "code": 0,
                "msg": "发送成功",
                "count": segments,
                "fee": f64::from(*segments) * FEE,
                "unit": "RMB",
                "mobile": message.to,
                "sid": mark.number,
            });
            (line, *segments)
        }
        Outcome::Refused { code, message: why } => {
            let (code, why) = number(code, why);
            let line = json!({
                "code": code,
                "msg": why,
                "count": 0,
                "fee": 0.0,
                "unit": "RMB",
                "mobile": message.to,
            });
            (line, 0)
        }
    }
}

/// HTTP 400 with a number for a code.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    let (code, message) = number(code, message);
    Reply::json(
        400,
        &json!({
            "http_status_code": 400,
            "code": code,
            "msg": message,
            "detail": message,
        }),
    )
}

/// YunPian's codes are numbers; a rule with another code is answered as -50 and named.
fn number<'a>(code: &str, message: &'a str) -> (i64, Cow<'a, str>) {
    match code.parse() {
        Ok(code) => (code, Cow::Borrowed(message)),
        Err(_) => (
            -50,
            format!("the rule's code `{code}` is no YunPian code: {message}").into(),
        ),
    }
}

/// Statuses that were not fetched before, at most `page_size` (20) of them.
fn pulled(inbound: &Inbound<'_>, params: &Params<'_>) -> Reply {
    let wanted = params.get("page_size").and_then(|text| text.parse().ok());
    let most: usize = wanted.unwrap_or(20);
    if !(1..=PAGE).contains(&most) {
        return failure("2", "page_size: from 1 to 100");
    }
    let courier = inbound.actor.courier.as_ref();
    let taken = courier.map_or_else(Vec::new, |courier| courier.take(most));
    Reply::json(200, &statuses(&taken))
}

fn statuses(batch: &[Receipt]) -> Value {
    let items = batch.iter().map(|receipt| {
        let mainland = phone::parse(&receipt.to).filter(|phone| phone.country == "86");
        json!({
            "error_detail": "",
            "sid": receipt.id,
            "uid": (!receipt.reference.is_empty()).then_some(&*receipt.reference),
            "user_receive_time": beijing(receipt.done_ms),
            "error_msg": &*receipt.code,
            "mobile": mainland.map_or(&*receipt.to, |phone| phone.national),
            "report_status": if receipt.delivered { "SUCCESS" } else { "FAIL" },
        })
    });
    Value::Array(items.collect())
}

pub(crate) fn receipts(batch: &[Receipt]) -> (&'static str, Bytes) {
    let items = statuses(batch).to_string();
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("sms_status", &items)
        .finish();
    (FORM, body.into())
}

/// `SUCCESS` or `0`.
pub(crate) fn acknowledged(status: u16, body: &[u8]) -> bool {
    status == 200 && matches!(body.trim_ascii(), b"SUCCESS" | b"0")
}

/// Most statuses of a fetch.
const PAGE: usize = 100;
/// RMB a part.
const FEE: f64 = 0.05;
const FORM: &str = "application/x-www-form-urlencoded;charset=utf-8";
