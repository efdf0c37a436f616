//! Lengths of time as people write them: `30s`, `5m`, `12h`, `1d`.

use std::time::Duration;

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// The length of time that `text` names; `None` when it is not a whole number and a unit.
pub fn parse(text: &str) -> Option<Duration> {
    let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = digits.parse::<u64>().ok()?;
    count.checked_mul(seconds).map(Duration::from_secs)
}

/// The text of a length of time, in the largest unit that takes it whole. Parts of a second are
/// not written.
pub fn text(span: Duration) -> String {
    let seconds = span.as_secs();
    let whole = |(_, unit): &(char, u64)| seconds > 0 && seconds.is_multiple_of(*unit);
    let (unit, each) = UNITS.into_iter().find(whole).unwrap_or(('s', 1));
    format!("{}{unit}", seconds / each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_round_trip() {
        for (written, seconds) in [
            ("0s", 0),
            ("30s", 30),
            ("5m", 300),
            ("90s", 90),
            ("36h", 129_600),
            ("1d", 86_400),
        ] {
            assert_eq!(
                parse(written),
                Some(Duration::from_secs(seconds)),
                "{written}"
            );
            assert_eq!(text(Duration::from_secs(seconds)), written);
        }
        for wrong in [
            "",
            "5",
            "m",
            "-1m",
            "五m",
            "5分",
            "1.5h",
            "99999999999999999999d",
            " 5m",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
