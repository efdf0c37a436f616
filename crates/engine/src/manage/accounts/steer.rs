//! An operator's word on an account's health, over what austin finds by itself.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::Timestamp;
use austin_ports::catalog::{AccountRecord, CatalogChange, Steer, SteerMode};

use crate::caller::Caller;
use crate::manage::Registrar;
use crate::manage::faults::Faults;
use crate::refusal::Refusal;

/// How far ahead a word may hold.
const MAX_AHEAD: Duration = Duration::from_secs(366 * 86_400);

/// An operator's word as somebody wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SteerDraft {
    /// `open` or `closed`.
    pub mode: String,
    /// When it ends by itself; never when not given.
    pub until: Option<Timestamp>,
    /// Why, for people.
    pub reason: Option<String>,
}

impl Registrar<'_> {
    /// Opens or closes an account, whatever austin finds by itself.
    ///
    /// # Errors
    /// `not_found`; every field at fault.
    pub async fn steer_account(
        &self,
        caller: &Caller,
        key: &str,
        draft: SteerDraft,
    ) -> Result<Arc<AccountRecord>, Refusal> {
        self.account(key)?;
        let now = self.now();
        let mut faults = Faults::default();
        faults.line("/reason", draft.reason.as_deref().unwrap_or_default());
        let mode = match draft.mode.as_str() {
            "open" => SteerMode::Open,
            "closed" => SteerMode::Closed,
            _ => {
                faults.add("/mode", "unknown_value", "must be one of open, closed");
                SteerMode::Open
            }
        };
        match draft.until {
            Some(until) if until <= now => {
                faults.add("/until", "in_the_past", "must lie in the future");
            }
            Some(until) if until > now.plus(MAX_AHEAD) => {
                faults.add("/until", "out_of_range", "must be at most 366 days ahead");
            }
            _ => {}
        }
        faults.into_result()?;
        let steer = Steer {
            mode,
            until: draft.until,
            reason: draft.reason,
            author: caller.author(),
            at: now,
        };
        self.put_steer(caller, key, Some(steer)).await
    }

    /// Takes the last word back; doing it twice changes nothing.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn unsteer_account(
        &self,
        caller: &Caller,
        key: &str,
    ) -> Result<Arc<AccountRecord>, Refusal> {
        let account = self.account(key)?;
        if account.steer.is_none() {
            return Ok(account);
        }
        self.put_steer(caller, key, None).await
    }

    async fn put_steer(
        &self,
        caller: &Caller,
        key: &str,
        steer: Option<Steer>,
    ) -> Result<Arc<AccountRecord>, Refusal> {
        let change = CatalogChange::SteerAccount {
            account: key.to_owned(),
            steer,
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.account(key)
    }
}
