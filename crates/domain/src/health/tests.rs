use proptest::prelude::*;

use super::*;
use crate::verdict::{Acceptance, Cause};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_767_323_044_000 + millis)
}

fn ok() -> Verdict {
    Verdict::Accepted(Acceptance::default())
}

fn fault() -> Verdict {
    Verdict::Elsewhere(Cause::new("http_500", "oops"))
}

/// Ten calls a second for these seconds, every `failing`th of them failing; ticks each half
/// second.
fn live(health: &mut Health, seconds: std::ops::Range<i64>, failing: i64, took: u64) {
    for tenth in seconds.start * 10..seconds.end * 10 {
        let now = at(tenth * 100);
        if health.breaker.check(now).is_ok() {
            let call = health.breaker.begin(now);
            let fails = failing > 0 && tenth % failing == 0;
            let verdict = if fails { fault() } else { ok() };
            health.call_ended(call, &[verdict], Duration::from_millis(took), now);
        }
        if tenth % 5 == 0 {
            health.tick(None, now);
        }
    }
}

#[test]
fn massive_errors_open_the_breaker_within_a_second_and_the_weight_is_back_within_thirty() {
    let mut health = Health::default();
    live(&mut health, 0..20, 0, 30);
    assert_eq!(health.factor.per_mille(), 1000);
    live(&mut health, 20..80, 1, 30);
    assert!(!health.breaker.is_closed());
    assert_eq!(health.factor.per_mille(), factor::LEAST);
    let mut back = None;
    for second in 80..110 {
        live(&mut health, second..second + 1, 0, 30);
        if health.factor.per_mille() >= 980 && back.is_none() {
            back = Some(second - 80);
        }
    }
    assert!(back.is_some_and(|seconds| seconds < 30), "{back:?}");
    assert_eq!(health.factor.per_mille(), 1000);
}

#[test]
fn some_errors_take_weight_without_opening_the_breaker() {
    let mut health = Health::default();
    live(&mut health, 0..10, 0, 30);
    live(&mut health, 10..12, 3, 30);
    let shifted = health.factor.per_mille();
    assert!((50..700).contains(&shifted), "{shifted}");
    assert!(health.breaker.is_closed());
    assert!(health.factor.why().unwrap().contains("failed"));
    live(&mut health, 12..40, 0, 30);
    assert_eq!(health.factor.per_mille(), 1000);
    assert!(health.factor.why().is_none());
}

#[test]
fn slowness_takes_weight_step_by_step() {
    let mut health = Health::default();
    live(&mut health, 0..30, 0, 100);
    live(&mut health, 30..36, 0, 4000);
    let first = health.factor.per_mille();
    assert!((600..1000).contains(&first), "{first}");
    live(&mut health, 36..60, 0, 4000);
    let then = health.factor.per_mille();
    assert!((250..300).contains(&then), "{then}");
    live(&mut health, 60..90, 0, 100);
    assert_eq!(health.factor.per_mille(), 1000);
}

/// Twenty messages a second, of which `percent` are delivered after `late` seconds.
fn deliver(
    health: &mut Health,
    seconds: std::ops::Range<i64>,
    percent: u64,
    late: i64,
    peers: Option<&Curve>,
) {
    for second in seconds {
        let now = at(second * 1000);
        for index in 0..20u64 {
            let id = u64::try_from(second).unwrap() * 100 + index;
            health.receipts.sent(id, [None; 2], now);
        }
        let then = second - late;
        for index in 0..20u64 {
            if then >= 0 && index * 5 < percent {
                health
                    .receipts
                    .came(u64::try_from(then).unwrap() * 100 + index, true, now);
            }
        }
        health.tick(peers, now);
        health.tick(peers, at(second * 1000 + 500));
    }
}

#[test]
fn lost_and_late_receipts_alone_shift_the_weight_and_it_drifts_back() {
    let mut health = Health::default();
    deliver(&mut health, 0..60, 100, 1, None);
    assert_eq!(health.factor.per_mille(), 1000);
    assert_eq!(health.receipts.usual().unwrap().0[0], Some(1000));
    deliver(&mut health, 60..120, 60, 4, None);
    let shifted = health.factor.per_mille();
    assert!(shifted < 500, "{shifted}");
    assert!(health.factor.why().unwrap().contains("receipts: "));
    deliver(&mut health, 124..160, 100, 1, None);
    assert_eq!(health.factor.per_mille(), 1000);
}

#[test]
fn refusals_that_are_about_a_number_say_nothing_against_the_account() {
    let mut health = Health::default();
    for tenth in 0..600 {
        let now = at(tenth * 100);
        assert_eq!(health.breaker.check(now), Ok(()));
        let call = health.breaker.begin(now);
        let cause = Cause::new("isv.BUSINESS_LIMIT_CONTROL", "");
        let refused = Verdict::NumberRefused { cause, after: None };
        let signal = health.call_ended(call, &[refused], Duration::from_millis(30), now);
        assert_eq!(signal, Signal::Well);
        health.tick(None, now);
    }
    assert_eq!(health.factor.per_mille(), 1000);
    assert_eq!(health.calls.last_minute(at(60_000)).faults, 0);
}

#[test]
fn an_account_that_never_did_better_is_compared_with_its_peers() {
    let mut alone = Health::default();
    deliver(&mut alone, 0..60, 60, 1, None);
    assert_eq!(alone.factor.per_mille(), 1000, "nothing to compare with");
    let peers = Curve([Some(980); AGES.len()]);
    let mut beside = Health::default();
    deliver(&mut beside, 0..60, 60, 1, Some(&peers));
    assert!(beside.factor.per_mille() < 600, "{:?}", beside.factor);
    let mut mute = Health::default();
    deliver(&mut mute, 0..60, 0, 1, Some(&peers));
    assert_eq!(mute.factor.per_mille(), 1000, "it never sends receipts");
}

#[test]
fn a_receipt_that_overtakes_the_record_of_its_message_counts() {
    let mut health = Health::default();
    health.receipts.came_early(77, true);
    health.receipts.came_early(5, true);
    health.receipts.sent(1, [Some(77), None], at(0));
    health.receipts.sent(5, [None; 2], at(0));
    assert_eq!(health.receipts.tally().delivered, 2);
}

use receipts::AGES;

proptest! {
    /// Whatever happens, the factor stays within its bounds, and with nothing wrong for long
    /// enough it is whole again.
    #[test]
    fn the_factor_stays_within_bounds_and_comes_back(
        calls in proptest::collection::vec((0i64..2000, 0u8..8, 1usize..5, 0u64..9000), 1..200),
    ) {
        let mut health = Health::default();
        let mut now = 0;
        for (pause, what, count, took) in calls {
            now += pause;
            if health.breaker.check(at(now)).is_ok() {
                let verdict = match what {
                    0 => Verdict::Misconfigured(Cause::new("balance", "empty")),
                    1 => Verdict::Unknown(Cause::new("timed_out", "")),
                    2 | 3 => fault(),
                    4 => Verdict::Throttled { cause: Cause::new("429", ""), pause: None },
                    _ => ok(),
                };
                let call = health.breaker.begin(at(now));
                let verdicts = vec![verdict; count];
                health.call_ended(call, &verdicts, Duration::from_millis(took), at(now));
            }
            health.tick(None, at(now));
            prop_assert!((factor::LEAST..=factor::FULL).contains(&health.factor.per_mille()));
        }
        let from = now / 1000 + 1;
        live(&mut health, from..from + 400, 0, 1);
        prop_assert_eq!(health.factor.per_mille(), factor::FULL);
    }
}
