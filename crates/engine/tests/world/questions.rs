//! What the engine asks vendors besides sending: what became of a delivery, and receipts.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::route::plan::ReceiptTimeout;
use austin_domain::{Class, State, Verdict};
use austin_ports::catalog::Snapshot;
use austin_testkit::builders;
use serde_json::json;

use super::rig::{Behaviour, World};

const SECOND: Duration = Duration::from_secs(1);

/// Every account may be asked this.
fn may(snapshot: &mut Snapshot, name: &str) {
    for account in snapshot.accounts.values_mut() {
        let settings = &mut Arc::make_mut(account).settings;
        settings.insert(name.into(), json!(true));
    }
}

fn can_query(snapshot: &mut Snapshot) {
    may(snapshot, "query");
}

/// One account, which fetches.
fn can_pull(snapshot: &mut Snapshot) {
    may(snapshot, "pull");
    snapshot.accounts.retain(|id, _| id.as_u64() == 1);
    for route in snapshot.routes.values_mut() {
        Arc::make_mut(route).plan = builders::plan(&[(1, 1)]);
    }
}

fn times_out(snapshot: &mut Snapshot) {
    for route in snapshot.routes.values_mut() {
        Arc::make_mut(route).plan.receipt_timeout = Some(ReceiptTimeout {
            after: Duration::from_secs(30),
            most_attempts: 2,
        });
    }
}

fn count(world: &World, state: State) -> usize {
    world.states().get(&state).copied().unwrap_or(0)
}

#[test]
fn what_was_taken_and_never_answered_is_found_by_asking() {
    let mut world = World::with(11, Behaviour::TakesAndCuts, can_query);
    world.send(Class::Marketing, 10);
    world.send(Class::Verification, 10);
    world.pass(Duration::from_millis(500));
    assert_eq!(count(&world, State::Sending), 20, "{:?}", world.states());
    assert_eq!(world.asked("query"), 0, "not at once");
    world.settle_all();
    assert_eq!(count(&world, State::Sent), 20, "{:?}", world.states());
    assert_eq!(world.taken(), 20, "nobody got it twice");
    let story = world.evidence(world.accepted()[0]);
    assert_eq!(story.attempts.len(), 1);
    assert!(matches!(story.attempts[0].verdict, Verdict::Accepted(_)));
    assert!(
        story.attempts[0].request.contains("the vendor was asked"),
        "{}",
        story.attempts[0].request
    );
    world.audit();
}

#[test]
fn what_the_vendor_never_got_is_sent_again_whatever_its_class() {
    let mut world = World::with(12, Behaviour::Cuts, can_query);
    world.send(Class::Marketing, 5);
    world.pass(SECOND);
    world.behave(Behaviour::Well);
    world.settle_all();
    assert_eq!(count(&world, State::Sent), 5, "{:?}", world.states());
    assert_eq!(world.taken(), 5);
    let story = world.evidence(world.accepted()[0]);
    let first = &story.attempts[0].verdict;
    assert_eq!(first.cause().unwrap().code, "not_at_vendor", "{first:?}");
    world.audit();
}

#[test]
fn a_vendor_that_cannot_be_reached_leaves_it_to_the_class() {
    let mut world = World::with(13, Behaviour::TakesAndCuts, can_query);
    world.mute(true);
    world.send(Class::Marketing, 3);
    world.pass(Duration::from_secs(29));
    assert_eq!(count(&world, State::Sending), 3, "{:?}", world.states());
    world.pass(Duration::from_secs(3));
    assert_eq!(count(&world, State::Unknown), 3, "{:?}", world.states());
    assert_eq!(
        world.asked("query"),
        12,
        "after 2, 6, 14 and 24 seconds each"
    );
    let story = world.evidence(world.accepted()[0]);
    let cause = story.attempts[0].verdict.cause().unwrap().clone();
    assert!(cause.detail.contains("asked 4 times"), "{cause:?}");
    world.audit();
}

#[test]
fn asking_takes_no_permit_of_the_lane() {
    let mut world = World::with(14, Behaviour::TakesAndCuts, can_query);
    world.mute(true);
    world.send(Class::Marketing, 60);
    world.pass(Duration::from_secs(2));
    assert_eq!(
        count(&world, State::Sending),
        60,
        "all are being asked about"
    );
    world.behave(Behaviour::Well);
    world.send(Class::Marketing, 10);
    world.pass(SECOND);
    assert_eq!(count(&world, State::Sent), 10, "{:?}", world.states());
    world.mute(false);
    world.settle_all();
    assert_eq!(world.taken(), 70);
    world.audit();
}

