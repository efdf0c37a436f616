//! Durability, visibility and history, whatever is changed.

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        a_fresh_store_is_empty,
        everything_survives_a_reopen,
        ids_rise_and_are_never_given_twice,
        a_change_is_announced_and_a_refused_one_is_not,
        a_snapshot_stays_as_it_was_taken,
        changes_at_once_all_land,
        history_is_newest_first_and_by_subject,
        history_holds_no_secret,
    ]
}

async fn a_fresh_store_is_empty(open: Open) {
    let store = open();
    assert_eq!(contents(&store.snapshot()), Vec::<String>::new());
    assert_eq!(store.history(None, 10).await.unwrap(), []);
}

async fn everything_survives_a_reopen(open: Open) {
    let store = open();
    make(&store, create_template("one"), at(1)).await;
    let account = make(&store, put_account("a"), at(2)).await;
    make(&store, put_route(&[(account, 3)]), at(3)).await;
    make(&store, access::create_app("shop"), at(4)).await;
    make(&store, access::create_key("shop", 1), at(5)).await;
    let (before, history) = (
        contents(&store.snapshot()),
        store.history(None, 100).await.unwrap(),
    );
    drop(store);
    let store = open();
    assert_eq!(contents(&store.snapshot()), before);
    assert_eq!(store.history(None, 100).await.unwrap(), history);
}

async fn ids_rise_and_are_never_given_twice(open: Open) {
    let store = open();
    let first = make(&store, create_template("one"), at(5)).await;
    let second = make(&store, put_account("a"), at(5)).await;
    assert!(first > 0 && second > first);
    drop(store);
    // The clock was set back meanwhile.
    let third = make(&open(), create_template("two"), at(1)).await;
    assert!(third > second);
}

async fn a_change_is_announced_and_a_refused_one_is_not(open: Open) {
    let store = open();
    let mut changed = store.changed();
    changed.mark_unchanged();
    make(&store, create_template("one"), at(1)).await;
    assert!(changed.has_changed().unwrap());
    let seen = *changed.borrow_and_update();
    let before = contents(&store.snapshot());
    refused(&store, create_template("one")).await;
    assert!(!changed.has_changed().unwrap());
    assert_eq!(contents(&store.snapshot()), before);
    assert_eq!(store.history(None, 10).await.unwrap().len(), 1);
    make(&store, create_template("two"), at(2)).await;
    assert_ne!(*changed.borrow_and_update(), seen);
}

async fn a_snapshot_stays_as_it_was_taken(open: Open) {
    let store = open();
    make(&store, create_template("one"), at(1)).await;
    let taken = store.snapshot();
    let before = contents(&taken);
    make(&store, create_template("two"), at(2)).await;
    assert_eq!(contents(&taken), before);
    assert!(store.snapshot().template("two").is_some());
}

async fn changes_at_once_all_land(open: Open) {
    let store = open();
    let changes: Vec<_> = (0..20)
        .map(|at| {
            let (store, key) = (Arc::clone(&store), format!("t{}", at % 10));
            tokio::spawn(async move { store.change(create_template(&key), AUTHOR, NOW).await })
        })
        .collect();
    let mut made = 0;
    for change in changes {
        match change.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert!(matches!(error, CatalogError::Exists(_)), "{error}"),
        }
    }
    // Ten keys, each asked for twice and given once.
    assert_eq!(made, 10);
    assert_eq!(store.snapshot().templates.len(), 10);
    assert_eq!(store.history(None, 100).await.unwrap().len(), 10);
}

async fn history_is_newest_first_and_by_subject(open: Open) {
    let store = open();
    make(&store, create_template("one"), at(1)).await;
    make(&store, create_template("two"), at(2)).await;
    let again = CatalogChange::AddVersion {
        template: "one".into(),
        version: Box::new(builders::version("New")),
    };
    make(&store, again, at(3)).await;
    let all = store.history(None, 2).await.unwrap();
    let times: Vec<_> = all.iter().map(|entry| entry.at).collect();
    assert_eq!(times, [at(3), at(2)]);
    let one = store.history(Some("template/one"), 10).await.unwrap();
    let told: Vec<_> = one
        .iter()
        .map(|entry| (entry.at, entry.author.as_str(), entry.action.as_str()))
        .collect();
    let expected = [(at(3), AUTHOR, "add_version"), (at(1), AUTHOR, "create")];
    assert_eq!(told, expected);
    assert_eq!(store.history(Some("template/on"), 10).await.unwrap(), []);
}

async fn history_holds_no_secret(open: Open) {
    let store = open();
    make(&store, put_account("a"), at(1)).await;
    make(&store, put_account("a"), at(2)).await;
    let delete = CatalogChange::DeleteAccount {
        account: "a".into(),
    };
    make(&store, delete, at(3)).await;
    let history = store.history(Some("account/a"), 10).await.unwrap();
    assert_eq!(history.len(), 3);
    let told = format!("{history:?} {:?}", store.snapshot());
    assert!(
        !told.contains("secret of a") && !told.contains("token-of-a"),
        "{told}"
    );
}
