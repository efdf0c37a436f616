//! Receipts in the world: accounts that lose them, deliveries that go on to the accounts they were
//! not at, codes that are kept for that, refusals that are about a number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use austin_domain::route::plan::ReceiptTimeout;
use austin_domain::{AccountId, Class, DeliveryId, State, Timestamp, Verdict};
use austin_ports::catalog::Snapshot;
use austin_testkit::builders;
use proptest::prelude::*;
use serde_json::json;

use super::rig::{Behaviour, World};

const SECOND: Duration = Duration::from_secs(1);
const A: &str = "sim-1.example";

/// Each account has a host of its own, named after it.
fn own_hosts(snapshot: &mut Snapshot) {
    for account in snapshot.accounts.values_mut() {
        let endpoint = json!(format!("http://{}.example", account.key));
        let settings = &mut Arc::make_mut(account).settings;
        settings.insert("endpoint".into(), endpoint);
    }
}

fn shares(snapshot: &mut Snapshot, parts: &[(u64, u32)]) {
    for route in snapshot.routes.values_mut() {
        Arc::make_mut(route).plan.parts = builders::plan(parts).parts;
    }
}

fn times_out(snapshot: &mut Snapshot, after: Duration, most_attempts: u16) {
    for route in snapshot.routes.values_mut() {
        Arc::make_mut(route).plan.receipt_timeout = Some(ReceiptTimeout {
            after,
            most_attempts,
        });
    }
}

/// Three accounts in equal parts, and receipts that time out after half a minute.
fn three_accounts(snapshot: &mut Snapshot) {
    let mut third = (*snapshot.accounts[&AccountId::from_u64(1)]).clone();
    (third.id, third.key) = (AccountId::from_u64(4), "sim-4".into());
    snapshot.account_ids.insert(third.key.clone(), third.id);
    snapshot.accounts.insert(third.id, Arc::new(third));
    own_hosts(snapshot);
    shares(snapshot, &[(1, 1), (2, 1), (4, 1)]);
    times_out(snapshot, 30 * SECOND, 20);
}

/// Codes are secret.
fn secret_code(snapshot: &mut Snapshot) {
    let found = snapshot.template_ids[Class::Verification.as_str()];
    let entry = snapshot.templates.get_mut(&found).unwrap();
    let version = &mut Arc::make_mut(entry).versions[0];
    let mut secret = builders::version("Your code is {{code}}.");
    secret.variables.get_mut("code").unwrap().secret = true;
    *version = Arc::new(secret);
}

/// The accounts that took a delivery, as its attempts say.
fn took(world: &World, id: DeliveryId) -> Vec<u64> {
    let attempts = world.evidence(id).attempts.into_iter();
    attempts
        .filter(|row| matches!(row.verdict, Verdict::Accepted(_)))
        .map(|row| row.account.as_u64())
        .collect()
}

/// Receipts on their way.
#[derive(Default)]
struct Post {
    due: BTreeMap<Timestamp, Vec<(String, String)>>,
    seen: u32,
}

impl Post {
    /// Forty messages a second; A loses two of five receipts and is six seconds late, or not.
    /// What A and B took.
    fn live(&mut self, world: &mut World, seconds: u32, lossy: bool) -> (u32, u32) {
        let (mut by_a, mut by_b) = (0, 0);
        for _ in 0..seconds {
            world.send(Class::Notification, 40);
            world.pass(SECOND);
            for taken in world.fresh() {
                let at_a = taken.host == A;
                *(if at_a { &mut by_a } else { &mut by_b }) += 1;
                self.seen += 1;
                let late = if at_a && lossy { 6 } else { 0 };
                if !(at_a && lossy && self.seen % 5 < 2) {
                    let due = self.due.entry(world.now().plus(late * SECOND)).or_default();
                    due.push((taken.host, taken.reference));
                }
            }
            let later = self
                .due
                .split_off(&world.now().plus(Duration::from_millis(1)));
            for (host, reference) in std::mem::replace(&mut self.due, later)
                .into_values()
                .flatten()
            {
                world.report(host.strip_suffix(".example").unwrap(), &[reference]);
            }
        }
        (by_a, by_b)
    }
}

fn per_mille((by_a, by_b): (u32, u32)) -> u32 {
    by_a * 1000 / (by_a + by_b)
}

