//! Accepting, waiting, and what a restart finds.

use std::collections::BTreeMap;

use austin_domain::{Class, DeliveryId, Lane, Reason, RuleRef, State};
use austin_ports::ledger::{AttachmentRef, AttachmentSource, Change, Facts, Next, Settlement};

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Backend>> {
    cases![
        accepted_messages_are_read_back_whole,
        ids_are_consecutive_in_a_message_and_grow,
        an_accepted_message_survives_a_kill,
        only_accepted_deliveries_are_ready,
        rules_causes_and_facts_are_kept,
        secrets_are_given_to_senders_only_and_wiped_at_the_end,
        secrets_of_a_watched_delivery_outlive_its_sending,
        recovery_tells_ready_timed_and_interrupted,
        ready_gives_a_lane_in_order_above_an_id,
        load_gives_only_what_waits,
        overdue_finds_what_ran_out,
        a_change_is_guarded_and_leaves_an_event,
        settled_units_are_removed_and_open_ones_stay,
    ]
}

async fn accepted_messages_are_read_back_whole(backend: Backend) {
    let ledger = backend.ledger();
    let mut given = message(&[1, 2]);
    given.attachments = vec![AttachmentRef {
        name: "bill.pdf".into(),
        content_type: Some("application/pdf".into()),
        source: AttachmentSource::Url("https://files.example.com/bill".into()),
    }];
    given.account = Some(OTHER);
    given.deliveries[1].vars = Some(BTreeMap::from([("order".into(), "B2".into())]));
    given.deliveries[1].reference = Some("own".into());
    let accepted = accept(ledger, given.clone()).await;
    let head = &accepted.message;
    assert_eq!(
        (head.app, head.template, head.version),
        (given.app, given.template, 3)
    );
    assert_eq!((head.lane, head.account), (LANE, Some(OTHER)));
    assert_eq!((head.accepted_at, head.expires_at), (NOW, at(3600)));
    assert_eq!(
        (head.recipients, &head.attachments),
        (2, &given.attachments)
    );

    let first = evidence(ledger, head.id.delivery(0)).await.delivery;
    assert_eq!(*first.message, **head);
    assert_eq!((first.to, &*first.vars), (number(1), &given.vars));
    assert_eq!(
        (first.state, first.attempts, first.account),
        (State::Accepted, 0, None)
    );
    assert_eq!(first.reference.as_deref(), Some("order-1"));
    assert_eq!(
        (first.due_at, first.reason, first.updated_at),
        (None, None, NOW)
    );
    let second = evidence(ledger, head.id.delivery(1)).await.delivery;
    assert_eq!(second.vars["order"], "B2");
    assert_eq!(second.reference.as_deref(), Some("own"));

    let summary = ledger.message(head.id).await.unwrap().unwrap();
    assert_eq!((*summary.message).clone(), (**head).clone());
    assert_eq!(*summary.vars, given.vars);
    assert_eq!(summary.states, [(State::Accepted, 2)]);
    let beyond = DeliveryId::from_u64(head.id.as_u64() + 3);
    assert!(ledger.evidence(beyond).await.unwrap().is_none());
    assert!(
        ledger
            .evidence(DeliveryId::from_u64(1))
            .await
            .unwrap()
            .is_none()
    );
}

async fn ids_are_consecutive_in_a_message_and_grow(mut backend: Backend) {
    let mut last = 0;
    for round in 0..3 {
        // Even when the clock steps back.
        let now = at(10 - round);
        let batch = vec![message(&[1, 2, 3]), message(&[4])];
        for accepted in backend.ledger().accept(batch, now).await.unwrap() {
            let id = accepted.message.id;
            assert!(id.as_u64() > last);
            for (place, item) in accepted.ready.iter().enumerate() {
                assert_eq!(item.id, id.delivery(u32::try_from(place).unwrap()));
                last = item.id.as_u64();
            }
        }
        backend.restart().await;
    }
}

async fn an_accepted_message_survives_a_kill(mut backend: Backend) {
    let id = accept_one(backend.ledger()).await;
    backend.restart().await;
    assert_eq!(state(backend.ledger(), id).await, State::Accepted);
    begin(backend.ledger(), id, 1).await;
    backend.restart().await;
    assert_eq!(state(backend.ledger(), id).await, State::Sending);
    assert_eq!(
        settle(backend.ledger(), sent(id, 1, "v")).await,
        Settled::Moved
    );
    backend.restart().await;
    let after = evidence(backend.ledger(), id).await;
    assert_eq!(
        (after.delivery.state, after.attempts.len()),
        (State::Sent, 1)
    );
}

