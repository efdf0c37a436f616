//! Amazon SNS, `Publish` 2010-03-31 to a phone number.
//!
//! Invariant: one message a call, answers in XML, no receipts, no reference.

use std::borrow::Cow;
use std::collections::HashMap;

use url::form_urlencoded;

use super::sigv4::{self, Fault, Scheme};
use super::{Call, Inbound, Message, Outcome, Shape, request_id, uuid};
use crate::phone;
use crate::reply::Reply;

type Params<'a> = HashMap<Cow<'a, str>, Cow<'a, str>>;

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    if let Some(keys) = &inbound.actor.behaviour.credentials.aws {
        sigv4::verify(inbound, &SCHEME, keys).map_err(refused)?;
    }
    let mut params: Params<'a> = form_urlencoded::parse(inbound.body).collect();
    let mut take = |name: &str| params.remove(name).filter(|value| !value.is_empty());
    let action = take("Action").ok_or_else(|| failure("MissingAction", "Action is missing"))?;
    if action != "Publish" || take("Version").as_deref() != Some("2010-03-31") {
        let why = format!("Could not find operation {action} for this version");
        return Err(failure("InvalidAction", &why));
    }
    let parameter = |why: &str| failure("InvalidParameter", &format!("Invalid parameter: {why}"));
    let to = take("PhoneNumber").ok_or_else(|| parameter("PhoneNumber"))?;
    let text = take("Message").ok_or_else(|| parameter("Empty message"))?;
    if text.len() > 1_600 {
        return Err(parameter("Message too long"));
    }
    Ok(Call {
        messages: vec![Message {
            reference: Cow::Borrowed(""),
            malformed: phone::parse(&to).is_none() || !to.starts_with('+'),
            to,
            text,
        }],
        shape: Shape::AwsSns,
        shared: false,
        callback: None,
    })
}

fn refused(fault: Fault) -> Reply {
    match fault {
        Fault::Missing => failure("MissingAuthenticationToken", "the request is not signed"),
        Fault::Malformed(why) => failure("IncompleteSignature", &why),
        Fault::UnknownKey => failure(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        Fault::Expired => failure("SignatureDoesNotMatch", "Signature expired: too long ago"),
        Fault::Mismatch => failure(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ),
    }
}

pub(crate) fn answer(outcomes: &[Outcome<'_>]) -> Reply {
    match outcomes.first() {
        Some(Outcome::Accepted { mark, .. }) => xml(
            200,
            format!(
                "<PublishResponse xmlns=\"{NAMESPACE}\"><PublishResult><MessageId>{}</MessageId>\
                 </PublishResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
                 </PublishResponse>",
                uuid(mark.number),
                request_id(mark.number)
            ),
        ),
        Some(Outcome::Refused { code, message }) => failure(code, message),
        None => failure("InvalidParameter", "Invalid parameter: PhoneNumber"),
    }
}

/// `ErrorResponse`. A code with a subject behind it (`InvalidParameter PhoneNumber`) names it in
/// its words.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    let (code, message) = match code.split_once(' ') {
        Some((code, subject)) => (
            code,
            format!("Invalid parameter: {subject} Reason: {message}").into(),
        ),
        None => (code, Cow::Borrowed(message)),
    };
    let status = match code {
        "InternalError" => 500,
        "ServiceUnavailable" => 503,
        "AuthorizationError"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken" => 403,
        "Throttled" => 429,
        _ => 400,
    };
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    xml(
        status,
        format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code>\
             <Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
            escape(code),
            escape(&message),
            request_id(code.len() as u64)
        ),
    )
}

fn xml(status: u16, body: String) -> Reply {
    Reply::new(status, "text/xml", body)
}

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
const SCHEME: Scheme = Scheme {
    algorithm: "AWS4-HMAC-SHA256",
    key_prefix: "AWS4",
    terminator: "aws4_request",
    service: "sns",
    date_header: "x-amz-date",
};
