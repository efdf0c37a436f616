//! The limits of an account: its own, else those the vendor states.

use austin_adapter_api::VendorLimits;
use austin_domain::quota::NumberRule;
use austin_domain::rate::{MilliRate, milli};
use austin_ports::catalog::Limits;

/// The limits that hold for an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) per_second: Option<u32>,
    pub(crate) recipients_per_second: Option<u32>,
    pub(crate) recipients_per_day: Option<u64>,
    pub(crate) concurrency: Option<u16>,
    pub(crate) per_number: Vec<NumberRule>,
}

impl Bounds {
    pub(crate) fn of(own: &Limits, vendor: &VendorLimits) -> Self {
        Self {
            per_second: own
                .per_second
                .or(vendor.per_second)
                .filter(|rate| *rate > 0),
            recipients_per_second: own.recipients_per_second.filter(|rate| *rate > 0),
            recipients_per_day: own.recipients_per_day,
            concurrency: own
                .concurrency
                .or(vendor.concurrency)
                .filter(|most| *most > 0),
            per_number: own
                .per_number
                .clone()
                .unwrap_or_else(|| vendor.per_number.clone()),
        }
    }

    /// Calls a second.
    pub(crate) fn calls(&self) -> Option<MilliRate> {
        self.per_second.map(milli)
    }
}