async fn rules_causes_and_facts_are_kept(mut backend: Backend) {
    let rule = |part: &str| RuleRef {
        name: "policy/night".into(),
        version: 3,
        part: part.into(),
    };
    let earlier = accept_one(backend.ledger()).await;
    let mut given = message(&[1, 2]);
    let dedup = Reason::new("dedup", "the same was sent before")
        .by(rule("dedup"))
        .because_of(Some(earlier));
    given.deliveries[0].state = State::Suppressed;
    given.deliveries[0].reason = Some(dedup.clone());
    let facts = Facts {
        locale: Some("zh-Hant".into()),
        time_zone: Some("Asia/Kathmandu".into()),
        content: Some(u64::MAX),
        test: true,
    };
    given.deliveries[1].facts = facts.clone().known();
    let id = accept(backend.ledger(), given).await.message.id;
    let quiet = Reason::new("quiet_hours", "it is night").by(rule("quiet_hours"));
    let hold = Change {
        delivery: id.delivery(1),
        from: None,
        to: State::Held,
        due_at: Some(at(60)),
        reason: quiet.clone(),
    };
    assert_eq!(
        backend.ledger().change(vec![hold], at(1)).await,
        Ok(vec![true])
    );
    for _ in 0..2 {
        let stopped = evidence(backend.ledger(), id.delivery(0)).await.delivery;
        assert_eq!((stopped.reason, stopped.facts), (Some(dedup.clone()), None));
        let held = evidence(backend.ledger(), id.delivery(1)).await;
        assert_eq!(held.events[0].reason, quiet);
        assert_eq!(held.delivery.reason, Some(quiet.clone()));
        assert_eq!(held.delivery.facts.as_deref(), Some(&facts));
        let items = backend.ledger().load(vec![id.delivery(1)]).await.unwrap();
        assert_eq!(items[0].facts.as_deref(), Some(&facts));
        backend.restart().await;
    }
    begin(backend.ledger(), id.delivery(1), 1).await;
    let sending = evidence(backend.ledger(), id.delivery(1)).await;
    assert_eq!(sending.delivery.reason, None);
    let back = again(id.delivery(1), 1, Some(at(90)));
    settle(backend.ledger(), back).await;
    let waiting = evidence(backend.ledger(), id.delivery(1)).await;
    assert_eq!(waiting.delivery.reason.unwrap().rule, None);
}

