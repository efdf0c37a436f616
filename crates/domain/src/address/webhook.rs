//! Webhook targets: absolute http or https URLs, as the URL standard writes them. Whether the
//! host may be called is for the wire to judge, not for the syntax.

use url::Url;

use super::BadAddress;

/// Most characters of a URL.
const MAX_URL: usize = 2048;

/// The normalised form of `written`.
pub(super) fn normalise(written: &str) -> Result<String, BadAddress> {
    let written = written.trim_matches(' ');
    if written.is_empty() {
        return Err(BadAddress::new("the URL is empty"));
    }
    if written.len() > MAX_URL {
        return Err(too_long());
    }
    // The parser would drop tabs and line breaks and mend a backslash without a word.
    if written.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(BadAddress::new(
            "a URL has no spaces, control characters or backslashes",
        ));
    }
    let Some(("http" | "https", rest)) = written
        .split_once("://")
        .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest))
        .as_ref()
        .map(|(scheme, rest)| (scheme.as_str(), *rest))
    else {
        return Err(BadAddress::new(
            "a webhook needs an absolute URL that begins http:// or https://",
        ));
    };
    if rest.contains('#') {
        return Err(BadAddress::new("the URL of a webhook has no fragment (#)"));
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(BadAddress::new("the URL of a webhook names a host"));
    }
    if authority.contains('@') {
        return Err(BadAddress::new(
            "the URL of a webhook has no user name or password",
        ));
    }
    let Ok(url) = Url::parse(written) else {
        return Err(BadAddress::new(
            "this is not a URL: its host or port is not valid",
        ));
    };
    if url.as_str().len() > MAX_URL {
        return Err(too_long());
    }
    Ok(url.into())
}

fn too_long() -> BadAddress {
    BadAddress::new(format!("a URL has at most {MAX_URL} characters"))
}
