//! Accounts and the routes that name them.

use std::collections::BTreeMap;

use austin_ports::catalog::{AccountRecord, Limits};

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        an_account_keeps_what_it_is_and_secrets_not_named,
        a_routed_account_is_not_deleted,
        a_routed_account_does_not_change_its_channel,
        a_deleted_account_stays_readable_and_frees_its_key,
        routes_count_their_versions,
        routes_name_accounts_that_are_there_and_fit,
    ]
}

fn delete(key: &str) -> CatalogChange {
    CatalogChange::DeleteAccount {
        account: key.into(),
    }
}

fn secrets(account: &AccountRecord) -> Vec<(&str, &str)> {
    let secrets = account.secrets.iter();
    secrets
        .map(|(name, secret)| (name.as_str(), secret.expose_secret()))
        .collect()
}

async fn an_account_keeps_what_it_is_and_secrets_not_named(open: Open) {
    let store = open();
    let id = make(&store, put_account("a"), at(1)).await;
    let mut changed = builders::account("a");
    changed.id = AccountId::from_u64(99);
    changed.created_at = at(50);
    changed.receipt_token = "other".into();
    changed.settings = BTreeMap::from([("url".into(), "http://other.example.com".into())]);
    changed.secrets = BTreeMap::from([("extra".into(), "more".into())]);
    changed.limits = Limits {
        per_second: Some(7),
        recipients_per_call: None,
        concurrency: Some(2),
        ..Limits::default()
    };
    changed.enabled = false;
    let expected = changed.clone();
    make(&store, CatalogChange::PutAccount(Box::new(changed)), at(2)).await;
    for store in [Some(store), None] {
        let store = store.unwrap_or_else(&open);
        let snapshot = store.snapshot();
        let account = snapshot.account("a").unwrap();
        assert_eq!(account.id.as_u64(), id);
        assert_eq!((account.created_at, account.updated_at), (at(1), at(2)));
        assert_eq!(account.receipt_token.expose_secret(), "token-of-a");
        assert_eq!(
            secrets(account),
            [("extra", "more"), ("secret", "secret of a")]
        );
        assert_eq!(account.settings, expected.settings);
        assert_eq!(
            (&account.limits, account.enabled),
            (&expected.limits, false)
        );
    }
}

async fn a_routed_account_is_not_deleted(open: Open) {
    let store = open();
    let (a, b) = (
        make(&store, put_account("a"), at(1)).await,
        make(&store, put_account("b"), at(1)).await,
    );
    // Weight 0 is named too: it stands in when others fail.
    make(&store, put_route(&[(b, 1), (a, 0)]), at(2)).await;
    let error = refused(&store, delete("a")).await;
    assert!(matches!(&error, CatalogError::InUse(_)), "{error}");
    assert!(error.to_string().contains("sms.notification"), "{error}");
    make(&store, put_route(&[(b, 1)]), at(3)).await;
    make(&store, delete("a"), at(4)).await;
    let error = refused(&store, delete("a")).await;
    assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
}

async fn a_routed_account_does_not_change_its_channel(open: Open) {
    let store = open();
    let a = make(&store, put_account("a"), at(1)).await;
    make(&store, put_route(&[(a, 1)]), at(2)).await;
    let mut email = builders::account("a");
    email.channel = Channel::Email;
    let change = || CatalogChange::PutAccount(Box::new(email.clone()));
    let error = refused(&store, change()).await;
    assert!(matches!(&error, CatalogError::InUse(_)), "{error}");
    make(&store, put_route(&[]), at(3)).await;
    make(&store, change(), at(4)).await;
    assert_eq!(
        store.snapshot().account("a").unwrap().channel,
        Channel::Email
    );
}

async fn a_deleted_account_stays_readable_and_frees_its_key(open: Open) {
    let store = open();
    let old = make(&store, put_account("a"), at(1)).await;
    make(&store, delete("a"), at(2)).await;
    assert!(store.snapshot().account("a").is_none());
    let new = make(&store, put_account("a"), at(3)).await;
    assert_ne!(new, old);
    drop(store);
    let snapshot = open().snapshot();
    let deleted = &snapshot.accounts[&AccountId::from_u64(old)];
    assert_eq!((deleted.key.as_str(), deleted.enabled), ("a", false));
    assert_eq!(deleted.deleted_at, Some(at(2)));
    assert_eq!(secrets(deleted), []);
    let account = snapshot.account("a").unwrap();
    assert_eq!((account.id.as_u64(), account.deleted_at), (new, None));
    assert_eq!(secrets(account), [("secret", "secret of a")]);
}

async fn routes_count_their_versions(open: Open) {
    let store = open();
    let a = make(&store, put_account("a"), at(1)).await;
    let b = make(&store, put_account("b"), at(1)).await;
    make(&store, put_route(&[(a, 1)]), at(2)).await;
    // The order is kept, whatever the ids.
    make(&store, put_route(&[(b, 9), (a, 1)]), at(3)).await;
    drop(store);
    let store = open();
    let snapshot = store.snapshot();
    let route = &snapshot.routes[&LANE];
    assert_eq!(
        (route.version, &route.plan),
        (2, &builders::plan(&[(b, 9), (a, 1)]))
    );
    let versions = store.route_versions(LANE, None, 10).await.unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0], **route);
    assert_eq!(versions[1].plan, builders::plan(&[(a, 1)]));
    let older = store.route_versions(LANE, Some(2), 10).await.unwrap();
    assert_eq!(older, versions[1..]);
    assert_eq!((route.author.as_str(), route.updated_at), (AUTHOR, at(3)));
    let history = store.history(Some("route/sms.notification"), 10).await;
    let history = history.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[1].detail["shares"][0]["account"], "a");
    assert_eq!(history[1].detail["reason"], "because");
}

async fn routes_name_accounts_that_are_there_and_fit(open: Open) {
    let store = open();
    let gone = make(&store, put_account("gone"), at(1)).await;
    make(&store, delete("gone"), at(2)).await;
    let mut email = builders::account("mail");
    email.channel = Channel::Email;
    let mail = make(&store, CatalogChange::PutAccount(Box::new(email)), at(3)).await;
    for account in [12345, gone, mail] {
        let error = refused(&store, put_route(&[(account, 1)])).await;
        assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
    }
    assert!(store.snapshot().routes.is_empty());
}
