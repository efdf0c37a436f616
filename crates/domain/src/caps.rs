//! Windows of frequency caps: from which instant on deliveries count, and the sentence that says
//! so to a person.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::channel::{Channel, Class};
use crate::span;
use crate::time::Timestamp;
use crate::zone::{Local, Zone, weekday};

/// A stretch of a person's own calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From midnight on.
    Day,
    /// From the midnight that begins the week's first day.
    Week,
    /// From the midnight that begins the first of the month.
    Month,
}

/// Over which time a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CapWindow {
    /// The last so long, whenever asked.
    Sliding(Duration),
    /// The day, week or month that it is where the person is.
    Calendar(Period),
}

/// The day a week begins with: 0 is Monday, which is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WeekStart(u8);

/// What a cap counts, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted<'a> {
    /// Whatever is sent to the person.
    All,
    /// What goes by one channel.
    Channel(Channel),
    /// What is of one class.
    Class(Class),
    /// What one team sends.
    Team(&'a str),
    /// What one template sends.
    Template(&'a str),
}

impl WeekStart {
    /// Weeks that begin with this weekday, 0 for Monday to 6 for Sunday.
    pub const fn new(weekday: u8) -> Option<Self> {
        if weekday < 7 {
            Some(Self(weekday))
        } else {
            None
        }
    }
}

impl CapWindow {
    /// The first instant whose deliveries count at `now`: those at it and after it do, those
    /// before it do not. Never after `now`.
    pub fn since(self, now: Timestamp, zone: Zone, week: WeekStart) -> Timestamp {
        let period = match self {
            Self::Sliding(window) => return now.minus(window),
            Self::Calendar(period) => period,
        };
        let today = zone.local(now).day();
        let first = match period {
            Period::Day => today,
            Period::Week => {
                let passed = (weekday(today) + 7 - usize::from(week.0)) % 7;
                today - i64::try_from(passed).unwrap_or(0)
            }
            Period::Month => first_of_month(today),
        };
        // Clocks that are set back over a midnight show the day before once more.
        zone.first_at(Local::midnight(first)).min(now)
    }

    /// How far back deliveries can count at most, wherever the person is: what has to be
    /// remembered.
    pub const fn longest(self) -> Duration {
        const DAY: u64 = 86_400;
        // A day more than the calendar has, for changes of clocks.
        match self {
            Self::Sliding(window) => window,
            Self::Calendar(Period::Day) => Duration::from_secs(2 * DAY),
            Self::Calendar(Period::Week) => Duration::from_secs(8 * DAY),
            Self::Calendar(Period::Month) => Duration::from_secs(32 * DAY),
        }
    }

    /// The window in words: `in 1d`, `a calendar month`.
    pub fn words(self) -> String {
        match self {
            Self::Sliding(window) => format!("in {}", span::text(window)),
            Self::Calendar(Period::Day) => "a calendar day".to_owned(),
            Self::Calendar(Period::Week) => "a calendar week".to_owned(),
            Self::Calendar(Period::Month) => "a calendar month".to_owned(),
        }
    }
}

/// Why a cap holds somebody back: `3 of 3 marketing messages since 2026-11-25 00:00
/// Asia/Shanghai`.
pub fn sentence(taken: u32, most: u32, what: Counted<'_>, since: Timestamp, zone: Zone) -> String {
    let what = match what {
        Counted::All => "messages".to_owned(),
        Counted::Channel(channel) => format!("{channel} messages"),
        Counted::Class(class) => format!("{class} messages"),
        Counted::Team(team) => format!("messages of team {team}"),
        Counted::Template(template) => format!("messages of template {template}"),
    };
    format!("{taken} of {most} {what} since {}", zone.show(since))
}

/// The day that a month begins with, of the month that `day` is in.
fn first_of_month(day: i64) -> i64 {
    let at = Timestamp::from_seconds(day.saturating_mul(86_400)).to_jiff();
    let date = jiff::tz::Offset::UTC.to_datetime(at).date();
    day - i64::from(date.day()) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(window: CapWindow, now: &str, zone: &str) -> String {
        let zone = Zone::named(zone).unwrap();
        let since = window.since(now.parse().unwrap(), zone, WeekStart::default());
        since.to_string().replace(":00.000Z", "Z")
    }

    /// Rows of period, now, zone and the first instant that counts.
    #[track_caller]
    fn begin(rows: &[(Period, &str, &str, &str)]) {
        for (period, now, zone, expected) in rows {
            let found = since(CapWindow::Calendar(*period), now, zone);
            assert_eq!(found, *expected, "{period:?} {now} {zone}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn windows_begin_where_the_person_is() {
        use Period::{Day, Month, Week};
        begin(&[
            (Day, "2026-11-25T10:00:00Z", "Asia/Shanghai", "2026-11-24T16:00Z"),
            (Day, "2026-11-24T15:59:59Z", "Asia/Shanghai", "2026-11-23T16:00Z"),
            (Day, "2026-11-24T16:00:00Z", "Asia/Shanghai", "2026-11-24T16:00Z"),
            (Day, "2026-11-25T10:00:00Z", "Asia/Kathmandu", "2026-11-24T18:15Z"),
            (Week, "2026-11-25T10:00:00Z", "Asia/Shanghai", "2026-11-22T16:00Z"),
            (Week, "2026-11-22T15:59:59Z", "Asia/Shanghai", "2026-11-15T16:00Z"),
            (Month, "2026-11-25T10:00:00Z", "Asia/Kolkata", "2026-10-31T18:30Z"),
            (Month, "2026-10-31T18:29:59Z", "Asia/Kolkata", "2026-09-30T18:30Z"),
            (Month, "2028-02-29T12:00:00Z", "UTC", "2028-02-01T00:00Z"),
            (Month, "2026-03-31T23:59:59Z", "UTC", "2026-03-01T00:00Z"),
        ]);
        let sliding = CapWindow::Sliding(Duration::from_secs(86_400));
        assert_eq!(since(sliding, "2026-03-01T10:00:00Z", "UTC"), "2026-02-28T10:00Z");
    }

    #[test]
    #[rustfmt::skip]
    fn days_on_which_clocks_change() {
        use Period::Day;
        begin(&[
            // 25 hours and 23 hours of a day.
            (Day, "2026-10-25T22:59:00Z", "Europe/Berlin", "2026-10-24T22:00Z"),
            (Day, "2026-03-29T21:59:00Z", "Europe/Berlin", "2026-03-28T23:00Z"),
            // There is no midnight: the day begins at 01:00.
            (Day, "2026-04-24T10:00:00Z", "Africa/Cairo", "2026-04-23T22:00Z"),
            (Day, "2026-04-05T12:00:00Z", "Australia/Lord_Howe", "2026-04-04T13:00Z"),
            (Day, "2026-03-08T12:00:00Z", "America/St_Johns", "2026-03-08T03:30Z"),
        ]);
    }

    #[test]
    fn weeks_can_begin_on_sunday() {
        let sunday = WeekStart::new(6).unwrap();
        let now = "2026-11-25T10:00:00Z".parse().unwrap();
        let since = CapWindow::Calendar(Period::Week).since(now, Zone::utc(), sunday);
        assert_eq!(since.to_string(), "2026-11-22T00:00:00.000Z");
        assert_eq!(WeekStart::new(7), None);
    }

    #[test]
    fn the_sentence_says_it_all() {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        let since = "2026-11-24T16:00:00Z".parse().unwrap();
        let class = Counted::Class(Class::Marketing);
        assert_eq!(
            sentence(3, 3, class, since, zone),
            "3 of 3 marketing messages since 2026-11-25 00:00 Asia/Shanghai"
        );
        let template = Counted::Template("order-shipped");
        assert_eq!(
            sentence(1, 1, template, since.plus(Duration::from_secs(5)), zone),
            "1 of 1 messages of template order-shipped since 2026-11-25 00:00:05 Asia/Shanghai"
        );
        let month = CapWindow::Calendar(Period::Month);
        assert_eq!(month.words(), "a calendar month");
        assert_eq!(
            CapWindow::Sliding(Duration::from_secs(3600)).words(),
            "in 1h"
        );
    }

    proptest::proptest! {
        #[test]
        fn never_after_now_nor_longer_than_said(
            zone in proptest::sample::select(Zone::all().collect::<Vec<_>>()),
            millis in 1_577_836_800_000i64..2_840_140_800_000,
            week in 0u8..7,
        ) {
            let now = Timestamp::from_millis(millis);
            let week = WeekStart::new(week).unwrap();
            for period in [Period::Day, Period::Week, Period::Month] {
                let window = CapWindow::Calendar(period);
                let since = window.since(now, zone, week);
                proptest::prop_assert!(since <= now);
                proptest::prop_assert!(now.since(since) <= window.longest());
                proptest::prop_assert_eq!(window.since(since, zone, week), since);
            }
        }
    }
}
