//! Random work on the ledger and on the contract's plain model side by side, with kills in
//! between: both must give the same answers and end the same.

use austin_domain::{DeliveryId, State};
use austin_ports::ledger::{Counted, Filter};
use austin_testkit::MemoryLedger;
use austin_testkit::ledger_suite::{self as sample, ACCOUNT, LANE, OTHER, at};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Accept(Vec<u8>),
    Begin(usize, u16),
    Sent(usize, u16),
    Again(usize, u16),
    Change(usize, State, Option<State>),
    Receipt(usize, u16, bool, State),
    Rematch,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let states = proptest::sample::select(vec![
        State::Held,
        State::Queued,
        State::Expired,
        State::Recalled,
    ]);
    let from = proptest::option::of(proptest::sample::select(vec![
        State::Accepted,
        State::Queued,
        State::Sending,
        State::Sent,
        State::Held,
    ]));
    let reported = proptest::sample::select(vec![State::Delivered, State::Undelivered]);
    prop_oneof![
        3 => proptest::collection::vec(0u8..9, 1..4).prop_map(Step::Accept),
        6 => (0usize..8, 1u16..4).prop_map(|(d, n)| Step::Begin(d, n)),
        4 => (0usize..8, 1u16..4).prop_map(|(d, n)| Step::Sent(d, n)),
        2 => (0usize..8, 1u16..4).prop_map(|(d, n)| Step::Again(d, n)),
        2 => (0usize..8, states, from).prop_map(|(d, to, from)| Step::Change(d, to, from)),
        3 => (0usize..8, 1u16..4, any::<bool>(), reported)
            .prop_map(|(d, n, own, state)| Step::Receipt(d, n, own, state)),
        1 => Just(Step::Rematch),
        1 => Just(Step::Kill),
    ]
}

fn vendor_id(id: DeliveryId, attempt: u16) -> String {
    format!("v-{id}-{attempt}")
}

/// Does one step and tells what was answered.
async fn act(ledger: &dyn Ledger, step: &Step, ids: &[DeliveryId], now: Timestamp) -> String {
    let id = |at: &usize| ids.get(*at).copied().unwrap_or(DeliveryId::from_u64(3));
    match step {
        Step::Accept(to) => {
            let accepted = ledger.accept(vec![sample::message(to)], now).await;
            format!("{accepted:?}")
        }
        Step::Begin(d, n) => format!(
            "{:?}",
            ledger.begin(vec![sample::start(id(d), *n)], now).await
        ),
        Step::Sent(d, n) => {
            let settlement = sample::sent(id(d), *n, &vendor_id(id(d), *n));
            format!(
                "{:?}",
                ledger
                    .settle(vec![sample::call(now)], vec![settlement], now)
                    .await
            )
        }
        Step::Again(d, n) => {
            let settlement = sample::again(id(d), *n, Some(now));
            format!(
                "{:?}",
                ledger
                    .settle(vec![sample::call(now)], vec![settlement], now)
                    .await
            )
        }
        Step::Change(d, to, from) => {
            let change = Change {
                delivery: id(d),
                from: *from,
                to: *to,
                due_at: (*to == State::Held).then_some(now),
                reason: austin_domain::Reason::new("rule", "a rule says so"),
            };
            format!("{:?}", ledger.change(vec![change], now).await)
        }
        Step::Receipt(d, n, own, state) => {
            let mut receipt = sample::receipt(&vendor_id(id(d), *n), *state);
            receipt.account = if *own { ACCOUNT } else { OTHER };
            format!("{:?}", ledger.receipts(vec![receipt], now).await)
        }
        Step::Rematch => format!("{:?}", ledger.rematch(now).await),
        Step::Kill => String::new(),
    }
}

