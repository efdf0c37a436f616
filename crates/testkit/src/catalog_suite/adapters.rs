//! Uploaded adapters: versions, moves, and what is kept of both.

use austin_ports::catalog::{AdapterMove, VersionState};
use serde_json::json;

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        versions_are_numbered_and_kept,
        moves_are_kept_and_audited,
        a_refused_move_changes_nothing,
        an_adapter_in_use_is_not_deleted,
        a_deleted_version_frees_no_number,
    ]
}

const NAME: &str = "acme-sms";

fn add(text: &str) -> CatalogChange {
    CatalogChange::AddAdapterVersion {
        adapter: NAME.into(),
        version: Box::new(builders::adapter_version(text)),
    }
}

fn go(step: AdapterMove) -> CatalogChange {
    CatalogChange::MoveAdapter {
        adapter: NAME.into(),
        step,
        note: Some("because".into()),
        figures: Some(json!({"errors": 3})),
    }
}

const fn checked(version: u32) -> AdapterMove {
    AdapterMove::Check {
        version,
        passed: true,
    }
}

async fn versions_are_numbered_and_kept(open: Open) {
    let store = open();
    assert_eq!(make(&store, add("one"), at(1)).await, 1);
    assert_eq!(make(&store, add("two"), at(2)).await, 2);
    for store in [Some(store), None] {
        let snapshot = store.unwrap_or_else(&open).snapshot();
        let entry = &snapshot.adapters[NAME];
        assert_eq!((entry.next, entry.active, entry.former), (3, None, None));
        let second = entry.version(2).unwrap();
        assert_eq!(second.state, VersionState::Draft);
        assert_eq!((second.author.as_str(), second.created_at), (AUTHOR, at(2)));
        assert_eq!(second.script.as_deref(), Some("two"));
        assert_eq!(second.definition, json!({"name": NAME, "about": "two"}));
        assert_eq!(second.reason.as_deref(), Some("tests"));
    }
}

async fn moves_are_kept_and_audited(open: Open) {
    let store = open();
    for (number, text) in [(1, "one"), (2, "two")] {
        make(&store, add(text), at(1)).await;
        make(&store, go(checked(number)), at(2)).await;
    }
    make(&store, go(AdapterMove::Activate { version: 1 }), at(3)).await;
    let canary = AdapterMove::Canary {
        version: 2,
        percent: 10,
        promote_after: Some(Duration::from_secs(600)),
    };
    make(&store, go(canary), at(4)).await;
    let before = store.snapshot();
    drop(store);
    let store = open();
    let snapshot = store.snapshot();
    assert_eq!(snapshot.adapters, before.adapters);
    let entry = &snapshot.adapters[NAME];
    assert_eq!((entry.active, entry.switched_at), (Some(1), at(3)));
    let canary = entry.canary.as_ref().unwrap();
    assert_eq!(
        (canary.version, canary.percent, canary.since),
        (2, 10, at(4))
    );
    assert_eq!(canary.promote_after, Some(Duration::from_secs(600)));
    assert_eq!(entry.version(2).unwrap().checked_at, Some(at(2)));
    make(&store, go(AdapterMove::Rollback { of: None }), at(5)).await;
    drop(store);
    let store = open();
    let snapshot = store.snapshot();
    let entry = &snapshot.adapters[NAME];
    assert_eq!((entry.active, &entry.canary), (Some(1), &None));
    let second = entry.version(2).unwrap();
    assert_eq!(second.state, VersionState::Retired);
    assert_eq!(second.note.as_deref(), Some("because"));
    let history = store.history(Some("adapter/acme-sms"), 2).await.unwrap();
    assert_eq!(history[0].action, "rollback");
    assert_eq!(history[0].detail["version"], 2);
    assert_eq!(history[0].detail["figures"]["errors"], 3);
    assert_eq!(history[1].action, "canary");
    assert_eq!(history[1].detail["percent"], 10);
}

async fn a_refused_move_changes_nothing(open: Open) {
    let store = open();
    let error = refused(&store, go(checked(1))).await;
    assert!(matches!(error, CatalogError::Missing(_)), "{error}");
    make(&store, add("one"), at(1)).await;
    let before = contents(&store.snapshot());
    let error = refused(&store, go(AdapterMove::Activate { version: 1 })).await;
    assert!(matches!(&error, CatalogError::InUse(_)), "{error}");
    let error = refused(&store, go(checked(7))).await;
    assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
    assert_eq!(contents(&store.snapshot()), before);
}

async fn an_adapter_in_use_is_not_deleted(open: Open) {
    let store = open();
    let delete = || CatalogChange::DeleteAdapter {
        adapter: NAME.into(),
    };
    make(&store, add("one"), at(1)).await;
    let mut account = builders::account("a");
    account.adapter = NAME.into();
    make(&store, CatalogChange::PutAccount(Box::new(account)), at(2)).await;
    let error = refused(&store, delete()).await;
    assert!(matches!(&error, CatalogError::InUse(_)), "{error}");
    assert!(error.to_string().contains("account a"), "{error}");
    let gone = CatalogChange::DeleteAccount {
        account: "a".into(),
    };
    make(&store, gone, at(3)).await;
    make(&store, delete(), at(4)).await;
    drop(store);
    let store = open();
    assert!(store.snapshot().adapters.is_empty());
    let error = refused(&store, delete()).await;
    assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
    assert_eq!(make(&store, add("again"), at(5)).await, 1);
}

async fn a_deleted_version_frees_no_number(open: Open) {
    let store = open();
    let delete = |version| CatalogChange::DeleteAdapterVersion {
        adapter: NAME.into(),
        version,
    };
    make(&store, add("one"), at(1)).await;
    make(&store, add("two"), at(1)).await;
    make(&store, go(checked(1)), at(2)).await;
    make(&store, go(AdapterMove::Activate { version: 1 }), at(2)).await;
    let error = refused(&store, delete(1)).await;
    assert!(matches!(&error, CatalogError::InUse(_)), "{error}");
    make(&store, delete(2), at(3)).await;
    drop(store);
    let store = open();
    assert_eq!(store.snapshot().adapters[NAME].versions.len(), 1);
    assert_eq!(make(&store, add("three"), at(4)).await, 3);
}
