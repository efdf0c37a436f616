//! Quiet hours: when people are left alone, by the clock on their wall.
//!
//! Quiet is a matter of what that clock shows: an instant is quiet when its local time lies in a
//! window or its local day is closed. Where clocks leap over the end of a window it opens right
//! after the gap; where they are set back into a window, it is quiet again until the clock has
//! passed the end a second time.
//!
//! The invariants, for every zone and calendar: `until` is after now and open, and the
//! millisecond before it is quiet.

mod window;

use std::time::Duration;

pub use window::{BadHours, Days, TimeOfDay, Window};

use crate::calendar::{Calendar, Kind};
use crate::time::Timestamp;
use crate::zone::{DAY, Local, Zone, weekday};

/// Most windows of one rule.
pub const MAX_WINDOWS: usize = 32;
/// The longest spread.
pub const MAX_SPREAD: Duration = Duration::from_secs(12 * 3600);

/// More changes between quiet and open than any calendar and any zone can bring about before a
/// week passes as the windows alone have it.
const MOST_STEPS: usize = 8 * (crate::calendar::MAX_DAYS + 64);
/// Kinds of days: seven weekdays, and a weekend day that works.
const KINDS: usize = 8;

/// When it is quiet, checked and laid out for judging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    windows: Vec<Window>,
    spread: Duration,
    kinds: [Pieces; KINDS],
}

/// Quiet parts of days, as milliseconds from midnight on the clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pieces {
    /// Of windows that begin on such a day.
    own: Vec<(i64, i64)>,
    /// What these take of the next day, whichever that is.
    next: Vec<(i64, i64)>,
}

/// Whether a person may be reached now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It may go.
    Open,
    /// Not before `until`, which is the first instant at which it may.
    Closed {
        /// When it opens.
        until: Timestamp,
    },
}

impl Hours {
    /// Windows, and the time after opening over which what was held is spread. No window at all
    /// means that only closed days of a calendar are quiet.
    ///
    /// # Errors
    /// [`BadHours`] when there are too many, or when they never leave a minute of the week open.
    pub fn new(windows: Vec<Window>, spread: Duration) -> Result<Self, BadHours> {
        if windows.len() > MAX_WINDOWS {
            let why = format!("windows: at most {MAX_WINDOWS}");
            return Err(BadHours::new(why));
        }
        if spread > MAX_SPREAD {
            return Err(BadHours::new("spread: at most 12h"));
        }
        let kinds = std::array::from_fn(|kind| Pieces::of(&windows, kind));
        let hours = Self {
            windows,
            spread,
            kinds,
        };
        if hours.never_opens() {
            let why = "windows: they cover the whole week, so that nothing would ever go out; \
                       pause the template instead";
            return Err(BadHours::new(why));
        }
        Ok(hours)
    }

    /// The windows as they were given.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The time over which what was held goes out.
    pub const fn spread(&self) -> Duration {
        self.spread
    }

    /// Whether somebody in `zone` may be reached at `now`, and if not, from when on.
    pub fn judge(&self, now: Timestamp, zone: Zone, calendar: Option<&Calendar>) -> Judgement {
        let mut at = now.millis();
        for _ in 0..MOST_STEPS {
            let span = zone.span(Timestamp::from_millis(at));
            let wall = at.saturating_add(span.offset);
            let Some(end) = self.quiet_until(wall, calendar) else {
                break;
            };
            at = at.saturating_add(end - wall).min(span.until);
        }
        if at == now.millis() {
            Judgement::Open
        } else {
            Judgement::Closed {
                until: Timestamp::from_millis(at),
            }
        }
    }

