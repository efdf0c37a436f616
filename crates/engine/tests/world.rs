//! The engine in a world of its own: a clock moved by hand, a vendor that misbehaves by a seed, a
//! ledger that survives crashes. A shadow counts what the vendor took; an auditor compares.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a rig that fails fails the test"
)]

#[path = "world/limits.rs"]
mod limits;
#[path = "world/questions.rs"]
mod questions;
#[path = "world/receipts.rs"]
mod receipts;
#[path = "world/rig.rs"]
mod rig;
#[path = "world/rules.rs"]
mod rules;
#[path = "world/vendor.rs"]
mod vendor;

use std::time::Duration;

use austin_domain::{Class, State, Timestamp};
use proptest::prelude::*;

use rig::{Behaviour, World};

/// Sends, lets vendors misbehave and the process crash, then waits until nothing is open.
fn live_through(seed: u64, crashes: u32, troubled_calls: u32) {
    let mut world = World::new(seed, Behaviour::Random { troubled_calls });
    for round in 0..6 {
        for class in Class::ALL {
            world.send(*class, 1 + round * 3);
        }
        world.pass(Duration::from_millis(300));
        if round < crashes {
            world.crash();
        }
    }
    world.settle_all();
    world.audit();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Accepted = settled, nobody missing; nothing is sent twice but where the policy of its
    /// class says so; whatever the vendor does and whenever the process dies.
    #[test]
    fn every_delivery_ends_once(seed: u64, crashes in 0u32..4, troubled_calls in 20u32..200) {
        live_through(seed, crashes, troubled_calls);
    }
}

#[test]
fn a_vendor_that_is_down_delays_and_loses_nothing() {
    let mut world = World::new(1, Behaviour::Down);
    world.send(Class::Notification, 30);
    world.pass(Duration::from_secs(120));
    assert_eq!(world.taken(), 0);
    let open = world
        .states()
        .iter()
        .filter(|(state, _)| state.is_open())
        .map(|(_, n)| n)
        .sum::<usize>();
    assert_eq!(open, 30, "all wait: {:?}", world.states());
    world.behave(Behaviour::Well);
    world.settle_all();
    assert_eq!(world.states().get(&State::Sent), Some(&30));
    world.audit();
}

#[test]
fn a_vendor_that_takes_and_never_answers_gets_marketing_once() {
    let mut world = World::new(2, Behaviour::TakesAndCuts);
    world.send(Class::Marketing, 10);
    world.send(Class::Verification, 1);
    world.pass(Duration::from_secs(2));
    world.behave(Behaviour::Well);
    world.settle_all();
    assert_eq!(
        world.states().get(&State::Unknown),
        Some(&10),
        "{:?}",
        world.states()
    );
    assert_eq!(world.states().get(&State::Sent), Some(&1));
    assert_eq!(world.most_taken(Class::Marketing), 1);
    assert!(
        world.most_taken(Class::Verification) >= 2,
        "a code is sent again while it is valid"
    );
    world.audit();
}

#[test]
fn what_nobody_takes_in_time_expires() {
    let mut world = World::new(3, Behaviour::Down);
    world.send(Class::Verification, 5);
    world.pass(Duration::from_secs(11 * 60));
    world.settle_all();
    let ended = world.states();
    let known = [State::Expired, State::Failed];
    assert_eq!(
        known
            .iter()
            .filter_map(|state| ended.get(state))
            .sum::<usize>(),
        5,
        "{ended:?}"
    );
    world.audit();
}

#[test]
fn scheduled_deliveries_go_out_at_their_time_and_not_before_also_after_a_crash() {
    let mut world = World::new(4, Behaviour::Well);
    let at: Timestamp = world.now().plus(Duration::from_secs(3600));
    world.send_at(Class::Notification, 20, at);
    world.pass(Duration::from_secs(3599));
    assert_eq!(world.taken(), 0);
    world.crash();
    world.pass(Duration::from_millis(900));
    assert_eq!(world.taken(), 0);
    world.pass(Duration::from_secs(1));
    world.settle_all();
    assert_eq!(world.taken(), 20);
    world.audit();
}

#[test]
fn a_backlog_larger_than_memory_goes_out_in_order() {
    let mut world = World::new(5, Behaviour::Down);
    for _ in 0..20 {
        world.send(Class::Notification, 50);
    }
    world.pass(Duration::from_secs(1));
    world.behave(Behaviour::Well);
    world.settle_all();
    assert_eq!(world.taken(), 1000);
    world.audit();
}

#[test]
fn a_ledger_that_refuses_is_said_and_nothing_is_sent_unrecorded() {
    let mut world = World::new(6, Behaviour::Well);
    world.refuse_writes(Some("disk full"));
    let refusal = world.try_send(Class::Notification, 1).unwrap_err();
    assert_eq!(refusal.code.as_str(), "unavailable");
    assert!(refusal.detail.contains("disk full"), "{}", refusal.detail);
    world.refuse_writes(None);
    world.send(Class::Notification, 3);
    world.settle_all();
    assert_eq!(world.taken(), 3);
    world.audit();
}

#[test]
fn a_delivery_that_was_withdrawn_behind_the_lane_is_not_sent() {
    let mut world = World::new(7, Behaviour::Down);
    world.send(Class::Notification, 40);
    world.pass(Duration::from_millis(100));
    let withdrawn = world.withdraw_waiting(20);
    world.behave(Behaviour::Well);
    world.settle_all();
    assert_eq!(world.states().get(&State::Recalled), Some(&withdrawn.len()));
    for id in withdrawn {
        assert_eq!(world.taken_of(id), 0, "{id} was withdrawn and sent");
    }
}

/// A bounce mail about a delivery.
fn bounce(delivery: austin_domain::DeliveryId) -> String {
    format!(
        "To: bounce+{delivery}@corp.example\r\nContent-Type: multipart/report; \
         report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: \
         message/delivery-status\r\n\r\nReporting-MTA: dns; mail.corp.example\r\n\r\n\
         Final-Recipient: rfc822; li@corp.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
         --b--\r\n"
    )
}

/// A bounce waits in its mailbox until the ledger has it; the same one again, as after a crash
/// in between, changes nothing; what is no bounce is set aside.
#[test]
fn a_bounce_leaves_its_mailbox_once_it_is_recorded() {
    let mut world = World::new(5, Behaviour::Well);
    world.send(Class::Notification, 1);
    world.pass(Duration::from_secs(2));
    let delivery = world.accepted()[0];
    let mailboxes = world.mailboxes();
    world.refuse_writes(Some("the disk is full"));
    mailboxes.deliver("mail", "1.bounce", bounce(delivery));
    world.pass(Duration::from_secs(12));
    let named = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let (waits, none) = (named(&["1.bounce"]), named(&[]));
    assert_eq!(mailboxes.names(), (waits, none.clone(), none.clone()));

    world.refuse_writes(None);
    world.pass(Duration::from_secs(6));
    mailboxes.deliver("mail", "2.again", bounce(delivery));
    mailboxes.deliver("mail", "3.holiday", "Subject: away until Monday\r\n\r\n");
    world.pass(Duration::from_secs(6));
    let (done, aside) = (named(&["1.bounce", "2.again"]), named(&["3.holiday"]));
    assert_eq!(mailboxes.names(), (none, done, aside));
    assert_eq!(world.states(), [(State::Undelivered, 1)].into());
    assert_eq!(world.receipts(delivery), 1);
}
