//! Looking deliveries up.

use austin_domain::MessageId;
use austin_ports::ledger::Filter;

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Backend>> {
    cases![
        texts_find_their_deliveries,
        every_field_of_a_filter_narrows,
        a_message_is_a_filter_and_a_page_begins_below_an_id,
        pages_are_newest_first_and_complete,
        reads_see_every_earlier_write,
    ]
}

fn filter() -> Filter {
    Filter {
        limit: 100,
        ..Filter::default()
    }
}

async fn found(ledger: &dyn Ledger, mut filter: Filter) -> Vec<DeliveryId> {
    let mut ids = Vec::new();
    loop {
        let page = ledger.find(filter.clone()).await.unwrap();
        ids.extend(page.rows.iter().map(|row| row.id));
        match page.next {
            None => return ids,
            next => filter.before = next,
        }
    }
}

/// Two messages that differ in everything, the second accepted at 5 s.
async fn two_messages(ledger: &dyn Ledger) -> (MessageId, MessageId) {
    let mut second = message(&[2, 3]);
    second.reference = Some("order-2".into());
    second.deliveries[1].reference = Some("own".into());
    second.app = AppId::from_u64(70);
    second.template = TemplateId::from_u64(80);
    second.lane.channel = Channel::Email;
    let one = accept(ledger, message(&[1, 2])).await.message.id;
    let later = ledger.accept(vec![second], at(5)).await.unwrap();
    begin(ledger, one.delivery(0), 1).await;
    settle(ledger, sent(one.delivery(0), 1, "v1")).await;
    (one, later[0].message.id)
}

/// A change to a filter and what it then finds: message (0 or 1) and place.
type Row = (fn(&mut Filter), &'static [(usize, u32)]);

async fn check(mut backend: Backend, table: &[Row]) {
    let (one, two) = two_messages(backend.ledger()).await;
    for restarted in [false, true] {
        if restarted {
            backend.restart().await;
        }
        for (place, (change, wanted)) in table.iter().enumerate() {
            let mut filter = filter();
            change(&mut filter);
            let wanted: Vec<_> = wanted
                .iter()
                .map(|(message, place)| [one, two][*message].delivery(*place))
                .collect();
            let found = found(backend.ledger(), filter).await;
            assert_eq!(found, wanted, "row {place}, restarted: {restarted}");
        }
    }
}

async fn texts_find_their_deliveries(backend: Backend) {
    check(
        backend,
        &[
            (|f| f.to = Some(number(2)), &[(1, 0), (0, 1)]),
            (|f| f.to = Some(number(77)), &[]),
            (|f| f.reference = Some("order-2".into()), &[(1, 1), (1, 0)]),
            (|f| f.reference = Some("own".into()), &[(1, 1)]),
            (|f| f.vendor_id = Some("v1".into()), &[(0, 0)]),
            (|f| f.vendor_id = Some("v2".into()), &[]),
        ],
    )
    .await;
}

async fn every_field_of_a_filter_narrows(backend: Backend) {
    check(
        backend,
        &[
            (|_| (), &[(1, 1), (1, 0), (0, 1), (0, 0)]),
            (
                |f| f.templates = Some(vec![TemplateId::from_u64(80)]),
                &[(1, 1), (1, 0)],
            ),
            (|f| f.templates = Some(Vec::new()), &[]),
            (|f| f.app = Some(AppId::from_u64(70)), &[(1, 1), (1, 0)]),
            (|f| f.account = Some(ACCOUNT), &[(0, 0)]),
            (|f| f.state = Some(State::Sent), &[(0, 0)]),
            (|f| f.channel = Some(Channel::Email), &[(1, 1), (1, 0)]),
            (|f| f.from = Some(at(5)), &[(1, 1), (1, 0)]),
            (|f| f.until = Some(at(5)), &[(0, 1), (0, 0)]),
            (
                |f| (f.to, f.state) = (Some(number(2)), Some(State::Sent)),
                &[],
            ),
        ],
    )
    .await;
}

async fn a_message_is_a_filter_and_a_page_begins_below_an_id(backend: Backend) {
    let ledger = backend.ledger();
    let (one, two) = two_messages(ledger).await;
    let mut wanted = filter();
    wanted.message = Some(one);
    assert_eq!(
        found(ledger, wanted).await,
        [one.delivery(1), one.delivery(0)]
    );
    let mut wanted = filter();
    wanted.before = Some(two.delivery(0));
    assert_eq!(
        found(ledger, wanted).await,
        [one.delivery(1), one.delivery(0)]
    );
}

async fn pages_are_newest_first_and_complete(backend: Backend) {
    let ledger = backend.ledger();
    let mut all = Vec::new();
    for _ in 0..5 {
        let id = accept(ledger, message(&[1, 1, 2])).await.message.id;
        all.splice(0..0, [id.delivery(1), id.delivery(0)]);
    }
    for limit in [1, 2, 3, 7, 10, 11] {
        for by_reference in [false, true] {
            let wanted = Filter {
                to: Some(number(1)),
                reference: by_reference.then(|| "order-1".into()),
                limit,
                ..Filter::default()
            };
            assert_eq!(found(ledger, wanted).await, all, "limit {limit}");
        }
    }
}

async fn reads_see_every_earlier_write(backend: Backend) {
    let ledger = backend.ledger();
    for _ in 0..50 {
        let id = accept_one(ledger).await;
        assert_eq!(state(ledger, id).await, State::Accepted);
        begin(ledger, id, 1).await;
        assert_eq!(state(ledger, id).await, State::Sending);
    }
}
