//! Limits as people write them down: what vendors allow a number, what a caller may send.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::channel::Class;

/// A vendor's rule about one number: more is refused, so it is not even tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberRule {
    /// Which messages count and are counted; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Most messages to one number.
    pub count: u32,
    /// In this time, sliding.
    pub window: Duration,
}

/// How much a caller or a template may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Most deliveries a second, with a burst of one second's worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// Most deliveries a day (UTC+8 midnight to midnight unless configured).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u64>,
}

impl Quota {
    /// Whether it limits anything.
    pub const fn is_some(&self) -> bool {
        self.per_second.is_some() || self.per_day.is_some()
    }
}
