//! What counts against limits, and from when on.

use austin_ports::ledger::{Change, Counted, Facts};

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Backend>> {
    cases![
        what_ended_without_reaching_the_person_does_not_count,
        what_waits_counts_from_when_it_goes_out,
        what_was_accepted_long_ago_and_went_out_since_is_found,
        pages_are_in_order_and_complete,
    ]
}

const FIRST: DeliveryId = DeliveryId::from_u64(0);

async fn counted(ledger: &dyn Ledger, from: Timestamp) -> Vec<Counted> {
    let (found, stopped) = ledger.counted(from, FIRST, 1000).await.unwrap();
    assert_eq!(stopped, None);
    found
}

fn change(delivery: DeliveryId, to: State) -> Change {
    Change {
        delivery,
        from: None,
        to,
        due_at: None,
        reason: Reason::new("rule", "a rule says so"),
    }
}

async fn what_ended_without_reaching_the_person_does_not_count(mut backend: Backend) {
    let ledger = backend.ledger();
    let mut given = message(&[0, 1, 2, 3, 4, 5, 6, 7]);
    given.deliveries[0].facts = Facts {
        content: Some(u64::MAX),
        ..Facts::default()
    }
    .known();
    given.deliveries[7].state = State::Suppressed;
    given.deliveries[7].reason = Some(Reason::new("cap", "too many"));
    let id = accept(ledger, given).await.message.id;
    for (index, to) in [
        (1, State::Recalled),
        (2, State::Expired),
        (3, State::Failed),
    ] {
        let changes = vec![change(id.delivery(index), to)];
        assert_eq!(ledger.change(changes, at(1)).await, Ok(vec![true]));
    }
    for index in [4, 5, 6] {
        begin(ledger, id.delivery(index), 1).await;
    }
    settle(ledger, sent(id.delivery(4), 1, "v4")).await;
    settle(ledger, sent(id.delivery(5), 1, "v5")).await;
    settle(ledger, lost(id.delivery(6), 1)).await;
    let undelivered = vec![receipt("v5", State::Undelivered)];
    ledger.receipts(undelivered, at(30)).await.unwrap();
    backend.restart().await;
    let found = counted(backend.ledger(), NOW).await;
    let row = |index: u8, state| Counted {
        delivery: id.delivery(index.into()),
        to: number(index),
        template: TemplateId::from_u64(8),
        lane: LANE,
        content: (index == 0).then_some(u64::MAX),
        state,
        at: NOW,
        counts: true,
    };
    let wanted = [
        row(0, State::Accepted),
        row(4, State::Sent),
        row(6, State::Unknown),
    ];
    assert_eq!(found, wanted);
    assert_eq!(counted(backend.ledger(), at(1)).await, []);
}

/// A message to four: two scheduled for the 60th second, two held.
async fn four_that_wait(ledger: &dyn Ledger) -> Vec<DeliveryId> {
    let mut given = message(&[0, 1, 2, 3]);
    for (index, delivery) in given.deliveries.iter_mut().enumerate() {
        delivery.state = [State::Scheduled, State::Held][index / 2];
        delivery.due_at = Some(at(60));
        delivery.reason = Some(Reason::new("rule", "a rule says so"));
    }
    let id = accept(ledger, given).await.message.id;
    (0..4).map(|index| id.delivery(index)).collect()
}

fn times(found: &[Counted]) -> Vec<(DeliveryId, Timestamp, bool)> {
    let time = |row: &Counted| (row.delivery, row.at, row.counts);
    found.iter().map(time).collect()
}

async fn what_waits_counts_from_when_it_goes_out(mut backend: Backend) {
    let ledger = backend.ledger();
    let ids = four_that_wait(ledger).await;
    let wanted: Vec<_> = ids.iter().map(|id| (*id, NOW, false)).collect();
    assert_eq!(times(&counted(ledger, NOW).await), wanted);
    // One goes out from each state, one is released first, one goes out as soon as accepted.
    let started = ledger.begin(vec![start(ids[0], 1)], at(70)).await;
    assert_eq!(started, Ok(vec![true]));
    let released = vec![change(ids[2], State::Queued)];
    assert_eq!(ledger.change(released, at(40)).await, Ok(vec![true]));
    let started = vec![start(ids[2], 1), start(ids[3], 1)];
    assert_eq!(ledger.begin(started, at(80)).await, Ok(vec![true, true]));
    settle(ledger, again(ids[3], 1, Some(at(100)))).await;
    let again = ledger.begin(vec![start(ids[3], 2)], at(100)).await;
    assert_eq!(again, Ok(vec![true]));
    backend.restart().await;
    let wanted = [
        (ids[0], at(70), true),
        (ids[1], NOW, false),
        (ids[2], at(40), true),
        (ids[3], at(80), true),
    ];
    assert_eq!(times(&counted(backend.ledger(), NOW).await), wanted);
}

async fn what_was_accepted_long_ago_and_went_out_since_is_found(mut backend: Backend) {
    let ledger = backend.ledger();
    let ids = four_that_wait(ledger).await;
    let year = 365 * 86_400;
    let started = vec![start(ids[0], 1), start(ids[1], 1), start(ids[3], 1)];
    for (start, second) in started.into_iter().zip([60, year, year + 1]) {
        let held = ledger.begin(vec![start], at(second)).await;
        assert_eq!(held, Ok(vec![true]));
    }
    let new = ledger.accept(vec![message(&[9])], at(year + 2)).await;
    let new = new.unwrap()[0].message.id.delivery(0);
    backend.restart().await;
    let wanted = [
        (ids[1], at(year), true),
        (ids[3], at(year + 1), true),
        (new, at(year + 2), true),
    ];
    let ledger = backend.ledger();
    assert_eq!(times(&counted(ledger, at(year)).await), wanted);
    assert_eq!(times(&counted(ledger, at(year + 1)).await), wanted[1..]);
    // Also page by page.
    let (mut found, mut after) = (Vec::new(), Some(FIRST));
    while let Some(last) = after {
        let (page, stopped) = ledger.counted(at(year), last, 1).await.unwrap();
        assert!(page.len() <= 1);
        found.extend(page);
        after = stopped;
    }
    assert_eq!(times(&found), wanted);
}

async fn pages_are_in_order_and_complete(mut backend: Backend) {
    let mut wanted = Vec::new();
    for second in 0..7 {
        let messages = vec![message(&[1, 2, 3]), message(&[4])];
        for accepted in backend.ledger().accept(messages, at(second)).await.unwrap() {
            let head = accepted.message;
            let ids = (0..head.recipients).map(|index| head.id.delivery(index));
            wanted.extend(ids.map(|id| (id, at(second), true)));
        }
    }
    backend.restart().await;
    for rows in [1, 2, 3, 5, 28, 100] {
        for from in [0, 4] {
            let (mut found, mut after) = (Vec::new(), Some(FIRST));
            while let Some(last) = after {
                let ledger = backend.ledger();
                let (page, stopped) = ledger.counted(at(from), last, rows).await.unwrap();
                found.extend(page);
                after = stopped;
            }
            let rest = wanted.iter().filter(|(_, moment, _)| *moment >= at(from));
            assert_eq!(
                times(&found),
                rest.copied().collect::<Vec<_>>(),
                "{rows} {from}"
            );
        }
    }
}
