//! Closed, open, half-open: whether an account that kept failing is called, and by whom.
//!
//! What holds: many calls that fail together make one rest; after a rest one call at a time
//! tries, with one recipient, until one succeeds; an account that is at fault itself rests
//! longer; one that fails again soon after it came back rests on where it left off.

use std::time::Duration;

use crate::health::signal::Signal;
use crate::time::Timestamp;

/// The breaker of an account.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    /// Calls that failed since the last one that did not.
    faults: u32,
    open: Option<Open>,
    /// Rests so far, and when the last of them was over.
    rests: u32,
    closed_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Open {
    since: Timestamp,
    rests_until: Timestamp,
    /// The call that tries, and when it counts as lost.
    probing_until: Option<Timestamp>,
    why: String,
}

/// What kind of call was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// One of many.
    Usual(
        /// When it began.
        Timestamp,
    ),
    /// The one that tries whether the account works again. It carries one recipient.
    Probe,
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Calls are made.
    Closed,
    /// None are made.
    Open,
    /// One may be made, or is being made.
    HalfOpen,
}

impl Stand {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// Why no call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It rests until then.
    Rests(Timestamp),
    /// It is being tried by another call.
    Probed,
}

impl Breaker {
    /// Whether a call may be made.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, now: Timestamp) -> Result<(), Refused> {
        match &self.open {
            None => Ok(()),
            Some(open) if open.rests_until > now => Err(Refused::Rests(open.rests_until)),
            Some(open) if open.probing_until.is_some_and(|until| until > now) => {
                Err(Refused::Probed)
            }
            Some(_) => Ok(()),
        }
    }

    /// A call is made, after [`Breaker::check`].
    pub fn begin(&mut self, now: Timestamp) -> Call {
        match &mut self.open {
            None => Call::Usual(now),
            Some(open) => {
                open.probing_until = Some(now.plus(LOST_AFTER));
                Call::Probe
            }
        }
    }

    /// A call was not made after all.
    pub fn abandon(&mut self, call: Call) {
        if let (Call::Probe, Some(open)) = (call, &mut self.open) {
            open.probing_until = None;
        }
    }

    /// A call has ended.
    pub fn ended(&mut self, call: Call, signal: &Signal, now: Timestamp) {
        // What began before the rest says nothing new.
        let stale = match (call, &self.open) {
            (Call::Usual(_), Some(_)) => true,
            (Call::Usual(began), None) => self.closed_at.is_some_and(|closed| began < closed),
            (Call::Probe, _) => false,
        };
        match signal {
            Signal::Well | Signal::Asked(..) if call == Call::Probe => self.close(now),
            Signal::Well | Signal::Asked(..) => {
                if self.open.is_none() {
                    self.faults = 0;
                }
            }
            Signal::Sick(_) | Signal::Faulty(_) if stale => {}
            Signal::Sick(why) => self.rest(now, SICK, why),
            Signal::Faulty(why) => {
                self.faults += 1;
                if self.open.is_some() || self.faults >= FAULTS_BEFORE_REST {
                    self.rest(now, FAULTY, why);
                }
            }
        }
    }

    /// How it stands.
    pub fn stand(&self, now: Timestamp) -> Stand {
        match &self.open {
            None => Stand::Closed,
            Some(open) if open.rests_until > now => Stand::Open,
            Some(_) => Stand::HalfOpen,
        }
    }

    /// Whether calls are made as usual.
    pub const fn is_closed(&self) -> bool {
        self.open.is_none()
    }

    /// Since when it is not closed, and why.
    pub fn why(&self) -> Option<(Timestamp, &str)> {
        self.open
            .as_ref()
            .map(|open| (open.since, open.why.as_str()))
    }

    /// Until when it rests, however long that has been over.
    pub fn rests_until(&self) -> Option<Timestamp> {
        self.open.as_ref().map(|open| open.rests_until)
    }

    /// Whether a call is trying now.
    pub fn is_probing(&self, now: Timestamp) -> bool {
        self.open
            .as_ref()
            .and_then(|open| open.probing_until)
            .is_some_and(|until| until > now)
    }

    fn close(&mut self, now: Timestamp) {
        self.open = None;
        self.faults = 0;
        self.closed_at = Some(now);
    }

    fn rest(&mut self, now: Timestamp, (first, most): (Duration, Duration), why: &str) {
        let calm = self
            .closed_at
            .is_none_or(|closed| now.since(closed) > CALM_AFTER);
        if self.open.is_none() && calm {
            self.rests = 0;
        }
        let pause = first.saturating_mul(1 << self.rests.min(16)).min(most);
        self.rests += 1;
        self.open = Some(Open {
            since: self.open.as_ref().map_or(now, |open| open.since),
            rests_until: now.plus(pause),
            probing_until: None,
            why: why.to_owned(),
        });
    }
}

