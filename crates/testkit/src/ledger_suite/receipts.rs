//! Receipts: early, late, repeated, out of order, unknown.

use austin_ports::ledger::{Change, HandedOver, ReceiptFate};

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Backend>> {
    cases![
        a_receipt_moves_its_delivery,
        a_receipt_by_our_own_reference,
        a_repeated_receipt_changes_nothing,
        receipts_out_of_order_never_move_back,
        an_early_receipt_is_parked_until_its_attempt_is_recorded,
        a_receipt_before_the_outcome_moves_and_the_attempt_is_kept,
        a_receipt_is_matched_by_account_and_key,
        a_delivery_of_several_ids_is_matched_by_each,
        rematching_is_safe_to_run_twice,
        an_unknown_delivery_is_settled_by_its_receipt,
        only_a_change_that_says_so_takes_a_sent_delivery_back,
        a_receipt_overtakes_the_attempt_after_a_time_out,
        what_vendors_took_is_listed_newest_first,
    ]
}

/// The fate of a receipt that moved its delivery; what was sent was so at the 11th second.
fn moved(delivery: DeliveryId, from: State, to: State) -> ReceiptFate {
    ReceiptFate::Moved {
        delivery,
        from,
        to,
        sent_at: (from == State::Sent).then_some(at(11)),
    }
}

/// The fate of a receipt that moved nothing.
fn kept(delivery: DeliveryId, state: State) -> ReceiptFate {
    ReceiptFate::Kept {
        delivery,
        state,
        sent_at: (state == State::Sent).then_some(at(11)),
    }
}

fn back_to_queued(delivery: DeliveryId, from: Option<State>) -> Change {
    Change {
        delivery,
        from,
        to: State::Queued,
        due_at: None,
        reason: Reason::new("receipt_timeout", "no receipt came in time"),
    }
}

async fn sent_as(ledger: &dyn Ledger, vendor_id: &str) -> DeliveryId {
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    assert_eq!(settle(ledger, sent(id, 1, vendor_id)).await, Settled::Moved);
    id
}

async fn receive(ledger: &dyn Ledger, receipt: NewReceipt) -> ReceiptFate {
    let fates = ledger.receipts(vec![receipt], at(31)).await.unwrap();
    assert_eq!(fates.len(), 1);
    fates[0]
}

async fn a_receipt_moves_its_delivery(mut backend: Backend) {
    let id = sent_as(backend.ledger(), "v1").await;
    backend.restart().await;
    let ledger = backend.ledger();
    let mut given = receipt("v1", State::Delivered);
    given.segments = Some(5);
    let fate = receive(ledger, given.clone()).await;
    assert_eq!(fate, moved(id, State::Sent, State::Delivered));
    let known = evidence(ledger, id).await;
    assert_eq!(
        (known.delivery.state, known.delivery.segments),
        (State::Delivered, Some(5))
    );
    assert_eq!(known.receipts.len(), 1);
    assert_eq!(
        (known.receipts[0].received_at, &known.receipts[0].receipt),
        (at(31), &given)
    );
}

async fn a_receipt_by_our_own_reference(backend: Backend) {
    let ledger = backend.ledger();
    let id = sent_as(ledger, "v1").await;
    let waiting = accept_one(ledger).await;
    let named = |id| NewReceipt {
        key: None,
        delivery: Some(id),
        ..receipt("", State::Undelivered)
    };
    assert_eq!(
        receive(ledger, named(id)).await,
        moved(id, State::Sent, State::Undelivered)
    );
    assert_eq!(
        evidence(ledger, id).await.delivery.reason.unwrap().code,
        "undelivered"
    );
    let mut foreign = named(id);
    foreign.account = OTHER;
    assert_eq!(receive(ledger, foreign).await, ReceiptFate::Parked);
    assert_eq!(receive(ledger, named(waiting)).await, ReceiptFate::Parked);
}

async fn a_repeated_receipt_changes_nothing(mut backend: Backend) {
    let id = sent_as(backend.ledger(), "v1").await;
    receive(backend.ledger(), receipt("v1", State::Delivered)).await;
    backend.restart().await;
    let ledger = backend.ledger();
    let mut repeated = receipt("v1", State::Delivered);
    repeated.raw = "the same in another wrapping".into();
    assert_eq!(receive(ledger, repeated).await, ReceiptFate::Repeated(id));
    assert_eq!(evidence(ledger, id).await.receipts.len(), 1);
}

async fn receipts_out_of_order_never_move_back(backend: Backend) {
    let ledger = backend.ledger();
    let id = sent_as(ledger, "v1").await;
    let given = vec![
        receipt("v1", State::Undelivered),
        receipt("v1", State::Delivered),
        NewReceipt {
            code: "FAILED".into(),
            ..receipt("v1", State::Undelivered)
        },
        NewReceipt {
            state: None,
            ..receipt("v1", State::Delivered)
        },
    ];
    let fates = ledger.receipts(given, at(31)).await.unwrap();
    assert_eq!(
        fates,
        [
            moved(id, State::Sent, State::Undelivered),
            moved(id, State::Undelivered, State::Delivered),
            kept(id, State::Delivered),
            kept(id, State::Delivered),
        ]
    );
    let known = evidence(ledger, id).await;
    assert_eq!(
        (known.delivery.state, known.delivery.reason),
        (State::Delivered, None)
    );
    assert_eq!(known.receipts.len(), 4);
}

