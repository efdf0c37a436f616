//! Rules: caps, doubles and quiet hours hold whatever crashes, and say why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use austin_domain::policy::Document;
use austin_domain::{Class, DeliveryId, State, Timestamp};
use austin_ports::catalog::{Policy, Snapshot};
use austin_testkit::builders::NOW;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::rig::{Behaviour, World};

const HOUR: Duration = Duration::from_secs(3_600);

fn policy(snapshot: &mut Snapshot, name: &str, json: Value) {
    let (document, faults) = Document::read(&json);
    assert_eq!(faults, []);
    let policy = Policy {
        name: name.into(),
        version: 4,
        json: Some(json),
        document,
        author: "tests".into(),
        reason: None,
        updated_at: NOW,
    };
    snapshot.policies.insert(name.into(), Arc::new(policy));
}

fn ruled(seed: u64, behaviour: Behaviour, json: Value) -> World {
    World::with(seed, behaviour, |snapshot| policy(snapshot, "rules", json))
}

/// When the deliveries of each person that counted to the end were accepted.
fn counted(world: &World) -> BTreeMap<String, Vec<(Timestamp, DeliveryId)>> {
    let mut people: BTreeMap<String, Vec<(Timestamp, DeliveryId)>> = BTreeMap::new();
    for id in world.accepted() {
        let row = world.evidence(*id).delivery;
        let freed = matches!(
            row.state,
            State::Suppressed | State::Failed | State::Expired | State::Recalled
        );
        if !freed {
            let at = row.message.accepted_at;
            people.entry(row.to).or_default().push((at, *id));
        }
    }
    people
}

/// The most that one person had in any stretch of this length.
fn most_in(world: &World, window: Duration) -> usize {
    let people = counted(world);
    let within = |times: &Vec<(Timestamp, DeliveryId)>, last: Timestamp| {
        let times = times.iter();
        times
            .filter(|(at, _)| *at <= last && last.since(*at) < window)
            .count()
    };
    let most = people
        .values()
        .flat_map(|times| times.iter().map(|(last, _)| within(times, *last)));
    most.max().unwrap_or(0)
}

/// Every suppressed delivery names its rule and an earlier delivery that was not suppressed itself.
fn stopped_with_a_cause(world: &World, part: &str) -> usize {
    let mut stopped = 0;
    for id in world.accepted() {
        let row = world.evidence(*id).delivery;
        if row.state != State::Suppressed {
            continue;
        }
        let reason = row.reason.unwrap();
        let rule = reason.rule.unwrap();
        assert_eq!((rule.name.as_str(), rule.version), ("policy/rules", 4));
        assert!(rule.part.starts_with(part), "{rule:?}");
        let cause = reason.cause.unwrap();
        assert!(cause < *id, "{cause} is not before {id}");
        assert_eq!(world.evidence(cause).delivery.to, row.to);
        assert_eq!(world.taken_of(*id), 0);
        stopped += 1;
    }
    stopped
}

/// Sends to few people again and again while vendors misbehave and the process dies.
fn flood(world: &mut World, rounds: u32, crashes: u32) {
    for round in 0..rounds {
        for person in 0..3 {
            let to = format!("+86137111122{person:02}");
            for _ in 0..2 {
                world.send_to(Class::Notification, &to).unwrap();
            }
        }
        world.pass(Duration::from_secs(420));
        if round < crashes {
            world.crash();
        }
    }
    world.settle_all();
    world.audit();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn nobody_gets_more_than_a_cap_allows(seed: u64, crashes in 0u32..6, troubled_calls in 0u32..60) {
        let cap = json!([{"per": "recipient", "count": 3, "window": "1h"}]);
        let rules = json!({"dedup": "off", "cap": cap});
        let mut world = ruled(seed, Behaviour::Random { troubled_calls }, rules);
        flood(&mut world, 9, crashes);
        prop_assert!(most_in(&world, HOUR) <= 3);
        prop_assert!(stopped_with_a_cause(&world, "cap/0") > 0);
    }

    #[test]
    fn the_same_words_reach_nobody_twice(seed: u64, crashes in 0u32..6, troubled_calls in 0u32..60) {
        let rules = json!({"dedup": {"window": "20m"}});
        let mut world = ruled(seed, Behaviour::Random { troubled_calls }, rules);
        flood(&mut world, 9, crashes);
        prop_assert!(most_in(&world, Duration::from_secs(1_200)) <= 1);
        prop_assert!(stopped_with_a_cause(&world, "dedup") > 0);
    }
}

/// 2026-01-02 23:04:05 where the people are.
fn to_the_night(world: &World) {
    world.pass(12 * HOUR);
}

#[test]
fn what_quiet_hours_hold_goes_out_in_the_morning_spread_and_not_before_also_after_a_crash() {
    let rules = json!({"dedup": "off", "quiet_hours": {"action": "hold", "spread": "10m",
        "windows": [{"from": "22:00", "to": "08:00"}]}});
    let mut world = ruled(5, Behaviour::Well, rules);
    world.send(Class::Notification, 1);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.taken(), 1, "the day is open");
    to_the_night(&world);
    world.send(Class::Notification, 40);
    assert_eq!(world.states().get(&State::Held), Some(&40));
    let due: Vec<Timestamp> = world.accepted()[1..]
        .iter()
        .map(|id| world.evidence(*id).delivery.due_at.unwrap())
        .collect();
    let morning: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
    let late = morning.plus(Duration::from_secs(600));
    assert!(due.iter().all(|due| (morning..=late).contains(due)));
    let distinct: std::collections::BTreeSet<_> = due.iter().collect();
    assert!(distinct.len() > 30, "they go out spread");
    world.crash();
    world.pass(morning.since(world.now()) - Duration::from_secs(1));
    assert_eq!(world.taken(), 1, "nothing is early");
    world.pass(Duration::from_secs(620));
    world.settle_all();
    assert_eq!(world.taken(), 41);
    world.audit();
}

