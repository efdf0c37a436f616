//! Phone numbers as Chinese vendors write them.

use austin_adapter_api::Mark;

/// The prefix of mainland numbers. E.164 country codes are prefix-free, so no other country's
/// number starts with it.
const MAINLAND: &str = "+86";

/// Whether an E.164 number belongs to the Chinese mainland.
pub(crate) fn is_mainland(number: &str) -> bool {
    number.starts_with(MAINLAND)
}

/// A number without `+`: mainland ones national (`13711112222`), others with their country code.
/// Understands `+86…`, `0086…`, `86…` and bare numbers, with spaces or dashes, so that a number
/// of ours and the same number in a vendor's words come out equal.
pub(crate) fn vendor_digits(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let digits = match digits.strip_prefix("00") {
        Some(rest) if !number.trim_start().starts_with('+') => rest,
        _ => &digits,
    };
    match digits.strip_prefix("86") {
        // A mainland mobile number has 11 digits and starts with 1.
        Some(national) if national.len() == 11 && national.starts_with('1') => national.to_owned(),
        Some(national) if is_mainland(number) => national.to_owned(),
        _ => digits.to_owned(),
    }
}

/// What the words of a Chinese vendor's receipt say of the number. Carriers' codes differ; the word
/// for a number that nobody has is the same everywhere.
pub(crate) fn mark(words: &str) -> Option<Mark> {
    words.contains("空号").then_some(Mark::BadAddress)
}

/// A number of a vendor's words as E.164, as far as they allow: those without a country code are
/// taken for mainland ones.
pub(crate) fn e164(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let number = number.trim_start();
    let abroad = match number.strip_prefix('+') {
        Some(_) => Some(digits.as_str()),
        None if number.starts_with("00") => digits.strip_prefix("00"),
        None => None,
    };
    match abroad {
        Some(digits) => format!("+{digits}"),
        None if digits.len() == 11 && digits.starts_with('1') => format!("{MAINLAND}{digits}"),
        None => format!("+{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_number_comes_out_equal() {
        for spelling in [
            "+8613711112222",
            "008613711112222",
            "8613711112222",
            "13711112222",
            "+86 137-1111-2222",
        ] {
            assert_eq!(vendor_digits(spelling), "13711112222", "{spelling}");
        }
        assert_eq!(vendor_digits("+14155550100"), "14155550100");
        assert_eq!(vendor_digits("0014155550100"), "14155550100");
        assert_eq!(vendor_digits("+886912345678"), "886912345678");
        assert_eq!(vendor_digits(""), "");
    }

    #[test]
    fn vendors_numbers_become_ours() {
        for (written, ours) in [
            ("13711112200", "+8613711112200"),
            ("8613711112200", "+8613711112200"),
            ("008613711112200", "+8613711112200"),
            ("+8613711112200", "+8613711112200"),
            ("+14155550100", "+14155550100"),
            ("0014155550100", "+14155550100"),
            ("85261234567", "+85261234567"),
        ] {
            assert_eq!(e164(written), ours, "{written}");
        }
    }

    #[test]
    fn the_mainland_is_not_its_neighbours() {
        assert!(is_mainland("+8613711112222"));
        assert!(!is_mainland("+85261234567") && !is_mainland("+886912345678"));
        assert!(!is_mainland("13711112222"));
    }
}