    /// When a delivery that is judged at `now` may go: `None` for at once, else an instant within
    /// the spread after opening. Which one follows from `id` alone, so that it is the same
    /// whenever it is asked, and a million of them are spread evenly. It is never in a window
    /// that follows.
    pub fn held_until(
        &self,
        now: Timestamp,
        zone: Zone,
        calendar: Option<&Calendar>,
        id: u64,
    ) -> Option<Timestamp> {
        let Judgement::Closed { until } = self.judge(now, zone, calendar) else {
            return None;
        };
        let open = self.open_for(until, zone, calendar, self.spread);
        Some(until.plus(share(id, open)))
    }

    /// How long it stays open from `from`, which is open; at most `most`.
    fn open_for(
        &self,
        from: Timestamp,
        zone: Zone,
        calendar: Option<&Calendar>,
        most: Duration,
    ) -> Duration {
        let end = from.plus(most);
        let mut at = from;
        while at < end {
            let span = zone.span(at);
            let wall = at.millis().saturating_add(span.offset);
            if self.quiet_until(wall, calendar).is_some() {
                return at.since(from);
            }
            let change = self.next_change(wall);
            let next = at.millis().saturating_add(change - wall).min(span.until);
            at = Timestamp::from_millis(next);
        }
        most
    }

    /// When `wall` is quiet, a later local time up to which it surely stays so.
    fn quiet_until(&self, wall: i64, calendar: Option<&Calendar>) -> Option<i64> {
        let (day, of_day) = (Local(wall).day(), Local(wall).of_day());
        let midnight = wall - of_day;
        let kind = calendar.and_then(|calendar| calendar.kind(day));
        if kind == Some(Kind::Closed) {
            return Some(midnight.saturating_add(DAY));
        }
        let before = calendar.and_then(|calendar| calendar.kind(day - 1));
        let own = self.pieces(day, kind).own.iter();
        let spilt = self.pieces(day - 1, before).next.iter();
        own.chain(spilt)
            .filter(|(from, to)| (*from..*to).contains(&of_day))
            .map(|(_, to)| *to)
            .max()
            .map(|end| midnight.saturating_add(end))
    }

    /// The first local time after `wall` at which some piece of some kind of day begins, midnight
    /// included.
    fn next_change(&self, wall: i64) -> i64 {
        let of_day = Local(wall).of_day();
        let begins = self.kinds.iter().flat_map(|kind| &kind.own);
        let next = begins
            .map(|(from, _)| *from)
            .filter(|from| *from > of_day)
            .min()
            .unwrap_or(DAY);
        wall.saturating_add(next - of_day)
    }

    fn pieces(&self, day: i64, kind: Option<Kind>) -> &Pieces {
        let place = match (weekday(day), kind) {
            (5 | 6, Some(Kind::Working)) => KINDS - 1,
            (weekday, _) => weekday,
        };
        &self.kinds[place]
    }

    /// Whether a week without a calendar has no open minute.
    fn never_opens(&self) -> bool {
        let minutes = 7 * DAY / 60_000;
        // 1970-01-05 was a Monday.
        (0..minutes).all(|minute| self.quiet_until(4 * DAY + minute * 60_000, None).is_some())
    }
}

impl Pieces {
    /// Pieces of the days of one kind: 0 to 6 from Monday on; 7 is a weekend day that works, on
    /// which a window applies that applies on any day from Monday to Friday.
    fn of(windows: &[Window], kind: usize) -> Self {
        let applies = |days: Days| {
            if kind < 7 {
                days.contains(kind)
            } else {
                (0..5).any(|weekday| days.contains(weekday))
            }
        };
        let mut pieces = Self::default();
        for window in windows.iter().filter(|window| applies(window.days)) {
            let (from, to) = (window.from.millis(), window.end());
            pieces.own.push((from, to.min(DAY)));
            if to > DAY {
                pieces.next.push((0, to - DAY));
            }
        }
        pieces
    }
}

/// The part of `most` that falls to `id`: the same each time, evenly spread.
fn share(id: u64, most: Duration) -> Duration {
    // SplitMix64's finaliser: neighbouring ids end up far apart.
    let mut mixed = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let millis = (u128::from(mixed) * most.as_millis()) >> 64;
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests;