async fn only_accepted_deliveries_are_ready(backend: Backend) {
    let mut given = message(&[1, 2, 3, 4]);
    let reason = Some(Reason::new("quiet_hours", "it is night"));
    for (delivery, state) in
        given.deliveries[1..]
            .iter_mut()
            .zip([State::Scheduled, State::Held, State::Suppressed])
    {
        delivery.state = state;
        delivery.due_at = (state != State::Suppressed).then(|| at(60));
        delivery.reason = reason.clone().filter(|_| state != State::Scheduled);
    }
    let accepted = accept(backend.ledger(), given).await;
    assert_eq!(accepted.ready.len(), 1);
    assert_eq!(accepted.ready[0].to, number(1));
    assert_eq!(accepted.ready[0].vars["order"], "A1");
    let held = evidence(backend.ledger(), accepted.message.id.delivery(2))
        .await
        .delivery;
    assert_eq!(
        (held.state, held.due_at, held.reason),
        (State::Held, Some(at(60)), reason)
    );
    let summary = backend
        .ledger()
        .message(accepted.message.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(summary.states.len(), 4);
}

async fn secrets_are_given_to_senders_only_and_wiped_at_the_end(mut backend: Backend) {
    let mut given = message(&[1]);
    given.deliveries[0].secret_vars = Some(BTreeMap::from([("code".into(), "491822".into())]));
    let accepted = accept(backend.ledger(), given).await;
    let id = accepted.ready[0].id;
    assert_eq!(accepted.ready[0].vars["code"], "491822");
    assert_eq!(*accepted.ready[0].secret_names, ["code".to_owned()]);
    backend.restart().await;
    let ledger = backend.ledger();
    let loaded = ledger.load(vec![id]).await.unwrap().remove(0);
    assert_eq!(
        (loaded.vars["code"].as_str(), loaded.vars["order"].as_str()),
        ("491822", "A1")
    );
    assert_eq!(*loaded.secret_names, ["code".to_owned()]);
    assert!(
        !evidence(ledger, id)
            .await
            .delivery
            .vars
            .contains_key("code")
    );
    // Kept while it may be sent again.
    begin(ledger, id, 1).await;
    settle(ledger, again(id, 1, None)).await;
    assert_eq!(
        ledger.load(vec![id]).await.unwrap()[0].vars["code"],
        "491822"
    );
    begin(ledger, id, 2).await;
    backend.restart().await;
    let interrupted = backend.ledger().recover().await.unwrap().interrupted;
    assert_eq!(interrupted[0].item.vars["code"], "491822");
    settle(backend.ledger(), sent(id, 2, "v")).await;
    assert!(!format!("{:?}", evidence(backend.ledger(), id).await).contains("491822"));
}

/// Sends a code whose receipt is watched until the 600th second.
async fn watched(ledger: &dyn Ledger, id: DeliveryId, attempt: u16) {
    begin(ledger, id, attempt).await;
    let settlement = Settlement {
        next: Next::Watched { until: at(600) },
        ..sent(id, attempt, &format!("v{attempt}"))
    };
    assert_eq!(settle(ledger, settlement).await, Settled::Moved);
}

async fn secrets_of_a_watched_delivery_outlive_its_sending(mut backend: Backend) {
    let mut given = message(&[1, 2, 3]);
    for delivery in &mut given.deliveries {
        delivery.secret_vars = Some(BTreeMap::from([("code".into(), "491822".into())]));
    }
    let id = accept(backend.ledger(), given).await.message.id;
    let [again, arrived, plain] = [0, 1, 2].map(|place| id.delivery(place));
    watched(backend.ledger(), again, 1).await;
    watched(backend.ledger(), arrived, 1).await;
    begin(backend.ledger(), plain, 1).await;
    settle(backend.ledger(), sent(plain, 1, "p1")).await;
    let mut receipt = receipt("v1", State::Delivered);
    receipt.delivery = Some(arrived);
    backend
        .ledger()
        .receipts(vec![receipt], at(31))
        .await
        .unwrap();
    backend.restart().await;
    let ledger = backend.ledger();
    for (id, state, kept) in [
        (again, State::Sent, true),
        (arrived, State::Delivered, false),
        (plain, State::Sent, false),
    ] {
        let row = evidence(ledger, id).await.delivery;
        assert_eq!((row.state, row.secrets_kept), (state, kept), "{id}");
    }
    let back = Change {
        delivery: again,
        from: Some(State::Sent),
        to: State::Queued,
        due_at: None,
        reason: Reason::new("receipt_timeout", "no receipt came in time"),
    };
    assert_eq!(ledger.change(vec![back], at(60)).await, Ok(vec![true]));
    backend.restart().await;
    let ledger = backend.ledger();
    let item = ledger.load(vec![again]).await.unwrap().remove(0);
    assert_eq!(item.vars["code"], "491822");
    assert_eq!(*item.spent, [ACCOUNT], "it took it, and no receipt came");
    watched(ledger, again, 2).await;
    ledger.wipe(at(599)).await.unwrap();
    assert!(evidence(ledger, again).await.delivery.secrets_kept);
    for _ in 0..2 {
        ledger.wipe(at(600)).await.unwrap();
    }
    assert!(!evidence(ledger, again).await.delivery.secrets_kept);
    backend.restart().await;
    assert!(
        !evidence(backend.ledger(), again)
            .await
            .delivery
            .secrets_kept
    );
}

async fn recovery_tells_ready_timed_and_interrupted(mut backend: Backend) {
    let mut given = message(&[1, 2, 3, 4, 5]);
    given.deliveries[1].state = State::Scheduled;
    given.deliveries[1].due_at = Some(at(90));
    let id = accept(backend.ledger(), given).await.message.id;
    begin(backend.ledger(), id.delivery(2), 1).await;
    begin(backend.ledger(), id.delivery(3), 1).await;
    settle(backend.ledger(), sent(id.delivery(3), 1, "v")).await;
    backend.restart().await;
    let recovery = backend.ledger().recover().await.unwrap();
    let ready: Vec<_> = recovery
        .ready
        .iter()
        .map(|b| (b.lane, b.count, b.first, b.last))
        .collect();
    assert_eq!(ready, [(LANE, 2, id.delivery(0), id.delivery(4))]);
    let timers: Vec<_> = recovery
        .timers
        .iter()
        .map(|t| (t.due_at, t.delivery, t.lane))
        .collect();
    assert_eq!(timers, [(at(90), id.delivery(1), LANE)]);
    let [interrupted] = &recovery.interrupted[..] else {
        panic!("one was being sent");
    };
    assert_eq!(
        (interrupted.item.id, interrupted.account),
        (id.delivery(2), ACCOUNT)
    );
    assert_eq!(
        (interrupted.started_at, interrupted.item.attempts),
        (at(10), 1)
    );
    assert_eq!(interrupted.item.last_account, Some(ACCOUNT));
}

async fn ready_gives_a_lane_in_order_above_an_id(backend: Backend) {
    let ledger = backend.ledger();
    let mut other = message(&[9]);
    other.lane = Lane {
        class: Class::Marketing,
        ..LANE
    };
    let other_lane = other.lane;
    let first = accept(ledger, message(&[1, 2, 3])).await.message.id;
    let foreign = accept(ledger, other).await.message.id;
    let last = accept(ledger, message(&[4])).await.message.id;
    begin(ledger, first.delivery(1), 1).await;
    let ids = |items: Vec<austin_ports::ledger::WorkItem>| -> Vec<DeliveryId> {
        items.iter().map(|item| item.id).collect()
    };
    let all = ledger
        .ready(LANE, DeliveryId::from_u64(0), 10)
        .await
        .unwrap();
    assert_eq!(
        ids(all),
        [first.delivery(0), first.delivery(2), last.delivery(0)]
    );
    let rest = ledger.ready(LANE, first.delivery(0), 1).await.unwrap();
    assert_eq!(ids(rest), [first.delivery(2)]);
    let others = ledger
        .ready(other_lane, DeliveryId::from_u64(0), 10)
        .await
        .unwrap();
    assert_eq!(ids(others), [foreign.delivery(0)]);
    settle(ledger, again(first.delivery(1), 1, Some(at(50)))).await;
    let timed = ledger.ready(LANE, first.delivery(0), 1).await.unwrap();
    assert_eq!(ids(timed), [first.delivery(2)]);
}

async fn load_gives_only_what_waits(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept(ledger, message(&[1, 2])).await.message.id;
    begin(ledger, id.delivery(0), 1).await;
    let ids = vec![id.delivery(0), id.delivery(1), id.delivery(7)];
    let loaded = ledger.load(ids).await.unwrap();
    assert_eq!(loaded.len(), 1);
    assert_eq!(
        (loaded[0].id, loaded[0].state),
        (id.delivery(1), State::Accepted)
    );
}

async fn overdue_finds_what_ran_out(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept(ledger, message(&[1, 2])).await.message.id;
    let mut long = message(&[3]);
    long.expires_at = at(9000);
    accept(ledger, long).await;
    begin(ledger, id.delivery(0), 1).await;
    let (early, _) = ledger
        .overdue(at(3599), DeliveryId::from_u64(0))
        .await
        .unwrap();
    assert_eq!(early, []);
    let (overdue, next) = ledger
        .overdue(at(3600), DeliveryId::from_u64(0))
        .await
        .unwrap();
    assert_eq!((overdue, next), (vec![(id.delivery(1), LANE)], None));
}

async fn a_change_is_guarded_and_leaves_an_event(backend: Backend) {
    let ledger = backend.ledger();
    let id = accept(ledger, message(&[1, 2])).await.message.id;
    let change = |place, from, to| Change {
        delivery: id.delivery(place),
        from,
        to,
        due_at: (to == State::Held).then(|| at(99)),
        reason: Reason::new("rule", "a rule says so"),
    };
    begin(ledger, id.delivery(1), 1).await;
    let changes = vec![
        change(0, Some(State::Queued), State::Held),
        change(0, None, State::Held),
        change(0, Some(State::Held), State::Recalled),
        change(0, None, State::Queued),
        change(1, None, State::Expired),
        change(5, None, State::Expired),
        change(1, Some(State::Sending), State::Queued),
    ];
    let held = ledger.change(changes, at(20)).await.unwrap();
    assert_eq!(held, [false, true, true, false, false, false, false]);
    let after = evidence(ledger, id.delivery(0)).await;
    assert_eq!(
        (after.delivery.state, after.delivery.due_at),
        (State::Recalled, None)
    );
    let events: Vec<_> = after
        .events
        .iter()
        .map(|e| (e.at, e.state, e.due_at))
        .collect();
    assert_eq!(
        events,
        [
            (at(20), State::Held, Some(at(99))),
            (at(20), State::Recalled, None)
        ]
    );
    assert_eq!(after.events[0].reason.code, "rule");
    assert_eq!(state(ledger, id.delivery(1)).await, State::Sending);
}

async fn settled_units_are_removed_and_open_ones_stay(mut backend: Backend) {
    let id = accept_one(backend.ledger()).await;
    assert_eq!(backend.ledger().retain(at(9999)).await, Ok(0), "it is open");
    begin(backend.ledger(), id, 1).await;
    settle(backend.ledger(), sent(id, 1, "v")).await;
    assert_eq!(backend.ledger().retain(NOW).await, Ok(0), "it is not older");
    assert_eq!(backend.ledger().retain(at(1)).await, Ok(1));
    assert!(backend.ledger().evidence(id).await.unwrap().is_none());
    backend.restart().await;
    assert!(backend.ledger().evidence(id).await.unwrap().is_none());
    assert!(
        accept_one(backend.ledger()).await > id,
        "ids are not used twice"
    );
}
