//! POST requests with checked headers.

use austin_adapter_api::HttpRequest;
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};

/// Media type of JSON bodies.
pub(crate) const JSON: &str = "application/json";
/// Media type of form bodies.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A POST of `body` that asks for a JSON answer.
pub(crate) fn post(url: String, content_type: &'static str, body: impl Into<Bytes>) -> HttpRequest {
    let mut request = HttpRequest::new(Method::POST, url, body);
    request
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    request
        .headers
        .insert(ACCEPT, HeaderValue::from_static(JSON));
    request
}

/// A GET that asks for a JSON answer.
pub(crate) fn get(url: String) -> HttpRequest {
    let mut request = HttpRequest::new(Method::GET, url, Bytes::new());
    request
        .headers
        .insert(ACCEPT, HeaderValue::from_static(JSON));
    request
}

/// Adds a header whose value may be secret.
///
/// # Errors
/// [`Verdict::Misconfigured`] when a setting or secret in it has characters that headers cannot
/// carry.
pub(crate) fn add_header(
    request: &mut HttpRequest,
    name: &'static str,
    value: &str,
) -> Result<(), Verdict> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        let detail = format!("a setting or secret in the header {name} has control characters");
        Verdict::Misconfigured(Cause::new("bad_header", &detail))
    })?;
    value.set_sensitive(true);
    request.headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

/// A form body: RFC 3986 percent-encoding, in the given order.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    use austin_adapter_api::sign::percent_encode;
    let pairs = fields
        .iter()
        .map(|(k, v)| format!("{}={}", percent_encode(k), percent_encode(v)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The secret `name` of the account.
///
/// # Errors
/// [`Verdict::Misconfigured`] when it is not set.
pub(crate) fn secret<'a>(
    account: &'a austin_adapter_api::Account,
    name: &str,
) -> Result<&'a str, Verdict> {
    account
        .secret(name)
        .filter(|secret| !secret.is_empty())
        .ok_or_else(|| missing(name))
}

/// The text setting `name` of the account.
///
/// # Errors
/// [`Verdict::Misconfigured`] when it is not set.
pub(crate) fn setting<'a>(
    account: &'a austin_adapter_api::Account,
    name: &str,
) -> Result<&'a str, Verdict> {
    account.text(name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Verdict {
    Verdict::Misconfigured(Cause::new(
        "missing_field",
        &format!("the account has no {name}"),
    ))
}
