//! Judges ACS3-HMAC-SHA256 (help.aliyun.com, "V3 request body and signature").
//!
//! Invariant: every `x-acs-*` header and `host` must be signed, a nonce is good once. The path
//! really asked for is accepted beside `/`, because the prefixes exist only here.

use super::super::authorization::{self, same};
use super::Inbound;
use crate::behaviour::AliyunKeys;
use crate::crypto::{hex, hmac_sha256, sha256_hex};

type Fault = (&'static str, String);

pub(super) fn verify(inbound: &Inbound<'_>, keys: &AliyunKeys) -> Result<(), Fault> {
    let incomplete = |why: &str| ("IncompleteSignature", why.to_owned());
    let header = inbound
        .header("authorization")
        .ok_or_else(|| incomplete("Authorization is missing"))?;
    let given = authorization::parse(header, SCHEME)
        .ok_or_else(|| incomplete("Authorization is not of the form ACS3-HMAC-SHA256"))?;
    if given.credential != keys.access_key_id {
        let why = "Specified access key is not found.";
        return Err(("InvalidAccessKeyId.NotFound", why.into()));
    }
    check_time(inbound)?;
    check_signed(inbound, given.signed_headers).map_err(|why| incomplete(&why))?;
    let digest = sha256_hex(inbound.body);
    if inbound.header("x-acs-content-sha256") != Some(digest.as_str()) {
        let why = "x-acs-content-sha256 is not the digest of the body";
        return Err(("SignatureDoesNotMatch", why.into()));
    }
    let headers = &inbound.parts.headers;
    let lines = authorization::canonical_headers(headers, given.signed_headers, false)
        .map_err(|name| incomplete(&format!("the signed header {name} is missing")))?;
    let query = authorization::canonical_query(inbound.parts.uri.query().unwrap_or(""));
    let matches = ["/", inbound.parts.uri.path()].iter().any(|path| {
        let canonical = format!(
            "{}\n{path}\n{query}\n{lines}\n{}\n{digest}",
            inbound.parts.method, given.signed_headers
        );
        let to_sign = format!("{SCHEME}\n{}", sha256_hex(canonical.as_bytes()));
        let key = keys.access_key_secret.reveal().as_bytes();
        same(given.signature, &hex(&hmac_sha256(key, to_sign.as_bytes())))
    });
    if !matches {
        let why = "Specified signature is not matched with our calculation.";
        return Err(("SignatureDoesNotMatch", why.into()));
    }
    let nonce = inbound
        .header("x-acs-signature-nonce")
        .ok_or_else(|| incomplete("x-acs-signature-nonce is missing"))?;
    if inbound.actor.nonces.fresh(nonce) {
        Ok(())
    } else {
        let why = "Specified signature nonce was used already.";
        Err(("SignatureNonceUsed", why.into()))
    }
}

fn check_time(inbound: &Inbound<'_>) -> Result<(), Fault> {
    let date = inbound.header("x-acs-date").unwrap_or("");
    let then = date
        .parse()
        .ok()
        // Reading is more lenient than the vendor: what was read must be written the same.
        .filter(|then: &jiff::Timestamp| then.to_string() == date)
        .ok_or_else(|| {
            let why = "x-acs-date must be of the form YYYY-MM-DDThh:mm:ssZ";
            ("InvalidTimeStamp.Format", why.to_owned())
        })?;
    if (inbound.now_ms - then.as_millisecond()).abs() > 15 * 60_000 {
        let why = "Specified time stamp or date value is expired.";
        return Err(("InvalidTimeStamp.Expired", why.into()));
    }
    Ok(())
}

fn check_signed(inbound: &Inbound<'_>, signed: &str) -> Result<(), String> {
    let names: Vec<&str> = signed.split(';').collect();
    if !names.is_sorted() {
        return Err("SignedHeaders must be sorted".into());
    }
    let all = inbound.parts.headers.keys().map(http::HeaderName::as_str);
    let needed = all.filter(|name| *name == "host" || name.starts_with("x-acs-"));
    match { needed }.find(|name| !names.contains(name)) {
        Some(name) => Err(format!("{name} must be signed")),
        None => Ok(()),
    }
}

const SCHEME: &str = "ACS3-HMAC-SHA256";