#[test]
fn who_is_held_can_be_released_early_and_keeps_that_over_a_crash() {
    let mut world = ruled(6, Behaviour::Down, json!({"quiet_hours": "hold"}));
    to_the_night(&world);
    let id = world
        .send_to(Class::Notification, "+8613711112200")
        .unwrap();
    let other = world
        .send_to(Class::Notification, "+8613711112201")
        .unwrap();
    assert_eq!(world.stands(id), (State::Held, Some("quiet_hours".into())));
    assert_eq!(world.release(id).unwrap(), State::Queued);
    assert!(world.release(id).is_err(), "it is not held any more");
    world.crash();
    world.behave(Behaviour::Well);
    world.pass(Duration::from_secs(120));
    assert_eq!(world.stands(id).0, State::Sent);
    assert_eq!(world.stands(other).0, State::Held);
}

#[test]
fn what_ends_without_reaching_anybody_frees_its_place() {
    let rules = json!({"dedup": {"window": "1d"},
        "cap": [{"per": "recipient", "count": 1, "calendar": "day"}]});
    let mut world = ruled(7, Behaviour::Down, rules);
    let to = "+8613711112200";
    let first = world.send_to(Class::Verification, to).unwrap();
    let second = world.send_to(Class::Verification, to).unwrap();
    assert_eq!(
        world.stands(second),
        (State::Suppressed, Some("duplicate".into()))
    );
    world.pass(Duration::from_secs(700));
    let ended = world.stands(first).0;
    assert!(matches!(ended, State::Failed | State::Expired), "{ended}");
    world.behave(Behaviour::Well);
    let third = world.send_to(Class::Verification, to).unwrap();
    world.pass(Duration::from_secs(120));
    assert_eq!(world.stands(third).0, State::Sent);
    world.crash();
    let fourth = world.send_to(Class::Verification, to).unwrap();
    let reason = world.evidence(fourth).delivery.reason.unwrap();
    assert_eq!(
        (reason.code.as_str(), reason.cause),
        ("duplicate", Some(third))
    );
    // A new day where the person is, other words: the cap alone would let it go.
    world.pass(26 * HOUR);
    let fifth = world.send_to(Class::Verification, to).unwrap();
    world.pass(Duration::from_secs(120));
    assert_eq!(world.stands(fifth).0, State::Sent);
}

#[test]
fn what_is_scheduled_counts_when_it_goes_out() {
    let rules = json!({"dedup": "off", "cap": [{"per": "recipient", "count": 2, "window": "1h"}]});
    let mut world = ruled(8, Behaviour::Well, rules);
    let to = "+8613711112200";
    let later = world.now().plus(2 * HOUR);
    let scheduled = world.schedule_to(Class::Notification, to, later).unwrap();
    for _ in 0..2 {
        let id = world.send_to(Class::Notification, to).unwrap();
        assert_eq!(
            world.stands(id).0,
            State::Accepted,
            "the scheduled one does not count yet"
        );
    }
    world.pass(2 * HOUR - Duration::from_secs(60));
    let mut now = Vec::new();
    for _ in 0..2 {
        now.push(world.send_to(Class::Notification, to).unwrap());
    }
    world.crash();
    world.pass(Duration::from_secs(120));
    let row = world.evidence(scheduled).delivery;
    assert_eq!(row.state, State::Suppressed, "two went out just before it");
    let reason = row.reason.unwrap();
    assert_eq!(reason.rule.unwrap().part, "cap/0");
    assert!(now.contains(&reason.cause.unwrap()));
}

#[test]
fn schedules_missed_in_an_outage_expire_where_a_policy_says_so() {
    let mut world = ruled(
        9,
        Behaviour::Well,
        json!({"overdue": "expire",
        "applies_to": {"classes": ["notification"]}}),
    );
    let at = world.now().plus(HOUR);
    let expires = world
        .schedule_to(Class::Notification, "+8613711112200", at)
        .unwrap();
    let goes = world
        .schedule_to(Class::Marketing, "+8613711112201", at)
        .unwrap();
    world.outage(2 * HOUR);
    world.pass(Duration::from_secs(60));
    assert_eq!(
        world.stands(expires),
        (State::Expired, Some("overdue".into()))
    );
    assert_eq!(world.stands(goes).0, State::Sent);
}

#[test]
fn only_listed_people_are_reached_in_a_test_environment() {
    let mut world = ruled(
        10,
        Behaviour::Well,
        json!({"allow_list": ["+8613711112200"]}),
    );
    let listed = world
        .send_to(Class::Notification, "+8613711112200")
        .unwrap();
    let other = world
        .send_to(Class::Verification, "+8613711112201")
        .unwrap();
    world.pass(Duration::from_secs(30));
    assert_eq!(world.stands(listed).0, State::Sent);
    assert_eq!(
        world.stands(other),
        (State::Suppressed, Some("test".into()))
    );
    assert_eq!(world.taken(), 1);
}
