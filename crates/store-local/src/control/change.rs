//! One change: its guard, its rows, its effect on the snapshot.
//!
//! Invariant: guards come before writes, and a change writes to the database exactly what it
//! writes to the next snapshot.

pub(super) mod accounts;
mod adapters;
mod apps;
mod lists;
mod pauses;
mod policies;
pub(super) mod quotas;
pub(super) mod routes;
mod templates;

use std::sync::Arc;

use austin_domain::Timestamp;
use austin_domain::id::Sequence;
use austin_ports::catalog::{CatalogChange, CatalogError, Snapshot};
use rusqlite::{Params, Transaction};
use serde::Serialize;
use serde_json::Value;

use super::failed;
use crate::Vault;

type Result<T> = std::result::Result<T, CatalogError>;

/// A change in the making.
pub(super) struct Step<'a> {
    pub transaction: &'a Transaction<'a>,
    pub vault: &'a Vault,
    pub ids: &'a mut Sequence,
    pub author: &'a str,
    pub now: Timestamp,
    /// The current snapshot, copied when it is first written to.
    pub next: Arc<Snapshot>,
}

/// A change that was made but not yet committed.
pub(super) struct Done {
    /// The id given to what was created, else 0.
    pub id: u64,
    /// Subject, action and detail; `None` when there was nothing to change.
    pub entry: Option<(String, &'static str, Value)>,
}

impl Step<'_> {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each change, and nothing else"
    )]
    pub(super) fn make(&mut self, change: CatalogChange) -> Result<Done> {
        match change {
            CatalogChange::CreateTemplate { template, version } => {
                self.create_template(template, *version)
            }
            CatalogChange::AddVersion { template, version } => {
                self.add_version(&template, *version)
            }
            CatalogChange::DescribeTemplate {
                template,
                name,
                owner,
            } => self.describe_template(&template, name, owner),
            CatalogChange::TransferTemplate {
                template,
                owner,
                reason,
            } => self.transfer_template(&template, owner, &reason),
            CatalogChange::MoveTemplate {
                template,
                steps,
                reason,
            } => self.move_template(&template, &steps, reason),
            CatalogChange::PutTestPeople {
                team,
                people,
                reason,
            } => self.put_test_people(team, people, reason),
            CatalogChange::PutAccount(account) => self.put_account(*account),
            CatalogChange::DeleteAccount { account } => self.delete_account(&account),
            CatalogChange::PutRoute {
                lane,
                plan,
                shift,
                reason,
            } => self.put_route(lane, plan, shift, reason),
            CatalogChange::PutPolicy(policy) => self.put_policy(*policy),
            CatalogChange::DeletePolicy { name, reason } => self.delete_policy(name, reason),
            CatalogChange::PutWordList {
                name,
                team,
                words,
                reason,
            } => self.put_word_list(name, team, words, reason),
            CatalogChange::DeleteWordList { name, reason } => self.delete_word_list(&name, reason),
            CatalogChange::PutCalendar {
                name,
                calendar,
                reason,
            } => self.put_calendar(name, calendar, reason),
            CatalogChange::DeleteCalendar { name, reason } => self.delete_calendar(&name, reason),
            CatalogChange::PutQuota { of, quota, reason } => self.put_quota(of, quota, reason),
            CatalogChange::Pause { of, pause } => self.pause(of, pause),
            CatalogChange::SteerAccount { account, steer } => self.steer_account(&account, steer),
            CatalogChange::Note {
                subject,
                action,
                detail,
            } => done(0, subject, action, detail),
            CatalogChange::AddAdapterVersion { adapter, version } => {
                self.add_adapter_version(&adapter, *version)
            }
            CatalogChange::MoveAdapter {
                adapter,
                step,
                note,
                figures,
            } => self.move_adapter(&adapter, &step, note, figures),
            CatalogChange::DeleteAdapterVersion { adapter, version } => {
                self.delete_adapter_version(&adapter, version)
            }
            CatalogChange::DeleteAdapter { adapter } => self.delete_adapter(&adapter),
            CatalogChange::CreateApp { name, team } => self.create_app(name, team),
            CatalogChange::CreateKey {
                app,
                role,
                digest,
                hint,
            } => self.create_key(&app, role, digest, hint),
            CatalogChange::RevokeKey { key } => self.revoke_key(key),
        }
    }

    fn next(&mut self) -> &mut Snapshot {
        Arc::make_mut(&mut self.next)
    }

    fn id(&mut self) -> u64 {
        self.ids.block(self.now, 1)
    }

    fn execute(&self, sql: &str, params: impl Params) -> Result<()> {
        self.transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map(drop)
            .map_err(failed)
    }
}

fn done(id: u64, subject: String, action: &'static str, detail: Value) -> Result<Done> {
    Ok(Done {
        id,
        entry: Some((subject, action, detail)),
    })
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(failed)
}
