use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn id(number: usize) -> AccountId {
    AccountId::from_u64(number as u64 + 1)
}

fn shares(weights: &[u32]) -> Vec<Share> {
    weights
        .iter()
        .enumerate()
        .map(|(index, weight)| Share {
            account: id(index),
            weight: *weight,
        })
        .collect()
}

fn picks(wheel: &mut Wheel, shares: &[Share], count: usize) -> Vec<AccountId> {
    (0..count)
        .filter_map(|_| wheel.pick(shares, |_| true))
        .collect()
}

fn counts(picks: &[AccountId]) -> BTreeMap<AccountId, usize> {
    let mut counts = BTreeMap::new();
    for pick in picks {
        *counts.entry(*pick).or_insert(0) += 1;
    }
    counts
}

/// Picks of one account among `picks`.
fn of(picks: &[AccountId], index: usize) -> usize {
    picks.iter().filter(|pick| **pick == id(index)).count()
}

#[test]
fn picks_are_interleaved() {
    let order: Vec<u64> = picks(&mut Wheel::default(), &shares(&[5, 1, 1]), 7)
        .into_iter()
        .map(AccountId::as_u64)
        .collect();
    assert_eq!(order, [1, 1, 2, 1, 3, 1, 1]);
}

#[test]
fn stand_ins_take_turns_only_when_nobody_else_can() {
    let shares = shares(&[3, 0, 0]);
    let mut wheel = Wheel::default();
    assert_eq!(of(&picks(&mut wheel, &shares, 30), 0), 30);
    let without: Vec<_> = (0..10)
        .filter_map(|_| wheel.pick(&shares, |a| a != id(0)))
        .collect();
    assert_eq!((of(&without, 1), of(&without, 2)), (5, 5));
    assert_eq!(of(&picks(&mut wheel, &shares, 30), 0), 30);
    assert_eq!(wheel.pick(&shares, |a| a == id(2)), Some(id(2)));
}

#[test]
fn nobody_is_nobody() {
    let mut wheel = Wheel::default();
    assert_eq!(wheel.pick(&[], |_| true), None);
    let shares = shares(&[2, 1, 0]);
    for _ in 0..1000 {
        assert_eq!(wheel.pick(&shares, |_| false), None);
    }
    assert_eq!(
        picks(&mut wheel, &shares, 3),
        picks(&mut Wheel::default(), &shares, 3)
    );
}

#[test]
fn an_account_that_was_away_does_not_catch_up() {
    let shares = shares(&[1, 1]);
    let mut wheel = Wheel::default();
    for _ in 0..10_000 {
        assert_eq!(wheel.pick(&shares, |a| a != id(1)), Some(id(0)));
    }
    let after = picks(&mut wheel, &shares, 20);
    assert_eq!((of(&after, 0), of(&after, 1)), (10, 10));
}

#[test]
fn changed_weights_carry_on() {
    let mut wheel = Wheel::default();
    picks(&mut wheel, &shares(&[1, 1]), 1);
    // The second account is owed the next pick, and gets it although its weight fell.
    assert_eq!(wheel.pick(&shares(&[1, 1]), |_| true), Some(id(1)));
    picks(&mut wheel, &shares(&[4_000_000_000, 1_000_000_000]), 1);
    let after = picks(&mut wheel, &shares(&[1, 1]), 1000);
    assert!((495..=505).contains(&of(&after, 0)), "{}", of(&after, 0));
}

#[test]
fn a_weight_that_changes_on_every_pick_is_a_share_of_every_pick() {
    let turns = [shares(&[2, 1, 0]), shares(&[2, 1, 1]), shares(&[2, 1, 2])];
    let mut wheel = Wheel::default();
    let mixed: Vec<_> = (0..900)
        .filter_map(|turn| wheel.pick(&turns[turn % 3], |_| true))
        .collect();
    // 300 × (2/3 + 2/4 + 2/5), half of that, and the rest.
    for (index, fair) in [(0, 470), (1, 235), (2, 195)] {
        assert!(
            of(&mixed, index).abs_diff(fair) <= 3,
            "{index}: {}",
            of(&mixed, index)
        );
    }
}

