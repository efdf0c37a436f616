//! Recipient addresses: checked and written in one canonical form per channel.
//!
//! The invariants: a canonical form is its own canonical form, and no refusal repeats any part
//! of the address.

mod email;
mod phone;
mod webhook;

use crate::channel::Channel;

/// Most characters of an address on channels whose vendor makes up the addresses (device
/// tokens, open ids, robot keys).
pub const MAX_OPAQUE: usize = 256;

/// Why an address is refused. The text says what was wrong and what is expected, and never
/// repeats the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(pub String);

impl BadAddress {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// The canonical form of `address` on `channel`: E.164 for phones, lower-cased ASCII domain for
/// e-mail, a normalised absolute URL for webhooks, trimmed non-empty text (≤ 256 characters,
/// no control characters) elsewhere.
///
/// `default_region` (ISO 3166 two-letter code) is used for phones written without `+` or `00`.
///
/// # Errors
/// [`BadAddress`] when it cannot be one.
pub fn normalise(
    channel: Channel,
    address: &str,
    default_region: Option<&str>,
) -> Result<String, BadAddress> {
    match channel {
        Channel::Sms => phone::normalise(address, default_region),
        Channel::Email => email::normalise(address),
        Channel::Webhook => webhook::normalise(address),
        Channel::Push
        | Channel::WechatOfficial
        | Channel::WechatMini
        | Channel::WecomApp
        | Channel::WecomRobot
        | Channel::DingtalkRobot
        | Channel::DingtalkWork
        | Channel::FeishuRobot
        | Channel::FeishuApp
        | Channel::AlipayMini => opaque(address),
    }
}

fn opaque(address: &str) -> Result<String, BadAddress> {
    let address = address.trim();
    if address.is_empty() {
        return Err(BadAddress::new("the address is empty"));
    }
    if address.contains(char::is_control) {
        return Err(BadAddress::new("an address has no control characters"));
    }
    if address.len() > MAX_OPAQUE && address.chars().count() > MAX_OPAQUE {
        return Err(BadAddress::new(format!(
            "an address has at most {MAX_OPAQUE} characters"
        )));
    }
    Ok(address.to_owned())
}

#[cfg(test)]
mod tests;