#[test]
fn a_crash_while_asking_asks_again() {
    let mut world = World::with(15, Behaviour::TakesAndCuts, can_query);
    world.mute(true);
    world.send(Class::Marketing, 5);
    world.pass(Duration::from_secs(8));
    world.crash();
    world.mute(false);
    world.settle_all();
    assert_eq!(count(&world, State::Sent), 5, "{:?}", world.states());
    assert_eq!(world.taken(), 5);
    world.audit();
}

#[test]
fn a_stop_gives_asking_up_at_once() {
    let mut world = World::with(16, Behaviour::TakesAndCuts, can_query);
    world.mute(true);
    world.send(Class::Marketing, 5);
    world.pass(Duration::from_secs(3));
    assert!(world.stop(), "nothing is left under way");
    assert_eq!(count(&world, State::Unknown), 5, "{:?}", world.states());
}

#[test]
fn receipts_that_are_only_fetched_arrive_also_over_a_crash() {
    let mut world = World::with(17, Behaviour::Well, can_pull);
    world.pass(Duration::from_secs(120));
    assert_eq!(world.asked("receipts"), 0, "nothing was sent");
    world.send(Class::Notification, 23);
    world.pass(Duration::from_secs(5));
    world.shelve_receipts();
    world.pass(Duration::from_secs(1));
    world.crash();
    world.send(Class::Notification, 10);
    world.pass(Duration::from_secs(5));
    world.shelve_receipts();
    world.pass(Duration::from_secs(300));
    assert_eq!(count(&world, State::Delivered), 33, "{:?}", world.states());
    let (sent, delivered, missing, pending) = world.receipt_counts();
    assert_eq!((sent, delivered, missing, pending), (33, 33, 0, 0));
    let receipts = world
        .accepted()
        .iter()
        .map(|id| world.evidence(*id).receipts.len());
    assert!(receipts.into_iter().all(|count| count == 1));
    world.pass(Duration::from_secs(1_800));
    let before = world.asked("receipts");
    world.pass(Duration::from_secs(7_200));
    assert_eq!(world.asked("receipts"), before, "no useless calls");
}

#[test]
fn a_puller_that_finds_nothing_slows_down() {
    let mut world = World::with(18, Behaviour::Well, can_pull);
    world.send(Class::Notification, 2);
    world.pass(Duration::from_secs(600));
    let calls = world.asked("receipts");
    assert!((10..60).contains(&calls), "{calls} calls in ten minutes");
}

#[test]
fn receipts_that_never_come_are_missing_after_their_deadline() {
    let mut world = World::new(19, Behaviour::Well);
    world.send(Class::Notification, 4);
    world.settle_all();
    assert_eq!(world.receipt_counts(), (4, 0, 0, 4));
    world.crash();
    assert_eq!(world.receipt_counts(), (4, 0, 0, 4), "counted anew");
    world.pass(Duration::from_secs(74 * 3600));
    assert_eq!(world.receipt_counts(), (4, 0, 4, 0));
}

#[test]
fn without_a_receipt_in_time_another_account_sends_it_once() {
    let mut world = World::with(20, Behaviour::Well, times_out);
    world.send(Class::Verification, 3);
    world.pass(Duration::from_secs(29));
    assert_eq!(world.taken(), 3);
    world.pass(Duration::from_secs(3));
    assert_eq!(world.taken(), 6, "{:?}", world.states());
    world.pass(Duration::from_secs(120));
    assert_eq!(world.taken(), 6, "most attempts: 2");
    for id in world.accepted() {
        let story = world.evidence(*id);
        assert_eq!(story.delivery.state, State::Sent);
        assert_ne!(story.attempts[0].account, story.attempts[1].account);
        assert_eq!(story.events.last().unwrap().reason.code, "receipt_timeout");
    }
}

#[test]
fn a_watch_outlives_a_crash() {
    let mut world = World::with(21, Behaviour::Well, times_out);
    world.send(Class::Verification, 3);
    world.pass(Duration::from_secs(10));
    world.crash();
    world.pass(Duration::from_secs(15));
    assert_eq!(world.taken(), 3);
    world.pass(Duration::from_secs(10));
    assert_eq!(world.taken(), 6);
}

#[test]
fn the_senders_word_of_success_stops_the_time_out() {
    let mut world = World::with(22, Behaviour::Well, times_out);
    world.send(Class::Verification, 2);
    let ids = world.accepted().to_vec();
    let refusal = world.succeed(ids[0]).unwrap_err();
    assert_eq!(
        refusal.code.as_str(),
        "conflict",
        "no vendor was called yet"
    );
    world.pass(SECOND);
    for _ in 0..2 {
        assert_eq!(world.succeed(ids[0]), Ok(State::Delivered));
    }
    assert_eq!(world.evidence(ids[0]).receipts.len(), 1);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.taken_of(ids[0]), 1);
    assert_eq!(world.taken_of(ids[1]), 2);
}
