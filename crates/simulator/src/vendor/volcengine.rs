//! Volcengine SMS: `SendSms` 2020-01-01, `SendBatchSms` 2021-01-01, `GetSmsSendDetails`
//! 2021-01-11.
//!
//! Invariant: a call is accepted or refused as a whole; ids come in the order of the numbers
//! (volcengine.com/docs/6361/67380).

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::sigv4::{self, Fault, Scheme};
use super::{Call, Inbound, Message, Outcome, Shape, number_of, request_id, uuid};
use crate::ledger::Shown;
use crate::phone;
use crate::receipts::Receipt;
use crate::reply::{JSON, Reply};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Send {
    sms_account: String,
    sign: String,
    #[serde(rename = "TemplateID")]
    template_id: String,
    tag: String,
    phone_numbers: String,
    template_param: String,
    messages: Vec<One>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct One {
    phone_number: String,
    template_param: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Details {
    sub_account: String,
    phone_number: String,
    message_id: String,
    send_date: String,
}

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    if let Some(keys) = &inbound.actor.behaviour.credentials.volcengine {
        verify(inbound, keys)?;
    }
    let query = inbound.parts.uri.query().unwrap_or("");
    let parameter = |name: &str| {
        form_urlencoded::parse(query.as_bytes())
            .find_map(|(key, value)| (key == name).then_some(value))
            .unwrap_or_default()
    };
    match (&*parameter("Action"), &*parameter("Version")) {
        ("SendSms", "2020-01-01") => send(inbound, "SendSms"),
        ("SendBatchSms", "2021-01-01") => send(inbound, "SendBatchSms"),
        ("GetSmsSendDetails", "2021-01-11") => Err(details(inbound)?),
        (action, version) => Err(failure(
            "InvalidActionOrVersion",
            &format!("Could not find operation {action} for version {version}."),
        )),
    }
}

fn verify(inbound: &Inbound<'_>, keys: &crate::behaviour::AccessKeys) -> Result<(), Reply> {
    sigv4::verify(inbound, &SCHEME, keys).map_err(|fault| match fault {
        Fault::Missing => failure("MissingAuthenticationToken", "the request is not signed"),
        Fault::Malformed(why) => failure("InvalidAuthorization", &why),
        Fault::UnknownKey => failure("InvalidAccessKey", "the access key is invalid"),
        Fault::Expired => failure(
            "InvalidTimestamp",
            "the signature of the request is expired",
        ),
        Fault::Mismatch => failure("SignatureDoesNotMatch", "the signature does not match"),
    })?;
    let digest = crate::crypto::sha256_hex(inbound.body);
    if inbound.header("x-content-sha256") == Some(digest.as_str()) {
        return Ok(());
    }
    let why = "X-Content-Sha256 is not the digest of the body";
    Err(failure("SignatureDoesNotMatch", why))
}

fn send<'a>(inbound: &Inbound<'a>, action: &'static str) -> Result<Call<'a>, Reply> {
    let mut request: Send = read(inbound)?;
    let messages = if action == "SendSms" {
        let text = std::mem::take(&mut request.template_param);
        let numbers = request.phone_numbers.split(',');
        numbers
            .filter(|to| !to.is_empty())
            .map(|to| (to.to_owned(), text.clone()))
            .collect()
    } else {
        std::mem::take(&mut request.messages)
            .into_iter()
            .map(|one| (one.phone_number, one.template_param))
            .collect::<Vec<_>>()
    };
    check(&request, &messages)?;
    let shared = messages.len() > 1;
    let messages = messages.into_iter().map(|(to, text)| Message {
        reference: request.tag.clone().into(),
        malformed: phone::parse(&to).is_none(),
        to: to.into(),
        text: text.into(),
    });
    Ok(Call {
        messages: messages.collect(),
        shape: Shape::Volcengine { action },
        shared,
        callback: None,
    })
}

fn read<T: serde::de::DeserializeOwned>(inbound: &Inbound<'_>) -> Result<T, Reply> {
    serde_json::from_slice(inbound.body).map_err(|error| failure("RE:0009", &error.to_string()))
}

fn check(request: &Send, messages: &[(String, String)]) -> Result<(), Reply> {
    let mainland = messages
        .iter()
        .any(|(to, _)| phone::parse(to).is_some_and(|phone| phone.country == "86"));
    let template = request.template_id.starts_with("ST_");
    let variables = |(_, text): &(String, String)| {
        text.is_empty() || serde_json::from_str::<Value>(text).is_ok_and(|v| v.is_object())
    };
    let (code, why) = match () {
        () if request.sms_account.is_empty() => ("RE:0003", "SmsAccount is unknown"),
        () if !template => ("RE:0005", "TemplateID is unknown"),
        () if mainland && request.sign.is_empty() => ("RE:0004", "Sign is unknown"),
        () if messages.is_empty() || messages.len() > 200 => ("RE:0009", "1 to 200 numbers"),
        () if !messages.iter().all(variables) => ("RE:0009", "TemplateParam is no JSON object"),
        () => return Ok(()),
    };
    Err(failure(code, why))
}

pub(crate) fn answer(action: &str, outcomes: &[Outcome<'_>]) -> Reply {
    let mut ids = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Accepted { mark, .. } => ids.push(uuid(mark.number)),
            Outcome::Refused { code, message } => return failure(code, message),
        }
    }
    success(action, &json!({ "MessageID": ids }))
}

