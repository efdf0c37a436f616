//! Vendor accounts.
//!
//! Secrets go in and never come out: views name them, nothing shows them.

mod limits;
mod steer;

use std::collections::BTreeMap;
use std::sync::Arc;

use austin_adapter_api::validate;
use austin_domain::{AccountId, Channel};
use austin_ports::catalog::{AccountRecord, CatalogChange};
use secrecy::SecretString;
use serde_json::Value;

pub use limits::{LimitsDraft, NumberRuleDraft};
pub use steer::SteerDraft;

use super::faults::Faults;
use super::{Page, Registrar, exists, missing, vanished};
use crate::caller::Caller;
use crate::refusal::{FieldFault, Refusal};

/// An account as somebody wrote it. Its `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct AccountDraft {
    /// Its key.
    pub key: String,
    /// Channel word.
    pub channel: String,
    /// The adapter's name.
    pub adapter: String,
    /// Settings by the adapter's names.
    pub settings: BTreeMap<String, Value>,
    /// Secrets by the adapter's names. On a replacement those not named stay as they are; empty
    /// text counts as absent.
    pub secrets: BTreeMap<String, SecretString>,
    /// Words that routes may name it by.
    pub tags: Vec<String>,
    /// Its limits.
    pub limits: LimitsDraft,
    /// Whether it may be used.
    pub enabled: bool,
}

/// Which accounts are wanted; every given field must fit.
#[derive(Clone, Debug, Default)]
pub struct AccountList {
    /// The channel.
    pub channel: Option<Channel>,
    /// The adapter.
    pub adapter: Option<String>,
    /// Only keys above this.
    pub after: Option<String>,
    /// Most items wanted.
    pub limit: usize,
}

