//! Phones: E.164 text.
//!
//! Numbers of the Chinese mainland follow a rule of our own, because new ranges are in use
//! before the library's metadata knows them: a `+86` number is 11 digits beginning 13 to 19.
//! All others are judged by libphonenumber.

use rlibphonenumber::{NumberLengthType, ValidationError};
use rlibphonenumber::{ParseError, PhoneNumber, PhoneNumberFormat, Region};

use super::BadAddress;

/// Most characters looked at; E.164 has at most 15 digits, and people add spaces and brackets.
const MAX_WRITTEN: usize = 64;

/// The E.164 form of `written`.
pub(super) fn normalise(written: &str, region: Option<&str>) -> Result<String, BadAddress> {
    if written.strip_prefix("+86").is_some_and(is_mainland_mobile) {
        return Ok(written.to_owned());
    }
    let number = bare(written)?;
    if let Some(digits) = number.strip_prefix('+') {
        return international(digits);
    }
    if let Some(national) = number.strip_prefix("0086")
        && is_mainland_mobile(national)
    {
        return Ok(format!("+86{national}"));
    }
    let Some(region) = region else {
        return match number.strip_prefix("00") {
            Some(digits) => international(digits),
            None => Err(BadAddress::new(
                "a phone number without its country code needs a default region: write + and \
                 the country code first",
            )),
        };
    };
    local(&number, region)
}

/// 11 digits beginning 13 to 19.
fn is_mainland_mobile(national: &str) -> bool {
    let bytes = national.as_bytes();
    bytes.len() == 11
        && bytes[0] == b'1'
        && (b'3'..=b'9').contains(&bytes[1])
        && bytes[2..].iter().all(u8::is_ascii_digit)
}

/// The digits of `written`, after a `+` where it has one: what people and forms put around
/// them is dropped, anything that is not part of a phone number is refused.
fn bare(written: &str) -> Result<String, BadAddress> {
    if written.len() > MAX_WRITTEN * 4 || written.chars().count() > MAX_WRITTEN {
        return Err(too_long());
    }
    let mut number = String::with_capacity(16);
    for c in written.chars() {
        match c {
            '0'..='9' => number.push(c),
            // Full-width digits: the same order as ASCII.
            '０'..='９' => number.extend(char::from_digit(c as u32 - '０' as u32, 10)),
            '+' | '＋' if number.is_empty() => number.push('+'),
            '+' | '＋' => {
                return Err(BadAddress::new(
                    "a phone number has + only at its beginning",
                ));
            }
            _ if is_decoration(c) => {}
            _ if c.is_alphabetic() => {
                return Err(BadAddress::new("a phone number has no letters"));
            }
            _ => {
                return Err(BadAddress::new(
                    "a phone number has only digits, an initial +, spaces, hyphens, dots and \
                     brackets",
                ));
            }
        }
    }
    if number.trim_start_matches('+').is_empty() {
        return Err(BadAddress::new("the phone number is empty"));
    }
    Ok(number)
}

/// White space, hyphens, dots, brackets, and the invisible direction marks that come along
/// when a number is copied from a contact list.
fn is_decoration(c: char) -> bool {
    (c.is_whitespace() && !c.is_control())
        || matches!(c, '\t' | '-' | '－' | '−' | '\u{2010}'..='\u{2015}')
        || matches!(c, '.' | '．' | '(' | ')' | '（' | '）')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Digits that begin with a country code.
fn international(digits: &str) -> Result<String, BadAddress> {
    if let Some(national) = digits.strip_prefix("86") {
        return mainland(national);
    }
    if digits.len() > 15 {
        return Err(too_long());
    }
    if digits.starts_with('0') {
        return Err(no_such_country());
    }
    let number = PhoneNumber::parse(format!("+{digits}"), None).map_err(unreadable)?;
    judged(&number)
}

fn mainland(national: &str) -> Result<String, BadAddress> {
    if is_mainland_mobile(national) {
        return Ok(format!("+86{national}"));
    }
    Err(BadAddress::new(match national.len() {
        0..=10 => "too short: a Chinese mobile number has 11 digits after +86",
        11 => "a Chinese mobile number begins 13 to 19 after +86",
        _ => "too long: a Chinese mobile number has 11 digits after +86",
    }))
}

/// Digits as they are dialled in `region`.
fn local(digits: &str, region: &str) -> Result<String, BadAddress> {
    if region.eq_ignore_ascii_case("CN") {
        if let Some(digits) = digits.strip_prefix("00") {
            return international(digits);
        }
        // `86` and the trunk prefix 0 are often written before a mobile number.
        let shorter = digits
            .strip_prefix("86")
            .or_else(|| digits.strip_prefix('0'));
        return mainland(shorter.filter(|s| is_mainland_mobile(s)).unwrap_or(digits));
    }
    let Ok(known) = region.to_ascii_uppercase().parse::<Region>() else {
        return Err(BadAddress::new(
            "the default region is not a two-letter country code (ISO 3166)",
        ));
    };
    let read = PhoneNumber::parse(digits, Some(known)).map_err(unreadable);
    let judgement = read.and_then(|number| judged(&number));
    // Where 00 is not how one dials abroad it is still how many write the +.
    match (judgement, digits.strip_prefix("00")) {
        (Err(refused), Some(abroad)) => international(abroad).map_err(|_| refused),
        (judgement, _) => judgement,
    }
}

/// The E.164 form of a number that the library holds possible and valid. (It keeps its
/// metadata and compiled patterns in one static of its own.)
fn judged(number: &PhoneNumber) -> Result<String, BadAddress> {
    if number.country_code == 86 {
        return mainland(&number.get_national_significant_number());
    }
    match number.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible) => {}
        Ok(NumberLengthType::IsPossibleLocalOnly) | Err(ValidationError::TooShort) => {
            return Err(too_short());
        }
        Err(ValidationError::TooLong) => return Err(too_long()),
        Err(ValidationError::InvalidCountryCode) => return Err(no_such_country()),
        Err(ValidationError::InvalidLength) => {
            return Err(BadAddress::new(
                "no phone number of its country has that many digits",
            ));
        }
    }
    if !number.is_valid() {
        return Err(BadAddress::new(
            "the phone number is in no range that its country has given out",
        ));
    }
    Ok(number.format_as(PhoneNumberFormat::E164).into_owned())
}

fn unreadable(error: ParseError) -> BadAddress {
    match error {
        ParseError::InvalidCountryCode => no_such_country(),
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => too_short(),
        ParseError::TooLongNsn => too_long(),
        ParseError::NotANumber(_) => BadAddress::new("this is not a phone number"),
    }
}

fn too_short() -> BadAddress {
    BadAddress::new("too short for a phone number of its country")
}

fn too_long() -> BadAddress {
    BadAddress::new("too long for a phone number")
}

fn no_such_country() -> BadAddress {
    BadAddress::new("the phone number does not begin with a known country code")
}
