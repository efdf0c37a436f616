use std::sync::Arc;

use austin_domain::verdict::{Acceptance, Cause};
use austin_domain::{AppId, Channel, Class, DeliveryId, Lane, MessageId, Reason, TemplateId, Vars};
use austin_ports::catalog::AppRecord;
use austin_ports::ledger::{DeliveryRow, MessageHead, NewReceipt};
use austin_testkit::builders::{self, NOW};
use proptest::prelude::*;

use super::*;

fn later(millis: u64) -> Timestamp {
    NOW.plus(Duration::from_millis(millis))
}

fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let mut account = builders::account("sim-1");
    account.id = AccountId::from_u64(1);
    snapshot.accounts.insert(account.id, Arc::new(account));
    let app = AppRecord {
        id: AppId::from_u64(1),
        name: "shop".into(),
        team: "sales".into(),
        created_at: NOW,
    };
    snapshot.apps.insert(app.id, Arc::new(app));
    snapshot
}

fn evidence(state: State, reason: Option<Reason>) -> Evidence {
    let head = MessageHead {
        id: MessageId::from_u64(10),
        app: AppId::from_u64(1),
        template: TemplateId::from_u64(1),
        version: 2,
        lane: Lane {
            channel: Channel::Sms,
            class: Class::Notification,
        },
        request_id: "req_1".into(),
        reference: None,
        attachments: Vec::new(),
        account: None,
        accepted_at: NOW,
        expires_at: later(60_000),
        recipients: 1,
    };
    Evidence {
        delivery: DeliveryRow {
            id: DeliveryId::from_u64(11),
            message: Arc::new(head),
            to: "+8613711112201".into(),
            vars: Arc::new(Vars::new()),
            reference: None,
            state,
            reason,
            due_at: None,
            attempts: 0,
            account: None,
            vendor_id: None,
            segments: None,
            cost: None,
            secrets_kept: false,
            updated_at: later(9_000),
            facts: None,
        },
        attempts: Vec::new(),
        receipts: Vec::new(),
        events: Vec::new(),
    }
}

fn attempt(number: u16, at: u64, verdict: Verdict) -> AttemptRow {
    AttemptRow {
        attempt: number,
        account: AccountId::from_u64(1),
        started_at: later(at),
        took: Some(Duration::from_millis(40)),
        verdict,
        recipients: 1,
        request: String::new(),
        answer: String::new(),
    }
}

fn receipt(at: u64, state: Option<State>, code: &str) -> ReceiptRow {
    ReceiptRow {
        received_at: later(at),
        receipt: NewReceipt {
            account: AccountId::from_u64(1),
            key: None,
            delivery: None,
            state,
            code: code.into(),
            detail: String::new(),
            at: Some(later(at - 10)),
            segments: None,
            raw: String::new(),
        },
    }
}

fn words(evidence: &Evidence) -> Vec<(&'static str, String)> {
    timeline(evidence, &snapshot())
        .into_iter()
        .map(|entry| (entry.event, entry.detail))
        .collect()
}

fn events(evidence: &Evidence) -> Vec<&'static str> {
    words(evidence)
        .into_iter()
        .map(|(event, _)| event)
        .collect()
}

#[test]
fn the_usual_story_is_accepted_sent_delivered() {
    let mut evidence = evidence(State::Delivered, None);
    let accepted = Verdict::Accepted(Acceptance {
        vendor_id: Some("sim-7".into()),
        ..Acceptance::default()
    });
    evidence.attempts.push(attempt(1, 5, accepted));
    evidence
        .receipts
        .push(receipt(900, Some(State::Delivered), "DELIVRD"));
    let words = words(&evidence);
    let events: Vec<_> = words.iter().map(|(event, _)| *event).collect();
    assert_eq!(events, ["accepted", "attempt", "sent", "delivered"]);
    assert!(words[0].1.starts_with("shop sent"), "{words:?}");
    assert_eq!(words[2].1, "sim-1 took it and calls it sim-7");
    assert!(words[3].1.contains("(DELIVRD)"), "{words:?}");
}

#[test]
fn a_retry_shows_the_refusal_the_wait_and_the_second_attempt() {
    let mut evidence = evidence(State::Sent, None);
    let busy = Verdict::Later {
        cause: Cause::new("503", "busy"),
        after: None,
    };
    evidence.attempts.push(attempt(1, 5, busy));
    evidence.events.push(Event {
        at: later(45),
        state: State::Queued,
        reason: Reason::new("vendor_later", "the vendor asked to try again later"),
        due_at: Some(later(1_000)),
    });
    evidence
        .attempts
        .push(attempt(2, 1_000, Verdict::Accepted(Acceptance::default())));
    let told = timeline(&evidence, &snapshot());
    let events: Vec<_> = told.iter().map(|entry| entry.event).collect();
    assert_eq!(
        events,
        [
            "accepted", "attempt", "refused", "queued", "attempt", "sent"
        ]
    );
    let queued = told.iter().find(|entry| entry.event == "queued").unwrap();
    assert_eq!(queued.due_at, Some(later(1_000)));
}

#[test]
fn a_state_that_no_row_tells_is_told_by_its_reason() {
    let reason = Reason::new("opted_out", "the recipient opted out");
    let stopped = evidence(State::Suppressed, Some(reason.clone()));
    let words = words(&stopped);
    assert_eq!(words[1], ("suppressed", "the recipient opted out".into()));

    // The same reason in an event is told once.
    let mut held = evidence(State::Held, Some(reason.clone()));
    held.events.push(Event {
        at: later(1),
        state: State::Held,
        reason,
        due_at: None,
    });
    assert_eq!(events(&held), ["accepted", "held"]);
}

#[test]
fn a_call_under_way_is_told() {
    let mut evidence = evidence(State::Sending, None);
    evidence.delivery.attempts = 1;
    evidence.delivery.account = Some(AccountId::from_u64(1));
    assert_eq!(events(&evidence), ["accepted", "sending"]);
}

#[test]
fn no_sentence_holds_the_address() {
    let mut evidence = evidence(State::Failed, Some(Reason::new("bad_recipient", "refused")));
    evidence
        .attempts
        .push(attempt(1, 5, Verdict::BadRecipient(Cause::new("1016", ""))));
    evidence.receipts.push(receipt(50, None, "WAIT"));
    for (_, detail) in words(&evidence) {
        assert!(!detail.contains("13711112201"), "{detail}");
        assert!(!detail.contains("acc_"), "accounts are named: {detail}");
    }
}

proptest! {
    #[test]
    fn every_row_is_told_once_and_in_order(
        attempts in proptest::collection::vec(0u64..5_000, 0..6),
        receipts in proptest::collection::vec(10u64..5_000, 0..6),
    ) {
        let mut evidence = evidence(State::Sent, None);
        for (index, at) in attempts.iter().enumerate() {
            let number = u16::try_from(index + 1).unwrap();
            evidence.attempts.push(attempt(number, *at, Verdict::Unknown(Cause::new("x", ""))));
        }
        evidence.receipts = receipts.iter().map(|at| receipt(*at, None, "WAIT")).collect();
        let told = timeline(&evidence, &snapshot());
        prop_assert_eq!(told.len(), 1 + 2 * attempts.len() + receipts.len());
        prop_assert_eq!(told[0].event, "accepted");
        prop_assert!(told.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }
}
