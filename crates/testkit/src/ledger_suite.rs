//! The conformance suite of the [`Ledger`] port: one case per sentence of its contract.

mod accepting;
mod attempts;
mod counted;
mod finding;
mod once;
mod receipts;

use std::collections::BTreeMap;
use std::time::Duration;

use austin_domain::verdict::{Acceptance, Cause};
use austin_domain::{
    AccountId, AppId, Channel, Class, DeliveryId, Lane, Reason, State, TemplateId, Timestamp,
    Verdict,
};
use austin_ports::BoxFuture;
use austin_ports::ledger::{
    Accepted, AttemptStart, CallRecord, Evidence, Ledger, NewDelivery, NewMessage, NewReceipt,
    Next, Settled, Settlement,
};

use crate::builders::NOW;
use crate::suite::Case;

/// A ledger that can be killed and opened again on what it left.
pub trait Restart: Send + Sync {
    /// The ledger as it is now.
    fn ledger(&self) -> &dyn Ledger;

    /// Ends it without any chance to finish, and opens it again.
    fn restart(&mut self) -> BoxFuture<'_, ()>;
}

/// A ledger under test.
pub type Backend = Box<dyn Restart>;

/// Every case.
pub fn cases() -> Vec<Case<Backend>> {
    let mut all = accepting::cases();
    all.extend(attempts::cases());
    all.extend(counted::cases());
    all.extend(receipts::cases());
    all.extend(finding::cases());
    all.extend(once::cases());
    all
}

/// The account attempts are made by.
pub const ACCOUNT: AccountId = AccountId::from_u64(0x0600_0000_0000_0001);
/// Another one.
pub const OTHER: AccountId = AccountId::from_u64(0x0600_0000_0000_0002);

/// The lane of messages made here.
pub const LANE: Lane = Lane {
    channel: Channel::Sms,
    class: Class::Notification,
};

/// `seconds` after the moment tests begin at.
pub fn at(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// An SMS to these test numbers (the last two digits), valid for an hour.
pub fn message(recipients: &[u8]) -> NewMessage {
    NewMessage {
        app: AppId::from_u64(7),
        template: TemplateId::from_u64(8),
        version: 3,
        lane: LANE,
        request_id: "request-1".into(),
        reference: Some("order-1".into()),
        vars: BTreeMap::from([("order".into(), "A1".into())]),
        attachments: Vec::new(),
        account: None,
        expires_at: at(3600),
        deliveries: recipients.iter().map(|to| delivery(*to)).collect(),
    }
}

/// A recipient that is ready at once.
pub fn delivery(to: u8) -> NewDelivery {
    NewDelivery {
        to: number(to),
        vars: None,
        secret_vars: None,
        reference: None,
        state: State::Accepted,
        due_at: None,
        reason: None,
        facts: None,
    }
}

/// A test number that ends in these digits.
pub fn number(to: u8) -> String {
    format!("+861371111{:04}", 2200 + u16::from(to))
}

/// The start of an attempt by [`ACCOUNT`].
pub fn start(delivery: DeliveryId, attempt: u16) -> AttemptStart {
    AttemptStart {
        delivery,
        attempt,
        account: ACCOUNT,
        lease_until: at(600),
    }
}

/// A call by [`ACCOUNT`].
pub fn call(started_at: Timestamp) -> CallRecord {
    CallRecord {
        account: ACCOUNT,
        started_at,
        took: Duration::from_millis(12),
        recipients: 1,
        request: "POST /send".into(),
        answer: "200 ok".into(),
    }
}

/// The vendor took the attempt under this id.
pub fn sent(delivery: DeliveryId, attempt: u16, vendor_id: &str) -> Settlement {
    Settlement {
        delivery,
        attempt,
        call: Some(0),
        verdict: Verdict::Accepted(Acceptance {
            vendor_id: Some(vendor_id.into()),
            ..Acceptance::default()
        }),
        segments: Some(2),
        next: Next::End {
            state: State::Sent,
            reason: None,
        },
    }
}

/// The attempt's outcome is not known.
pub fn lost(delivery: DeliveryId, attempt: u16) -> Settlement {
    Settlement {
        delivery,
        attempt,
        call: None,
        verdict: Verdict::Unknown(Cause::new("interrupted", "the process died")),
        segments: None,
        next: Next::End {
            state: State::Unknown,
            reason: Some(Reason::new("interrupted", "nobody knows")),
        },
    }
}

/// The attempt is to be repeated.
pub fn again(delivery: DeliveryId, attempt: u16, due_at: Option<Timestamp>) -> Settlement {
    Settlement {
        delivery,
        attempt,
        call: Some(0),
        verdict: Verdict::Later {
            cause: Cause::new("busy", "try later"),
            after: None,
        },
        segments: None,
        next: Next::Wait {
            state: State::Queued,
            due_at,
            reason: Reason::new("vendor_busy", "the vendor asks to try later"),
        },
    }
}

/// A receipt of [`ACCOUNT`] by key.
pub fn receipt(key: &str, state: State) -> NewReceipt {
    NewReceipt {
        account: ACCOUNT,
        key: Some(key.into()),
        delivery: None,
        state: Some(state),
        code: "DELIVRD".into(),
        detail: String::new(),
        at: Some(at(30)),
        segments: None,
        raw: "{}".into(),
    }
}

/// Accepts one message.
pub async fn accept(ledger: &dyn Ledger, message: NewMessage) -> Accepted {
    let mut accepted = ledger.accept(vec![message], NOW).await.unwrap();
    assert_eq!(accepted.len(), 1);
    accepted.remove(0)
}

/// Accepts a message to one recipient.
pub async fn accept_one(ledger: &dyn Ledger) -> DeliveryId {
    accept(ledger, message(&[1])).await.message.id.delivery(0)
}

/// Begins an attempt, which must be allowed.
pub async fn begin(ledger: &dyn Ledger, delivery: DeliveryId, attempt: u16) {
    let held = ledger.begin(vec![start(delivery, attempt)], at(10)).await;
    assert_eq!(held, Ok(vec![true]));
}

/// Settles one attempt with a call.
pub async fn settle(ledger: &dyn Ledger, settlement: Settlement) -> Settled {
    let settled = ledger
        .settle(vec![call(at(10))], vec![settlement], at(11))
        .await
        .unwrap();
    assert_eq!(settled.len(), 1);
    settled[0]
}

/// Everything known about a delivery, which must exist.
pub async fn evidence(ledger: &dyn Ledger, id: DeliveryId) -> Evidence {
    ledger.evidence(id).await.unwrap().unwrap()
}

/// Where a delivery stands.
pub async fn state(ledger: &dyn Ledger, id: DeliveryId) -> State {
    evidence(ledger, id).await.delivery.state
}
