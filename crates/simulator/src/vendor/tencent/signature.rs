//! Judges TC3-HMAC-SHA256 (cloud.tencent.com/document/api/382/52072).
//!
//! Invariant: the canonical URI is `/`, as the vendor says; the path really asked for is accepted
//! too, because the prefixes exist only here.

use super::super::authorization::{self, same};
use super::Inbound;
use crate::behaviour::TencentKeys;
use crate::crypto::{hex, hmac_sha256, sha256_hex};

type Fault = (&'static str, String);

pub(super) fn verify(inbound: &Inbound<'_>, keys: &TencentKeys) -> Result<(), Fault> {
    let invalid = |why: &str| ("AuthFailure.InvalidAuthorization", why.to_owned());
    let header = inbound
        .header("authorization")
        .ok_or_else(|| invalid("Authorization is missing"))?;
    let given = authorization::parse(header, SCHEME)
        .ok_or_else(|| invalid("Authorization is not of the form TC3-HMAC-SHA256"))?;
    let timestamp = inbound
        .header("x-tc-timestamp")
        .ok_or_else(|| invalid("X-TC-Timestamp is missing"))?;
    let seconds: i64 = timestamp
        .parse()
        .map_err(|_| invalid("X-TC-Timestamp is no number"))?;
    if (inbound.now_ms / 1_000 - seconds).abs() > 300 {
        let why = "X-TC-Timestamp differs from the time of the server by more than 5 minutes";
        return Err(("AuthFailure.SignatureExpire", why.into()));
    }
    let (id, scope) = given
        .credential
        .split_once('/')
        .ok_or_else(|| invalid("Credential has no scope"))?;
    if id != keys.secret_id {
        let why = "the SecretId does not exist";
        return Err(("AuthFailure.SecretIdNotFound", why.into()));
    }
    let date = jiff::Timestamp::from_second(seconds)
        .map_err(|_| invalid("X-TC-Timestamp is out of range"))?
        .strftime("%Y-%m-%d")
        .to_string();
    if scope != format!("{date}/sms/tc3_request") {
        return Err(invalid(
            "the scope must be the UTC date, sms and tc3_request",
        ));
    }
    let names: Vec<&str> = given.signed_headers.split(';').collect();
    if !names.contains(&"content-type") || !names.contains(&"host") {
        return Err(invalid("content-type and host must be signed"));
    }
    let lines =
        authorization::canonical_headers(&inbound.parts.headers, given.signed_headers, true)
            .map_err(|name| invalid(&format!("the signed header {name} is missing")))?;
    let matches = ["/", inbound.parts.uri.path()].iter().any(|path| {
        let canonical = format!(
            "{}\n{path}\n{}\n{lines}\n{}\n{}",
            inbound.parts.method,
            inbound.parts.uri.query().unwrap_or(""),
            given.signed_headers,
            sha256_hex(inbound.body),
        );
        same(given.signature, &sign(keys, timestamp, &date, &canonical))
    });
    if matches {
        Ok(())
    } else {
        let why = "the signature does not match the one computed by the server";
        Err(("AuthFailure.SignatureFailure", why.into()))
    }
}

fn sign(keys: &TencentKeys, timestamp: &str, date: &str, canonical: &str) -> String {
    let to_sign = format!(
        "{SCHEME}\n{timestamp}\n{date}/sms/tc3_request\n{}",
        sha256_hex(canonical.as_bytes())
    );
    let key = format!("TC3{}", keys.secret_key.reveal());
    let key = hmac_sha256(key.as_bytes(), date.as_bytes());
    let key = hmac_sha256(&key, b"sms");
    let key = hmac_sha256(&key, b"tc3_request");
    hex(&hmac_sha256(&key, to_sign.as_bytes()))
}

const SCHEME: &str = "TC3-HMAC-SHA256";
