//! Status callbacks: a signed form with one receipt. Their order is not guaranteed; every status
//! that is not the last one is evidence only. Incoming messages: the same, with the words of a
//! person.

use austin_adapter_api::{
    Account, Inbound, Mark, Outcome, PersonReply, Receipt, Receipts, Refused,
};

use super::request::REFERENCE;
use super::sign;
use crate::entries::{self, answered, own_reference};

pub(super) fn read(account: &Account, request: &Inbound) -> Result<Receipts, Refused> {
    authenticate(account, request)?;
    let field = |name: &str| value(&request.body, name);
    if field("MessageStatus").is_none()
        && let Some(reply) = reply(&field)
    {
        return Ok(Receipts {
            replies: vec![reply],
            // Nothing is answered to the person.
            ..answered(Vec::new(), "text/xml", "<Response/>")
        });
    }
    let key = field("MessageSid")
        .or_else(|| field("SmsSid"))
        .ok_or_else(|| Refused::malformed("the form has no MessageSid"))?;
    let status = field("MessageStatus")
        .or_else(|| field("SmsStatus"))
        .ok_or_else(|| Refused::malformed("the form has no MessageStatus"))?;
    let code = field("ErrorCode").unwrap_or_else(|| status.clone());
    let detail = match field("ErrorMessage") {
        Some(words) => format!("{status}: {words}"),
        None => status.clone(),
    };
    let receipt = Receipt {
        reference: own_reference(reference(&request.url)),
        raw: entries::evidence(&String::from_utf8_lossy(&request.body)),
        mark: mark(&code),
        ..entries::receipt(key, outcome(&status), &code, &detail, None)
    };
    Ok(answered(vec![receipt], "text/plain; charset=utf-8", ""))
}

/// An incoming message; `SmsStatus` of one is `received`.
fn reply(field: &impl Fn(&str) -> Option<String>) -> Option<PersonReply> {
    field("SmsStatus").filter(|status| status == "received")?;
    Some(PersonReply {
        from: field("From")?,
        // A picture without words has none.
        text: field("Body").unwrap_or_default(),
        at: None,
        to: field("To"),
    })
}

/// No such handset, or a landline.
fn mark(code: &str) -> Option<Mark> {
    matches!(code, "30005" | "30006").then_some(Mark::BadAddress)
}

/// What a status says.
pub(super) fn outcome(status: &str) -> Outcome {
    match status {
        "delivered" | "read" => Outcome::Delivered,
        "undelivered" | "failed" | "canceled" => Outcome::Undelivered,
        // accepted, scheduled, queued, sending, sent, partially_delivered, …
        _ => Outcome::Pending,
    }
}

fn authenticate(account: &Account, request: &Inbound) -> Result<(), Refused> {
    let token = account
        .secret("auth_token")
        .ok_or_else(|| Refused::unauthentic("the account has no auth_token"))?;
    let header = |name: &str| request.headers.get(name).and_then(|v| v.to_str().ok());
    let signature = header("x-twilio-signature")
        .ok_or_else(|| Refused::unauthentic("X-Twilio-Signature is missing"))?;
    let is_form = header("content-type").is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    // What is signed is the URL the vendor was given. Behind a proxy it may not be the one we
    // see; the query is the same in both.
    let given = account.text("status_callback").map(|url| {
        let base = url.split(['?', '#']).next().unwrap_or_default();
        match request.url.split_once('?') {
            Some((_, query)) => format!("{base}?{query}"),
            None => base.to_owned(),
        }
    });
    let authentic = [Some(request.url.as_str()), given.as_deref()]
        .into_iter()
        .flatten()
        .any(|url| sign::is_authentic(token, url, is_form, &request.body, signature));
    if authentic {
        return Ok(());
    }
    Err(Refused::unauthentic(
        "X-Twilio-Signature is not that of this request: the auth token is another, or the URL \
         the vendor was given is neither status_callback nor below the public URL of this server",
    ))
}

fn value(form: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(form)
        .find_map(|(known, value)| (known == name).then(|| value.into_owned()))
        .filter(|value| !value.is_empty())
}

fn reference(url: &str) -> Option<String> {
    value(url.split_once('?')?.1.as_bytes(), REFERENCE)
}
