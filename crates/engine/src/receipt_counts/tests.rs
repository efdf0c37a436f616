use austin_domain::Class;
use austin_testkit::builders::NOW;
use proptest::prelude::*;

use super::*;

const ACCOUNT: AccountId = AccountId::from_u64(3);
const DEADLINE: Duration = Duration::from_secs(72 * 3600);

fn hours(count: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(count * 3600))
}

fn acceptance(key: &str) -> Acceptance {
    Acceptance {
        vendor_id: Some(key.into()),
        ..Acceptance::default()
    }
}

fn send(counts: &Counts, number: u64, at: Timestamp) {
    let id = DeliveryId::from_u64(number);
    counts.sent(ACCOUNT, id, &acceptance(&format!("v{number}")), at);
}

fn total(hour: &ReceiptHour) -> u64 {
    hour.delivered + hour.undelivered + hour.missing + hour.pending
}

#[test]
fn what_has_no_receipt_in_time_is_missing_and_said_once() {
    let counts = Counts::new(|_| DEADLINE);
    for number in 0..5 {
        send(&counts, number, NOW);
    }
    counts.landed(
        ACCOUNT,
        (State::Sent, State::Delivered),
        Some(NOW),
        hours(1),
    );
    counts.landed(
        ACCOUNT,
        (State::Sent, State::Undelivered),
        Some(NOW),
        hours(1),
    );
    let shown = counts.of(ACCOUNT, hours(2))[0];
    assert_eq!((shown.pending, shown.missing), (3, 0));
    assert!(
        counts.write_off(hours(72)).is_empty(),
        "its hour is not over yet"
    );
    assert!(counts.is_expecting(ACCOUNT, hours(72)));
    assert_eq!(counts.write_off(hours(73)), [(ACCOUNT, 3)]);
    assert!(counts.write_off(hours(74)).is_empty());
    assert!(!counts.is_expecting(ACCOUNT, hours(74)));
    let shown = counts.of(ACCOUNT, hours(74))[0];
    assert_eq!((shown.sent, shown.delivered, shown.undelivered), (5, 1, 1));
    assert_eq!((shown.pending, shown.missing), (0, 3));
    counts.write_off(hours(24 * 11));
    assert!(counts.of(ACCOUNT, hours(24 * 11)).is_empty(), "forgotten");
}

#[test]
fn a_receipt_before_its_attempt_is_counted_with_it() {
    let counts = Counts::new(|_| DEADLINE);
    let mut early = austin_testkit::ledger_suite::receipt("v9", State::Delivered);
    early.account = ACCOUNT;
    counts.early(&early);
    counts.early(&early);
    send(&counts, 9, NOW);
    send(&counts, 10, NOW);
    let shown = counts.of(ACCOUNT, NOW)[0];
    assert_eq!((shown.sent, shown.delivered, shown.pending), (2, 1, 1));
}

#[test]
fn a_correction_moves_and_adds_nothing() {
    let counts = Counts::new(|_| DEADLINE);
    send(&counts, 1, NOW);
    counts.landed(ACCOUNT, (State::Sent, State::Undelivered), Some(NOW), NOW);
    counts.landed(ACCOUNT, (State::Undelivered, State::Delivered), None, NOW);
    let shown = counts.of(ACCOUNT, NOW)[0];
    assert_eq!((shown.sent, shown.delivered, shown.undelivered), (1, 1, 0));
}

#[test]
fn what_was_before_the_start_is_counted_from_the_ledger() {
    let counts = Counts::new(|_| DEADLINE);
    for (number, state) in [
        (1, State::Sent),
        (2, State::Delivered),
        (3, State::Undelivered),
    ] {
        counts.restore(&HandedOver {
            delivery: DeliveryId::from_u64(number),
            lane: austin_domain::Lane {
                channel: austin_domain::Channel::Sms,
                class: Class::Marketing,
            },
            state,
            account: ACCOUNT,
            sent_at: NOW,
            attempts: 1,
            expires_at: hours(9),
        });
    }
    let shown = counts.of(ACCOUNT, hours(1))[0];
    assert_eq!((shown.sent, shown.pending), (3, 1));
    assert!(counts.is_expecting(ACCOUNT, hours(1)));
}

#[test]
fn each_account_has_a_deadline_of_its_own() {
    let other = AccountId::from_u64(4);
    let counts = Counts::new(|account| {
        if account == ACCOUNT {
            Duration::from_secs(600)
        } else {
            DEADLINE
        }
    });
    for account in [ACCOUNT, other] {
        let id = DeliveryId::from_u64(account.as_u64());
        counts.sent(account, id, &acceptance("v"), NOW);
    }
    assert_eq!(counts.write_off(hours(2)), [(ACCOUNT, 1)]);
    assert_eq!(counts.of(ACCOUNT, hours(2))[0].missing, 1);
    assert_eq!(counts.of(other, hours(2))[0].pending, 1);
    assert!(!counts.is_expecting(ACCOUNT, hours(2)) && counts.is_expecting(other, hours(2)));
    assert_eq!(counts.write_off(hours(74)), [(other, 1)]);
}

proptest! {
    #[test]
    fn the_parts_make_up_the_whole(
        steps in proptest::collection::vec((0u8..5, 0u64..100), 1..200)
    ) {
        let counts = Counts::new(|_| Duration::from_secs(3 * 3600));
        for (number, (kind, hour)) in (0u64..).zip(steps) {
            let at = hours(hour);
            match kind {
                0 | 1 => send(&counts, number, at),
                2 => counts.landed(ACCOUNT, (State::Sent, State::Delivered), Some(at), at),
                3 => counts.landed(ACCOUNT, (State::Queued, State::Undelivered), None, at),
                _ => counts.landed(ACCOUNT, (State::Undelivered, State::Delivered), None, at),
            }
            for hour in counts.of(ACCOUNT, at) {
                prop_assert_eq!(hour.sent, total(&hour));
            }
        }
    }
}
