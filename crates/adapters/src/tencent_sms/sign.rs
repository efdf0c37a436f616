//! TC3-HMAC-SHA256, the signature of Tencent Cloud API 3.0.

use austin_adapter_api::sign::{hex, hmac_sha256, sha256_hex};
use austin_domain::Timestamp;

/// What is signed. The path is always `/` and the query empty.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Name of the service, `sms`.
    pub service: &'a str,
    /// Value of the `Host` header.
    pub host: &'a str,
    /// Value of the `Content-Type` header.
    pub content_type: &'a str,
    /// `X-TC-Action`, when it is to be signed too.
    pub action: Option<&'a str>,
    /// `X-TC-Timestamp`, Unix seconds.
    pub timestamp: i64,
    /// The exact bytes of the body.
    pub body: &'a [u8],
}

/// A signature with the steps that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The canonical request.
    pub canonical_request: String,
    /// Date, service and terminator.
    pub scope: String,
    /// What the derived key signs.
    pub string_to_sign: String,
    /// Lower-case hexadecimal.
    pub signature: String,
    /// Value of the `Authorization` header.
    pub authorization: String,
}

/// Signs with the API key `secret_id`/`secret_key`.
pub fn sign(input: &Input<'_>, secret_id: &str, secret_key: &str) -> Signed {
    let Input {
        service,
        host,
        content_type,
        action,
        timestamp,
        body,
    } = *input;
    let mut headers = format!("content-type:{content_type}\nhost:{host}\n");
    let mut signed_headers = "content-type;host".to_owned();
    if let Some(action) = action {
        headers.push_str(&format!("x-tc-action:{}\n", action.to_ascii_lowercase()));
        signed_headers.push_str(";x-tc-action");
    }
    let canonical_request = format!(
        "POST\n/\n\n{headers}\n{signed_headers}\n{}",
        sha256_hex(body)
    );
    let date = Timestamp::from_seconds(timestamp).utc("%Y-%m-%d");
    let scope = format!("{date}/{service}/tc3_request");
    let string_to_sign = format!(
        "TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{}",
        sha256_hex(canonical_request.as_bytes())
    );
    let key = hmac_sha256(format!("TC3{secret_key}").as_bytes(), date.as_bytes());
    let key = hmac_sha256(&key, service.as_bytes());
    let key = hmac_sha256(&key, b"tc3_request");
    let signature = hex(&hmac_sha256(&key, string_to_sign.as_bytes()));
    let authorization = format!(
        "TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders={signed_headers}, \
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
