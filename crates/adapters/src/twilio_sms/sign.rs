//! X-Twilio-Signature, which proves that a request comes from Twilio.

use austin_adapter_api::sign::{hmac_sha1, sha256_hex};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;
use url::Url;

/// The signature of a request to `url` with the parameters of its form body.
pub fn sign(auth_token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut params: Vec<_> = params.iter().collect();
    params.sort_unstable();
    // A repeated parameter counts once for each of its values.
    params.dedup();
    let mut text = url.to_owned();
    for (name, value) in params {
        text.push_str(name);
        text.push_str(value);
    }
    STANDARD.encode(hmac_sha1(auth_token.as_bytes(), text.as_bytes()))
}

/// The signature of a request to `url` with this form body.
pub fn sign_form(auth_token: &str, url: &str, body: &[u8]) -> String {
    let params: Vec<_> = url::form_urlencoded::parse(body).into_owned().collect();
    sign(auth_token, url, &params)
}

/// Whether `signature` is that of a request to `url`. A form body is signed by its parameters,
/// any other by the digest of it in the URL. Twilio writes the URL now with and now without its
/// port, and its own libraries take both.
pub fn is_authentic(
    auth_token: &str,
    url: &str,
    is_form: bool,
    body: &[u8],
    signature: &str,
) -> bool {
    let expected = |url: &str| {
        if is_form {
            sign_form(auth_token, url, body)
        } else {
            sign(auth_token, url, &[])
        }
    };
    if !is_form {
        match digest(url) {
            Some(digest) if same(&digest, &sha256_hex(body)) => {}
            None if body.is_empty() => {}
            Some(_) | None => return false,
        }
    }
    spellings(url)
        .iter()
        .any(|url| same(&expected(url), signature))
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// `bodySHA256` of the query.
fn digest(url: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    url::form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == "bodySHA256").then(|| value.into_owned()))
}

/// The URL as given, and without its port or, having none, with the scheme's own.
fn spellings(url: &str) -> Vec<String> {
    let mut spellings = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else {
        return spellings;
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some(port) = Url::parse(url)
        .ok()
        .and_then(|url| url.port_or_known_default())
    else {
        return spellings;
    };
    spellings.push(match authority.strip_suffix(&format!(":{port}")) {
        Some(host) => format!("{scheme}://{host}{path}"),
        None => format!("{scheme}://{authority}:{port}{path}"),
    });
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_the_port() {
        for (url, other) in [
            ("https://a.example/x?y", "https://a.example:443/x?y"),
            ("http://a.example:80?y", "http://a.example?y"),
            ("http://a.example:8080/x", "http://a.example/x"),
            ("http://[::1]/x", "http://[::1]:80/x"),
        ] {
            assert_eq!(spellings(url), [url, other]);
        }
        assert_eq!(spellings("nonsense"), ["nonsense"]);
    }

    #[test]
    fn repeated_parameters_count_once_for_each_value() {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let sorted = [pair("A", "1"), pair("B", "1"), pair("B", "2")];
        let given = [
            pair("B", "2"),
            pair("B", "1"),
            pair("A", "1"),
            pair("B", "2"),
        ];
        assert_eq!(sign("t", "u", &given), sign("t", "u", &sorted));
    }
}
