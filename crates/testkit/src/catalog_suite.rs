//! The contract of the `Catalog` port, case by case.

mod access;
mod accounts;
mod adapters;
mod lists;
mod plans;
mod policies;
mod store;
mod templates;

use std::sync::Arc;
use std::time::Duration;

use austin_domain::{AccountId, Channel, Class, Lane, Timestamp};
use austin_ports::Catalog;
use austin_ports::catalog::{CatalogChange, CatalogError, Snapshot};
use secrecy::ExposeSecret;

use crate::builders::{self, NOW};
use crate::suite::Case;

/// Opens the same store again each time it is called, the one before having been dropped.
pub type Open = Box<dyn Fn() -> Arc<dyn Catalog> + Send + Sync>;

/// Every case.
pub fn cases() -> Vec<Case<Open>> {
    let parts = [
        store::cases(),
        templates::cases(),
        accounts::cases(),
        plans::cases(),
        policies::cases(),
        access::cases(),
        adapters::cases(),
        lists::cases(),
    ];
    parts.into_iter().flatten().collect()
}

/// Everything in a snapshot, secrets in clear, in an order of its own: equal for equal
/// snapshots. Invented secrets only.
pub fn contents(snapshot: &Snapshot) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(snapshot.templates.iter().map(|entry| format!("{entry:?}")));
    lines.extend(
        snapshot
            .template_ids
            .iter()
            .map(|id| format!("template {id:?}")),
    );
    lines.extend(snapshot.accounts.iter().map(|(id, account)| {
        let secrets = account.secrets.iter();
        let secrets: Vec<_> = secrets.map(|(name, s)| (name, s.expose_secret())).collect();
        let token = account.receipt_token.expose_secret();
        format!("{id:?} {account:?} {secrets:?} {token}")
    }));
    lines.extend(
        snapshot
            .account_ids
            .iter()
            .map(|id| format!("account {id:?}")),
    );
    lines.extend(snapshot.routes.iter().map(|route| format!("{route:?}")));
    lines.extend(snapshot.quotas.iter().map(|quota| format!("{quota:?}")));
    lines.extend(snapshot.policies.iter().map(|policy| format!("{policy:?}")));
    let people = snapshot.test_people.iter();
    lines.extend(people.map(|people| format!("test {people:?}")));
    lines.extend(snapshot.word_lists.iter().map(|list| format!("{list:?}")));
    let calendars = snapshot.calendars.iter();
    lines.extend(calendars.map(|calendar| format!("{calendar:?}")));
    lines.extend(snapshot.adapters.iter().map(|entry| format!("{entry:?}")));
    lines.extend(snapshot.apps.iter().map(|app| format!("{app:?}")));
    lines.extend(snapshot.keys.iter().map(|key| format!("open {key:?}")));
    lines.extend(snapshot.all_keys.iter().map(|key| format!("{key:?}")));
    lines.sort();
    lines
}

const LANE: Lane = Lane {
    channel: Channel::Sms,
    class: Class::Notification,
};
const AUTHOR: &str = "app/console";

/// Some seconds after the start.
fn at(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

async fn make(store: &Arc<dyn Catalog>, change: CatalogChange, now: Timestamp) -> u64 {
    store.change(change, AUTHOR, now).await.unwrap()
}

async fn refused(store: &Arc<dyn Catalog>, change: CatalogChange) -> CatalogError {
    store.change(change, AUTHOR, at(99)).await.unwrap_err()
}

fn create_template(key: &str) -> CatalogChange {
    CatalogChange::CreateTemplate {
        template: builders::template(key),
        version: Box::new(builders::version("Code {{code}}")),
    }
}

fn put_account(key: &str) -> CatalogChange {
    CatalogChange::PutAccount(Box::new(builders::account(key)))
}

fn put_route(accounts: &[(u64, u32)]) -> CatalogChange {
    CatalogChange::PutRoute {
        lane: LANE,
        plan: builders::plan(accounts),
        shift: None,
        reason: Some("because".into()),
    }
}
