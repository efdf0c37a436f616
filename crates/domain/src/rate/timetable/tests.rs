use proptest::prelude::*;

use super::*;
use crate::rate::milli;

const BEGIN: i64 = 1_767_323_045_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(BEGIN + millis)
}

fn reach(millis: u64) -> Reach {
    Reach {
        ahead: Duration::from_millis(millis),
        urgent: false,
    }
}

fn calls(rate: MilliRate) -> Rates {
    Rates {
        calls: Some(rate),
        recipients: None,
    }
}

const URGENT: Reach = Reach {
    ahead: Duration::ZERO,
    urgent: true,
};

/// A caller with endless work that books as far ahead as it may, is busy for so long each time
/// before the calls can leave, and asks again when it was told to. When calls leave, in
/// milliseconds.
fn endless(rate: MilliRate, ahead: u64, busy: &[i64]) -> Vec<i64> {
    let (mut table, mut gate) = (Timetable::default(), Gate::default());
    let (mut now, mut left) = (0, Vec::new());
    for busy in busy {
        let mut booked = Vec::new();
        let again = loop {
            match table.check(rate, reach(ahead), at(now)) {
                Ok(due) => {
                    booked.push((due, table.slip()));
                    table.take(rate, false, at(now));
                }
                Err(again) => break again.millis() - BEGIN,
            }
        };
        table.wanted();
        let ready = now + busy;
        for (due, slip) in booked {
            let passed = gate.pass(1, calls(rate), due.max(at(ready)));
            table.left(due, slip, passed);
            left.push(passed.millis() - BEGIN);
        }
        now = again.max(ready);
    }
    left
}

/// Most that left in any second.
fn most_in_a_second(left: &[i64]) -> usize {
    let mut sorted = left.to_vec();
    sorted.sort_unstable();
    let seconds = sorted.iter().enumerate();
    let counts = seconds.map(|(i, from)| sorted[i..].partition_point(|to| *to < from + 1_000));
    counts.max().unwrap_or(0)
}

proptest! {
    /// However late, no second sees more than 1.1 of the rate.
    #[test]
    fn no_second_has_more_than_a_tenth_too_many(
        rate in 1_000u64..2_000_000, ahead in 0u64..1_500,
        busy in proptest::collection::vec(0i64..3_000, 1..60),
    ) {
        let left = endless(rate, ahead, &busy);
        let most = rate as f64 * 1.02 * 1.075 / 1000.0;
        let seen = most_in_a_second(&left) as f64;
        // Instants are whole milliseconds: one of them more at each end.
        prop_assert!(seen <= most * 1.002 + 2.0, "{seen} of {most}");
    }

    /// While nothing takes longer than half of what is booked ahead, nothing is lost and nothing
    /// is late: each leaves at its instant.
    #[test]
    fn a_slow_step_within_half_of_the_reach_costs_nothing(
        rate in 2_000u64..2_000_000, ahead in 50u64..1_000, share in 0.0f64..0.9,
        seed in proptest::collection::vec(0.0f64..1.0, 60),
    ) {
        let longest = (ahead / 2) as f64 * share;
        let busy: Vec<i64> = seed.iter().map(|part| (part * longest) as i64).collect();
        let left = endless(rate, ahead, &busy);
        let interval = 1_000_000.0 / rate as f64;
        for (index, at) in left.iter().enumerate().skip(1) {
            // The first ones wait for the first step.
            let ideal = index as f64 * interval;
            let behind = *at as f64 - ideal;
            prop_assert!(behind <= longest + interval + 22.0, "{index} left {behind} ms late");
            prop_assert!(behind >= -1.0, "{index} left {behind} ms early");
        }
    }

    /// Longer steps, up to a quarter of a second beyond what is booked, are made up for.
    #[test]
    fn now_and_then_a_quarter_of_a_second_late_is_made_up_for(
        rate in 20_000u64..2_000_000, ahead in 50u64..1_000, late in 0i64..240,
    ) {
        let half = i64::try_from(ahead / 2).unwrap();
        // One long step, then twenty seconds of short ones.
        let short = usize::try_from(22_000 / half.max(1)).unwrap();
        let busy: Vec<i64> = [1, late + half].into_iter().chain(vec![1; short]).collect();
        let left = endless(rate, ahead, &busy);
        let end = 20_000;
        let until = left.iter().filter(|at| **at < end).count() as f64;
        let ideal = rate as f64 * end as f64 / 1_000_000.0;
        prop_assert!(until >= ideal * 0.995 - 2.0, "{until} of {ideal}");
        prop_assert!(until <= ideal + 2.0, "{until} of {ideal}");
    }
}

#[test]
fn what_is_booked_leaves_evenly_and_the_caller_comes_back_when_half_of_it_has_left() {
    let mut table = Timetable::default();
    let mut given = Vec::new();
    let again = loop {
        match table.check(milli(100), reach(100), at(0)) {
            Ok(leaves_at) => {
                table.take(milli(100), false, at(0));
                given.push(leaves_at.millis() - BEGIN);
            }
            Err(again) => break again,
        }
    };
    assert_eq!(given, [0, 20, 20, 40, 40, 60, 60, 80, 80, 100, 100]);
    assert_eq!(again, at(60));
}

