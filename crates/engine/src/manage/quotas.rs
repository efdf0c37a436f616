//! How much apps and templates may send.

use austin_domain::quota::Quota;
use austin_ports::catalog::{CatalogChange, QuotaOf};

use super::Registrar;
use super::faults::Faults;
use crate::caller::Caller;
use crate::refusal::Refusal;

/// Most deliveries a second a quota may be set to.
const MAX_PER_SECOND: u64 = 1_000_000;
/// Most deliveries a day a quota may be set to.
const MAX_PER_DAY: u64 = 1_000_000_000_000;

impl Registrar<'_> {
    /// Sets how much an app may send; an empty quota lifts the limit.
    ///
    /// # Errors
    /// `not_found`; every field at fault.
    pub async fn put_app_quota(
        &self,
        caller: &Caller,
        name: &str,
        quota: Quota,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        let of = QuotaOf::App(self.app(name)?.id);
        self.put_quota(caller, of, quota, reason).await
    }

    /// Sets how much may be sent of a template; an empty quota lifts the limit.
    ///
    /// # Errors
    /// `not_found`; every field at fault.
    pub async fn put_template_quota(
        &self,
        caller: &Caller,
        key: &str,
        quota: Quota,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        let of = QuotaOf::Template(self.template(key)?.template.id);
        self.put_quota(caller, of, quota, reason).await
    }

    async fn put_quota(
        &self,
        caller: &Caller,
        of: QuotaOf,
        quota: Quota,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        let mut faults = Faults::default();
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        let per_second = quota.per_second.map(u64::from);
        faults.count("/per_second", per_second, MAX_PER_SECOND);
        faults.count("/per_day", quota.per_day, MAX_PER_DAY);
        faults.into_result()?;
        let change = CatalogChange::PutQuota { of, quota, reason };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        Ok(())
    }
}
