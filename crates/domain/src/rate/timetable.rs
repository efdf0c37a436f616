//! When calls may leave, booked ahead, so that a slow step before them costs no time.
//!
//! Two steps. A [`Timetable`] gives each call its instant, up to a second ahead, and keeps the
//! long-run rate: exactly the rate while somebody wants more. What has to be done before the call
//! (a sync of the disk) is done meanwhile. A [`Gate`] is passed when a call leaves; it keeps the
//! distance. Together: in any stretch of time `t` at most `1.02 × rate × (t + 75 ms) + 1` calls
//! leave, whatever was late: in a second less than 1.1 of the rate. (Of recipients, a tenth of a
//! second's worth of which may travel together, that much more.) In the long run it is `rate × t`:
//! up to a quarter of a second that is lost is made up for, within those bounds.

use std::time::Duration;

use crate::rate::MilliRate;
use crate::time::Timestamp;

/// The instants that are given away.
#[derive(Clone, Debug, Default)]
pub struct Timetable {
    /// The next free one, in nanoseconds since the epoch.
    next: i64,
    /// The same among the urgent ones only, which go before those that are booked.
    next_urgent: i64,
    /// Somebody was refused since the last one that was in time: what is late is made up for.
    wanted: bool,
    /// By how much all instants have been moved.
    slipped: i64,
}

/// By how much a timetable had slipped when an instant was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slip(i64);

/// How a caller asks for an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// How far ahead it may book; more than [`MOST_AHEAD`] counts as that.
    pub ahead: Duration,
    /// It goes before what others have booked.
    pub urgent: bool,
}

impl Timetable {
    /// The instant at which a call would leave: now or up to `reach` ahead.
    ///
    /// # Errors
    /// When to ask again: a little later than the first instant at which it may succeed, so that
    /// some can be booked together.
    pub fn check(
        &self,
        rate: MilliRate,
        reach: Reach,
        now: Timestamp,
    ) -> Result<Timestamp, Timestamp> {
        let (at, interval) = (nanos(now), interval(rate));
        // A lead longer than this cannot have come about at this rate: the clock was set back, or
        // the rate has been raised since.
        let lead = |next: i64| (next - at).min(LONGEST_LEAD + interval);
        let ahead = signed(reach.ahead).min(signed(MOST_AHEAD));
        let (own, over) = if reach.urgent {
            (lead(self.next_urgent), lead(self.next) - LONGEST_LEAD)
        } else {
            (lead(self.next), 0)
        };
        if own <= ahead && over <= 0 {
            return Ok(if own > 0 { grid(after(now, own)) } else { now });
        }
        Err(after(now, (own - ahead / 2).max(over).max(1)))
    }

    /// Takes the next instant, after [`Timetable::check`].
    pub fn take(&mut self, rate: MilliRate, urgent: bool, now: Timestamp) {
        let (at, interval) = (nanos(now), interval(rate));
        // After a pause nothing is saved up.
        let late = if self.wanted { LATE } else { 0 };
        let most = at + LONGEST_LEAD + interval;
        if urgent {
            self.next_urgent = self.next_urgent.clamp(at, most) + interval;
        }
        self.next = self.next.clamp(at - late, most) + interval;
        self.wanted &= self.next < at;
    }

    /// By how much it has slipped so far.
    pub const fn slip(&self) -> Slip {
        Slip(self.slipped)
    }

    /// A call leaves at `left_at` whose instant was `due`, when the timetable had slipped so far:
    /// where that is later than is made up for, everything after it moves.
    pub fn left(&mut self, due: Timestamp, then: Slip, left_at: Timestamp) {
        let behind = nanos(left_at) - nanos(due) - (self.slipped - then.0);
        let lost = behind - LATE;
        if lost > 0 {
            self.slipped += lost;
            self.next += lost;
            self.next_urgent += lost;
        }
    }

    /// Notes that somebody waits.
    pub const fn wanted(&mut self) {
        self.wanted = true;
    }

