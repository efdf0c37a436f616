//! Receipts: early, late, repeated, out of order, unknown.

use austin_ports::ledger::ReceiptFate;

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
    ]
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
    assert_eq!(fate, ReceiptFate::Moved(id, State::Delivered));
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
        ReceiptFate::Moved(id, State::Undelivered)
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
            ReceiptFate::Moved(id, State::Undelivered),
            ReceiptFate::Moved(id, State::Delivered),
            ReceiptFate::Kept(id, State::Delivered),
            ReceiptFate::Kept(id, State::Delivered),
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
        ReceiptFate::Moved(id, State::Delivered)
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
    assert_eq!(fate, ReceiptFate::Moved(id, State::Delivered));
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
    assert_eq!(fate, ReceiptFate::Moved(id, State::Delivered));
    let fate = receive(ledger, receipt("part-2", State::Undelivered)).await;
    assert_eq!(fate, ReceiptFate::Kept(id, State::Delivered));
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
        ReceiptFate::Moved(id, State::Delivered)
    );
}
