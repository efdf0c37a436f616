use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_767_323_045_000 + millis)
}

fn rule(count: u32, seconds: u64) -> NumberRule {
    NumberRule {
        class: None,
        count,
        window: Duration::from_secs(seconds),
    }
}

fn following(rules: &[NumberRule]) -> Numbers {
    let mut numbers = Numbers::default();
    numbers.follow(rules);
    numbers
}

proptest! {
    /// Whatever is asked and given back, no window of a rule ever holds more than it allows, and
    /// what is refused is let through at the instant that was named. Calls leave late.
    #[test]
    fn no_window_is_ever_passed(
        count in 1u32..40, seconds in 1u64..100,
        asks in proptest::collection::vec((0i64..4000, 0u64..3, any::<bool>(), 0i64..1500), 1..150),
    ) {
        let rule = rule(count, seconds);
        let mut numbers = following(std::slice::from_ref(&rule));
        let mut went: Vec<(u64, i64)> = Vec::new();
        let mut now = 0;
        for (pause, number, fails, late) in asks {
            now += pause;
            match numbers.check(number, Class::Marketing, at(now)) {
                Ok(()) => {
                    numbers.reserve(number, Class::Marketing, at(now));
                    if fails {
                        numbers.release(number, Class::Marketing, at(now));
                    } else {
                        went.push((number, now + late));
                    }
                }
                Err(full) => {
                    prop_assert!(full.opens_at > at(now));
                    let window = seconds as i64 * 1000 + 1_500;
                    let part = window / (64 / if count < 16 { 4 } else { 8 }) + 1;
                    let latest = at(now + window + 2 * part);
                    prop_assert!(full.opens_at <= latest);
                    prop_assert!(numbers.check(number, Class::Marketing, full.opens_at).is_ok());
                }
            }
            let of_it = || went.iter().filter(|(other, _)| *other == number);
            for (_, end) in of_it() {
                let begin = end - seconds as i64 * 1000;
                let inside = of_it().filter(|(_, at)| *at > begin && at <= end).count();
                prop_assert!(inside <= count as usize, "{inside} in a window of {count}");
            }
        }
    }
}

#[test]
fn one_a_minute_five_an_hour_ten_a_day_for_codes_only() {
    let code = |count, seconds| NumberRule {
        class: Some(Class::Verification),
        ..rule(count, seconds)
    };
    let rules = [code(1, 60), code(5, 3600), code(10, 86_400)];
    let mut numbers = following(&rules);
    let class = Class::Verification;
    let (mut now, mut went) = (0, Vec::new());
    while now < 86_400_000 {
        match numbers.check(7, class, at(now)) {
            Ok(()) => {
                numbers.reserve(7, class, at(now));
                went.push(now);
            }
            Err(full) => {
                now = full.opens_at.millis() - at(0).millis();
                continue;
            }
        }
    }
    assert_eq!(went.len(), 10, "{went:?}");
    assert!(went[1] >= 60_000 && went[1] <= 65_500, "{went:?}");
    assert!(went[5] - went[0] >= 3_600_000, "{went:?}");
    let full = numbers.check(7, class, at(went[9] + 1)).unwrap_err();
    assert_eq!(full.rule, rules[2]);
    assert!(numbers.check(7, Class::Marketing, at(now)).is_ok());
    assert!(numbers.check(8, class, at(now)).is_ok());
}

#[test]
fn a_rule_that_stays_keeps_its_counts_and_a_released_number_costs_nothing() {
    let mut numbers = following(&[rule(1, 60)]);
    numbers.reserve(1, Class::Marketing, at(0));
    numbers.follow(&[rule(5, 3600), rule(1, 60)]);
    assert!(numbers.check(1, Class::Marketing, at(1)).is_err());
    numbers.release(1, Class::Marketing, at(0));
    assert!(numbers.check(1, Class::Marketing, at(1)).is_ok());
    assert_eq!(numbers.len(), 0);
    numbers.follow(&[rule(0, 60)]);
    assert!(
        numbers.check(1, Class::Marketing, at(1)).is_err(),
        "none at all"
    );
}
