//! The RFC 5322 message.
//!
//! Nothing that comes from outside can add a header or a recipient: control characters are
//! refused before lettre, which encodes and folds, ever sees them.

use std::time::{Duration, UNIX_EPOCH};

use austin_adapter_api::sign::sha256_hex;
use austin_adapter_api::{Account, Item};
use austin_domain::verdict::Cause;
use austin_domain::{Content, Timestamp, Verdict};
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, message::MessageBuilder};

use crate::post::setting;
use crate::rounds::Job;

/// Year 9999, the last that a mail date can express.
const LAST_SECOND: i64 = 253_402_300_799;

/// Envelope sender and recipient.
pub(super) fn envelope(account: &Account, item: &Item) -> Result<(Address, Address), Verdict> {
    let from = own_address("from", setting(account, "from")?)?;
    let to = address(&item.to).ok_or_else(|| {
        let detail = "the address is not one that an e-mail can be sent to";
        Verdict::BadRecipient(Cause::new("bad_address", detail))
    })?;
    Ok((from, to))
}

/// The message's id, without its angle brackets: the delivery's reference at the sender's
/// domain.
pub(super) fn id(account: &Account, item: &Item) -> Option<String> {
    let from = address(account.text("from")?)?;
    let is_atom = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let reference = &item.reference;
    (!reference.is_empty() && reference.chars().all(is_atom))
        .then(|| format!("{reference}@{}", from.domain()))
}

/// The message for one recipient.
pub(super) fn build(job: &Job<'_>, item: &Item) -> Result<Vec<u8>, Verdict> {
    let Content::Email {
        subject,
        html,
        text,
    } = item.content.as_ref()
    else {
        return Err(bad_content(
            "not_email",
            "an e-mail needs subject and html or text",
        ));
    };
    if subject.chars().any(char::is_control) {
        return Err(bad_content(
            "bad_subject",
            "the subject has control characters",
        ));
    }
    let boundaries = Boundaries::new(job, &[html.as_deref(), text.as_deref()]);
    let builder = headers(job, item, subject)?;
    let attachments = attachments(job)?;
    let words = words(html.as_deref(), text.as_deref(), &boundaries)?;
    let built = match (words, attachments.is_empty()) {
        (Words::One(part), true) => builder.singlepart(part),
        (Words::Alternative(part), true) => builder.multipart(part),
        (words, false) => {
            let mixed = MultiPart::mixed().boundary(&boundaries.outer);
            let mixed = match words {
                Words::One(part) => mixed.singlepart(part),
                Words::Alternative(part) => mixed.multipart(part),
            };
            builder.multipart(attachments.into_iter().fold(mixed, MultiPart::singlepart))
        }
    };
    let message = built.map_err(|error| bad_content("bad_message", &error.to_string()))?;
    Ok(message.formatted())
}

fn headers(job: &Job<'_>, item: &Item, subject: &str) -> Result<MessageBuilder, Verdict> {
    let (from, to) = envelope(job.account, item)?;
    let name = job.account.text("from_name");
    if name.is_some_and(|name| name.chars().any(char::is_control)) {
        return Err(misconfigured("from_name has control characters"));
    }
    let id = id(job.account, item).ok_or_else(|| {
        let detail = "the reference cannot be part of a Message-ID";
        Verdict::Elsewhere(Cause::new("bad_reference", detail))
    })?;
    let seconds = job
        .context
        .now
        .clamp(Timestamp::from_seconds(0), LAST)
        .seconds();
    let date = UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let mut builder = Message::builder()
        .date(date)
        .message_id(Some(format!("<{id}>")))
        .from(Mailbox::new(name.map(str::to_owned), from))
        .to(Mailbox::new(None, to))
        .subject(subject);
    if let Some(reply_to) = job.account.text("reply_to") {
        let reply_to = own_address("reply_to", reply_to)?;
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    Ok(builder)
}

const LAST: Timestamp = Timestamp::from_seconds(LAST_SECOND);

enum Words {
    One(SinglePart),
    Alternative(MultiPart),
}

fn words(html: Option<&str>, text: Option<&str>, at: &Boundaries) -> Result<Words, Verdict> {
    let html = html.map(|html| SinglePart::html(html.to_owned()));
    let text = text.map(|text| SinglePart::plain(text.to_owned()));
    match (text, html) {
        (Some(text), Some(html)) => {
            // The richest part comes last (RFC 2046 5.1.4).
            let part = MultiPart::alternative().boundary(&at.inner);
            Ok(Words::Alternative(part.singlepart(text).singlepart(html)))
        }
        (Some(part), None) | (None, Some(part)) => Ok(Words::One(part)),
        (None, None) => Err(bad_content(
            "empty_email",
            "the e-mail has neither html nor text",
        )),
    }
}

fn attachments(job: &Job<'_>) -> Result<Vec<SinglePart>, Verdict> {
    job.batch
        .attachments
        .iter()
        .map(|file| {
            if file.name.is_empty() || file.name.chars().any(char::is_control) {
                let detail = "an attachment's name is empty or has control characters";
                return Err(bad_content("bad_attachment", detail));
            }
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
    fn new(job: &Job<'_>, parts: &[Option<&str>]) -> Self {
        let mut seed = format!("{:032x}", job.context.nonce);
        while parts.iter().flatten().any(|part| part.contains(&seed)) {
            seed = sha256_hex(seed.as_bytes())[..32].to_owned();
        }
        Self {
            outer: format!("=_m{seed}"),
            inner: format!("=_a{seed}"),
        }
    }
}

fn own_address(name: &str, text: &str) -> Result<Address, Verdict> {
    address(text).ok_or_else(|| misconfigured(&format!("{name} is not an e-mail address")))
}

/// An address as lettre reads it, without control characters and spaces, which it lets pass in
/// quoted local parts.
fn address(text: &str) -> Option<Address> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    text.parse().ok()
}

fn bad_content(code: &str, detail: &str) -> Verdict {
    Verdict::BadContent(Cause::new(code, detail))
}

fn misconfigured(detail: &str) -> Verdict {
    Verdict::Misconfigured(Cause::new("bad_setting", detail))
}