#[test]
fn reordered_shares_are_the_same_shares() {
    let (mut a, mut b) = (Wheel::default(), Wheel::default());
    let forward = shares(&[5, 3, 1]);
    let mut backward = forward.clone();
    backward.reverse();
    let mixed: Vec<_> = (0..90)
        .filter_map(|turn| a.pick(if turn % 2 == 0 { &forward } else { &backward }, |_| true))
        .collect();
    assert_eq!(counts(&mixed), counts(&picks(&mut b, &forward, 90)));
}

#[test]
fn the_largest_weights_do_not_overflow() {
    let shares = shares(&[u32::MAX; 50]);
    let picked = picks(&mut Wheel::default(), &shares, 5000);
    assert!(counts(&picked).values().all(|count| *count == 100));
}

fn weights() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(1u32..40, 1..8)
}

proptest! {
    #[test]
    fn every_cycle_gives_each_account_exactly_its_weight(weights in weights(), cycles in 1usize..4) {
        let shares = shares(&weights);
        let cycle = weights.iter().sum::<u32>() as usize;
        let mut wheel = Wheel::default();
        let first = picks(&mut wheel, &shares, cycle);
        for (index, weight) in weights.iter().enumerate() {
            prop_assert_eq!(of(&first, index), *weight as usize);
        }
        // Every later cycle is the first one again; so is one that begins in the middle.
        for _ in 0..cycles {
            prop_assert_eq!(&picks(&mut wheel, &shares, cycle), &first);
        }
        prop_assert_eq!(&picks(&mut Wheel::default(), &shares, cycle), &first);
    }

    #[test]
    fn picks_are_spread_over_the_cycle(weights in weights()) {
        let shares = shares(&weights);
        let cycle = weights.iter().sum::<u32>() as usize;
        let picked = picks(&mut Wheel::default(), &shares, 3 * cycle);
        for (index, weight) in weights.iter().enumerate() {
            let places: Vec<_> =
                (0..picked.len()).filter(|place| picked[*place] == id(index)).collect();
            let widest = places.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            // Within twice its even distance, and one turn of everybody.
            let even = cycle.div_ceil(*weight as usize);
            prop_assert!(widest <= 2 * even + weights.len(), "{widest} > 2 * {even}");
        }
    }

    #[test]
    fn a_share_is_kept_among_those_that_are_eligible(
        weights in weights(),
        away in 0usize..8,
        before in 0usize..100,
        turns in 1usize..300,
    ) {
        let shares = shares(&weights);
        let mut wheel = Wheel::default();
        picks(&mut wheel, &shares, before);
        let total: u32 = shares.iter().filter(|s| s.account != id(away)).map(|s| s.weight).sum();
        let picked: Vec<_> =
            (0..turns).filter_map(|_| wheel.pick(&shares, |a| a != id(away))).collect();
        prop_assert_eq!(of(&picked, away), 0);
        prop_assert_eq!(picked.is_empty(), total == 0);
        for (index, weight) in weights.iter().enumerate().filter(|(index, _)| *index != away) {
            let fair = turns as f64 * f64::from(*weight) / f64::from(total);
            let found = of(&picked, index) as f64;
            prop_assert!((found - fair).abs() <= weights.len() as f64 + 1.0, "{found} {fair}");
        }
    }

    #[test]
    fn credit_stays_bounded_whoever_comes_and_goes(
        weights in proptest::collection::vec(0u32..40, 1..6),
        masks in proptest::collection::vec(any::<u8>(), 1..300),
    ) {
        let shares = shares(&weights);
        let mut wheel = Wheel::default();
        for mask in masks {
            let eligible = |account: AccountId| mask >> (account.as_u64() - 1) & 1 == 1;
            let pick = wheel.pick(&shares, eligible);
            prop_assert_eq!(pick.is_some(), shares.iter().any(|share| eligible(share.account)));
            if let Some(pick) = pick {
                prop_assert!(eligible(pick));
                let weight = shares.iter().find(|share| share.account == pick).unwrap().weight;
                let weighted = shares.iter().any(|s| s.weight > 0 && eligible(s.account));
                prop_assert_eq!(weight > 0, weighted);
            }
            // At most a pick per account, and the turn just taken.
            let most = wheel.price * (shares.len() as i64 + 1);
            prop_assert!(wheel.places.iter().all(|place| place.credit.abs() <= most));
        }
    }
}
