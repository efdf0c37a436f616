//! The contract of the `Suppressions` port, case by case.

mod entries;
mod imports;

use std::sync::Arc;
use std::time::Duration;

use austin_domain::suppression::{Reason, Source};
use austin_domain::{Channel, Timestamp};
use austin_ports::Suppressions;
use austin_ports::suppressions::{Lift, NewSuppression};

use crate::suite::Case;

/// Opens the same store again each time it is called, the one before having been dropped as by
/// `kill -9`.
pub type Open = Box<dyn Fn() -> Arc<dyn Suppressions> + Send + Sync>;

/// Every case.
pub fn cases() -> Vec<Case<Open>> {
    [entries::cases(), imports::cases()]
        .into_iter()
        .flatten()
        .collect()
}

const NOW: Timestamp = Timestamp::from_seconds(1_767_323_045);
const TO: &str = "+8613711112200";

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn sms(to: &str, reason: Reason) -> NewSuppression {
    NewSuppression {
        channel: Some(Channel::Sms),
        to: to.to_owned(),
        reason,
        until: None,
        source: Source::Api,
        cause: None,
        note: None,
        author: "app/shop".into(),
    }
}

fn lift() -> Lift {
    Lift {
        author: "app/desk".into(),
        source: Source::Api,
        why: Some("asked by phone".into()),
    }
}
