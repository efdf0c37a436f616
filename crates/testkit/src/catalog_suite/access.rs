//! Apps and keys.

use austin_domain::{AppId, KeyId};
use austin_ports::catalog::Role;

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        an_app_name_is_given_once,
        a_key_opens_until_it_is_revoked,
        a_key_is_never_given_twice,
        keys_need_their_app,
    ]
}

pub(super) fn create_app(name: &str) -> CatalogChange {
    CatalogChange::CreateApp {
        name: name.into(),
        team: "logistics".into(),
    }
}

pub(super) fn create_key(app: &str, digest: u8) -> CatalogChange {
    CatalogChange::CreateKey {
        app: app.into(),
        role: Role::Sender,
        digest: [digest; 32],
        hint: format!("ak_{digest}"),
    }
}

async fn an_app_name_is_given_once(open: Open) {
    let store = open();
    let id = AppId::from_u64(make(&store, create_app("shop"), at(1)).await);
    let snapshot = store.snapshot();
    let app = &snapshot.apps[&id];
    assert_eq!(
        (app.id, app.name.as_str(), app.team.as_str()),
        (id, "shop", "logistics")
    );
    assert_eq!(app.created_at, at(1));
    let error = refused(&store, create_app("shop")).await;
    assert!(matches!(&error, CatalogError::Exists(_)), "{error}");
}

async fn a_key_opens_until_it_is_revoked(open: Open) {
    let store = open();
    let app = AppId::from_u64(make(&store, create_app("shop"), at(1)).await);
    let key = KeyId::from_u64(make(&store, create_key("shop", 1), at(2)).await);
    let other = make(&store, create_key("shop", 2), at(2)).await;
    let snapshot = store.snapshot();
    let record = &snapshot.keys[&[1; 32]];
    assert_eq!(
        (record.id, record.app, record.role),
        (key, app, Role::Sender)
    );
    assert_eq!((record.created_at, record.revoked_at), (at(2), None));
    make(&store, CatalogChange::RevokeKey { key }, at(3)).await;
    // A second time changes nothing, the moment neither.
    make(&store, CatalogChange::RevokeKey { key }, at(4)).await;
    for store in [Some(store), None] {
        let store = store.unwrap_or_else(&open);
        let snapshot = store.snapshot();
        assert!(!snapshot.keys.contains_key(&[1; 32]));
        assert_eq!(snapshot.keys[&[2; 32]].id.as_u64(), other);
        assert_eq!(snapshot.all_keys[&key].revoked_at, Some(at(3)));
        let history = store.history(Some("app/shop"), 10).await.unwrap();
        let actions: Vec<_> = history.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(
            actions,
            ["revoke_key", "create_key", "create_key", "create"]
        );
    }
}

async fn a_key_is_never_given_twice(open: Open) {
    let store = open();
    make(&store, create_app("shop"), at(1)).await;
    let key = KeyId::from_u64(make(&store, create_key("shop", 1), at(2)).await);
    make(&store, CatalogChange::RevokeKey { key }, at(3)).await;
    let error = refused(&store, create_key("shop", 1)).await;
    assert!(matches!(&error, CatalogError::Exists(_)), "{error}");
    assert!(store.snapshot().keys.is_empty());
}

async fn keys_need_their_app(open: Open) {
    let store = open();
    let error = refused(&store, create_key("none", 1)).await;
    assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
    let key = KeyId::from_u64(5);
    let error = refused(&store, CatalogChange::RevokeKey { key }).await;
    assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
}
