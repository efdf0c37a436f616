//! Amazon SES v2, `SendEmail`, and its events as an SNS topic posts them.
//!
//! Invariant: a call is taken or refused as a whole under one `MessageId`; the tag
//! `austin_delivery` is taken for its reference and stands in its events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::sigv4::{self, Fault, Scheme};
use super::{Call, Inbound, Message, Outcome, Shape, request_id, uuid};
use crate::clock::rfc3339;
use crate::receipts::Receipt;
use crate::reply::Reply;

const REFERENCE: &str = "austin_delivery";

pub(crate) fn parse<'a>(inbound: &Inbound<'a>) -> Result<Call<'a>, Reply> {
    if let Some(keys) = &inbound.actor.behaviour.credentials.aws {
        sigv4::verify(inbound, &SCHEME, keys).map_err(refused)?;
    }
    if inbound.path != "/v2/email/outbound-emails" {
        let why = "the simulator imitates POST /v2/email/outbound-emails";
        return Err(failure("NotFoundException", why));
    }
    let bad = |why: &str| failure("BadRequestException", why);
    let body: Value = serde_json::from_slice(inbound.body).map_err(|e| bad(&e.to_string()))?;
    let text = text(&body["Content"]).map_err(|why| bad(&why))?;
    let to = body["Destination"]["ToAddresses"].as_array();
    let to = to.filter(|to| (1..=50).contains(&to.len()));
    let to = to.ok_or_else(|| bad("Destination.ToAddresses must be 1 to 50"))?;
    let tags = body["EmailTags"].as_array().into_iter().flatten();
    let reference = { tags }
        .find(|tag| tag["Name"] == REFERENCE)
        .and_then(|tag| tag["Value"].as_str())
        .unwrap_or_default();
    let messages: Vec<Message<'a>> = to
        .iter()
        .map(|to| {
            let to = to.as_str().unwrap_or_default();
            Message {
                reference: reference.to_owned().into(),
                malformed: !to.contains('@'),
                to: to.to_owned().into(),
                text: text.clone().into(),
            }
        })
        .collect();
    Ok(Call {
        shared: messages.len() > 1,
        messages,
        shape: Shape::AwsSes,
        callback: None,
    })
}

/// The raw message, or subject and bodies.
fn text(content: &Value) -> Result<String, String> {
    if let Some(data) = content["Raw"]["Data"].as_str() {
        let raw = STANDARD
            .decode(data)
            .map_err(|error| format!("Content.Raw.Data: {error}"))?;
        return Ok(String::from_utf8_lossy(&raw).into_owned());
    }
    let simple = &content["Simple"];
    let subject = simple["Subject"]["Data"].as_str();
    let subject = subject.ok_or("Content must be Raw or Simple")?;
    let parts = [&simple["Body"]["Text"], &simple["Body"]["Html"]];
    let parts: Vec<&str> = parts
        .iter()
        .filter_map(|part| part["Data"].as_str())
        .collect();
    if parts.is_empty() {
        return Err("Content.Simple.Body must have Text or Html".into());
    }
    Ok(format!("{subject}\n{}", parts.join("\n")))
}

fn refused(fault: Fault) -> Reply {
    match fault {
        Fault::Missing => failure(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        Fault::Malformed(why) => failure("IncompleteSignatureException", &why),
        Fault::UnknownKey => failure(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        Fault::Expired => failure("InvalidSignatureException", "Signature expired"),
        Fault::Mismatch => failure(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        ),
    }
}

pub(crate) fn answer(outcomes: &[Outcome<'_>]) -> Reply {
    match outcomes.first() {
        Some(Outcome::Accepted { mark, .. }) => {
            Reply::json(200, &json!({"MessageId": message_id(mark.number)}))
        }
        Some(Outcome::Refused { code, message }) => failure(code, message),
        None => failure("BadRequestException", "no recipient"),
    }
}

/// The exception's name stands in a header, its words in the body.
pub(crate) fn failure(code: &str, message: &str) -> Reply {
    let status = match code {
        "TooManyRequestsException" => 429,
        "InternalFailure" => 500,
        "ServiceUnavailable" => 503,
        "NotFoundException" => 404,
        "MissingAuthenticationTokenException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException" => 403,
        _ => 400,
    };
    Reply::json(status, &json!({ "message": message })).header(
        "x-amzn-errortype",
        format!("{code}:http://internal.amazon.example/coral/"),
    )
}

/// One event in the envelope of SNS.
pub(crate) fn receipt(batch: &[Receipt]) -> (&'static str, Bytes) {
    let posts: Vec<Value> = batch.iter().map(envelope).collect();
    let body = posts.first().map(ToString::to_string).unwrap_or_default();
    ("text/plain; charset=UTF-8", body.into())
}

fn envelope(receipt: &Receipt) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": request_id(receipt.mark.number),
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:simulator",
        "Subject": "Amazon SES Email Event Notification",
        "Message": event(receipt).to_string(),
        "Timestamp": rfc3339(receipt.done_ms),
        "SignatureVersion": "1",
        "Signature": "AAAA",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/simulator.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    })
}

fn event(receipt: &Receipt) -> Value {
    let mail = json!({
        "timestamp": rfc3339(receipt.accepted_ms),
        "messageId": message_id(receipt.id),
        "destination": [&*receipt.to],
        "tags": {REFERENCE: [&*receipt.reference]},
    });
    let at = rfc3339(receipt.done_ms);
    if receipt.delivered {
        let delivery = json!({
            "timestamp": at, "recipients": [&*receipt.to], "smtpResponse": "250 2.0.0 Ok",
        });
        return json!({"eventType": "Delivery", "mail": mail, "delivery": delivery});
    }
    let bounce = json!({
        "bounceType": "Permanent", "bounceSubType": "General", "timestamp": at,
        "bouncedRecipients": [{
            "emailAddress": &*receipt.to, "action": "failed", "status": &*receipt.code,
            "diagnosticCode": format!("smtp; 550 {}", receipt.code),
        }],
    });
    json!({"eventType": "Bounce", "mail": mail, "bounce": bounce})
}

fn message_id(number: u64) -> String {
    format!("0100{}", uuid(number))
}

const SCHEME: Scheme = Scheme {
    algorithm: "AWS4-HMAC-SHA256",
    key_prefix: "AWS4",
    terminator: "aws4_request",
    service: "ses",
    date_header: "x-amz-date",
};