    /// Whether one more may join a call that leaves at `leaves_at`: a tenth of a second's worth
    /// may travel together. [`Timetable::take`] then counts it.
    pub fn may_join(&self, rate: MilliRate, urgent: bool, leaves_at: Timestamp) -> bool {
        let next = if urgent { self.next_urgent } else { self.next };
        let lead = (next - nanos(leaves_at)).min(LONGEST_LEAD + interval(rate));
        lead <= TOGETHER
    }

    /// Gives one back that was not used.
    pub fn give_back(&mut self, rate: MilliRate, urgent: bool) {
        let interval = interval(rate);
        self.next = self.next.saturating_sub(interval);
        if urgent {
            self.next_urgent = self.next_urgent.saturating_sub(interval);
        }
    }
}

/// Keeps the distance between those that leave.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// When the next call may leave, in nanoseconds since the epoch.
    calls: i64,
    /// When the next recipient may, likewise.
    recipients: i64,
    /// The last instant at which somebody came.
    seen: i64,
}

/// The rates that a gate keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Calls.
    pub calls: Option<MilliRate>,
    /// Recipients.
    pub recipients: Option<MilliRate>,
}

impl Gate {
    /// The instant, now or later, at which a call with `count` recipients leaves that comes now;
    /// in the order in which they come. A little late makes no difference: whoever sleeps until an
    /// instant wakes after it.
    pub fn pass(&mut self, count: u64, rates: Rates, now: Timestamp) -> Timestamp {
        let at = nanos(now);
        if at.saturating_add(SECOND) < self.seen {
            // The clock was set back.
            (self.calls, self.recipients) = (at, at);
        }
        self.seen = at;
        let distance = |rate: MilliRate| interval(rate.saturating_add(rate / CATCH_UP));
        // Recipients come in lumps of a call: without some play the larger ones would cost time.
        let start = (at - PLAY).max(self.calls).max(self.recipients - TOGETHER);
        if let Some(rate) = rates.calls {
            self.calls = start + distance(rate);
        }
        if let Some(rate) = rates.recipients {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let cost = distance(rate).saturating_mul(count);
            self.recipients = self.recipients.max(start).saturating_add(cost);
        }
        after(now, start - at)
    }
}

fn interval(rate: MilliRate) -> i64 {
    // At most three hundred years, so that sums stay in range.
    i64::try_from(1_000_000_000_000 / rate.max(1)).unwrap_or(i64::MAX / 1_000)
}

fn nanos(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1_000_000)
}

fn signed(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn after(now: Timestamp, nanos: i64) -> Timestamp {
    let millis = nanos.max(0).saturating_add(999_999) / 1_000_000;
    Timestamp::from_millis(now.millis().saturating_add(millis))
}

/// The next instant at which calls leave: a few at a time, since each wake-up costs.
const fn grid(at: Timestamp) -> Timestamp {
    let rest = at.millis().rem_euclid(GRID_MILLIS);
    Timestamp::from_millis(match rest {
        0 => at.millis(),
        rest => at.millis() + GRID_MILLIS - rest,
    })
}

/// How far ahead may be booked at most.
pub const MOST_AHEAD: Duration = Duration::from_secs(1);
const SECOND: i64 = 1_000_000_000;
/// What urgent ones may bring forward: a quarter of a second beyond what others have booked.
const LONGEST_LEAD: i64 = SECOND + SECOND / 4;
/// How late a caller may come and lose nothing while somebody waits.
const LATE: i64 = SECOND / 4;
/// So much may travel in one call.
const TOGETHER: i64 = SECOND / 10;
/// How late one may leave without moving those behind it.
const PLAY: i64 = SECOND * 75 / 1_000;
/// Well within that.
const GRID_MILLIS: i64 = 20;
/// One more in so many while it catches up.
const CATCH_UP: MilliRate = 50;

#[cfg(test)]
mod tests;