const FAULTS_BEFORE_REST: u32 = 5;
/// First and longest rest of an account that fails. Short enough for the configured split to be
/// back within half a minute of a recovery.
const FAULTY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// First and longest rest of an account that somebody has to mend.
const SICK: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// A try whose end nobody reported.
const LOST_AFTER: Duration = Duration::from_secs(90);
/// How long an account must have worked for its next rest to be a short one again.
const CALM_AFTER: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_767_323_045_000 + millis)
    }

    fn faulty() -> Signal {
        Signal::Faulty("http_500: oops".into())
    }

    /// Opened by five calls that failed together at `at(0)`.
    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        let calls: Vec<_> = (0..20).map(|_| breaker.begin(at(-5))).collect();
        for call in calls {
            breaker.ended(call, &faulty(), at(0));
        }
        breaker
    }

    #[test]
    fn one_rest_for_many_calls_that_fail_together_and_one_probe_at_a_time() {
        let mut breaker = opened();
        assert_eq!(breaker.check(at(999)), Err(Refused::Rests(at(1000))));
        assert_eq!(breaker.stand(at(1000)), Stand::HalfOpen);
        breaker.check(at(1000)).unwrap();
        let probe = breaker.begin(at(1000));
        assert_eq!(breaker.check(at(1001)), Err(Refused::Probed));
        breaker.ended(probe, &faulty(), at(1010));
        assert_eq!(
            breaker.check(at(1011)),
            Err(Refused::Rests(at(3010))),
            "doubled"
        );
        let probe = breaker.begin(at(3010));
        breaker.ended(probe, &Signal::Well, at(3020));
        assert_eq!(breaker.stand(at(3020)), Stand::Closed);
        assert!(matches!(breaker.begin(at(3021)), Call::Usual(_)));
    }

    #[test]
    fn an_old_call_that_succeeds_does_not_end_a_rest_and_one_that_fails_starts_none() {
        let mut breaker = opened();
        breaker.ended(Call::Usual(at(-5)), &Signal::Well, at(10));
        assert_eq!(breaker.stand(at(20)), Stand::Open);
        let probe = breaker.begin(at(1000));
        breaker.ended(probe, &Signal::Well, at(1010));
        for _ in 0..9 {
            breaker.ended(Call::Usual(at(-5)), &faulty(), at(1020));
        }
        assert_eq!(breaker.stand(at(1020)), Stand::Closed);
    }

    #[test]
    fn what_flaps_rests_longer_and_what_is_lost_is_tried_again() {
        let mut breaker = opened();
        let probe = breaker.begin(at(1000));
        breaker.ended(probe, &Signal::Well, at(1000));
        for _ in 0..5 {
            breaker.ended(Call::Usual(at(1001)), &faulty(), at(1001));
        }
        assert_eq!(breaker.rests_until(), Some(at(3001)));
        breaker.begin(at(3001));
        assert_eq!(breaker.check(at(3001 + 89_999)), Err(Refused::Probed));
        breaker.check(at(3001 + 90_000)).unwrap();
    }

    #[test]
    fn rests_are_bounded_and_longer_for_what_somebody_has_to_mend() {
        let mut breaker = opened();
        let mut sick = Breaker::default();
        sick.ended(Call::Usual(at(0)), &Signal::Sick("balance".into()), at(0));
        assert_eq!(sick.rests_until(), Some(at(5000)), "the first says it all");
        for _ in 0..20 {
            let now = breaker.rests_until().unwrap();
            let probe = breaker.begin(now);
            breaker.ended(probe, &faulty(), now);
            assert!(breaker.rests_until().unwrap().since(now) <= FAULTY.1);
            let now = sick.rests_until().unwrap();
            let probe = sick.begin(now);
            sick.ended(probe, &Signal::Sick("balance".into()), now);
            assert!(sick.rests_until().unwrap().since(now) <= SICK.1);
        }
        assert_eq!(sick.why().unwrap().0, at(0), "since the first of them");
    }
}