async fn an_early_receipt_is_parked_until_its_attempt_is_recorded(mut backend: Backend) {
    let id = accept_one(backend.ledger()).await;
    begin(backend.ledger(), id, 1).await;
    let early = receipt("v1", State::Delivered);
    assert_eq!(
        receive(backend.ledger(), early.clone()).await,
        ReceiptFate::Parked
    );
    assert_eq!(
        receive(backend.ledger(), early.clone()).await,
        ReceiptFate::Parked
    );
    backend.restart().await;
    let ledger = backend.ledger();
    let parked = ledger.parked(10).await.unwrap();
    assert_eq!(parked.len(), 1, "the same receipt is parked once");
    assert_eq!(
        (parked[0].received_at, &parked[0].receipt),
        (at(31), &early)
    );
    assert_eq!(settle(ledger, sent(id, 1, "v1")).await, Settled::Moved);
    let known = evidence(ledger, id).await;
    assert_eq!(
        (known.delivery.state, known.receipts.len()),
        (State::Delivered, 1)
    );
    assert_eq!(known.receipts[0].received_at, at(31));
    assert_eq!(ledger.parked(10).await.unwrap(), []);
    assert_eq!(receive(ledger, early).await, ReceiptFate::Repeated(id));
}

async fn a_receipt_before_the_outcome_moves_and_the_attempt_is_kept(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    let mut early = receipt("v1", State::Delivered);
    early.delivery = Some(id);
    assert_eq!(
        receive(ledger, early).await,
        moved(id, State::Sending, State::Delivered)
    );
    assert_eq!(
        settle(ledger, sent(id, 1, "v1")).await,
        Settled::Kept(State::Delivered)
    );
    assert_eq!(settle(ledger, sent(id, 1, "v1")).await, Settled::Ignored);
    let known = evidence(ledger, id).await;
    assert_eq!(
        (known.delivery.state, known.attempts.len()),
        (State::Delivered, 1)
    );
    assert_eq!(known.delivery.vendor_id.as_deref(), Some("v1"));
}

async fn a_receipt_is_matched_by_account_and_key(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    let mut settlement = sent(id, 1, "batch-1");
    let Verdict::Accepted(acceptance) = &mut settlement.verdict else {
        unreachable!("sent() gives an acceptance");
    };
    acceptance.receipt_key = Some("batch-1/+861371111".into());
    settle(ledger, settlement).await;
    let by_id = receipt("batch-1", State::Delivered);
    assert_eq!(
        receive(ledger, by_id).await,
        ReceiptFate::Parked,
        "it has a key of its own"
    );
    let mut foreign = receipt("batch-1/+861371111", State::Delivered);
    foreign.account = OTHER;
    assert_eq!(
        receive(ledger, foreign).await,
        ReceiptFate::Parked,
        "another account's"
    );
    let fate = receive(ledger, receipt("batch-1/+861371111", State::Delivered)).await;
    assert_eq!(fate, moved(id, State::Sent, State::Delivered));
}

async fn a_delivery_of_several_ids_is_matched_by_each(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    let early = receive(ledger, receipt("part-3", State::Undelivered)).await;
    assert_eq!(early, ReceiptFate::Parked);
    let mut settlement = sent(id, 1, "part-1,part-2,part-3");
    let Verdict::Accepted(acceptance) = &mut settlement.verdict else {
        unreachable!("sent() gives an acceptance");
    };
    acceptance.receipt_key = Some("part-1\npart-2\npart-3".into());
    settle(ledger, settlement).await;
    let whole = receive(ledger, receipt("part-1,part-2,part-3", State::Delivered)).await;
    assert_eq!(whole, ReceiptFate::Parked, "it has keys of its own");
    let fate = receive(ledger, receipt("part-1", State::Delivered)).await;
    assert_eq!(fate, moved(id, State::Undelivered, State::Delivered));
    let fate = receive(ledger, receipt("part-2", State::Undelivered)).await;
    assert_eq!(fate, kept(id, State::Delivered));
}

async fn rematching_is_safe_to_run_twice(mut backend: Backend) {
    let id = accept_one(backend.ledger()).await;
    let mut named = receipt("nobody's", State::Delivered);
    named.delivery = Some(id);
    assert_eq!(receive(backend.ledger(), named).await, ReceiptFate::Parked);
    assert_eq!(backend.ledger().rematch(at(40)).await, Ok(0));
    begin(backend.ledger(), id, 1).await;
    assert_eq!(backend.ledger().rematch(at(41)).await, Ok(1));
    assert_eq!(backend.ledger().rematch(at(42)).await, Ok(0));
    backend.restart().await;
    assert_eq!(backend.ledger().rematch(at(43)).await, Ok(0));
    let known = evidence(backend.ledger(), id).await;
    assert_eq!(
        (known.delivery.state, known.receipts.len()),
        (State::Delivered, 1)
    );
}