#[test]
fn lost_and_late_receipts_alone_shift_the_traffic_and_it_drifts_back() {
    let mut world = World::with(41, Behaviour::Well, |snapshot| {
        own_hosts(snapshot);
        shares(snapshot, &[(1, 70), (2, 30)]);
        // A second's messages find room in the calls that the world allows at a time.
        for account in snapshot.accounts.values_mut() {
            Arc::make_mut(account).limits.recipients_per_call = Some(40);
        }
    });
    let mut post = Post::default();
    post.live(&mut world, 20, false);
    let usual = per_mille(post.live(&mut world, 20, false));
    assert!((680..=720).contains(&usual), "{usual}");
    post.live(&mut world, 40, true);
    let shifted = per_mille(post.live(&mut world, 20, true));
    assert!(shifted < 250, "A still has {shifted} of 1000");
    let sick = world.account("sim-1");
    assert_eq!(sick.health.minute.faults, 0, "its calls are all well");
    let why = sick.health.why.unwrap();
    assert!(why.starts_with("receipts: "), "{why}");
    let changes = world.changes_of("sim-1");
    assert!(!changes.is_empty(), "it is written down");
    assert!(
        changes.iter().all(|change| change == "weight_shifted"),
        "{changes:?}"
    );
    let causes: Vec<_> = sick
        .health
        .changes
        .iter()
        .map(|change| &change.detail["cause"])
        .collect();
    let named = |cause: &&serde_json::Value| cause.as_str().unwrap().starts_with("receipts: ");
    assert!(causes.iter().all(named), "{causes:?}");
    post.live(&mut world, 40, false);
    let back = per_mille(post.live(&mut world, 20, false));
    assert!((680..=720).contains(&back), "{back}");
    assert_eq!(world.account("sim-1").health.factor, 1000);
    assert!(world.changes_of("sim-2").is_empty(), "B did nothing wrong");
    world.pass(7 * SECOND);
    assert_eq!(world.taken(), 160 * 40, "nobody is lost");
    for id in world.accepted() {
        assert_eq!(world.taken_of(*id), 1, "nobody gets it twice");
    }
}

#[test]
fn a_time_out_goes_to_an_account_that_did_not_take_it_also_after_a_crash() {
    let mut world = World::with(42, Behaviour::Well, three_accounts);
    world.send(Class::Verification, 9);
    world.pass(29 * SECOND);
    let ids = world.accepted().to_vec();
    let first: Vec<_> = ids.iter().map(|id| took(&world, *id)).collect();
    assert!(first.iter().all(|took| took.len() == 1), "{first:?}");
    // It is back in its lane when the process dies: only the ledger knows where it was.
    world.behave(Behaviour::Down);
    world.pass(2 * SECOND);
    let waits = |id: &DeliveryId| world.evidence(*id).delivery.state.is_waiting();
    assert!(ids.iter().any(waits), "{:?}", world.states());
    world.crash();
    world.behave(Behaviour::Well);
    world.settle_all();
    for (id, first) in ids.iter().zip(&first) {
        let now = took(&world, *id);
        assert_eq!((now.len(), now[0]), (2, first[0]), "{id}");
        assert_ne!(
            now[1], first[0],
            "{id} came back to where its receipt is missing"
        );
    }
    world.crash();
    world.pass(300 * SECOND);
    for id in &ids {
        let took = took(&world, *id);
        let each: BTreeSet<_> = took.iter().copied().collect();
        assert_eq!(
            (took.len(), each.len()),
            (3, 3),
            "each account once: {took:?}"
        );
        assert_eq!(world.stands(*id).0, State::Sent, "and then no more");
    }
}

#[test]
fn an_account_that_only_refused_it_may_have_it_after_a_time_out() {
    let mut world = World::with(43, Behaviour::Well, |snapshot| {
        own_hosts(snapshot);
        times_out(snapshot, 30 * SECOND, 6);
    });
    world.weary(Some(A));
    world.send(Class::Verification, 4);
    world.pass(SECOND);
    world.weary(None);
    world.pass(40 * SECOND);
    for id in world.accepted() {
        assert_eq!(
            took(&world, *id).len(),
            2,
            "{:?}",
            world.evidence(*id).attempts
        );
    }
}

