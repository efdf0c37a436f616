//! Chinese vendors' clocks: local times are UTC+8 without daylight saving, and never say so.

use std::time::Duration;

use austin_domain::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, offset};

/// The instant of `2026-01-02 03:04:05` in Beijing.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let local = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    let zoned = local.to_zoned(TimeZone::fixed(offset(8))).ok()?;
    Some(zoned.timestamp().into())
}

/// The day in Beijing, `20260102`.
pub(crate) fn day(at: Timestamp) -> String {
    at.plus(Duration::from_secs(8 * 3_600)).utc("%Y%m%d")
}

/// How long it is until the clock in Beijing next shows `hour`:00; from 1 ms to 24 h.
pub(crate) fn until_hour(hour: u8, now: Timestamp) -> Duration {
    const DAY: i64 = 86_400_000;
    let local = now.millis().saturating_add(8 * 3_600_000).rem_euclid(DAY);
    let wait = (i64::from(hour) * 3_600_000 - local).rem_euclid(DAY);
    Duration::from_millis(u64::try_from(if wait == 0 { DAY } else { wait }).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_eight_hours_ahead() {
        assert_eq!(
            instant("2026-01-02 03:04:05")
                .map(|at| at.to_string())
                .as_deref(),
            Some("2026-01-01T19:04:05.000Z")
        );
        for wrong in [
            "",
            "2026-01-02",
            "2026-13-02 03:04:05",
            "2026-01-02 03:04:05 x",
            "-",
        ] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_begin_eight_hours_early() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(day(at("2026-01-01T15:59:59Z")), "20260101");
        assert_eq!(day(at("2026-01-01T16:00:00Z")), "20260102");
    }

    #[test]
    fn the_wait_ends_at_the_hour() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let hours = |from: &str| until_hour(8, at(from)).as_secs_f64() / 3600.0;
        assert!((hours("2026-01-01T23:00:00Z") - 1.0).abs() < 1e-9);
        assert!((hours("2026-01-02T00:00:00Z") - 24.0).abs() < 1e-9);
        assert!((hours("2026-01-02T14:30:00Z") - 9.5).abs() < 1e-9);
    }
}
