//! Limits in words.

use austin_domain::Timestamp;
use austin_domain::quota::NumberRule;
use austin_domain::rate::MilliRate;

/// `12,345`.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3,000`, `0.5`.
pub(crate) fn rate(rate: MilliRate) -> String {
    let (whole, rest) = (rate / 1000, rate % 1000 / 100);
    if rest == 0 || whole >= 100 {
        thousands(whole)
    } else {
        format!("{whole}.{rest}")
    }
}

/// `10:02 UTC`.
pub(crate) fn clock(at: Timestamp) -> String {
    at.utc("%H:%M UTC")
}

/// `1 verification in 60 s`.
pub(crate) fn rule(rule: &NumberRule) -> String {
    let class = rule.class.map_or("message", |class| class.as_str());
    format!("{} {class} in {} s", rule.count, rule.window.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_and_low_rates_keep_a_digit() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(12_345), "12,345");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(rate(3_000_000), "3,000");
        assert_eq!(rate(1_500), "1.5");
        assert_eq!(rate(180_300), "180");
    }
}
