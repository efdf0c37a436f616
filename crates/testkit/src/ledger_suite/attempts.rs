//! Beginning and settling attempts.

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Backend>> {
    cases![
        an_attempt_begins_once,
        a_settled_attempt_is_evidence,
        a_call_is_shared_by_its_attempts,
        a_retry_waits_and_begins_again,
        an_attempt_is_recorded_once,
        an_unopened_attempt_is_ignored,
        a_late_acceptance_moves_unknown_to_sent,
        a_lost_attempt_is_recorded_without_its_call,
    ]
}

async fn an_attempt_begins_once(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    let starts = vec![
        start(id, 2),
        start(id, 0),
        start(id, 1),
        start(id, 1),
        start(id, 2),
    ];
    let held = ledger.begin(starts, at(10)).await.unwrap();
    assert_eq!(held, [false, false, true, false, false]);
    let row = evidence(ledger, id).await.delivery;
    assert_eq!(
        (row.state, row.attempts, row.account),
        (State::Sending, 1, Some(ACCOUNT))
    );
    assert_eq!((row.due_at, row.updated_at), (None, at(10)));
}

async fn a_settled_attempt_is_evidence(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    let mut settlement = sent(id, 1, "vendor-1");
    let Verdict::Accepted(acceptance) = &mut settlement.verdict else {
        unreachable!("sent() gives an acceptance");
    };
    acceptance.segments = Some(3);
    acceptance.cost = Some(450);
    assert_eq!(settle(ledger, settlement.clone()).await, Settled::Moved);
    let known = evidence(ledger, id).await;
    let row = &known.delivery;
    assert_eq!(
        (row.state, row.vendor_id.as_deref()),
        (State::Sent, Some("vendor-1"))
    );
    assert_eq!(
        (row.segments, row.cost, row.updated_at),
        (Some(3), Some(450), at(11))
    );
    let [attempt] = &known.attempts[..] else {
        panic!("one attempt was made");
    };
    assert_eq!(
        (attempt.attempt, attempt.account, attempt.started_at),
        (1, ACCOUNT, at(10))
    );
    assert_eq!(attempt.took, Some(Duration::from_millis(12)));
    assert_eq!(
        (attempt.request.as_str(), attempt.answer.as_str()),
        ("POST /send", "200 ok")
    );
    assert_eq!(attempt.verdict, settlement.verdict);
}

async fn a_call_is_shared_by_its_attempts(mut backend: Backend) {
    let ledger = backend.ledger();
    let id = accept(ledger, message(&[1, 2, 3])).await.message.id;
    let starts = (0..3).map(|place| start(id.delivery(place), 1)).collect();
    assert_eq!(ledger.begin(starts, at(10)).await, Ok(vec![true; 3]));
    let mut shared = call(at(10));
    shared.recipients = 2;
    let calls = vec![shared, call(at(12))];
    let mut third = sent(id.delivery(2), 1, "c");
    third.call = Some(1);
    let settlements = vec![
        sent(id.delivery(0), 1, "a"),
        sent(id.delivery(1), 1, "b"),
        third,
    ];
    let settled = ledger.settle(calls, settlements, at(13)).await.unwrap();
    assert_eq!(settled, [Settled::Moved; 3]);
    backend.restart().await;
    for (place, recipients, started) in [(0, 2, at(10)), (1, 2, at(10)), (2, 1, at(12))] {
        let attempt = evidence(backend.ledger(), id.delivery(place))
            .await
            .attempts
            .remove(0);
        assert_eq!(
            (attempt.recipients, attempt.started_at),
            (recipients, started)
        );
        assert_eq!(attempt.answer, "200 ok");
    }
}

async fn a_retry_waits_and_begins_again(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    assert_eq!(
        settle(ledger, again(id, 1, Some(at(60)))).await,
        Settled::Moved
    );
    let row = evidence(ledger, id).await.delivery;
    assert_eq!(
        (row.state, row.due_at, row.attempts),
        (State::Queued, Some(at(60)), 1)
    );
    assert_eq!(row.reason.unwrap().code, "vendor_busy");
    assert_eq!(
        ledger.begin(vec![start(id, 1)], at(60)).await,
        Ok(vec![false])
    );
    begin(ledger, id, 2).await;
    assert_eq!(evidence(ledger, id).await.delivery.reason, None);
    assert_eq!(settle(ledger, sent(id, 2, "v")).await, Settled::Moved);
    let attempts = evidence(ledger, id).await.attempts;
    assert_eq!(
        attempts.iter().map(|a| a.attempt).collect::<Vec<_>>(),
        [1, 2]
    );
}

async fn an_attempt_is_recorded_once(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    assert_eq!(settle(ledger, sent(id, 1, "v")).await, Settled::Moved);
    assert_eq!(settle(ledger, sent(id, 1, "w")).await, Settled::Ignored);
    assert_eq!(settle(ledger, lost(id, 1)).await, Settled::Ignored);
    let known = evidence(ledger, id).await;
    assert_eq!(
        (known.attempts.len(), known.delivery.vendor_id.as_deref()),
        (1, Some("v"))
    );
}

async fn an_unopened_attempt_is_ignored(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    assert_eq!(settle(ledger, sent(id, 1, "v")).await, Settled::Ignored);
    assert_eq!(settle(ledger, sent(id, 0, "v")).await, Settled::Ignored);
    assert_eq!(
        settle(ledger, sent(DeliveryId::from_u64(5), 1, "v")).await,
        Settled::Ignored
    );
    begin(ledger, id, 1).await;
    assert_eq!(settle(ledger, sent(id, 2, "v")).await, Settled::Ignored);
    let known = evidence(ledger, id).await;
    assert_eq!(
        (known.delivery.state, known.attempts.len()),
        (State::Sending, 0)
    );
}

async fn a_late_acceptance_moves_unknown_to_sent(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    assert_eq!(settle(ledger, lost(id, 1)).await, Settled::Moved);
    assert_eq!(state(ledger, id).await, State::Unknown);
    assert_eq!(settle(ledger, sent(id, 1, "v")).await, Settled::Moved);
    let known = evidence(ledger, id).await;
    assert_eq!(
        (known.delivery.state, known.delivery.reason),
        (State::Sent, None)
    );
    assert_eq!(known.delivery.vendor_id.as_deref(), Some("v"));
    assert_eq!(
        (known.attempts.len(), known.attempts[0].answer.as_str()),
        (1, "200 ok")
    );
    assert_eq!(
        known.events.len(),
        1,
        "what it was taken for before is kept"
    );
    assert_eq!(settle(ledger, sent(id, 1, "w")).await, Settled::Ignored);
}

async fn a_lost_attempt_is_recorded_without_its_call(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    let settled = ledger.settle(Vec::new(), vec![lost(id, 1)], at(40)).await;
    assert_eq!(settled, Ok(vec![Settled::Moved]));
    let attempt = evidence(ledger, id).await.attempts.remove(0);
    assert_eq!(
        (attempt.took, attempt.account, attempt.started_at),
        (None, ACCOUNT, at(10))
    );
}