impl Registrar<'_> {
    /// Makes an account and its receipt token.
    ///
    /// # Errors
    /// Every field at fault; `exists` when the key is taken.
    pub async fn create_account(
        &self,
        caller: &Caller,
        draft: AccountDraft,
    ) -> Result<Arc<AccountRecord>, Refusal> {
        let mut faults = Faults::default();
        faults.key("/key", &draft.key);
        let channel = faults.word::<Channel>("/channel", &draft.channel);
        let secrets = draft.secrets;
        self.check(
            &mut faults,
            &draft.adapter,
            channel,
            &draft.settings,
            &secrets,
        );
        let tags = limits::tags(&mut faults, draft.tags);
        let most = self.most_recipients(&draft.adapter);
        let limits = draft.limits.build(&mut faults, most);
        faults.into_result()?;
        if self.catalog.snapshot().account(&draft.key).is_some() {
            return Err(exists("account", &draft.key));
        }
        let now = self.now();
        self.put(
            caller,
            AccountRecord {
                id: AccountId::from_u64(0),
                key: draft.key,
                channel: channel.ok_or_else(|| vanished("account"))?,
                adapter: draft.adapter,
                settings: without_nulls(draft.settings),
                secrets,
                tags,
                limits,
                enabled: draft.enabled,
                steer: None,
                receipt_token: SecretString::from(self.token()),
                created_at: now,
                updated_at: now,
                deleted_at: None,
            },
        )
        .await
    }

    /// Replaces settings, tags, limits and the secrets that are named. Key, channel and adapter are
    /// for life: open receipts and evidence refer to them.
    ///
    /// # Errors
    /// Every field at fault; `not_found`.
    pub async fn replace_account(
        &self,
        caller: &Caller,
        key: &str,
        draft: AccountDraft,
    ) -> Result<Arc<AccountRecord>, Refusal> {
        let old = self.account(key)?;
        let mut faults = Faults::default();
        for (pointer, was, is) in [
            ("/key", old.key.as_str(), draft.key.as_str()),
            ("/channel", old.channel.as_str(), draft.channel.as_str()),
            ("/adapter", old.adapter.as_str(), draft.adapter.as_str()),
        ] {
            if was != is {
                let detail = format!("cannot be changed; it is {was}");
                faults.add(pointer, "immutable", detail);
            }
        }
        let mut secrets = old.secrets.clone();
        secrets.extend(draft.secrets);
        let channel = Some(old.channel);
        self.check(
            &mut faults,
            &old.adapter,
            channel,
            &draft.settings,
            &secrets,
        );
        let tags = limits::tags(&mut faults, draft.tags);
        let most = self.most_recipients(&old.adapter);
        let limits = draft.limits.build(&mut faults, most);
        faults.into_result()?;
        self.tags_stay_carried(&old, old.tags.difference(&tags))?;
        self.put(
            caller,
            AccountRecord {
                settings: without_nulls(draft.settings),
                secrets,
                tags,
                limits,
                enabled: draft.enabled,
                updated_at: self.now(),
                ..AccountRecord::clone(&old)
            },
        )
        .await
    }

    /// Enables an account.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn enable_account(
        &self,
        caller: &Caller,
        key: &str,
    ) -> Result<Arc<AccountRecord>, Refusal> {
        self.switch_account(caller, key, true).await
    }

    /// Disables an account: no further call uses it. Its receipts are still taken.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn disable_account(
        &self,
        caller: &Caller,
        key: &str,
    ) -> Result<Arc<AccountRecord>, Refusal> {
        self.switch_account(caller, key, false).await
    }

    /// Deletes an account.
    ///
    /// # Errors
    /// `not_found`; `conflict` while a route names it, or a tag that only it carries.
    pub async fn delete_account(&self, caller: &Caller, key: &str) -> Result<(), Refusal> {
        let account = self.account(key)?;
        self.tags_stay_carried(&account, account.tags.iter())?;
        let change = CatalogChange::DeleteAccount {
            account: key.to_owned(),
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        Ok(())
    }

    /// An account that is not deleted.
    ///
    /// # Errors
    /// `not_found`.
    pub fn account(&self, key: &str) -> Result<Arc<AccountRecord>, Refusal> {
        self.catalog
            .snapshot()
            .account(key)
            .cloned()
            .ok_or_else(|| missing("account", key))
    }

    /// Accounts that fit and are not deleted, by key.
    pub fn accounts(&self, list: &AccountList) -> Page<Arc<AccountRecord>> {
        let snapshot = self.catalog.snapshot();
        let fits = snapshot
            .account_ids
            .values()
            .filter_map(|id| snapshot.accounts.get(id))
            .filter(|account| list.channel.is_none_or(|wanted| account.channel == wanted))
            .filter(|account| {
                list.adapter
                    .as_deref()
                    .is_none_or(|wanted| account.adapter == wanted)
            })
            .map(Arc::clone);
        Page::cut(
            fits,
            |account| &account.key,
            list.after.as_deref(),
            list.limit,
        )
    }

    async fn switch_account(
        &self,
        caller: &Caller,
        key: &str,
        enabled: bool,
    ) -> Result<Arc<AccountRecord>, Refusal> {
        let old = self.account(key)?;
        if old.enabled == enabled {
            return Ok(old);
        }
        let record = AccountRecord {
            enabled,
            updated_at: self.now(),
            ..AccountRecord::clone(&old)
        };
        self.put(caller, record).await
    }

    async fn put(
        &self,
        caller: &Caller,
        record: AccountRecord,
    ) -> Result<Arc<AccountRecord>, Refusal> {
        let key = record.key.clone();
        let change = CatalogChange::PutAccount(Box::new(record));
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.account(&key)
    }

    fn check(
        &self,
        faults: &mut Faults,
        adapter: &str,
        channel: Option<Channel>,
        settings: &BTreeMap<String, Value>,
        secrets: &BTreeMap<String, SecretString>,
    ) {
        let Some(speaker) = self.adapters.get(adapter) else {
            if let Some(why) = self.adapters.fault(adapter) {
                faults.add("/adapter", "adapter_unusable", why);
                return;
            }
            let known = self.adapters.all();
            let known: Vec<&str> = known.iter().map(|s| s.descriptor().name.as_str()).collect();
            let detail = format!("is not an adapter; known: {}", known.join(", "));
            faults.add("/adapter", "unknown_value", detail);
            return;
        };
        let descriptor = speaker.descriptor();
        if let Some(channel) = channel
            && !descriptor.channels.contains(&channel)
        {
            let carried: Vec<&str> = descriptor.channels.iter().map(|c| c.as_str()).collect();
            let detail = format!("{adapter} carries {}", carried.join(", "));
            faults.add("/channel", "wrong_channel", detail);
        }
        for fault in validate(descriptor, settings, secrets) {
            faults.push(FieldFault::new(fault.pointer, fault.code, fault.detail));
        }
    }

    /// Most recipients the adapter takes a call.
    fn most_recipients(&self, adapter: &str) -> u16 {
        self.adapters.get(adapter).map_or(u16::MAX, |speaker| {
            speaker.descriptor().batching.max_recipients
        })
    }
}

fn without_nulls(mut settings: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    settings.retain(|_, value| !value.is_null());
    settings
}
