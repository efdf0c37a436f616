//! How many in a day, as the Chinese vendors count it: midnight to midnight, UTC+8.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A day's count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// The day, in days since 1970-01-01 at UTC+8.
    day: i64,
    count: u64,
}

impl Day {
    /// Counts `count` more if no more than `most` come together.
    ///
    /// # Errors
    /// When the next day begins.
    pub fn take(&mut self, count: u64, most: Option<u64>, now: Timestamp) -> Result<(), Timestamp> {
        self.check(count, most, now)?;
        self.turn(now);
        self.count += count;
        Ok(())
    }

    /// Whether [`Day::take`] would succeed.
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, count: u64, most: Option<u64>, now: Timestamp) -> Result<(), Timestamp> {
        if most.is_some_and(|most| self.count(now).saturating_add(count) > most) {
            return Err(begins(number(now) + 1));
        }
        Ok(())
    }

    /// Gives `count` back that were counted at `at`; those of a former day are gone anyway.
    pub fn give_back(&mut self, count: u64, at: Timestamp) {
        if number(at) == self.day {
            self.count = self.count.saturating_sub(count);
        }
    }

    /// How many today.
    pub fn count(&self, now: Timestamp) -> u64 {
        if number(now) == self.day {
            self.count
        } else {
            0
        }
    }

    /// Whether two instants are on one day.
    pub fn is_same(a: Timestamp, b: Timestamp) -> bool {
        number(a) == number(b)
    }

    /// Adds what was counted before a restart, where it was the same day.
    pub fn add(&mut self, earlier: Self, now: Timestamp) {
        self.turn(now);
        self.count += earlier.count(now);
    }

    fn turn(&mut self, now: Timestamp) {
        if number(now) != self.day {
            (self.day, self.count) = (number(now), 0);
        }
    }
}

fn number(at: Timestamp) -> i64 {
    (at.millis() + OFFSET_MILLIS).div_euclid(DAY_MILLIS)
}

fn begins(day: i64) -> Timestamp {
    Timestamp::from_millis(day * DAY_MILLIS - OFFSET_MILLIS)
}

const DAY_MILLIS: i64 = 24 * 3_600_000;
const OFFSET_MILLIS: i64 = 8 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_turns_at_midnight_in_china() {
        let late: Timestamp = "2026-01-02T15:59:59Z".parse().unwrap();
        let midnight: Timestamp = "2026-01-02T16:00:00Z".parse().unwrap();
        let mut day = Day::default();
        day.take(3, Some(3), late).unwrap();
        assert_eq!(day.take(1, Some(3), late), Err(midnight));
        assert_eq!(day.count(midnight), 0);
        day.take(1, Some(3), midnight).unwrap();
        day.give_back(3, late);
        assert_eq!(day.count(midnight), 1, "yesterday's are gone");
        day.give_back(1, midnight);
        assert_eq!(day.count(midnight), 0);
    }

    #[test]
    fn what_was_counted_before_a_restart_counts_on_the_same_day_only() {
        let now: Timestamp = "2026-01-02T03:00:00Z".parse().unwrap();
        let mut before = Day::default();
        before.take(5, None, now).unwrap();
        let mut day = Day::default();
        day.take(1, None, now).unwrap();
        day.add(before, now);
        assert_eq!(day.count(now), 6);
        let tomorrow = now.plus(std::time::Duration::from_secs(86_400));
        let mut later = Day::default();
        later.add(before, tomorrow);
        assert_eq!(later.count(tomorrow), 0);
    }
}
