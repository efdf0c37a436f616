//! What every e-mail adapter asks of a mail: addresses, words and files that can be sent as they
//! are.
//!
//! Invariant: what passes here has no control character in anything that becomes a header, so
//! that nothing from outside adds a header or a recipient.

mod mime;

use austin_adapter_api::{Account, Item};
use austin_domain::verdict::Cause;
use austin_domain::{Content, Verdict};
use lettre::Address;

use crate::post::setting;
use crate::rounds::Job;

pub(crate) use mime::build;

/// Header and vendor field that carry a delivery's reference, for what comes back later.
pub(crate) const DELIVERY_HEADER: &str = "X-Austin-Delivery";
/// Name of the vendor's tag or argument with a delivery's reference.
pub(crate) const DELIVERY_TAG: &str = "austin_delivery";

/// The words of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words<'a> {
    pub(crate) subject: &'a str,
    pub(crate) html: Option<&'a str>,
    pub(crate) text: Option<&'a str>,
}

/// The words of one delivery.
///
/// # Errors
/// [`Verdict::BadContent`] when they are no mail, or the subject has control characters.
pub(crate) fn words(item: &Item) -> Result<Words<'_>, Verdict> {
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
    if html.is_none() && text.is_none() {
        return Err(bad_content(
            "empty_email",
            "the e-mail has neither html nor text",
        ));
    }
    Ok(Words {
        subject,
        html: html.as_deref(),
        text: text.as_deref(),
    })
}

/// The headers by which the person can unsubscribe with one click (RFC 8058), where there is a link:
/// one https address, no `mailto`, and the word that says that a POST will do. Each stands once,
/// so that a DKIM signature can cover it.
///
/// # Errors
/// [`Verdict::Elsewhere`] when the link cannot stand in a header.
pub(crate) fn list_headers(item: &Item) -> Result<Option<[(&'static str, String); 2]>, Verdict> {
    let Some(link) = &item.unsubscribe else {
        return Ok(None);
    };
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | ',');
    if !link.chars().all(fits) || link.len() > LONGEST_LINK {
        let detail = "the unsubscribe link cannot stand in a header";
        return Err(Verdict::Elsewhere(Cause::new("bad_link", detail)));
    }
    Ok(Some([
        ("List-Unsubscribe", format!("<{link}>")),
        (
            "List-Unsubscribe-Post",
            "List-Unsubscribe=One-Click".to_owned(),
        ),
    ]))
}

/// A header line has at most 998 characters (RFC 5322 2.1.1).
const LONGEST_LINK: usize = 900;

/// The recipient of one delivery.
///
/// # Errors
/// [`Verdict::BadRecipient`] when the address is none.
pub(crate) fn recipient(item: &Item) -> Result<Address, Verdict> {
    address(&item.to).ok_or_else(|| {
        let detail = "the address is not one that an e-mail can be sent to";
        Verdict::BadRecipient(Cause::new("bad_address", detail))
    })
}

/// The account's sender, its setting `from`.
///
/// # Errors
/// [`Verdict::Misconfigured`] when it is missing or no address.
pub(crate) fn sender(account: &Account) -> Result<Address, Verdict> {
    own_address("from", setting(account, "from")?)
}

/// The account's sender name, its setting `from_name`.
///
/// # Errors
/// [`Verdict::Misconfigured`] when it has control characters.
pub(crate) fn sender_name(account: &Account) -> Result<Option<&str>, Verdict> {
    match account.text("from_name") {
        Some(name) if name.chars().any(char::is_control) => {
            Err(misconfigured("from_name has control characters"))
        }
        name => Ok(name),
    }
}

/// Where answers go, the account's setting `reply_to`.
///
/// # Errors
/// [`Verdict::Misconfigured`] when it is no address.
pub(crate) fn reply_to(account: &Account) -> Result<Option<Address>, Verdict> {
    account
        .text("reply_to")
        .map(|text| own_address("reply_to", text))
        .transpose()
}

/// Refuses files whose names cannot stand in a header.
///
/// # Errors
/// [`Verdict::BadContent`] naming what is wrong.
pub(crate) fn check_files(job: &Job<'_>) -> Result<(), Verdict> {
    let unfit = |name: &str| name.is_empty() || name.chars().any(char::is_control);
    if job.batch.attachments.iter().any(|file| unfit(&file.name)) {
        let detail = "an attachment's name is empty or has control characters";
        return Err(bad_content("bad_attachment", detail));
    }
    Ok(())
}

/// The message's id, without its angle brackets: the delivery's reference at the sender's
/// domain.
pub(crate) fn id(account: &Account, item: &Item) -> Option<String> {
    let from = address(account.text("from")?)?;
    is_reference(&item.reference).then(|| format!("{}@{}", item.reference, from.domain()))
}

/// The delivery that an id of [`id`], or another local part with its reference, belongs to.
pub(crate) fn reference_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("dlv_")?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(rest.len());
    (end > 0).then(|| format!("dlv_{}", &rest[..end]))
}

/// Whether a reference can stand in a header and in an address as it is.
pub(crate) fn is_reference(reference: &str) -> bool {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !reference.is_empty() && reference.chars().all(is_atom)
}

/// An address of the account's own, by the name of its setting.
///
/// # Errors
/// [`Verdict::Misconfigured`] when it is none.
pub(crate) fn own_address(name: &str, text: &str) -> Result<Address, Verdict> {
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

/// A refusal of the words.
pub(crate) fn bad_content(code: &str, detail: &str) -> Verdict {
    Verdict::BadContent(Cause::new(code, detail))
}

fn misconfigured(detail: &str) -> Verdict {
    Verdict::Misconfigured(Cause::new("bad_setting", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_where_they_stand() {
        for (text, found) in [
            ("dlv_01abc@shop.example", Some("dlv_01abc")),
            ("<dlv_01abc@shop.example>", Some("dlv_01abc")),
            ("bounce+dlv_01abc@shop.example", Some("dlv_01abc")),
            ("bounce+dlv_01abc=x@shop.example", Some("dlv_01abc")),
            ("dlv_@shop.example", None),
            ("msg_01abc@shop.example", None),
            ("", None),
        ] {
            assert_eq!(reference_in(text).as_deref(), found, "{text}");
        }
    }
}
