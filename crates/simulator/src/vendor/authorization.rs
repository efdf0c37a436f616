//! The `Authorization` header of the signed vendor protocols, taken apart.
//!
//! Invariant: fields are taken as written; nothing is guessed for a missing one.

use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

/// `<scheme> Credential=…,SignedHeaders=a;b,Signature=…`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    pub(crate) credential: &'a str,
    pub(crate) signed_headers: &'a str,
    pub(crate) signature: &'a str,
}

/// Reads the header if it is of `scheme` and complete.
pub(crate) fn parse<'a>(header: &'a str, scheme: &str) -> Option<Authorization<'a>> {
    let fields = header.strip_prefix(scheme)?.strip_prefix(' ')?;
    let field = |name: &str| {
        fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    };
    Some(Authorization {
        credential: field("Credential")?,
        signed_headers: field("SignedHeaders")?,
        signature: field("Signature")?,
    })
}

/// The canonical lines `name:value\n` of the signed headers, or the name of a missing one.
pub(crate) fn canonical_headers(
    headers: &HeaderMap,
    signed: &str,
    lower_values: bool,
) -> Result<String, String> {
    let mut lines = String::new();
    for name in signed.split(';') {
        let value = headers
            .get(name)
            .and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
            .ok_or_else(|| name.to_owned())?
            .trim();
        lines.push_str(name);
        lines.push(':');
        if lower_values {
            lines.push_str(&value.to_lowercase());
        } else {
            lines.push_str(value);
        }
        lines.push('\n');
    }
    Ok(lines)
}

/// The parameters of a query string, sorted, encoded by RFC 3986.
pub(crate) fn canonical_query(query: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Whether both texts are equal, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_both_spellings() {
        let want = Authorization {
            credential: "ak/2026-01-02/sms/tc3_request",
            signed_headers: "content-type;host",
            signature: "00ff",
        };
        for text in [
            "X Credential=ak/2026-01-02/sms/tc3_request, SignedHeaders=content-type;host, Signature=00ff",
            "X Credential=ak/2026-01-02/sms/tc3_request,SignedHeaders=content-type;host,Signature=00ff",
        ] {
            assert_eq!(parse(text, "X"), Some(want_copy(&want)));
        }
        assert_eq!(parse("X Credential=a, Signature=b", "X"), None);
        assert_eq!(parse("XY Credential=a", "X"), None);
    }

    fn want_copy<'a>(a: &Authorization<'a>) -> Authorization<'a> {
        Authorization { ..*a }
    }
}
