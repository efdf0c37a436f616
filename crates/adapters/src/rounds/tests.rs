use std::sync::Arc;

use austin_adapter_api::{FaultKind, HttpReply, HttpRequest};
use austin_domain::{AccountId, Class, Content, Timestamp, Vars};
use http::{HeaderMap, Method, StatusCode};
use proptest::prelude::*;

use super::*;

/// Takes four a call and refuses a call that has any of its bad numbers, without naming it.
struct Vendor {
    bad: Vec<String>,
}

impl Rounds for Vendor {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        partition(batch, 4, |_, _| true)
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        let to: Vec<&str> = job.items(round).map(|item| item.to.as_str()).collect();
        Ok(Call::Http(HttpRequest::new(Method::POST, to.join(","), "")))
    }

    fn read(&self, job: &Job<'_>, round: &[usize], _reply: &Reply) -> Reading {
        let is_bad = |item: &Item| self.bad.contains(&item.to);
        if job.items(round).any(is_bad) {
            Reading::OneOf(Verdict::BadRecipient(Cause::new("bad", "")))
        } else {
            Reading::Each(vec![Verdict::Accepted(Default::default()); round.len()])
        }
    }
}

fn batch(numbers: &[String]) -> Batch {
    let content = Arc::new(Content::Text { text: "x".into() });
    let item = |to: &String| Item {
        reference: format!("dlv_{to}"),
        to: to.clone(),
        vars: Arc::new(Vars::new()),
        content: content.clone(),
        unsubscribe: None,
    };
    Batch {
        class: Class::Notification,
        template: "t".into(),
        vendor_template: None,
        attachments: [].into(),
        items: numbers.iter().map(item).collect(),
    }
}

fn account() -> Account {
    Account {
        id: AccountId::from_u64(1),
        key: "a".into(),
        settings: [].into(),
        secrets: [].into(),
    }
}

/// Drives a batch with the same reply to every call; gives the verdicts and the calls made.
fn drive(vendor: &Vendor, batch: &Batch, reply: impl Fn(u32) -> Reply) -> (Vec<Verdict>, u32) {
    let context = Context {
        now: Timestamp::from_millis(0),
        nonce: 0,
    };
    let account = account();
    let job = Job {
        account: &account,
        batch,
        context: &context,
    };
    let mut calls = 0;
    let mut step = start(vendor, &job);
    loop {
        match step {
            Step::Done(verdicts) => return (verdicts, calls),
            Step::Token { want, .. } => panic!("{want:?}"),
            Step::Call { state, .. } => {
                calls += 1;
                step = resume(vendor, &job, state, &reply(calls));
            }
        }
    }
}

fn ok(_: u32) -> Reply {
    Reply::Http(HttpReply {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: "".into(),
    })
}

fn numbers(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("+86137111122{number:02}"))
        .collect()
}

fn words(verdicts: &[Verdict]) -> Vec<&'static str> {
    verdicts.iter().map(Verdict::as_str).collect()
}

#[test]
fn one_bad_number_costs_only_itself() {
    let vendor = Vendor {
        bad: vec![numbers(6)[2].clone()],
    };
    let (verdicts, calls) = drive(&vendor, &batch(&numbers(6)), ok);
    let expected = [
        "accepted",
        "accepted",
        "bad_recipient",
        "accepted",
        "accepted",
        "accepted",
    ];
    assert_eq!(words(&verdicts), expected);
    // Four refused, two and two (one refused), one and one, and the last two.
    assert_eq!(calls, 6);
}

#[test]
fn a_batch_of_one_call_needs_no_state() {
    let batch = batch(&numbers(3));
    let context = Context {
        now: Timestamp::from_millis(0),
        nonce: 0,
    };
    let account = account();
    let job = Job {
        account: &account,
        batch: &batch,
        context: &context,
    };
    match start(&Vendor { bad: vec![] }, &job) {
        Step::Call { state, .. } => assert_eq!(state, State::default()),
        Step::Token { want, .. } => panic!("{want:?}"),
        Step::Done(verdicts) => panic!("{verdicts:?}"),
    }
}

#[test]
fn a_number_stands_in_a_call_once() {
    let twice = batch(&["+1".into(), "+2".into(), "+1".into()]);
    assert_eq!(partition(&twice, 10, |_, _| true), [vec![0, 1], vec![2]]);
}

#[test]
fn what_was_not_tried_after_a_lost_call_is_not_unknown() {
    let fault = |phase| {
        move |_| {
            Reply::Fault(Fault {
                phase,
                kind: FaultKind::TimedOut,
                detail: "slow".into(),
            })
        }
    };
    let batch = batch(&numbers(6));
    let (verdicts, calls) = drive(&Vendor { bad: vec![] }, &batch, fault(Phase::MaybeSent));
    let expected = [
        "unknown",
        "unknown",
        "unknown",
        "unknown",
        "elsewhere",
        "elsewhere",
    ];
    assert_eq!((words(&verdicts), calls), (expected.to_vec(), 1));
    let (verdicts, calls) = drive(&Vendor { bad: vec![] }, &batch, fault(Phase::NotSent));
    assert_eq!((words(&verdicts), calls), (vec!["elsewhere"; 6], 1));
}

#[test]
fn the_number_of_calls_is_bounded_and_the_rest_waits() {
    let numbers = numbers(100);
    let (verdicts, calls) = drive(
        &Vendor {
            bad: numbers.clone(),
        },
        &batch(&numbers),
        ok,
    );
    assert_eq!(calls, MAX_CALLS);
    let later = verdicts
        .iter()
        .filter(|verdict| verdict.as_str() == "later")
        .count();
    let bad = verdicts
        .iter()
        .filter(|verdict| verdict.as_str() == "bad_recipient")
        .count();
    assert_eq!(later + bad, 100);
    assert!(later > 0 && bad > 0, "{later} later, {bad} bad");
}

proptest! {
    #[test]
    fn every_number_gets_the_verdict_it_deserves(bad in proptest::collection::vec(any::<bool>(), 1..12)) {
        let numbers = numbers(bad.len());
        let refused = |(number, is_bad): (&String, &bool)| is_bad.then(|| number.clone());
        let vendor = Vendor { bad: numbers.iter().zip(&bad).filter_map(refused).collect() };
        let (verdicts, _) = drive(&vendor, &batch(&numbers), ok);
        for (verdict, is_bad) in verdicts.iter().zip(&bad) {
            let expected = if *is_bad { "bad_recipient" } else { "accepted" };
            prop_assert_eq!(verdict.as_str(), expected);
        }
    }

    #[test]
    fn any_state_gives_one_verdict_per_item(text in "\\PC{0,40}", index in 0_usize..9, calls in 0_u32..99) {
        let batch = batch(&numbers(3));
        let account = account();
        let context = Context { now: Timestamp::from_millis(0), nonce: 0 };
        let job = Job { account: &account, batch: &batch, context: &context };
        let progress = serde_json::json!({
            "pending": [[index]], "verdicts": [null, null, null], "calls": calls,
        });
        for state in [serde_json::Value::from(text.clone()), progress] {
            let vendor = Vendor { bad: vec![] };
            if let Step::Done(verdicts) = resume(&vendor, &job, State(state), &ok(0)) {
                prop_assert_eq!(verdicts.len(), 3);
            }
        }
    }
}
