//! The RFC 5322 message of one delivery.
//!
//! Invariant: the same delivery, clock and nonce always give the same bytes.

use std::time::{Duration, UNIX_EPOCH};

use austin_adapter_api::Item;
use austin_adapter_api::sign::sha256_hex;
use austin_domain::verdict::Cause;
use austin_domain::{Timestamp, Verdict};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MessageBuilder, MultiPart, SinglePart};

use super::{DELIVERY_HEADER, Words, bad_content};
use crate::rounds::Job;

/// Year 9999, the last that a mail date can express.
const LAST: Timestamp = Timestamp::from_seconds(253_402_300_799);

/// The message for one recipient.
///
/// # Errors
/// The verdict of the delivery when no message can be made of it.
pub(crate) fn build(job: &Job<'_>, item: &Item) -> Result<Vec<u8>, Verdict> {
    let words = super::words(item)?;
    let boundaries = Boundaries::new(job, &words);
    let builder = headers(job, item, words.subject)?;
    let attachments = attachments(job)?;
    let body = Body::new(&words, &boundaries);
    let built = match (body, attachments.is_empty()) {
        (Body::One(part), true) => builder.singlepart(part),
        (Body::Several(part), true) => builder.multipart(part),
        (body, false) => {
            let mixed = MultiPart::mixed().boundary(&boundaries.outer);
            let mixed = match body {
                Body::One(part) => mixed.singlepart(part),
                Body::Several(part) => mixed.multipart(part),
            };
            builder.multipart(attachments.into_iter().fold(mixed, MultiPart::singlepart))
        }
    };
    let message = built.map_err(|error| bad_content("bad_message", &error.to_string()))?;
    Ok(message.formatted())
}

fn headers(job: &Job<'_>, item: &Item, subject: &str) -> Result<MessageBuilder, Verdict> {
    let (from, to) = (super::sender(job.account)?, super::recipient(item)?);
    let name = super::sender_name(job.account)?;
    let id = super::id(job.account, item).ok_or_else(|| {
        let detail = "the reference cannot be part of a Message-ID";
        Verdict::Elsewhere(Cause::new("bad_reference", detail))
    })?;
    let now = job.context.now.clamp(Timestamp::from_seconds(0), LAST);
    let date = UNIX_EPOCH + Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0));
    let mut builder = Message::builder()
        .date(date)
        .message_id(Some(format!("<{id}>")))
        .header(Delivery(item.reference.clone()))
        .from(Mailbox::new(name.map(str::to_owned), from))
        .to(Mailbox::new(None, to))
        .subject(subject);
    if let Some(reply_to) = super::reply_to(job.account)? {
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    if let Some(headers) = super::list_headers(item)? {
        for (name, value) in headers {
            let name = HeaderName::new_from_ascii_str(name);
            // As it is: folded, some receivers would not find the link.
            let value = HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value);
            builder = builder.raw_header(value);
        }
    }
    Ok(builder)
}

/// The reference once more: relays replace a `Message-ID`, and bounces quote headers.
#[derive(Clone)]
struct Delivery(String);

impl Header for Delivery {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str(DELIVERY_HEADER)
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

enum Body {
    One(SinglePart),
    Several(MultiPart),
}

impl Body {
    fn new(words: &Words<'_>, at: &Boundaries) -> Self {
        let html = words.html.map(|html| SinglePart::html(html.to_owned()));
        let text = words.text.map(|text| SinglePart::plain(text.to_owned()));
        match (text, html) {
            (Some(text), Some(html)) => {
                // The richest part comes last (RFC 2046 5.1.4).
                let part = MultiPart::alternative().boundary(&at.inner);
                Self::Several(part.singlepart(text).singlepart(html))
            }
            (Some(part), None) | (None, Some(part)) => Self::One(part),
            (None, None) => Self::One(SinglePart::plain(String::new())),
        }
    }
}

fn attachments(job: &Job<'_>) -> Result<Vec<SinglePart>, Verdict> {
    super::check_files(job)?;
    job.batch
        .attachments
        .iter()
        .map(|file| {
            let content_type = ContentType::parse(&file.content_type).map_err(|_| {
                let detail = format!("the media type of attachment {:?} is none", file.name);
                bad_content("bad_attachment", &detail)
            })?;
            Ok(Attachment::new(file.name.clone()).body(file.data.to_vec(), content_type))
        })
        .collect()
}

/// Boundaries that no part can contain. `=_` occurs in no quoted-printable or Base64 text; what
/// goes unencoded is searched.
struct Boundaries {
    outer: String,
    inner: String,
}

impl Boundaries {
    fn new(job: &Job<'_>, words: &Words<'_>) -> Self {
        let mut seed = format!("{:032x}", job.context.nonce);
        let parts = [words.html, words.text];
        while parts.iter().flatten().any(|part| part.contains(&seed)) {
            seed = sha256_hex(seed.as_bytes())[..32].to_owned();
        }
        Self {
            outer: format!("=_m{seed}"),
            inner: format!("=_a{seed}"),
        }
    }
}