fn success(action: &str, result: &Value) -> Reply {
    Reply::json(
        200,
        &json!({
            "ResponseMetadata": {
                "RequestId": request_id(action.len() as u64),
                "Action": action,
                "Service": SCHEME.service,
            },
            "Result": result,
        }),
    )
}

/// `ResponseMetadata.Error`: the product's own codes under HTTP 200, the gateway's under theirs.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    let status = match code {
        "MissingAuthenticationToken" | "InvalidAccessKey" | "SignatureDoesNotMatch" => 401,
        "InvalidActionOrVersion" => 404,
        "FlowLimitExceeded" => 429,
        "InvalidAuthorization" | "InvalidTimestamp" => 400,
        _ => 200,
    };
    Reply::json(
        status,
        &json!({"ResponseMetadata": {
            "RequestId": request_id(code.len() as u64),
            "Error": {"Code": code, "Message": message},
        }}),
    )
}

/// What became of one message of one number.
fn details(inbound: &Inbound<'_>) -> Result<Reply, Reply> {
    let asked: Details = read(inbound)?;
    if asked.sub_account.is_empty() || asked.phone_number.is_empty() || asked.send_date.len() != 8 {
        let why = "subAccount, phoneNumber and sendDate (yyyyMMdd) are needed";
        return Err(failure("RE:0009", why));
    }
    let about = |entry: &Shown| phone::parse(&entry.to) == phone::parse(&asked.phone_number);
    let entries = if asked.message_id.is_empty() {
        inbound.ledger.newest(LISTED)
    } else {
        let number = number_of(&asked.message_id);
        let entry = number.and_then(|number| inbound.ledger.numbered(number));
        entry.into_iter().collect()
    };
    let list: Vec<Value> = entries.iter().filter(|e| about(e)).map(detail).collect();
    Ok(success(
        "GetSmsSendDetails",
        &json!({"total": list.len(), "subAccount": asked.sub_account, "sendDetailsResults": list}),
    ))
}

fn detail(entry: &Shown) -> Value {
    let (status, code) = match entry.status {
        None => (1, ""),
        Some("delivered") => (3, "0"),
        Some(_) => (2, "NE:0100"),
    };
    let time = entry.at.parse::<jiff::Timestamp>();
    let time = time.map_or(0, jiff::Timestamp::as_millisecond);
    json!({
        "status": status,
        "errorCode": code,
        "phoneNumber": entry.to,
        "messageId": uuid(entry.number),
        "msgCount": 1,
        "sendTime": time,
        "receiptTime": if status == 1 { 0 } else { time },
    })
}

pub(crate) fn receipts(batch: &[Receipt]) -> (&'static str, Bytes) {
    let items = batch.iter().map(|receipt| {
        json!({
            "status_code": if receipt.delivered { "0" } else { &receipt.code },
            "description": if receipt.delivered { "发送成功" } else { "发送失败" },
            "mobile": &*receipt.to,
            "message_id": uuid(receipt.id),
            "msg_count": receipt.segments,
            "ext": &*receipt.reference,
            "send_time": receipt.accepted_ms,
            "recv_time": receipt.done_ms,
        })
    });
    (JSON, Reply::json(200, &Value::Array(items.collect())).body)
}

/// How many of the newest messages are searched for those of a number.
const LISTED: usize = 10_000;
const SCHEME: Scheme = Scheme {
    algorithm: "HMAC-SHA256",
    key_prefix: "",
    terminator: "request",
    service: "volcSMS",
    date_header: "x-date",
};
