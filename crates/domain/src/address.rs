//! Recipient addresses: checked and written in one canonical form per channel.

use crate::channel::Channel;

/// Why an address is refused. The text says what was wrong and what is expected, and never
/// repeats the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(pub String);

/// The canonical form of `address` on `channel`: E.164 for phones, lower-cased domain for
/// e-mail, a normalised absolute URL for webhooks, trimmed non-empty text (≤ 256 characters,
/// no control characters) elsewhere.
///
/// `default_region` (ISO 3166 two-letter code) is used for phones written without `+`.
///
/// # Errors
/// [`BadAddress`] when it cannot be one.
pub fn normalise(
    channel: Channel,
    address: &str,
    default_region: Option<&str>,
) -> Result<String, BadAddress> {
    let _ = (channel, address, default_region);
    unimplemented!()
}
