//! The conformance suite of the [`Meter`] port: one case per sentence of its contract.

mod life;
mod limits;
mod parallel;

use std::sync::Arc;
use std::time::Duration;

use austin_domain::id::Sequence;
use austin_domain::{Channel, Class, DeliveryId, Lane, TemplateId, Timestamp};
use austin_ports::Meter;
use austin_ports::meter::{Claim, Holder, Limit, Over, Refusal, Reserved, Slot, Window};

use crate::builders::NOW;
use crate::suite::Case;

/// A meter under test, empty.
pub type Backend = Arc<dyn Meter>;

/// Every case.
pub fn cases() -> Vec<Case<Backend>> {
    let mut all = limits::cases();
    all.extend(life::cases());
    all.extend(parallel::cases());
    all
}

/// `seconds` after the moment tests begin at.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + seconds * 1000)
}

/// A claim at a moment, of template 1, SMS notification, team `shop`, that caps count.
pub fn claim(at: Timestamp, limits: &[Limit]) -> Claim<'_> {
    Claim {
        to: "+8613711112200",
        at,
        template: TemplateId::from_u64(1),
        lane: Lane {
            channel: Channel::Sms,
            class: Class::Notification,
        },
        team: "shop",
        content: Some(7),
        counts: true,
        limits,
    }
}

/// At most so many a minute, of everything.
pub fn cap(at: Timestamp, most: u32) -> Limit {
    Limit::Cap {
        over: Over::All,
        window: minute(at),
        most,
    }
}

/// A minute around `at`.
pub fn minute(at: Timestamp) -> Window {
    Window::sliding(at, Duration::from_secs(60))
}

/// The id of a delivery accepted at `seconds`.
pub fn id(seconds: i64) -> DeliveryId {
    DeliveryId::from_u64(Sequence::new(0, 0).block(at(seconds), 2) + 1)
}

/// Makes one claim.
pub async fn reserve(meter: &dyn Meter, claim: Claim<'_>) -> Reserved {
    let mut reserved = meter.reserve(&[claim]).await.unwrap();
    assert_eq!(reserved.len(), 1);
    reserved.remove(0)
}

/// Makes one claim, which must be taken.
#[track_caller]
pub fn taken(reserved: Reserved) -> Slot {
    match reserved {
        Reserved::Taken(slot) => slot,
        Reserved::Refused(refusal) => panic!("{refusal:?}"),
    }
}

/// Makes one claim for a delivery, which must be taken.
pub async fn place(meter: &dyn Meter, claim: Claim<'_>, id: DeliveryId) {
    let slot = taken(reserve(meter, claim).await);
    meter.bind(vec![(slot, id)]).await.unwrap();
}

/// What refuses a claim, as [`Meter::check`] and [`Meter::reserve`] both say.
pub async fn refusal(meter: &dyn Meter, claim: Claim<'_>) -> Option<Refusal> {
    let checked = meter.check(&[claim]).await.unwrap();
    assert_eq!(checked.len(), 1);
    match reserve(meter, claim).await {
        Reserved::Taken(slot) => {
            assert_eq!(checked, [None]);
            meter.give_back(vec![slot]).await.unwrap();
            None
        }
        Reserved::Refused(refusal) => {
            assert_eq!(checked, [Some(refusal)]);
            Some(refusal)
        }
    }
}

/// A refusal by a delivery.
pub fn by(limit: usize, id: DeliveryId) -> Option<Refusal> {
    Some(Refusal {
        limit,
        holder: Some(Holder::Delivery(id)),
    })
}
