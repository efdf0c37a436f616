use proptest::prelude::*;

use super::*;
use crate::verdict::{Acceptance, Cause};

fn tally(calls: u64, attempts: u64, errors: u64) -> Tally {
    Tally {
        calls,
        attempts,
        errors,
        refused: 0,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
}

#[test]
fn a_version_that_fails_everything_is_worse_after_the_least_sample() {
    let former = tally(300, 300, 3);
    assert_eq!(judge(tally(29, 29, 29), former), Judgement::Undecided);
    let Judgement::Worse(worse) = judge(tally(30, 30, 30), former) else {
        panic!("not found worse");
    };
    assert_eq!(worse.of, "errors");
    assert!((worse.share - 1.0).abs() < 1e-9 && (worse.former_share - 0.01).abs() < 1e-9);
    // Few calls with many recipients each are little evidence.
    assert_eq!(judge(tally(9, 450, 450), former), Judgement::Undecided);
    assert!(matches!(
        judge(tally(10, 500, 500), former),
        Judgement::Worse(_)
    ));
}

#[test]
fn a_vendor_that_fails_both_is_nobodys_fault() {
    assert_eq!(
        judge(tally(100, 100, 97), tally(900, 900, 850)),
        Judgement::AsGood
    );
    assert_eq!(
        judge(tally(100, 100, 100), tally(900, 900, 900)),
        Judgement::AsGood
    );
}

#[test]
fn a_small_difference_is_none_and_a_large_one_needs_evidence() {
    // Four points more of a million: real, and too little to matter.
    let (million, hundred) = (1_000_000, 100);
    assert_eq!(
        judge(
            tally(million, million, 50_000),
            tally(million, million, 10_000)
        ),
        Judgement::AsGood
    );
    // Two of thirty: too little to say.
    assert_eq!(
        judge(tally(30, 30, 2), tally(hundred, hundred, 1)),
        Judgement::AsGood
    );
    assert!(matches!(
        judge(tally(200, 200, 40), tally(1_800, 1_800, 20)),
        Judgement::Worse(_)
    ));
}

#[test]
fn refusing_good_recipients_is_worse_too() {
    let new = Tally {
        refused: 80,
        ..tally(100, 100, 0)
    };
    let former = Tally {
        refused: 18,
        ..tally(900, 900, 0)
    };
    let Judgement::Worse(worse) = judge(new, former) else {
        panic!("not found worse");
    };
    assert_eq!(worse.of, "not_accepted");
}

#[test]
fn one_call_is_counted_by_its_verdicts() {
    let cause = || Cause::new("x", "y");
    let verdicts = [
        Verdict::Accepted(Acceptance::default()),
        Verdict::BadRecipient(cause()),
        Verdict::Unknown(cause()),
        Verdict::Elsewhere(cause()),
        Verdict::Misconfigured(cause()),
        Verdict::NumberRefused {
            cause: cause(),
            after: None,
        },
        Verdict::Throttled {
            cause: cause(),
            pause: None,
        },
    ];
    let expected = Tally {
        calls: 1,
        attempts: 7,
        errors: 3,
        refused: 3,
    };
    assert_eq!(Tally::of(&verdicts), expected);
}

#[test]
fn a_window_forgets() {
    let mut window = Window::default();
    window.add(at(0), tally(1, 1, 1));
    window.add(at(100), tally(2, 2, 0));
    assert_eq!(window.since(at(0), at(100)), tally(3, 3, 1));
    assert_eq!(window.since(at(50), at(100)), tally(2, 2, 0));
    assert_eq!(window.since(at(0), at(350)), tally(2, 2, 0));
    assert_eq!(window.since(at(0), at(5_000)), Tally::default());
    // The slot of five minutes ago is used again, not added to.
    window.add(at(300), tally(5, 5, 5));
    assert_eq!(window.since(at(300), at(300)), tally(5, 5, 5));
}

proptest! {
    #[test]
    fn a_canary_has_exactly_its_share_of_any_hundred_turns(percent in 0u8..=100, start: u32) {
        let start = u64::from(start);
        let turns = (start..start + 100).filter(|turn| is_canarys_turn(*turn, percent)).count();
        prop_assert_eq!(turns, usize::from(percent));
        // Smooth: any ten turns have the share of ten turns, give or take one.
        let ten = (start..start + 10).filter(|turn| is_canarys_turn(*turn, percent)).count();
        prop_assert!(ten.abs_diff(usize::from(percent) / 10) <= 2, "{} of ten", ten);
    }

    #[test]
    fn a_version_that_does_no_worse_is_never_called_worse(
        calls in 0u64..5_000, former_calls in 0u64..5_000, per_call in 1u64..50,
        errors in 0u64..100, more in 0u64..100,
    ) {
        let (attempts, former_attempts) = (calls * per_call, former_calls * per_call);
        let share = |attempts: u64, percent: u64| attempts * percent.min(100) / 100;
        let new = tally(calls, attempts, share(attempts, errors));
        // Rounded up, so that the former one is never the better by rounding.
        let former_errors = (former_attempts * (errors + more).min(100)).div_ceil(100);
        let former = tally(former_calls, former_attempts, former_errors);
        prop_assert!(!matches!(judge(new, former), Judgement::Worse(_)));
    }

    #[test]
    fn more_errors_never_make_a_worse_version_good(
        calls in 10u64..1_000, former_calls in 10u64..1_000, errors in 0u64..1_000, more in 0u64..100,
        former_errors in 0u64..1_000,
    ) {
        let attempts = calls.max(30);
        let former_attempts = former_calls.max(30);
        let former = tally(former_calls, former_attempts, former_errors.min(former_attempts));
        let errors = errors.min(attempts);
        if matches!(judge(tally(calls, attempts, errors), former), Judgement::Worse(_)) {
            let more = (errors + more).min(attempts);
            let worse = matches!(judge(tally(calls, attempts, more), former), Judgement::Worse(_));
            prop_assert!(worse);
        }
    }

    #[test]
    fn a_window_counts_everything_recent_once(adds in prop::collection::vec((0i64..280, 0u64..9), 0..60)) {
        let mut adds = adds;
        adds.sort_unstable();
        let mut window = Window::default();
        let mut sum = Tally::default();
        for (second, calls) in adds {
            window.add(at(second), tally(calls, calls, 0));
            sum = sum.plus(tally(calls, calls, 0));
        }
        prop_assert_eq!(window.since(at(0), at(280)), sum);
    }
}