#[test]
fn an_urgent_one_goes_before_what_is_booked_and_the_rate_holds_over_time() {
    let (mut table, rate) = (Timetable::default(), milli(100));
    let mut booked = 0;
    let mut urgent = 0;
    for millis in 0..10_000 {
        while table.check(rate, reach(200), at(millis)).is_ok() {
            table.take(rate, false, at(millis));
            booked += 1;
        }
        if millis % 50 == 0 {
            assert_eq!(table.check(rate, URGENT, at(millis)), Ok(at(millis)));
            table.take(rate, true, at(millis));
            urgent += 1;
        }
    }
    assert_eq!(urgent, 200);
    assert!((1_000..=1_022).contains(&(booked + urgent)), "{booked}");
}

#[test]
fn urgent_ones_alone_keep_the_rate_and_cannot_take_a_second_of_it_at_once() {
    let (mut table, rate) = (Timetable::default(), milli(100));
    let mut taken = 0;
    for millis in 0..10_000 {
        while table.check(rate, URGENT, at(millis)).is_ok() {
            table.take(rate, true, at(millis));
            taken += 1;
        }
    }
    assert!((1_000..=1_002).contains(&taken), "{taken}");
}

#[test]
fn after_a_pause_nothing_is_saved_up() {
    let (mut table, rate) = (Timetable::default(), milli(100));
    table.take(rate, false, at(0));
    let later = at(60_000);
    let mut at_once = 0;
    while table.check(rate, reach(0), later).is_ok() {
        table.take(rate, false, later);
        at_once += 1;
    }
    assert_eq!(at_once, 1);
}

#[test]
fn a_tenth_of_a_second_may_travel_together() {
    let (mut table, rate) = (Timetable::default(), milli(100));
    table.take(rate, false, at(0));
    let mut together = 1;
    while table.may_join(rate, false, at(0)) {
        table.take(rate, false, at(0));
        together += 1;
    }
    assert_eq!(together, 11);
    let next = table.check(rate, reach(1_000), at(0)).unwrap();
    assert_eq!(next, at(120));
    for _ in 0..together {
        table.give_back(rate, false);
    }
    assert_eq!(table.check(rate, reach(0), at(0)), Ok(at(0)));
}

#[test]
fn many_that_leave_together_hold_back_those_behind_them() {
    let mut gate = Gate::default();
    let rates = Rates {
        calls: Some(milli(1_000)),
        recipients: Some(milli(100)),
    };
    assert_eq!(gate.pass(50, rates, at(0)), at(0));
    let second = gate.pass(1, rates, at(1));
    assert_eq!(second, at(316), "50 at 102 a second, and some play");
}

#[test]
fn calls_of_different_sizes_keep_both_rates() {
    let (mut a, mut b) = (Timetable::default(), Timetable::default());
    let mut gate = Gate::default();
    let rates = Rates {
        calls: Some(milli(10)),
        recipients: Some(milli(100)),
    };
    let (mut carried, mut made, mut now) = (0, 0, 0);
    while now < 20_000 {
        let size = if made % 2 == 0 { 1 } else { 10 };
        let ready = |table: &Timetable, rate| table.check(milli(rate), reach(0), at(now));
        let booked = ready(&a, 10).and_then(|first| Ok(first.max(ready(&b, 100)?)));
        match booked {
            Ok(leaves_at) => {
                a.take(milli(10), false, at(now));
                for _ in 0..size {
                    b.take(milli(100), false, at(now));
                }
                let passed = gate.pass(size, rates, leaves_at);
                assert!(
                    passed <= leaves_at.plus(Duration::from_millis(6)),
                    "{passed}"
                );
                (carried, made) = (carried + size, made + 1);
            }
            Err(again) => {
                a.wanted();
                b.wanted();
                now = again.millis() - BEGIN;
            }
        }
    }
    // Ten calls a second of 5.5 on average.
    assert!((1_090..=1_115).contains(&carried), "{carried}");
}

#[test]
fn a_clock_set_back_or_a_raised_rate_does_not_stop_it() {
    let (mut table, mut gate) = (Timetable::default(), Gate::default());
    table.take(milli(1), false, at(3_600_000));
    let again = table.check(milli(1), reach(0), at(0)).unwrap_err();
    assert!(again <= at(2_300));
    gate.pass(1, calls(milli(1)), at(3_600_000));
    assert_eq!(gate.pass(1, calls(milli(1)), at(0)), at(0));
    let mut slow = Timetable::default();
    slow.take(10, false, at(0));
    let again = slow.check(milli(1_000), reach(0), at(1)).unwrap_err();
    assert!(again <= at(1_300));
    slow.take(milli(1_000), false, at(1));
    assert!(slow.check(0, reach(0), at(1)).is_err(), "no overflow");
}
