//! AWS Signature Version 4, and the signatures made after its pattern.
//!
//! One recipe: the request in canonical form is hashed, the hash is signed with a key derived
//! from the secret, the day, the region and the service. Vendors that took it over changed three
//! words of it ([`Dialect`]).

use austin_adapter_api::HttpRequest;
use austin_adapter_api::sign::{hex, hmac_sha256, percent_encode, sha256_hex};
use austin_domain::{Timestamp, Verdict};

use crate::endpoint::Endpoint;
use crate::post::{add_header, post, secret};
use crate::rounds::Job;

/// The words in which one vendor's variant differs from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// First word of the `Authorization` header.
    pub algorithm: &'static str,
    /// Stands before the secret when the key is derived.
    pub key_prefix: &'static str,
    /// Last part of the scope.
    pub terminator: &'static str,
}

/// AWS itself.
pub const AWS: Dialect = Dialect {
    algorithm: "AWS4-HMAC-SHA256",
    key_prefix: "AWS4",
    terminator: "aws4_request",
};

/// Volcengine's OpenAPI.
pub const VOLCENGINE: Dialect = Dialect {
    algorithm: "HMAC-SHA256",
    key_prefix: "",
    terminator: "request",
};

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Whose variant.
    pub dialect: Dialect,
    /// Name of the service, `sns`, `ses`, …
    pub service: &'a str,
    /// Region, `us-east-1`.
    pub region: &'a str,
    /// When: its date header must say the same ([`date`]).
    pub now: Timestamp,
    /// The HTTP method.
    pub method: &'a str,
    /// The path as it stands in the URL; it is encoded once more, as every service but S3 wants.
    pub path: &'a str,
    /// Query parameters, unencoded, in any order.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers to sign: lower-case names in any order. `host` and the date must be among them,
    /// the session token where there is one, and `content-type` where there is a body.
    pub headers: &'a [(&'a str, &'a str)],
    /// The exact bytes of the body.
    pub body: &'a [u8],
}

/// A signature with the steps that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The canonical request.
    pub canonical_request: String,
    /// Day, region, service and terminator.
    pub scope: String,
    /// What the derived key signs.
    pub string_to_sign: String,
    /// Lower-case hexadecimal.
    pub signature: String,
    /// Value of the `Authorization` header.
    pub authorization: String,
}

/// The value of the date header, `20260102T030405Z`.
pub fn date(now: Timestamp) -> String {
    now.utc("%Y%m%dT%H%M%SZ")
}

/// Signs with the key `access_key_id`/`secret_access_key`.
pub fn sign(input: &Input<'_>, access_key_id: &str, secret_access_key: &str) -> Signed {
    let Dialect {
        algorithm,
        key_prefix,
        terminator,
    } = input.dialect;
    let (canonical_request, names) = canonical(input);
    let day = input.now.utc("%Y%m%d");
    let scope = format!("{day}/{}/{}/{terminator}", input.region, input.service);
    let string_to_sign = format!(
        "{algorithm}\n{}\n{scope}\n{}",
        date(input.now),
        sha256_hex(canonical_request.as_bytes())
    );
    let key = format!("{key_prefix}{secret_access_key}").into_bytes();
    let key = [&day, input.region, input.service, terminator]
        .iter()
        .fold(key, |key, part| hmac_sha256(&key, part.as_bytes()));
    let signature = hex(&hmac_sha256(&key, string_to_sign.as_bytes()));
    let authorization = format!(
        "{algorithm} Credential={access_key_id}/{scope}, SignedHeaders={names}, \
         Signature={signature}"
    );
    Signed {
        canonical_request,
        scope,
        string_to_sign,
        signature,
        authorization,
    }
}

/// The canonical request and the names of its headers.
fn canonical(input: &Input<'_>) -> (String, String) {
    let path: Vec<String> = input.path.split('/').map(percent_encode).collect();
    let mut query: Vec<(String, String)> = input
        .query
        .iter()
        .map(|(k, v)| (percent_encode(k), percent_encode(v)))
        .collect();
    query.sort_unstable();
    let query: Vec<String> = query.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    let mut headers = input.headers.to_vec();
    headers.sort_unstable();
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", single_spaced(value)))
        .collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{}",
        input.method,
        path.join("/"),
        query.join("&"),
        sha256_hex(input.body)
    );
    (canonical, names)
}

/// A header value without outer spaces and with single inner ones.
fn single_spaced(value: &str) -> String {
    let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// What an AWS request is addressed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AwsTarget<'a> {
    /// Where the account's requests go.
    pub(crate) endpoint: &'a Endpoint,
    /// Path below the endpoint, starting with `/`.
    pub(crate) path: &'a str,
    /// Name of the service in the signature.
    pub(crate) service: &'a str,
    /// Region in the signature.
    pub(crate) region: &'a str,
}

/// A signed AWS POST with the account's secrets `access_key_id`, `secret_access_key` and, for
/// temporary keys, `session_token`.
///
/// # Errors
/// [`Verdict::Misconfigured`] when a secret is missing or cannot stand in a header.
pub(crate) fn aws_post(
    job: &Job<'_>,
    target: &AwsTarget<'_>,
    content_type: &'static str,
    body: Vec<u8>,
) -> Result<HttpRequest, Verdict> {
    let date = date(job.context.now);
    let url = target.endpoint.url(target.path);
    let mut headers = vec![
        ("content-type", content_type),
        ("host", target.endpoint.host()),
        ("x-amz-date", &date),
    ];
    let token = job.account.secret("session_token");
    if let Some(token) = token {
        headers.push(("x-amz-security-token", token));
    }
    // The path that is signed is the one that is called: an endpoint may have one of its own.
    let path = target.endpoint.path_of(target.path);
    let input = Input {
        dialect: AWS,
        service: target.service,
        region: target.region,
        now: job.context.now,
        method: "POST",
        path: &path,
        query: &[],
        headers: &headers,
        body: &body,
    };
    let id = secret(job.account, "access_key_id")?;
    let authorization = sign(&input, id, secret(job.account, "secret_access_key")?).authorization;
    let mut request = post(url, content_type, body);
    add_header(&mut request, "authorization", &authorization)?;
    add_header(&mut request, "x-amz-date", &date)?;
    if let Some(token) = token {
        add_header(&mut request, "x-amz-security-token", token)?;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_again_and_spaces_folded() {
        let input = Input {
            dialect: AWS,
            service: "ses",
            region: "us-east-1",
            now: Timestamp::from_seconds(0),
            method: "GET",
            path: "/v2/a%20b/~c",
            query: &[("b", "2 &"), ("a", "1")],
            headers: &[("x-a", "  one   two "), ("host", "h.example")],
            body: b"",
        };
        let signed = sign(&input, "id", "secret");
        let expected = format!(
            "GET\n/v2/a%2520b/~c\na=1&b=2%20%26\nhost:h.example\nx-a:one two\n\nhost;x-a\n{}",
            sha256_hex(b"")
        );
        assert_eq!(signed.canonical_request, expected);
        assert_eq!(signed.scope, "19700101/us-east-1/ses/aws4_request");
    }
}
