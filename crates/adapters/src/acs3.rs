//! ACS3-HMAC-SHA256, the current signature of Alibaba Cloud's OpenAPI.

use austin_adapter_api::HttpRequest;
use austin_adapter_api::sign::{hex, hmac_sha256, percent_encode, sha256_hex};
use austin_domain::Verdict;

use crate::endpoint::Endpoint;
use crate::post::{FORM, add_header, post, secret};
use crate::rounds::Job;

/// What is signed. The path is always `/`.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// Query parameters, unencoded, in any order.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers to sign: lower-case names in any order. `host` and every `x-acs-*` must be among
    /// them, and `content-type` where there is one.
    pub headers: &'a [(&'a str, &'a str)],
    /// The exact bytes of the body.
    pub body: &'a [u8],
}

/// A signature with the steps that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The canonical request.
    pub canonical_request: String,
    /// What the secret signs.
    pub string_to_sign: String,
    /// Lower-case hexadecimal.
    pub signature: String,
    /// Value of the `Authorization` header.
    pub authorization: String,
}

/// Signs with the key `access_key_id`/`access_key_secret`.
pub fn sign(input: &Input<'_>, access_key_id: &str, access_key_secret: &str) -> Signed {
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
        .map(|(k, v)| format!("{k}:{}\n", v.trim()))
        .collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let canonical_request = format!(
        "{}\n/\n{}\n{lines}\n{names}\n{}",
        input.method,
        query.join("&"),
        sha256_hex(input.body)
    );
    let string_to_sign = format!(
        "ACS3-HMAC-SHA256\n{}",
        sha256_hex(canonical_request.as_bytes())
    );
    let signature = hex(&hmac_sha256(
        access_key_secret.as_bytes(),
        string_to_sign.as_bytes(),
    ));
    let authorization = format!(
        "ACS3-HMAC-SHA256 Credential={access_key_id},SignedHeaders={names},Signature={signature}"
    );
    Signed {
        canonical_request,
        string_to_sign,
        signature,
        authorization,
    }
}

/// What an OpenAPI call is addressed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    /// The vendor's own base URL.
    pub(crate) endpoint: &'static str,
    /// The operation.
    pub(crate) name: &'static str,
    /// The version of the API it belongs to.
    pub(crate) version: &'static str,
}

/// The signed POST of a form with the account's secrets `access_key_id` and `access_key_secret`.
///
/// # Errors
/// [`Verdict::Misconfigured`] when a secret is missing or cannot stand in a header.
pub(crate) fn request(job: &Job<'_>, action: Action, body: String) -> Result<HttpRequest, Verdict> {
    let endpoint = Endpoint::of(job.account, action.endpoint)?;
    let date = job.context.now.utc("%Y-%m-%dT%H:%M:%SZ");
    let nonce = format!("{:032x}", job.context.nonce);
    let digest = sha256_hex(body.as_bytes());
    let own = [
        ("x-acs-action", action.name),
        ("x-acs-content-sha256", &digest),
        ("x-acs-date", &date),
        ("x-acs-signature-nonce", &nonce),
        ("x-acs-version", action.version),
    ];
    let mut headers = vec![("content-type", FORM), ("host", endpoint.host())];
    headers.extend(own);
    let input = Input {
        method: "POST",
        query: &[],
        headers: &headers,
        body: body.as_bytes(),
    };
    let key = secret(job.account, "access_key_secret")?;
    let authorization = sign(&input, secret(job.account, "access_key_id")?, key).authorization;
    let mut request = post(endpoint.url("/"), FORM, body);
    for (name, value) in own {
        add_header(&mut request, name, value)?;
    }
    add_header(&mut request, "authorization", &authorization)?;
    Ok(request)
}
