//! Request ids: what ties an answer, a log line and a delivery together.
//!
//! A client's own id is taken over when it is harmless; else one is made from a random prefix
//! (per process) and a counter.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header, on requests and answers.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LEN: usize = 64;

/// The id of one request, ready to be a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The id of an earlier request, as it was stored.
    pub(crate) fn given(text: &str) -> Self {
        let value = HeaderValue::from_str(text);
        Self(value.unwrap_or(HeaderValue::from_static("unknown")))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// Makes request ids.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: u32,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(random: u128) -> Self {
        Self {
            prefix: u32::try_from(random & u128::from(u32::MAX)).unwrap_or_default(),
            next: AtomicU64::new(0),
        }
    }

    /// The id of the request with these headers.
    pub(crate) fn of(&self, headers: &HeaderMap) -> RequestId {
        match headers.get(&HEADER).filter(|value| is_sane(value)) {
            Some(given) => RequestId(given.clone()),
            None => self.make(),
        }
    }

    fn make(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = *b"req_00000000_000000000000";
        hex(&mut text[4..12], u64::from(self.prefix));
        hex(&mut text[13..], number);
        // Hexadecimal digits are always a valid header value.
        let value = HeaderValue::from_bytes(&text);
        RequestId(value.unwrap_or(HeaderValue::from_static("req_0")))
    }
}

fn hex(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[usize::try_from(number & 15).unwrap_or_default()];
        number >>= 4;
    }
}

fn is_sane(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=MAX_LEN).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(given).unwrap());
        RequestIds::new(0xabc).of(&headers).as_str().to_owned()
    }

    #[test]
    fn harmless_ids_are_kept_and_others_replaced() {
        assert_eq!(id_for("order-8812.a_b"), "order-8812.a_b");
        assert_eq!(id_for(&"a".repeat(64)), "a".repeat(64));
        for bad in ["", "a b", "a\"b", "a\tb", "ä", &"a".repeat(65)] {
            assert_eq!(id_for(bad), "req_00000abc_000000000000", "{bad:?}");
        }
    }

    #[test]
    fn made_ids_differ() {
        let ids = RequestIds::new(1);
        let none = HeaderMap::new();
        assert_ne!(ids.of(&none), ids.of(&none));
    }
}
