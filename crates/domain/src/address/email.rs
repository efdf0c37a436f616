//! E-mail addresses: RFC 5321 dot-atom local part, domain name in ASCII (IDNA 2008 through
//! UTS 46) and lower case. Quoted local parts, domain literals and display names are refused:
//! they are almost always mistakes, and vendors do not take them.

use super::BadAddress;

/// RFC 5321 section 4.5.3.1.3, without the angle brackets.
const MAX_ADDRESS: usize = 254;
/// RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL: usize = 64;
/// RFC 1035 section 2.3.4.
const MAX_LABEL: usize = 63;

/// The canonical form of `written`; the local part is kept as it is.
pub(super) fn normalise(written: &str) -> Result<String, BadAddress> {
    let written = written.trim_matches(' ');
    if written.is_empty() {
        return Err(BadAddress::new("the e-mail address is empty"));
    }
    if written.contains(char::is_control) {
        return Err(BadAddress::new(
            "an e-mail address has no line breaks or other control characters",
        ));
    }
    if written.len() > MAX_ADDRESS * 4 {
        return Err(too_long());
    }
    if written.contains(['<', '>']) {
        return Err(BadAddress::new(
            "give the e-mail address alone, without a name and without < and >",
        ));
    }
    let Some((local, domain)) = written.rsplit_once('@') else {
        return Err(BadAddress::new("an e-mail address has an @"));
    };
    local_part(local)?;
    let domain = domain_name(domain)?;
    if local.len() + 1 + domain.len() > MAX_ADDRESS {
        return Err(too_long());
    }
    Ok(format!("{local}@{domain}"))
}

fn local_part(local: &str) -> Result<(), BadAddress> {
    let fault = if local.is_empty() {
        "an e-mail address has a name before the @"
    } else if !local.is_ascii() {
        "the part of an e-mail address before the @ has only ASCII characters"
    } else if local.contains('@') {
        "an e-mail address has one @"
    } else if local.len() > MAX_LOCAL {
        "the part of an e-mail address before the @ has at most 64 characters"
    } else if !local.bytes().all(|byte| byte == b'.' || is_atom_byte(byte)) {
        "the part of an e-mail address before the @ has only letters, digits, dots and \
         !#$%&'*+-/=?^_`{|}~"
    } else if local.split('.').any(str::is_empty) {
        "the part of an e-mail address before the @ has no dot at its ends and no two in a row"
    } else {
        return Ok(());
    };
    Err(BadAddress::new(fault))
}

/// `atext` of RFC 5322 section 3.2.3.
fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn domain_name(written: &str) -> Result<String, BadAddress> {
    let domain = if written.is_ascii() && !has_punycode(written) {
        written.to_ascii_lowercase()
    } else {
        // The URL parser would also undo percent signs, which have no place in a domain.
        match url::Host::parse(written) {
            Ok(url::Host::Domain(domain)) if !written.contains('%') => domain,
            _ => {
                return Err(BadAddress::new(
                    "the domain of the e-mail address is not an internationalised domain name",
                ));
            }
        }
    };
    let labels = domain.split('.').count();
    let fault = if domain.is_empty() {
        "an e-mail address has a domain after the @"
    } else if domain.starts_with('[') {
        "an e-mail address has a domain name after the @, not a network address"
    } else if !domain.split('.').all(is_label) {
        "the domain of an e-mail address is labels of letters, digits and inner hyphens, of 1 \
         to 63 characters each, with dots in between"
    } else if labels < 2 {
        "the domain of an e-mail address has at least one dot"
    } else if domain.rsplit('.').next().is_some_and(is_numeric) {
        "an e-mail address has a domain name after the @, not a network address"
    } else {
        return Ok(domain);
    };
    Err(BadAddress::new(fault))
}

fn has_punycode(domain: &str) -> bool {
    domain.split('.').any(|label| {
        label
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("xn--"))
    })
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_numeric(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
}

fn too_long() -> BadAddress {
    BadAddress::new("an e-mail address has at most 254 characters")
}
