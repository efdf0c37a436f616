//! Just enough of telephone numbers to imitate what vendors echo: country code and national part.
//!
//! Invariant: a number that is not digits (with an optional `+`) is never taken for a valid one.

/// The parts of a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Phone<'a> {
    /// Country calling code without `+`.
    pub(crate) country: &'a str,
    /// What follows the country code.
    pub(crate) national: &'a str,
}

/// Reads `+86137…`, `0086137…`, `86137…` or eleven bare mainland digits.
pub(crate) fn parse(text: &str) -> Option<Phone<'_>> {
    let text = text.trim();
    let (digits, international) = match (text.strip_prefix('+'), text.strip_prefix("00")) {
        (Some(rest), _) | (None, Some(rest)) => (rest, true),
        (None, None) => (text, false),
    };
    if !(6..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if !international && digits.len() == 11 && digits.starts_with('1') {
        return Some(Phone {
            country: "86",
            national: digits,
        });
    }
    let (country, national) = digits.split_at(country_length(digits));
    // Mainland mobile numbers have eleven digits and begin with 1.
    let mainland = national.len() == 11 && national.starts_with('1');
    (country != "86" || mainland).then_some(Phone { country, national })
}

/// Length of the calling code (ITU-T E.164 zones: one digit in zones 1 and 7, two where listed,
/// else three).
fn country_length(digits: &str) -> usize {
    let two = digits.get(..2).unwrap_or("");
    match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if TWO_DIGITS.contains(&two) => 2,
        _ => 3,
    }
}

const TWO_DIGITS: [&str; 43] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
    "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65",
    "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95",
];

/// Billing parts by the rule of the mainland vendors: 70 UTF-16 units, or 67 a part when longer.
pub(crate) fn segments(text: &str) -> u32 {
    let units = text.encode_utf16().count();
    let parts = if units <= 70 { 1 } else { units.div_ceil(67) };
    u32::try_from(parts).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_country_and_national_part() {
        let cases = [
            ("+8613711112222", Some(("86", "13711112222"))),
            ("008613711112222", Some(("86", "13711112222"))),
            ("8613711112222", Some(("86", "13711112222"))),
            ("13711112222", Some(("86", "13711112222"))),
            ("+12025550123", Some(("1", "2025550123"))),
            ("+85261234567", Some(("852", "61234567"))),
            ("+447700900123", Some(("44", "7700900123"))),
            ("+8612", None),
            ("+86x3711112222", None),
            ("", None),
        ];
        for (text, want) in cases {
            let got = parse(text).map(|p| (p.country, p.national));
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn counts_parts() {
        assert_eq!(segments(&"字".repeat(70)), 1);
        assert_eq!(segments(&"字".repeat(71)), 2);
        assert_eq!(segments(&"字".repeat(135)), 3);
    }
}
