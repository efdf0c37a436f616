//! ACS3-HMAC-SHA256, the current signature of Alibaba Cloud's OpenAPI.

use austin_adapter_api::sign::{hex, hmac_sha256, percent_encode, sha256_hex};

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
