use proptest::prelude::*;

use super::super::Wheel;
use super::super::plan::Plan;
use super::*;

fn id(number: u64) -> AccountId {
    AccountId::from_u64(number)
}

fn ids(numbers: &[u64]) -> Vec<AccountId> {
    numbers.iter().copied().map(id).collect()
}

fn account(number: u64, weight: u32) -> Part {
    Part {
        to: Target::Account(id(number)),
        weight,
    }
}

fn tag(name: &str, weight: u32) -> Part {
    Part {
        to: Target::Tag(name.into()),
        weight,
    }
}

fn plain(shares: &[Share]) -> Vec<(u64, u32)> {
    let pair = |share: &Share| (share.account.as_u64(), share.weight);
    shares.iter().map(pair).collect()
}

fn members(tag: &str) -> Vec<AccountId> {
    match tag {
        "cheap" => ids(&[1, 2, 3]),
        "pair" => ids(&[4, 5]),
        _ => Vec::new(),
    }
}

#[test]
fn tags_are_dealt_out_evenly() {
    let shares = |parts: &[Part]| plain(&expand(parts, members));
    assert_eq!(
        shares(&[account(1, 70), account(2, 30)]),
        [(1, 70), (2, 30)]
    );
    // 70 : 30, the 30 in three.
    let parts = [account(9, 70), tag("cheap", 30)];
    assert_eq!(shares(&parts), [(9, 210), (1, 30), (2, 30), (3, 30)]);
    let parts = [tag("pair", 1), tag("cheap", 1)];
    assert_eq!(shares(&parts), [(4, 3), (5, 3), (1, 2), (2, 2), (3, 2)]);
    // Named by itself and by its tag: both count.
    let parts = [account(1, 10), tag("cheap", 30)];
    assert_eq!(shares(&parts), [(1, 60), (2, 30), (3, 30)]);
    // Nobody carries it: the others share.
    assert_eq!(shares(&[tag("nobody", 90), account(1, 10)]), [(1, 10)]);
    assert_eq!(
        shares(&[tag("pair", 0), account(1, 1)]),
        [(4, 0), (5, 0), (1, 2)]
    );
    assert_eq!(shares(&[tag("nobody", 1)]), []);
}

fn shift(begins: i64, ends: i64) -> Shift {
    Shift {
        from: Plan::default(),
        begins_at: Timestamp::from_millis(begins),
        ends_at: Timestamp::from_millis(ends),
    }
}

#[test]
fn a_shift_is_even_and_ends_on_time() {
    let at = |shift: &Shift, millis| shift.at(Timestamp::from_millis(millis)).millionths();
    let slow = shift(1_000, 601_000);
    let read: Vec<u32> = [0, 1_000, 151_000, 301_000, 600_999, 601_000, i64::MAX]
        .into_iter()
        .map(|millis| at(&slow, millis))
        .collect();
    assert_eq!(
        read,
        [0, 0, 250_000, 500_000, 999_998, 1_000_000, 1_000_000]
    );
    let step = shift(1_000, 1_000);
    assert_eq!((at(&step, 999), at(&step, 1_000)), (0, 1_000_000));
}

#[test]
fn halfway_is_the_mean_of_both_plans() {
    let from = expand(&[account(1, 70), account(2, 30)], members);
    let to = expand(&[account(3, 1), account(2, 0)], members);
    let half = Progress(500_000);
    let scale = f64::from(1u32 << 30);
    let part = |share: &Share| (f64::from(share.weight) / scale * 1000.0).round();
    let shares = mix(&from, &to, half);
    let parts: Vec<_> = shares
        .iter()
        .map(|s| (s.account.as_u64(), part(s)))
        .collect();
    assert_eq!(parts, [(3, 500.0), (2, 150.0), (1, 350.0)]);
    // A side that nobody is left of has no say.
    assert_eq!(mix(&[], &to, half), to);
    assert_eq!(mix(&from, &[], half), from);
}

