//! The seam through which the simulator reads the wall clock.
//!
//! Invariant: nothing else in the crate asks the system for the date, so a test can move time.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of the current time in Unix milliseconds.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
                })
        })
    }

    /// A clock that answers what `now_ms` answers (Unix milliseconds).
    pub fn new(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// RFC 3339 in UTC with milliseconds, for answers and own receipts.
pub(crate) fn rfc3339(ms: i64) -> String {
    stamp(ms).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// `YYYY-MM-DD hh:mm:ss` in the time of Beijing, as the Chinese vendors write it.
pub(crate) fn beijing(ms: i64) -> String {
    stamp(ms.saturating_add(BEIJING_MS))
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// The last second of the Beijing day of `ms` and the first-but-one of the next day.
pub(crate) fn around_midnight(ms: i64) -> (i64, i64) {
    let local = ms.saturating_add(BEIJING_MS);
    let midnight = (local.div_euclid(DAY_MS) + 1) * DAY_MS - BEIJING_MS;
    (midnight - 1_000, midnight + 1_000)
}

fn stamp(ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

const BEIJING_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_both_local_and_utc_time() {
        assert_eq!(rfc3339(1_767_323_045_120), "2026-01-02T03:04:05.120Z");
        assert_eq!(beijing(1_767_323_045_000), "2026-01-02 11:04:05");
    }

    #[test]
    fn midnight_is_that_of_beijing() {
        let (before, after) = around_midnight(1_767_323_045_000);
        assert_eq!(beijing(before), "2026-01-02 23:59:59");
        assert_eq!(beijing(after), "2026-01-03 00:00:01");
    }
}