/// Everything a reader can see.
async fn picture(ledger: &dyn Ledger, ids: &[DeliveryId]) -> Vec<String> {
    let mut seen = Vec::new();
    for id in ids {
        let known = ledger.evidence(*id).await.unwrap().unwrap();
        let row = known.delivery;
        seen.push(format!(
            "{id} {} {} {:?} {:?} {:?} {} {:?} {:?} {:?}",
            row.state,
            row.attempts,
            row.account,
            row.due_at.filter(|_| row.state.is_waiting()),
            row.vendor_id,
            row.updated_at,
            known.attempts,
            known.receipts,
            known.events,
        ));
    }
    seen.push(format!("{:?}", ledger.parked(100).await.unwrap()));
    let recovery = ledger.recover().await.unwrap();
    let mut timers = recovery.timers;
    timers.sort();
    seen.push(format!(
        "{:?} {timers:?} {:?}",
        recovery.ready, recovery.interrupted
    ));
    for to in 0..9 {
        let mut found = Vec::new();
        let mut filter = Filter {
            to: Some(sample::number(to)),
            limit: 2,
            ..Filter::default()
        };
        loop {
            let page = ledger.find(filter.clone()).await.unwrap();
            found.extend(page.rows.iter().map(|row| row.id));
            match page.next {
                None => break,
                next => filter.before = next,
            }
        }
        seen.push(format!("{to}: {found:?}"));
    }
    let top = DeliveryId::from_u64(u64::MAX >> 1);
    seen.push(format!(
        "{:?}",
        ledger.handed_over(top, 1000).await.unwrap()
    ));
    for from in [at(0), at(9)] {
        let counted = counted(ledger, from, 3).await;
        seen.push(format!("{counted:?}"));
    }
    let ready = ledger
        .ready(LANE, DeliveryId::from_u64(0), 100)
        .await
        .unwrap();
    seen.push(format!("{ready:?}"));
    seen
}

/// What counts, read in pages of this many rows.
async fn counted(ledger: &dyn Ledger, from: Timestamp, rows: usize) -> Vec<Counted> {
    let (mut all, mut after) = (Vec::new(), DeliveryId::from_u64(0));
    loop {
        let (page, stopped) = ledger.counted(from, after, rows).await.unwrap();
        all.extend(page);
        match stopped {
            None => return all,
            Some(stopped) => after = stopped,
        }
    }
}

async fn compare(steps: &[Step], options: Options) {
    let dir = tempfile::tempdir().unwrap();
    let model = MemoryLedger::default();
    let mut ledger = open(dir.path(), options.clone());
    let mut ids: Vec<DeliveryId> = Vec::new();
    for (place, step) in (1u64..).zip(steps) {
        let now = at(place);
        let wanted = act(&model, step, &ids, now).await;
        let got = act(&ledger, step, &ids, now).await;
        assert_eq!(got, wanted, "step {place}: {step:?}");
        match step {
            Step::Accept(_) => {
                let newest = Filter {
                    limit: 1000,
                    ..Filter::default()
                };
                let rows = model.find(newest).await.unwrap().rows;
                ids = rows.iter().map(|row| row.id).take(8).collect();
            }
            Step::Kill => {
                ledger.kill();
                ledger = open(dir.path(), options.clone());
            }
            _ => {}
        }
    }
    let wanted = picture(&model, &ids).await;
    assert_eq!(picture(&ledger, &ids).await, wanted);
    ledger.close();
    let ledger = open(dir.path(), options);
    assert_eq!(picture(&ledger, &ids).await, wanted, "after a clean stop");
    drop(ledger);
    let faults: Vec<_> = check(dir.path())
        .into_iter()
        .filter(|finding| finding.severity == crate::Severity::Fault)
        .collect();
    assert_eq!(faults, []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn answers_and_ends_as_the_model(
        steps in proptest::collection::vec(step(), 1..60),
        segment in 1u64..8,
        lag in 1u64..6,
    ) {
        let options = Options {
            segment_deliveries: segment,
            lag_rows: lag,
            run_entries: 4,
            checkpoint_rows: 20,
            journal_bytes: 4096,
            ..options()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(compare(&steps, options));
    }
}
