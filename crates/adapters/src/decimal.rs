//! Money as decimal text, without floating point.

/// A decimal such as `0.05` in 10⁻⁴ of the unit; further digits round half away from zero.
/// `None` for anything else (exponents, text) and for what does not fit.
pub(crate) fn ten_thousandths(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let kept: String = fraction.chars().chain("0000".chars()).take(4).collect();
    let rounds_up = fraction
        .as_bytes()
        .get(4)
        .is_some_and(|digit| *digit >= b'5');
    let units = whole.parse::<i64>().ok()?.checked_mul(10_000)?;
    let units = units
        .checked_add(kept.parse().ok()?)?
        .checked_add(i64::from(rounds_up))?;
    Some(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::ten_thousandths;

    #[test]
    fn exact_to_the_last_digit() {
        for (text, value) in [
            ("0.05", Some(500)),
            ("0.1000", Some(1_000)),
            ("0.0325", Some(325)),
            ("0.03255", Some(326)),
            ("0.03254999", Some(325)),
            ("12", Some(120_000)),
            ("-0.05", Some(-500)),
            ("922337203685477.5807", Some(i64::MAX)),
            ("922337203685477.5808", None),
            ("5e-2", None),
            (".5", None),
            ("1.", None),
            ("", None),
            ("--1", None),
        ] {
            assert_eq!(ten_thousandths(text), value, "{text}");
        }
    }
}
