//! Tencent Cloud SMS, API 2021-01-11, actions `SendSms` and `PullSmsSendStatus`.
//!
//! Invariant: business errors are HTTP 200 with `Response.Error`, as at the vendor
//! (cloud.tencent.com/document/product/382/55981).

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Inbound, Message, Outcome, Shape, request_id};
use crate::clock::beijing;
use crate::phone;
use crate::receipts::Receipt;
use crate::reply::{JSON, Reply};

mod signature;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow, default)]
    phone_number_set: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    sms_sdk_app_id: Cow<'a, str>,
    #[serde(borrow, default)]
    template_id: Cow<'a, str>,
    #[serde(borrow, default)]
    template_param_set: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    session_context: Cow<'a, str>,
}

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    if let Some(keys) = &inbound.actor.behaviour.credentials.tencent {
        signature::verify(inbound, keys).map_err(|(code, why)| failure(code, &why))?;
    }
    let action = inbound.header("x-tc-action");
    match action {
        Some("SendSms" | "PullSmsSendStatus") => {}
        Some(other) => {
            return Err(failure(
                "InvalidAction",
                &format!("the simulator does not imitate the action {other}"),
            ));
        }
        None => return Err(failure("MissingParameter", "X-TC-Action is missing")),
    }
    if inbound.header("x-tc-version") != Some("2021-01-11") {
        let why = "X-TC-Version must be 2021-01-11";
        return Err(failure("NoSuchVersion", why));
    }
    if action == Some("PullSmsSendStatus") {
        return Err(pulled(inbound)?);
    }
    let request: Request<'a> = serde_json::from_slice(inbound.body)
        .map_err(|error| failure("InvalidParameter", &error.to_string()))?;
    check(&request)?;
    let text: Cow<'a, str> = request.template_param_set.join(",").into();
    let shared = request.phone_number_set.len() > 1;
    let messages = request.phone_number_set.into_iter().map(|to| Message {
        reference: request.session_context.clone(),
        malformed: phone::parse(&to).is_none(),
        to,
        text: text.clone(),
    });
    Ok(Call {
        messages: messages.collect(),
        shape: Shape::Tencent {
            session: request.session_context,
        },
        shared,
        callback: None,
    })
}

fn check(request: &Request<'_>) -> Result<(), Reply> {
    let missing = [
        ("PhoneNumberSet", request.phone_number_set.is_empty()),
        ("SmsSdkAppId", request.sms_sdk_app_id.is_empty()),
        ("TemplateId", request.template_id.is_empty()),
    ];
    if let Some((name, _)) = missing.iter().find(|(_, missing)| *missing) {
        let why = format!("The request is missing the parameter `{name}`.");
        return Err(failure("MissingParameter", &why));
    }
    if request.phone_number_set.len() > 200 {
        return Err(failure(
            "LimitExceeded.PhoneNumberCountLimit",
            "at most 200 numbers in one call",
        ));
    }
    if request.session_context.len() >= 512 {
        return Err(failure(
            "InvalidParameterValue.ContentLengthLimit",
            "SessionContext must be shorter than 512 bytes",
        ));
    }
    let countries = request.phone_number_set.iter();
    let countries = countries.filter_map(|to| phone::parse(to).map(|phone| phone.country));
    let mainland = countries.clone().filter(|country| *country == "86").count();
    if mainland > 0 && mainland < countries.count() {
        return Err(failure(
            "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
            "mainland and other numbers cannot share a call",
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pull {
    limit: usize,
    sms_sdk_app_id: String,
}

/// Statuses that were not fetched before.
fn pulled(inbound: &Inbound<'_>) -> Result<Reply, Reply> {
    let asked: Pull = serde_json::from_slice(inbound.body)
        .map_err(|error| failure("InvalidParameter", &error.to_string()))?;
    if asked.sms_sdk_app_id.is_empty() || !(1..=100).contains(&asked.limit) {
        let why = "SmsSdkAppId must be given and Limit must be from 1 to 100";
        return Err(failure("InvalidParameterValue", why));
    }
    let courier = inbound.actor.courier.as_ref();
    let taken = courier.map_or_else(Vec::new, |courier| courier.take(asked.limit));
    let statuses: Vec<Value> = taken.iter().map(status).collect();
    let id = request_id(taken.first().map_or(0, |receipt| receipt.id));
    let response = json!({"PullSmsSendStatusSet": statuses, "RequestId": id});
    Ok(Reply::json(200, &json!({ "Response": response })))
}

fn status(receipt: &Receipt) -> Value {
    let phone = phone::parse(&receipt.to);
    json!({
        "UserReceiveTime": receipt.done_ms / 1_000,
        "CountryCode": phone.as_ref().map_or("", |phone| phone.country),
        "SubscriberNumber": phone.as_ref().map_or(&*receipt.to, |phone| phone.national),
        "PhoneNumber": &*receipt.to,
        "SerialNo": serial(receipt.id),
        "ReportStatus": if receipt.delivered { "SUCCESS" } else { "FAIL" },
        "Description": &*receipt.code,
        "SessionContext": &*receipt.reference,
    })
}

pub(crate) fn answer(call: &Call<'_>, session: &str, outcomes: &[Outcome<'_>]) -> Reply {
    let mut first = 0;
    let lines = call.messages.iter().zip(outcomes);
    let lines: Vec<Value> = lines
        .map(|(message, outcome)| {
            let (serial, fee, code, words) = match outcome {
                Outcome::Accepted { mark, segments } => {
                    first = mark.number;
                    (serial(mark.number), *segments, "Ok", "send success")
                }
                Outcome::Refused { code, message } => (String::new(), 0, &**code, &**message),
            };
            let iso = match phone::parse(&message.to) {
                Some(phone) if phone.country == "86" => "CN",
                Some(phone) if phone.country == "1" => "US",
                _ => "",
            };
            json!({
                "SerialNo": serial,
                "PhoneNumber": message.to,
                "Fee": fee,
                "SessionContext": session,
                "Code": code,
                "Message": words,
                "IsoCode": iso,
            })
        })
        .collect();
    Reply::json(
        200,
        &json!({"Response": {"SendStatusSet": lines, "RequestId": request_id(first)}}),
    )
}

/// `Response.Error` under HTTP 200.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    Reply::json(
        200,
        &json!({"Response": {
            "Error": {"Code": code, "Message": message},
            "RequestId": request_id(code.len() as u64),
        }}),
    )
}

pub(crate) fn receipts(batch: &[Receipt]) -> (&'static str, Bytes) {
    let items = batch.iter().map(|receipt| {
        let phone = phone::parse(&receipt.to);
        let (status, words) = if receipt.delivered {
            ("SUCCESS", "用户短信送达成功")
        } else {
            ("FAIL", "用户短信接收失败")
        };
        json!({
            "user_receive_time": beijing(receipt.done_ms),
            "nationcode": phone.as_ref().map_or("", |phone| phone.country),
            "mobile": phone.as_ref().map_or(&*receipt.to, |phone| phone.national),
            "report_status": status,
            "errmsg": &*receipt.code,
            "description": words,
            "sid": serial(receipt.id),
        })
    });
    (JSON, Reply::json(200, &Value::Array(items.collect())).body)
}

/// `{"result":0,…}` under HTTP 200.
pub(crate) fn acknowledged(status: u16, body: &[u8]) -> bool {
    status == 200
        && serde_json::from_slice::<Value>(body)
            .is_ok_and(|answer| answer.get("result") == Some(&json!(0)))
}

fn serial(number: u64) -> String {
    format!("5000:{number}")
}
