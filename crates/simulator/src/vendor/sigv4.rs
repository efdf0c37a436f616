//! Judges AWS Signature Version 4 and what was made after its pattern.
//!
//! Invariant: host and date must be signed. The path really asked for is accepted beside `/`,
//! because the prefixes exist only here.

use super::Inbound;
use super::authorization::{self, same};
use crate::behaviour::AccessKeys;
use crate::crypto::{hex, hmac_sha256, sha256_hex};

/// One vendor's variant.
#[derive(Debug)]
pub(crate) struct Scheme {
    pub(crate) algorithm: &'static str,
    pub(crate) key_prefix: &'static str,
    pub(crate) terminator: &'static str,
    pub(crate) service: &'static str,
    pub(crate) date_header: &'static str,
}

/// What is wrong with a signature; each vendor has its own words for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing,
    Malformed(String),
    UnknownKey,
    /// Too far from the time of the server.
    Expired,
    Mismatch,
}

/// Whether the request is signed with `keys`, within 15 minutes.
pub(crate) fn verify(
    inbound: &Inbound<'_>,
    scheme: &Scheme,
    keys: &AccessKeys,
) -> Result<(), Fault> {
    let malformed = |why: &str| Fault::Malformed(why.to_owned());
    let header = inbound.header("authorization").ok_or(Fault::Missing)?;
    let given = authorization::parse(header, scheme.algorithm)
        .ok_or_else(|| malformed("Authorization lacks a part"))?;
    let (id, scope) = given
        .credential
        .split_once('/')
        .ok_or_else(|| malformed("Credential has no scope"))?;
    if id != keys.access_key_id {
        return Err(Fault::UnknownKey);
    }
    let date = inbound
        .header(scheme.date_header)
        .ok_or_else(|| malformed("the date is missing"))?;
    let then = millis(date).ok_or_else(|| malformed("the date is no date"))?;
    if (inbound.now_ms - then).abs() > 15 * 60_000 {
        return Err(Fault::Expired);
    }
    let names: Vec<&str> = given.signed_headers.split(';').collect();
    if !names.is_sorted() || !names.contains(&"host") || !names.contains(&scheme.date_header) {
        return Err(malformed("host and date must be signed, in order"));
    }
    let region = region(scope, &date[..8], scheme)
        .ok_or_else(|| malformed("Credential is scoped to another day, service or terminator"))?;
    let headers = &inbound.parts.headers;
    let lines = authorization::canonical_headers(headers, given.signed_headers, false)
        .map_err(|name| Fault::Malformed(format!("the signed header {name} is missing")))?;
    let query = authorization::canonical_query(inbound.parts.uri.query().unwrap_or(""));
    let matches = ["/", inbound.parts.uri.path()].iter().any(|path| {
        let canonical = format!(
            "{}\n{path}\n{query}\n{lines}\n{}\n{}",
            inbound.parts.method,
            given.signed_headers,
            sha256_hex(inbound.body)
        );
        let to_sign = format!(
            "{}\n{date}\n{scope}\n{}",
            scheme.algorithm,
            sha256_hex(canonical.as_bytes())
        );
        same(given.signature, &sign(scheme, keys, region, date, &to_sign))
    });
    if matches {
        Ok(())
    } else {
        Err(Fault::Mismatch)
    }
}

fn sign(scheme: &Scheme, keys: &AccessKeys, region: &str, date: &str, to_sign: &str) -> String {
    let key = format!("{}{}", scheme.key_prefix, keys.secret_access_key.reveal());
    let mut key = hmac_sha256(key.as_bytes(), &date.as_bytes()[..8]);
    for part in [region, scheme.service, scheme.terminator] {
        key = hmac_sha256(&key, part.as_bytes());
    }
    hex(&hmac_sha256(&key, to_sign.as_bytes()))
}

/// The region of `day/region/service/terminator`.
fn region<'a>(scope: &'a str, day: &str, scheme: &Scheme) -> Option<&'a str> {
    match *scope.split('/').collect::<Vec<_>>() {
        [on, region, service, terminator]
            if on == day && service == scheme.service && terminator == scheme.terminator =>
        {
            Some(region)
        }
        _ => None,
    }
}

/// Unix milliseconds of `20260102T030405Z`.
fn millis(date: &str) -> Option<i64> {
    let utc = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    // Reading is more lenient than the vendors: what was read must be written the same.
    let same = utc.strftime("%Y%m%dT%H%M%SZ").to_string() == date;
    let zoned = utc.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    same.then(|| zoned.timestamp().as_millisecond())
}
