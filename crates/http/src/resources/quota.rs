//! Quotas as clients send and see them; the resources that have one serve them.

use austin_domain::quota::Quota;
use austin_ports::catalog::{QuotaOf, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much may be sent; without either number the quota is lifted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuotaBody, example = json!({"per_second": 50, "per_day": 100_000, "reason": "trial"}))]
pub(super) struct QuotaBody {
    /// Most deliveries a second, with a burst of one second's worth.
    per_second: Option<u32>,
    /// Most deliveries a day, midnight to midnight.
    per_day: Option<u64>,
    /// Why, for people who read the audit trail; at most 128 characters.
    reason: Option<String>,
}

impl QuotaBody {
    pub(super) fn into_parts(self) -> (Quota, Option<String>) {
        let quota = Quota {
            per_second: self.per_second,
            per_day: self.per_day,
        };
        (quota, self.reason)
    }
}

/// How much may be sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quota)]
pub(super) struct QuotaView {
    /// Most deliveries a second; `null`: no limit.
    per_second: Option<u32>,
    /// Most deliveries a day; `null`: no limit.
    per_day: Option<u64>,
}

impl QuotaView {
    /// The quota of an app or a template, when it has one.
    pub(super) fn of(snapshot: &Snapshot, of: QuotaOf) -> Option<Self> {
        snapshot.quotas.get(&of).map(|quota| Self {
            per_second: quota.per_second,
            per_day: quota.per_day,
        })
    }
}