fn side() -> impl Strategy<Value = Vec<Share>> {
    prop::collection::btree_map(1u64..12, prop_oneof![Just(0u32), 1u32..1_000_000], 1..8)
        .prop_map(|all| {
            let share = |(account, weight)| Share {
                account: id(account),
                weight,
            };
            all.into_iter().map(share).collect::<Vec<_>>()
        })
        .prop_filter("some weight", |shares| total(shares) > 0)
}

fn fraction(shares: &[Share], account: u64) -> f64 {
    let all: f64 = shares.iter().map(|share| f64::from(share.weight)).sum();
    let own = shares.iter().find(|share| share.account == id(account));
    own.map_or(0.0, |share| f64::from(share.weight)) / all
}

proptest! {
    #[test]
    fn a_mix_lies_on_the_line_and_never_turns_back(
        from in side(),
        to in side(),
        steps in prop::collection::vec(0u32..=1_000_000, 1..20),
    ) {
        prop_assert_eq!(mix(&from, &to, Progress::NONE), from.clone());
        prop_assert_eq!(mix(&from, &to, Progress::COMPLETE), to.clone());
        let mut steps = steps;
        steps.sort_unstable();
        for account in 1..12 {
            let (begin, end) = (fraction(&from, account), fraction(&to, account));
            let mut last = begin;
            for step in &steps {
                let mixed = mix(&from, &to, Progress(*step));
                prop_assert_eq!(&mixed, &mix(&from, &to, Progress(*step)));
                let now = fraction(&mixed, account);
                let line = begin + (end - begin) * f64::from(*step) / 1e6;
                prop_assert!((now - line).abs() < 1e-6, "{now} {line}");
                let back = if end >= begin { last - now } else { now - last };
                prop_assert!(back < 1e-7, "{last} then {now}");
                last = now;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_wheel_keeps_the_expanded_shares(
        parts in prop::collection::vec((any::<bool>(), 1u64..4, 1u32..1000), 1..6),
        sizes in prop::collection::vec(1u64..9, 4),
    ) {
        let members = |tag: &str| -> Vec<AccountId> {
            let place: usize = tag.parse().unwrap();
            let first = 100 * (place as u64 + 1);
            (first..first + sizes[place]).map(id).collect()
        };
        let parts: Vec<Part> = parts
            .into_iter()
            .map(|(is_tag, number, weight)| if is_tag {
                tag(&number.to_string(), weight)
            } else {
                account(number, weight)
            })
            .collect();
        let shares = expand(&parts, members);
        let all: f64 = parts.iter().map(|part| f64::from(part.weight)).sum();
        let mut wheel = Wheel::default();
        let picks: Vec<_> = (0..10_000).filter_map(|_| wheel.pick(&shares, |_| true)).collect();
        prop_assert_eq!(picks.len(), 10_000);
        for share in &shares {
            let wanted: f64 = parts
                .iter()
                .map(|part| {
                    let among = match &part.to {
                        Target::Account(account) => vec![*account],
                        Target::Tag(tag) => members(tag),
                    };
                    if among.contains(&share.account) {
                        f64::from(part.weight) / among.len() as f64
                    } else {
                        0.0
                    }
                })
                .sum::<f64>() / all * 10_000.0;
            let got = picks.iter().filter(|pick| **pick == share.account).count() as f64;
            prop_assert!((got - wanted).abs() <= 2.0, "{} got {got}, wanted {wanted}", share.account);
        }
    }
}

#[test]
fn a_wheel_follows_a_shift() {
    // 70 : 30 to 0 : 100 over 10,000 deliveries: on average half the way.
    let from = expand(&[account(1, 70), account(2, 30)], members);
    let to = expand(&[account(1, 0), account(2, 100)], members);
    let shift = shift(0, 10_000);
    let mut wheel = Wheel::default();
    let first = (0..10_000)
        .map(|millis| mix(&from, &to, shift.at(Timestamp::from_millis(millis))))
        .filter_map(|shares| wheel.pick(&shares, |_| true))
        .filter(|picked| *picked == id(1))
        .count();
    assert!(first.abs_diff(3_500) <= 20, "{first}");
}
