//! Vendors' ways to write an instant.

use austin_domain::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// An offset such as `+08:00`; `Z` and empty text are UTC.
pub(crate) fn offset(text: &str) -> Option<Offset> {
    if matches!(text, "" | "Z" | "UTC") {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |part: &str, most: i32| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i32>()
            .ok()
            .filter(|value| digits && *value <= most)
    };
    let seconds = number(hours, 18)? * 3_600 + number(minutes, 59)? * 60;
    Offset::from_seconds(sign * seconds).ok()
}

/// The instant written by a strftime pattern.
pub(crate) fn format(at: Timestamp, pattern: &str, offset: Offset) -> Result<String, String> {
    let zoned = at.to_jiff().to_zoned(TimeZone::fixed(offset));
    jiff::fmt::strtime::format(pattern, &zoned).map_err(|error| error.to_string())
}

/// The instant that `text` means by a strftime pattern; a pattern with an offset of its own
/// wins over `offset`.
pub(crate) fn parse(text: &str, pattern: &str, offset: Offset) -> Result<Timestamp, String> {
    let broken = jiff::fmt::strtime::parse(pattern, text).map_err(|error| error.to_string())?;
    if let Ok(at) = broken.to_timestamp() {
        return Ok(at.into());
    }
    let local = broken
        .to_datetime()
        .or_else(|_| broken.to_date().map(Date::to_datetime_midnight))
        .map_err(|error| error.to_string())?;
    local
        .to_zoned(TimeZone::fixed(offset))
        .map(|zoned| zoned.timestamp().into())
        .map_err(|error| error.to_string())
}

trait Midnight {
    fn to_datetime_midnight(self) -> DateTime;
}

impl Midnight for Date {
    fn to_datetime_midnight(self) -> DateTime {
        self.to_datetime(jiff::civil::Time::midnight())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_by_pattern_and_offset() {
        let beijing = offset("+08:00").unwrap();
        let at = parse("2026-01-02 03:04:05", "%Y-%m-%d %H:%M:%S", beijing).unwrap();
        assert_eq!(at.to_string(), "2026-01-01T19:04:05.000Z");
        assert_eq!(
            format(at, "%Y%m%d%H%M%S", beijing).unwrap(),
            "20260102030405"
        );
        assert_eq!(
            parse("2601020304", "%y%m%d%H%M", Offset::UTC)
                .unwrap()
                .to_string(),
            "2026-01-02T03:04:00.000Z"
        );
        let own = parse("2026-01-02T03:04:05+0100", "%Y-%m-%dT%H:%M:%S%z", beijing).unwrap();
        assert_eq!(own.to_string(), "2026-01-02T02:04:05.000Z");
        assert!(parse("gestern", "%Y", beijing).is_err());
        for wrong in ["8", "+8:00", "+19:00", "+08:60", "08:00", "+0800"] {
            assert_eq!(offset(wrong), None, "{wrong}");
        }
    }
}