async fn an_unknown_delivery_is_settled_by_its_receipt(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept_one(ledger).await;
    begin(ledger, id, 1).await;
    settle(ledger, lost(id, 1)).await;
    let mut named = receipt("v", State::Delivered);
    named.delivery = Some(id);
    assert_eq!(
        receive(ledger, named).await,
        moved(id, State::Unknown, State::Delivered)
    );
}

async fn only_a_change_that_says_so_takes_a_sent_delivery_back(mut backend: Backend) {
    let id = sent_as(backend.ledger(), "v1").await;
    let pending = NewReceipt {
        state: None,
        ..receipt("v1", State::Delivered)
    };
    let fate = receive(backend.ledger(), pending).await;
    assert_eq!(fate, kept(id, State::Sent));
    let blind = back_to_queued(id, None);
    let elsewhere = Change {
        to: State::Failed,
        ..back_to_queued(id, Some(State::Sent))
    };
    let given = vec![blind, elsewhere, back_to_queued(id, Some(State::Sent))];
    let held = backend.ledger().change(given, at(60)).await.unwrap();
    assert_eq!(held, [false, false, true]);
    backend.restart().await;
    let ledger = backend.ledger();
    let known = evidence(ledger, id).await;
    assert_eq!(known.delivery.state, State::Queued);
    assert_eq!(known.events.last().unwrap().reason.code, "receipt_timeout");
    let recovery = ledger.recover().await.unwrap();
    assert_eq!(recovery.ready.len(), 1, "it is work again");
    assert_eq!((recovery.ready[0].first, recovery.ready[0].count), (id, 1));
    let ready = ledger.ready(LANE, DeliveryId::from_u64(0), 10).await;
    assert_eq!(ready.unwrap()[0].id, id);
    begin(ledger, id, 2).await;
    assert_eq!(settle(ledger, sent(id, 2, "v2")).await, Settled::Moved);
    let known = evidence(ledger, id).await;
    assert_eq!(
        (known.delivery.state, known.attempts.len()),
        (State::Sent, 2)
    );
}

async fn a_receipt_overtakes_the_attempt_after_a_time_out(backend: Backend) {
    let ledger = backend.ledger();
    let waiting = sent_as(ledger, "v1").await;
    let under_way = sent_as(ledger, "w1").await;
    let back = vec![
        back_to_queued(waiting, Some(State::Sent)),
        back_to_queued(under_way, Some(State::Sent)),
    ];
    assert_eq!(ledger.change(back, at(60)).await, Ok(vec![true, true]));
    begin(ledger, under_way, 2).await;
    let fate = receive(ledger, receipt("v1", State::Delivered)).await;
    assert_eq!(fate, moved(waiting, State::Queued, State::Delivered));
    let fate = receive(ledger, receipt("w1", State::Delivered)).await;
    assert_eq!(fate, moved(under_way, State::Sending, State::Delivered));
    assert_eq!(
        settle(ledger, sent(under_way, 2, "w2")).await,
        Settled::Kept(State::Delivered)
    );
    assert_eq!(
        ledger.begin(vec![start(waiting, 2)], at(61)).await,
        Ok(vec![false])
    );
    assert_eq!(evidence(ledger, under_way).await.attempts.len(), 2);
}

async fn what_vendors_took_is_listed_newest_first(mut backend: Backend) {
    let first = sent_as(backend.ledger(), "v1").await;
    let open = accept_one(backend.ledger()).await;
    let second = sent_as(backend.ledger(), "v2").await;
    let fate = receive(backend.ledger(), receipt("v2", State::Delivered)).await;
    assert_eq!(fate, moved(second, State::Sent, State::Delivered));
    backend.restart().await;
    let ledger = backend.ledger();
    let handed = |delivery, state, sent_at| HandedOver {
        delivery,
        lane: LANE,
        state,
        account: ACCOUNT,
        sent_at,
        attempts: 1,
        expires_at: at(3600),
    };
    let newest = handed(second, State::Delivered, at(10));
    let oldest = handed(first, State::Sent, at(11));
    let top = DeliveryId::from_u64(u64::MAX >> 1);
    let all = ledger.handed_over(top, 100).await.unwrap();
    assert_eq!(all, (vec![newest, oldest], None));
    let some = ledger.handed_over(top, 2).await.unwrap();
    assert_eq!(some, (vec![newest], Some(open)));
    let rest = ledger.handed_over(open, 100).await.unwrap();
    assert_eq!(rest, (vec![oldest], None));
}
