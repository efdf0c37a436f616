//! Phone numbers as vendors write them.

/// An E.164 number without `+`: mainland ones national, others with their country code.
pub(crate) fn national(number: &str) -> &str {
    number
        .strip_prefix("+86")
        .or_else(|| number.strip_prefix('+'))
        .unwrap_or(number)
}

/// Digits by which a number of ours and the same number in a vendor's words come out equal.
pub(crate) fn comparable(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let digits = match digits.strip_prefix("00") {
        Some(rest) if !number.trim_start().starts_with('+') => rest,
        _ => &digits,
    };
    match digits.strip_prefix("86") {
        Some(national) if national.len() == 11 && national.starts_with('1') => national.to_owned(),
        _ => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        assert_eq!(national("+8613711112222"), "13711112222");
        assert_eq!(national("+14155550100"), "14155550100");
        for spelling in [
            "+8613711112222",
            "008613711112222",
            "13711112222",
            "86 137-1111-2222",
        ] {
            assert_eq!(comparable(spelling), "13711112222");
        }
    }
}
