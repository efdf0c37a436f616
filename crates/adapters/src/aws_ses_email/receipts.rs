//! SES events as an SNS topic posts them: an envelope whose `Message` is the event's JSON, or,
//! with raw message delivery, the event itself. SNS posts again unless it is answered 2xx.

use austin_adapter_api::{Account, Inbound, Mark, Outcome, Receipt, Receipts, Refused};
use austin_domain::Timestamp;
use serde_json::Value;
use url::Url;

use crate::entries::{self, answered, own_reference};
use crate::json;
use crate::mail::DELIVERY_TAG;
use crate::post::JSON;

pub(super) fn read(account: &Account, request: &Inbound) -> Result<Receipts, Refused> {
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|error| Refused::malformed(format!("the body is not JSON: {error}")))?;
    check_topic(account, request, &body)?;
    if json::text(&body, "SigningCertURL").is_some_and(|url| !is_of_sns(&url)) {
        let detail = "SigningCertURL is not an https address of sns.<region>.amazonaws.com";
        return Err(Refused::unauthentic(detail));
    }
    let mut notice = None;
    let receipt = match json::text(&body, "Type").as_deref() {
        None => event(&body).map_err(Refused::malformed)?,
        Some("Notification") => notification(&body)?,
        Some("SubscriptionConfirmation") => {
            notice = Some(to_open(&body)?);
            confirmation(&body, "SubscriptionConfirmation")?
        }
        Some("UnsubscribeConfirmation") => confirmation(&body, "UnsubscribeConfirmation")?,
        Some(_) => {
            let detail = "Type is none of Notification, SubscriptionConfirmation, \
                          UnsubscribeConfirmation";
            return Err(Refused::malformed(detail));
        }
    };
    let raw = entries::evidence(&String::from_utf8_lossy(&request.body));
    Ok(Receipts {
        notice,
        ..answered(vec![Receipt { raw, ..receipt }], JSON, "{}")
    })
}

/// Refuses posts of another topic than the account's.
fn check_topic(account: &Account, request: &Inbound, body: &Value) -> Result<(), Refused> {
    let Some(expected) = account.text("topic_arn") else {
        return Ok(());
    };
    let header = request.headers.get("x-amz-sns-topic-arn");
    let header = header.and_then(|value| value.to_str().ok());
    let named = json::text(body, "TopicArn");
    match named.as_deref().or(header) {
        Some(topic) if topic == expected => Ok(()),
        Some(_) => Err(Refused::unauthentic(
            "TopicArn is not the account's topic_arn",
        )),
        None => Err(Refused::unauthentic("TopicArn is missing")),
    }
}

fn notification(body: &Value) -> Result<Receipt, Refused> {
    let message = json::text(body, "Message")
        .ok_or_else(|| Refused::malformed("the notification has no Message"))?;
    // SNS posts a line of plain text when an event destination is set up.
    let inner: Value = serde_json::from_str(&message)
        .map_err(|error| Refused::malformed(format!("Message is not JSON: {error}")))?;
    event(&inner).map_err(|fault| Refused::malformed(format!("Message {fault}")))
}

/// What the operator has to open so that the topic posts here. Only an address of SNS itself:
/// nobody else's is worth a click.
fn to_open(body: &Value) -> Result<String, Refused> {
    let url = json::text(body, "SubscribeURL")
        .ok_or_else(|| Refused::malformed("the confirmation has no SubscribeURL"))?;
    if !is_of_sns(&url) {
        let detail = "SubscribeURL is not an https address of sns.<region>.amazonaws.com";
        return Err(Refused::unauthentic(detail));
    }
    let topic = json::text(body, "TopicArn").unwrap_or_default();
    Ok(format!(
        "the SNS topic {topic} posts receipts once this is opened: {url}"
    ))
}

/// A word of SNS about the subscription; it matches no delivery.
fn confirmation(body: &Value, kind: &str) -> Result<Receipt, Refused> {
    let id = json::text(body, "MessageId")
        .ok_or_else(|| Refused::malformed("the confirmation has no MessageId"))?;
    let topic = json::text(body, "TopicArn").unwrap_or_default();
    let at = instant(body, "Timestamp");
    let key = format!("sns/{id}");
    Ok(entries::receipt(key, Outcome::Pending, kind, &topic, at))
}

fn is_of_sns(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let region = url.host_str().and_then(|host| {
        let host = host.strip_prefix("sns.")?;
        host.strip_suffix(".amazonaws.com")
            .or_else(|| host.strip_suffix(".amazonaws.com.cn"))
    });
    let is_region = |region: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !region.is_empty() && region.chars().all(fits)
    };
    url.scheme() == "https" && url.port().is_none() && region.is_some_and(is_region)
}

fn event(event: &Value) -> Result<Receipt, String> {
    let kind = json::text(event, "eventType")
        .or_else(|| json::text(event, "notificationType"))
        .ok_or("has neither eventType nor notificationType")?;
    let mail = &event["mail"];
    let id = json::text(mail, "messageId").ok_or("has no mail.messageId")?;
    let tag = mail["tags"][DELIVERY_TAG][0].as_str().map(str::to_owned);
    let about = Said::of(&kind, event);
    let at = about.at.or_else(|| instant(mail, "timestamp"));
    Ok(Receipt {
        reference: own_reference(tag),
        mark: about.mark,
        ..entries::receipt(id, about.outcome, &about.code, &about.detail, at)
    })
}

/// What an event says.
struct Said {
    outcome: Outcome,
    code: String,
    detail: String,
    at: Option<Timestamp>,
    mark: Option<Mark>,
}

impl Said {
    /// Every documented event. A transient bounce is final too: SES tries no more. What a person
    /// does with a mail moves no delivery.
    fn of(kind: &str, event: &Value) -> Self {
        let (outcome, about) = match kind {
            "Delivery" => (Outcome::Delivered, &event["delivery"]),
            "Bounce" => (Outcome::Undelivered, &event["bounce"]),
            "Reject" => (Outcome::Undelivered, &event["reject"]),
            "Rendering Failure" => (Outcome::Undelivered, &event["failure"]),
            "DeliveryDelay" => (Outcome::Pending, &event["deliveryDelay"]),
            "Complaint" => (Outcome::Pending, &event["complaint"]),
            _ => (Outcome::Pending, &Value::Null),
        };
        let person = match kind {
            "DeliveryDelay" => &about["delayedRecipients"][0],
            _ => &about["bouncedRecipients"][0],
        };
        let words = [
            json::text(about, "bounceType"),
            json::text(about, "bounceSubType"),
            json::text(about, "delayType"),
            json::text(about, "complaintFeedbackType"),
            json::text(about, "reason"),
            json::text(about, "errorMessage"),
            json::text(about, "smtpResponse"),
            json::text(person, "diagnosticCode"),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        Self {
            outcome,
            code: json::text(person, "status").unwrap_or_else(|| kind.to_owned()),
            detail: format!("{kind}: {}", words.join(", ")),
            at: instant(about, "timestamp"),
            mark: match kind {
                // A transient one says nothing of the address: full, too large, refused for now.
                "Bounce" => json::text(about, "bounceType")
                    .filter(|kind| kind == "Permanent")
                    .map(|_| Mark::HardBounce),
                "Complaint" => Some(Mark::Complaint),
                _ => None,
            },
        }
    }
}

fn instant(value: &Value, name: &str) -> Option<Timestamp> {
    json::text(value, name)?.parse().ok()
}
