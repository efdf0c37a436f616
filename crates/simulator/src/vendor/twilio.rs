//! Twilio Messages, API 2010-04-01: one message a call, and what became of it.
//!
//! Invariant: refusals are HTTP 4xx or 5xx with a number for a code. The protocol has no place
//! for a reference; where the callback URL has a query parameter `reference`, it is taken for one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde_json::json;
use url::form_urlencoded;

use super::authorization::same;
use super::{Call, Inbound, Message, Outcome, Shape};
use crate::behaviour::TwilioKeys;
use crate::crypto::hmac_sha1;
use crate::phone;
use crate::receipts::Receipt;
use crate::reply::Reply;

type Params<'a> = HashMap<Cow<'a, str>, Cow<'a, str>>;

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    let nowhere = || failure("20404", "The requested resource was not found");
    let rest = inbound.path.strip_prefix("/2010-04-01/Accounts/");
    let (account, resource) = rest
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(nowhere)?;
    if let Some(keys) = &inbound.actor.behaviour.credentials.twilio {
        authenticate(inbound, account, keys)?;
    }
    if inbound.parts.method == Method::POST && resource == "Messages.json" {
        return create(inbound);
    }
    let sid = resource
        .strip_prefix("Messages/")
        .and_then(|rest| rest.strip_suffix(".json"))
        .filter(|_| inbound.parts.method == Method::GET)
        .ok_or_else(nowhere)?;
    Err(fetch(inbound, sid).ok_or_else(nowhere)?)
}

fn authenticate(inbound: &Inbound<'_>, account: &str, keys: &TwilioKeys) -> Result<(), Reply> {
    let pair = format!("{}:{}", keys.account_sid, keys.auth_token.reveal());
    let expected = format!("Basic {}", STANDARD.encode(pair));
    let given = inbound.header("authorization").unwrap_or_default();
    if same(given, &expected) && account == keys.account_sid {
        return Ok(());
    }
    Err(failure("20003", "Authenticate"))
}

fn create<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    let mut params: Params<'a> = form_urlencoded::parse(inbound.body).collect();
    let mut take = |name: &str| params.remove(name).filter(|value| !value.is_empty());
    let to = take("To").ok_or_else(|| failure("21604", "A 'To' phone number is required."))?;
    take("From")
        .or_else(|| take("MessagingServiceSid"))
        .ok_or_else(|| failure("21603", "A 'From' phone number is required."))?;
    let text = match take("ContentSid") {
        Some(_) => take("ContentVariables").unwrap_or_default(),
        None => take("Body").ok_or_else(|| failure("21602", "Message body is required."))?,
    };
    if text.chars().count() > 1_600 {
        let why = "The concatenated message body exceeds the 1600 character limit";
        return Err(failure("21617", why));
    }
    let callback = take("StatusCallback");
    let message = Message {
        reference: callback.as_deref().and_then(reference).unwrap_or_default(),
        malformed: phone::parse(&to).is_none() || !to.starts_with('+'),
        to,
        text,
    };
    Ok(Call {
        messages: vec![message],
        shape: Shape::Twilio,
        shared: false,
        callback: callback.map(|url| Arc::from(&*url)),
    })
}

/// The parameter `reference` of a URL's query.
fn reference<'a>(url: &str) -> Option<Cow<'a, str>> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == "reference").then(|| Cow::Owned(value.into_owned())))
}

pub(crate) fn answer(call: &Call<'_>, outcomes: &[Outcome<'_>]) -> Reply {
    match (call.messages.first(), outcomes.first()) {
        (_, Some(Outcome::Refused { code, message })) => failure(code, message),
        (Some(message), Some(Outcome::Accepted { mark, segments })) => Reply::json(
            201,
            &json!({
                "sid": sid(mark.number),
                "status": "queued",
                "to": message.to,
                "num_segments": segments.to_string(),
                "num_media": "0",
                "direction": "outbound-api",
                "price": null,
                "price_unit": "USD",
                "error_code": null,
                "error_message": null,
                "api_version": VERSION,
            }),
        ),
        _ => failure("21604", "A 'To' phone number is required."),
    }
}

/// A number for a code, under the status that goes with it. A rule with another code is answered
/// as 20500 and named.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    let (number, message) = match code.parse::<u32>() {
        Ok(number) => (number, Cow::Borrowed(message)),
        Err(_) => (
            20_500,
            format!("the rule's code `{code}` is no Twilio code: {message}").into(),
        ),
    };
    let status = match number {
        20_003 => 401,
        20_404 => 404,
        20_429 => 429,
        20_500 => 500,
        20_503 => 503,
        _ => 400,
    };
    Reply::json(
        status,
        &json!({
            "code": number,
            "message": message,
            "more_info": format!("https://www.twilio.com/docs/errors/{number}"),
            "status": status,
        }),
    )
}

/// A message that is known, as it stands.
fn fetch(inbound: &Inbound<'_>, sid_asked: &str) -> Option<Reply> {
    let number = u64::from_str_radix(sid_asked.strip_prefix("SM")?, 16).ok()?;
    let entry = inbound.ledger.numbered(number)?;
    let failed = entry.status == Some("undelivered");
    Some(Reply::json(
        200,
        &json!({
            "sid": sid(number),
            "status": entry.status.unwrap_or("sent"),
            "to": entry.to,
            "num_segments": "1",
            "price": "-0.00790",
            "price_unit": "USD",
            "error_code": failed.then_some(30_003),
            "error_message": failed.then_some("Unreachable destination handset"),
            "api_version": VERSION,
        }),
    ))
}

/// A form with the last status of one message.
pub(crate) fn receipt(batch: &[Receipt]) -> (&'static str, Bytes) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for receipt in batch {
        let status = if receipt.delivered {
            "delivered"
        } else {
            "undelivered"
        };
        let sid = sid(receipt.id);
        form.append_pair("MessageSid", &sid)
            .append_pair("MessageStatus", status)
            .append_pair("SmsSid", &sid)
            .append_pair("SmsStatus", status)
            .append_pair("To", &receipt.to)
            .append_pair("ApiVersion", VERSION);
        if !receipt.delivered {
            form.append_pair("ErrorCode", &receipt.code);
        }
    }
    (FORM, form.finish().into())
}

/// `X-Twilio-Signature` of a form posted to `url`.
pub(crate) fn signature(token: &str, url: &str, body: &[u8]) -> String {
    let mut params: Vec<_> = form_urlencoded::parse(body).collect();
    params.sort();
    let mut text = url.to_owned();
    for (name, value) in params {
        text.push_str(&name);
        text.push_str(&value);
    }
    STANDARD.encode(hmac_sha1(token.as_bytes(), text.as_bytes()))
}

fn sid(number: u64) -> String {
    format!("SM{number:032x}")
}

const VERSION: &str = "2010-04-01";
const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
