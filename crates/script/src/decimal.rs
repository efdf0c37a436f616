//! Money as text.

/// A decimal number in units of 10⁻⁴. More than four decimals only when they are zeros.
pub(crate) fn ten_thousandths(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) || digits.ends_with('.') {
        return None;
    }
    let kept = fraction.get(..4).unwrap_or(fraction);
    if fraction[kept.len()..].bytes().any(|byte| byte != b'0') {
        return None;
    }
    let amount: i64 = format!("{whole}{kept:0<4}").parse().ok()?;
    Some(if negative { -amount } else { amount })
}

/// The same, cutting what is finer: for what vendors report.
pub(crate) fn cut(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            let kept = fraction.get(..4).unwrap_or(fraction);
            if kept.is_empty() {
                ten_thousandths(whole)
            } else {
                ten_thousandths(&format!("{whole}.{kept}"))
            }
        }
        _ => ten_thousandths(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money() {
        for (text, amount) in [
            ("0.045", Some(450)),
            ("1", Some(10_000)),
            ("-0.5", Some(-5_000)),
            ("0.00000", Some(0)),
            ("0.00001", None),
            ("1.", None),
            (".5", None),
            ("1e3", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(ten_thousandths(text), amount, "{text}");
        }
        assert_eq!(cut("3.14159265"), Some(31_415));
        assert_eq!(cut("0.03330000"), Some(333));
        assert_eq!(cut("7"), Some(70_000));
        assert_eq!(cut("7.x"), None);
    }
}
