//! Whose turn it is among the classes that share an account: start-time fair queuing over
//! registered demand.
//!
//! Each class has a tag: the virtual time at which its next one starts. What is served costs its
//! class one over its weight. A class passes unless another that waits has the smaller tag. Who
//! has been idle starts at the present virtual time: it goes before those that have had their
//! share, and has nothing saved up. A class that does not come back loses its place, so that
//! nothing stands idle for it.

use std::time::Duration;

use crate::channel::Class;
use crate::time::Timestamp;

/// The turns of an account.
#[derive(Clone, Debug, Default)]
pub struct Fair {
    flows: [Flow; 3],
    /// The start of what left last.
    virtual_now: u64,
}

/// The turn in which one of a class was served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn(u64);

#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    tag: u64,
    /// It has asked and waits to be served; past this it has gone.
    waits_until: Option<Timestamp>,
}

impl Fair {
    /// Whether a class may go before the others that wait.
    ///
    /// # Errors
    /// When to ask again.
    pub fn check(&self, class: Class, now: Timestamp) -> Result<(), Timestamp> {
        let own = self.start(index(class));
        let other = Class::ALL
            .iter()
            .filter(|other| **other != class)
            .map(|other| index(*other))
            .filter(|other| self.waits(*other, now) && self.start(*other) < own)
            .filter_map(|other| self.flows[other].waits_until)
            .max();
        match other {
            Some(until) => Err(until.min(now.plus(RECHECK))),
            None => Ok(()),
        }
    }

    /// A class has asked in vain and will be back at `at`.
    pub fn wait(&mut self, class: Class, at: Timestamp) {
        let start = self.start(index(class));
        let flow = &mut self.flows[index(class)];
        flow.tag = start;
        flow.waits_until = Some(at.plus(GRACE));
    }

    /// One of a class is served: its turn, for [`Fair::left`].
    pub fn serve(&mut self, class: Class) -> Turn {
        let start = self.start(index(class));
        self.flows[index(class)] = Flow {
            tag: start + UNIT / weight(class),
            waits_until: None,
        };
        Turn(start)
    }

    /// What was served leaves. Time goes by what leaves: what is booked far ahead gives those who
    /// come meanwhile no credit.
    pub fn left(&mut self, turn: Turn) {
        self.virtual_now = self.virtual_now.max(turn.0);
    }

    /// What was served was not used after all.
    pub fn give_back(&mut self, class: Class) {
        let flow = &mut self.flows[index(class)];
        flow.tag = flow.tag.saturating_sub(UNIT / weight(class));
    }

    fn start(&self, index: usize) -> u64 {
        self.flows[index].tag.max(self.virtual_now)
    }

    fn waits(&self, index: usize, now: Timestamp) -> bool {
        self.flows[index]
            .waits_until
            .is_some_and(|until| until > now)
    }
}

const fn index(class: Class) -> usize {
    match class {
        Class::Verification => 0,
        Class::Notification => 1,
        Class::Marketing => 2,
    }
}

/// Parts of a shared account that each class gets while all of them want more than there is.
const fn weight(class: Class) -> u64 {
    match class {
        Class::Verification => 64,
        Class::Notification => 8,
        Class::Marketing => 2,
    }
}

/// A multiple of every weight.
const UNIT: u64 = 64 * 1024;
/// How late a class may come back; shorter than what a timetable makes up for, so that nothing
/// is lost when it does not.
const GRACE: Duration = Duration::from_millis(50);
const RECHECK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::milli;
    use crate::rate::timetable::{Reach, Timetable};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_767_323_045_000 + millis)
    }

    /// Everyone in `asking` asks once each millisecond for ten seconds, in this order.
    fn served(rate: u32, asking: impl Fn(i64) -> Vec<Class>) -> (u32, Vec<(i64, Class)>) {
        let (mut fair, mut table) = (Fair::default(), Timetable::default());
        let reach = Reach {
            ahead: Duration::ZERO,
            urgent: false,
        };
        let mut all = Vec::new();
        for millis in 0..10_000 {
            for class in asking(millis) {
                let taken = table
                    .check(milli(rate), reach, at(millis))
                    .and_then(|_| fair.check(class, at(millis)));
                match taken {
                    Ok(()) => {
                        table.take(milli(rate), false, at(millis));
                        let turn = fair.serve(class);
                        fair.left(turn);
                        all.push((millis, class));
                    }
                    Err(until) => {
                        table.wanted();
                        fair.wait(class, until);
                    }
                }
            }
        }
        (u32::try_from(all.len()).unwrap(), all)
    }

    #[test]
    fn a_code_passes_at_once_while_marketing_waits() {
        let (total, all) = served(100, |millis| {
            let mut asking = vec![Class::Marketing];
            // A code once a second, asking until it is served is not modelled: 40 ms of asking.
            if millis % 1000 < 40 {
                asking.push(Class::Verification);
            }
            asking
        });
        assert!((1000..=1012).contains(&total), "{total}");
        for second in 1..10 {
            let first = all
                .iter()
                .find(|(at, class)| *at >= second * 1000 && *class == Class::Verification);
            let waited = first.unwrap().0 - second * 1000;
            assert!(waited <= 10, "a code waited {waited} ms");
        }
    }

    #[test]
    fn shares_follow_the_weights_while_all_want_more_and_nobody_starves() {
        let (total, all) = served(1000, |_| Class::ALL.to_vec());
        let of = |class| all.iter().filter(|(_, served)| *served == class).count();
        assert!((9990..=10_110).contains(&total), "{total}");
        let (code, note, ad) = (
            of(Class::Verification),
            of(Class::Notification),
            of(Class::Marketing),
        );
        // One in each millisecond at most for each of them: codes cannot take all of it.
        assert!(code > note && note > ad && ad > 200, "{code} {note} {ad}");
    }

    #[test]
    fn nothing_stands_idle_for_a_class_that_has_gone() {
        let (total, _) = served(100, |millis| {
            if millis == 500 {
                vec![Class::Marketing, Class::Verification]
            } else {
                vec![Class::Marketing]
            }
        });
        assert!((1000..=1012).contains(&total), "{total}");
    }
}
