//! How far ahead of their time a lane plans calls: as far as its ledger is slow.
//!
//! Twice the slowest commit of the last seconds, since a lane asks again when half of what it has
//! planned has left. Not farther: what is planned is `sending`, and after a crash nobody knows
//! whether it left.

use std::time::Duration;

use austin_domain::Timestamp;
use austin_domain::rate::timetable::MOST_AHEAD;

/// How slow commits were lately.
#[derive(Debug, Default)]
pub(crate) struct Lookahead {
    since: Timestamp,
    /// The slowest since then, and in the period before.
    slowest: [Duration; 2],
}

impl Lookahead {
    /// A commit took so long.
    pub(crate) fn took(&mut self, from: Timestamp, to: Timestamp) {
        if to.since(self.since) >= PERIOD {
            self.since = to;
            self.slowest = [Duration::ZERO, self.slowest[0]];
        }
        self.slowest[0] = self.slowest[0].max(to.since(from));
    }

    /// How far ahead to plan.
    pub(crate) fn reach(&self) -> Duration {
        let slowest = self.slowest[0].max(self.slowest[1]);
        (slowest * 2).clamp(LEAST, MOST_AHEAD)
    }
}

const PERIOD: Duration = Duration::from_secs(10);
const LEAST: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use austin_testkit::builders::NOW;

    use super::*;

    #[test]
    fn reaches_twice_as_far_as_the_slowest_commit_and_forgets_it_again() {
        let mut ahead = Lookahead::default();
        let mut now = NOW;
        let mut took = |ahead: &mut Lookahead, millis| {
            let from = now;
            now = now.plus(Duration::from_millis(millis));
            ahead.took(from, now);
        };
        took(&mut ahead, 3);
        assert_eq!(ahead.reach(), LEAST);
        took(&mut ahead, 200);
        assert_eq!(ahead.reach(), Duration::from_millis(400));
        took(&mut ahead, 3_000);
        assert_eq!(ahead.reach(), MOST_AHEAD);
        for _ in 0..2_100 {
            took(&mut ahead, 10);
        }
        assert_eq!(ahead.reach(), LEAST);
    }
}