#[test]
fn a_code_is_sent_again_with_its_code_after_a_crash() {
    let mut world = World::with(44, Behaviour::Well, |snapshot| {
        secret_code(snapshot);
        own_hosts(snapshot);
        times_out(snapshot, 30 * SECOND, 3);
    });
    let (again, arrives) = (world.send_code("491822"), world.send_code("550017"));
    world.pass(SECOND);
    let host = |taken: &[crate::vendor::Taken], id: DeliveryId| {
        let one = taken.iter().find(|one| one.reference == id.to_string());
        one.unwrap().host.clone()
    };
    let first = world.fresh();
    let account = host(&first, arrives);
    world.report(
        account.strip_suffix(".example").unwrap(),
        &[arrives.to_string()],
    );
    let kept = |world: &World, id| world.evidence(id).delivery.secrets_kept;
    assert!(kept(&world, again), "it may be sent again");
    assert!(!kept(&world, arrives), "its receipt ended it");
    world.crash();
    world.pass(40 * SECOND);
    let second = world.fresh();
    assert_eq!(second.len(), 1, "{second:?}");
    assert_eq!(second[0].text, "Your code is 491822.");
    assert_ne!(second[0].host, host(&first, again));
    world.crash();
    world.pass(700 * SECOND);
    assert!(world.fresh().is_empty(), "no account is left");
    assert!(!kept(&world, again), "its time is over");
}

#[test]
fn a_code_that_a_crash_cut_off_is_sent_again_with_its_code() {
    let mut world = World::with(45, Behaviour::TakesAndCuts, |snapshot| {
        secret_code(snapshot);
        for account in snapshot.accounts.values_mut() {
            let settings = &mut Arc::make_mut(account).settings;
            settings.insert("query".into(), json!(true));
        }
    });
    // While the vendor is asked in vain, the delivery is on its way as far as anybody knows.
    world.mute(true);
    let id = world.send_code("491822");
    world.pass(5 * SECOND);
    assert_eq!(world.stands(id).0, State::Sending);
    world.crash();
    world.behave(Behaviour::Well);
    world.settle_all();
    let texts: Vec<_> = world.fresh().into_iter().map(|taken| taken.text).collect();
    assert_eq!(texts, ["Your code is 491822."; 2]);
    assert!(!world.evidence(id).delivery.secrets_kept);
    world.audit();
}

#[test]
fn what_is_found_by_asking_is_expected_to_get_its_receipt() {
    let mut world = World::with(46, Behaviour::TakesAndCuts, |snapshot| {
        own_hosts(snapshot);
        for account in snapshot.accounts.values_mut() {
            let settings = &mut Arc::make_mut(account).settings;
            settings.insert("query".into(), json!(true));
        }
    });
    world.send(Class::Marketing, 10);
    world.settle_all();
    let tally = |world: &World| {
        let both = ["sim-1", "sim-2"].map(|key| world.account(key).health.receipts);
        (
            both[0].sent + both[1].sent,
            both[0].delivered + both[1].delivered,
        )
    };
    assert_eq!(tally(&world), (10, 0));
    for taken in world.fresh() {
        world.report(
            taken.host.strip_suffix(".example").unwrap(),
            &[taken.reference],
        );
    }
    assert_eq!(tally(&world), (10, 10));
    assert_eq!(world.receipt_counts(), (10, 10, 0, 0));
}

#[test]
fn refusals_that_are_about_a_number_go_on_and_are_not_the_accounts_fault() {
    let mut world = World::with(47, Behaviour::Well, own_hosts);
    world.weary(Some(A));
    for _ in 0..20 {
        world.send(Class::Notification, 10);
        world.pass(SECOND);
    }
    world.settle_all();
    assert_eq!(world.states(), [(State::Sent, 200)].into());
    assert!(world.fresh().iter().all(|taken| taken.host != A));
    let status = world.account("sim-1");
    assert_eq!(
        (status.state, status.health.factor),
        ("well", 1000),
        "{status:?}"
    );
    assert!(
        status.health.minute.recipients >= 100,
        "it was asked all along"
    );
    assert_eq!(status.health.minute.faults, 0);
    assert!(world.changes_of("sim-1").is_empty());
    let refused = |id: &&DeliveryId| world.evidence(**id).attempts.len() == 2;
    let story = world.accepted().iter().find(refused).unwrap();
    assert_eq!(
        world.evidence(*story).attempts[0].verdict.as_str(),
        "number_refused"
    );
    world.audit();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Whatever vendors do and whenever the process dies, no account takes a delivery twice that
    /// it took for certain, and everything ends.
    #[test]
    fn no_account_gets_again_what_it_took(seed: u64, crashes in 0u32..4, troubled_calls in 0u32..60) {
        let mut world = World::with(seed, Behaviour::Random { troubled_calls }, three_accounts);
        for round in 0..4 {
            world.send(Class::Verification, 6);
            world.pass(20 * SECOND);
            if round < crashes {
                world.crash();
            }
        }
        world.pass(300 * SECOND);
        world.settle_all();
        for id in world.accepted() {
            let took = took(&world, *id);
            let each: BTreeSet<_> = took.iter().copied().collect();
            prop_assert_eq!(took.len(), each.len(), "{:?}", world.evidence(*id).attempts);
        }
    }
}
