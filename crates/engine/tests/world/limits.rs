//! Health, limits and quotas in the world: what accounts are given, what callers are told, what
//! is written down.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::quota::{NumberRule, Quota};
use austin_domain::{AppId, Class, State};
use austin_ports::catalog::{AccountRecord, QuotaOf, Snapshot};

use crate::rig::{Behaviour, World};

const NUMBER: &str = "+8613711112200";

/// Changes both accounts.
fn accounts(change: impl Fn(&mut AccountRecord)) -> impl FnOnce(&mut Snapshot) {
    move |snapshot| {
        for account in snapshot.accounts.values_mut() {
            change(Arc::make_mut(account));
        }
    }
}

#[test]
fn when_all_accounts_are_sick_the_lane_stands_says_so_and_writes_down_why() {
    let mut world = World::new(11, Behaviour::Down);
    world.send(Class::Notification, 30);
    world.pass(Duration::from_secs(60));
    let why = world.why_waits(Class::Notification).unwrap();
    assert!(why.contains("connect"), "{why}");
    for key in ["sim-1", "sim-2"] {
        let status = world.account(key);
        assert!(["resting", "probing"].contains(&status.state), "{status:?}");
        assert_eq!(
            world.changes_of(key),
            ["breaker_opened"],
            "once, not per rest"
        );
    }
    world.behave(Behaviour::Well);
    world.settle_all();
    for _ in 0..30 {
        world.send(Class::Notification, 4);
        world.pass(Duration::from_secs(1));
    }
    for key in ["sim-1", "sim-2"] {
        let status = world.account(key);
        assert_eq!(
            (status.state, status.health.factor),
            ("well", 1000),
            "{status:?}"
        );
        let changes = world.changes_of(key);
        assert!(
            changes.contains(&"breaker_closed".to_owned()),
            "{changes:?}"
        );
        assert!(changes.len() <= 8, "{changes:?}");
    }
    world.audit();
}

#[test]
fn a_third_code_to_a_number_waits_for_the_window_of_the_rule() {
    let rule = NumberRule {
        class: Some(Class::Verification),
        count: 1,
        window: Duration::from_secs(60),
    };
    let change = accounts(move |account| account.limits.per_number = Some(vec![rule.clone()]));
    let mut world = World::with(12, Behaviour::Well, change);
    let ids: Vec<_> = (0..3)
        .map(|_| {
            let id = world.send_to(Class::Verification, NUMBER).unwrap();
            world.pass(Duration::from_secs(1));
            id
        })
        .collect();
    assert_eq!(world.stands(ids[0]).0, State::Sent);
    assert_eq!(world.stands(ids[1]).0, State::Sent, "at the other account");
    let waits = (State::Queued, Some("number_limit".to_owned()));
    assert_eq!(world.stands(ids[2]), waits);
    world.pass(Duration::from_secs(50));
    assert_eq!(world.stands(ids[2]), waits);
    world.pass(Duration::from_secs(20));
    assert_eq!(world.stands(ids[2]).0, State::Sent);
    world.audit();
}

#[test]
fn a_code_passes_marketing_that_waits_at_the_same_limit() {
    let change = |snapshot: &mut Snapshot| {
        let account = snapshot
            .accounts
            .values_mut()
            .find(|account| account.key == "sim-1");
        let account = Arc::make_mut(account.unwrap());
        account.limits.per_second = Some(10);
        account.limits.recipients_per_call = Some(1);
        let other = snapshot
            .accounts
            .values_mut()
            .find(|account| account.key == "sim-2");
        Arc::make_mut(other.unwrap()).enabled = false;
    };
    let mut world = World::with(13, Behaviour::Well, change);
    for _ in 0..10 {
        world.send(Class::Marketing, 50);
    }
    let begin = world.now();
    for second in 0..20 {
        world.pass(Duration::from_millis(500));
        let code = world.send_to(Class::Verification, &format!("+86138000000{second:02}"));
        let code = code.unwrap();
        world.pass(Duration::from_millis(500));
        assert_eq!(
            world.stands(code).0,
            State::Sent,
            "a code waited half a second"
        );
    }
    let seconds = world.now().since(begin).as_secs();
    let taken = u64::from(world.taken());
    assert!(taken <= seconds * 10 + 2, "{taken} in {seconds} s at 10/s");
    assert!(taken >= seconds * 10 - 10, "{taken} in {seconds} s at 10/s");
    let why = world.why_waits(Class::Marketing).unwrap();
    assert!(
        why.starts_with("limited by sim-1: 10/s since 03:04 UTC, "),
        "{why}"
    );
    assert!(why.contains(" ahead, about "), "{why}");
    world.settle_all();
    world.audit();
}

#[test]
fn a_days_quota_and_an_accounts_day_survive_a_crash() {
    let change = |snapshot: &mut Snapshot| {
        accounts(|account| account.limits.recipients_per_day = Some(5))(snapshot);
        let quota = Quota {
            per_second: None,
            per_day: Some(21),
        };
        snapshot
            .quotas
            .insert(QuotaOf::App(AppId::from_u64(1)), quota);
    };
    let mut world = World::with(14, Behaviour::Well, change);
    world.send(Class::Notification, 20);
    world.pass(Duration::from_secs(10));
    assert_eq!(world.taken(), 10, "five at each account");
    let why = world.why_waits(Class::Notification).unwrap();
    assert!(why.contains("5 recipients a day"), "{why}");
    world.crash();
    world.pass(Duration::from_secs(10));
    assert_eq!(world.taken(), 10, "the day is not forgotten");
    let refusal = world.try_send(Class::Notification, 2).unwrap_err();
    assert_eq!(refusal.code.as_str(), "quota_exceeded");
    assert!(refusal.detail.contains("1 are left"), "{}", refusal.detail);
    assert!(refusal.retry_after.unwrap() > Duration::from_secs(3600));
    world.pass(Duration::from_secs(13 * 3600));
    assert_eq!(world.taken(), 20, "the next day has come");
    world.audit();
}
