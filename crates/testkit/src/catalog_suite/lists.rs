//! Word lists and calendars: compiled, counted, kept, and not taken from under who names them.

use austin_domain::calendar::{Calendar, Kind};
use austin_domain::policy::Document;
use austin_domain::template::{Step, Version};
use austin_ports::catalog::{CatalogError, Words};
use serde_json::{Value, json};

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        a_word_list_is_kept_and_replaced,
        a_calendar_is_kept_and_replaced,
        versions_go_on_after_a_deletion,
        what_is_named_is_not_deleted,
        what_a_policy_names_is_not_deleted,
        a_list_is_shared_and_not_copied,
    ]
}

fn put_words(name: &str, words: &str) -> CatalogChange {
    CatalogChange::PutWordList {
        name: name.into(),
        team: Some("care".into()),
        words: Words::compile(name, words).unwrap(),
        reason: Some("because".into()),
    }
}

fn put_days(name: &str, days: &str) -> CatalogChange {
    CatalogChange::PutCalendar {
        name: name.into(),
        calendar: Arc::new(Calendar::parse(days).unwrap()),
        reason: Some("because".into()),
    }
}

fn delete_words(name: &str) -> CatalogChange {
    CatalogChange::DeleteWordList {
        name: name.into(),
        reason: Some("old".into()),
    }
}

fn delete_days(name: &str) -> CatalogChange {
    CatalogChange::DeleteCalendar {
        name: name.into(),
        reason: None,
    }
}

fn version(policies: Value) -> Version {
    Version {
        policies: Some(policies),
        ..builders::version("Code {{code}}")
    }
}

async fn a_word_list_is_kept_and_replaced(open: Open) {
    let store = open();
    make(&store, put_words("finance", "# 财务\n发票\n"), at(1)).await;
    make(&store, put_words("finance", "赌博\n\n*coin*"), at(2)).await;
    let before = contents(&store.snapshot());
    drop(store);
    let store = open();
    let snapshot = store.snapshot();
    assert_eq!(contents(&snapshot), before);
    let list = &snapshot.word_lists["finance"];
    assert_eq!((list.version, list.updated_at), (2, at(2)));
    assert_eq!(list.team.as_deref(), Some("care"));
    assert_eq!(list.words.text(), "赌博\n\n*coin*");
    assert_eq!(
        (list.author.as_str(), list.reason.as_deref()),
        (AUTHOR, Some("because"))
    );
    assert_eq!(list.words.list().find("代开发票", 9), []);
    let found = list.words.list().find("bitcoins", 9);
    assert_eq!((found[0].word.as_str(), found[0].at), ("*coin*", 3));
    assert_eq!(&*found[0].list, "finance");
    make(&store, delete_words("finance"), at(3)).await;
    assert!(store.snapshot().word_lists.is_empty());
    let history = store.history(Some("word-list/finance"), 9).await.unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|entry| (entry.action.as_str(), &entry.detail["words"]))
        .collect();
    let (none, one, two) = (Value::Null, json!(1), json!(2));
    assert_eq!(told, [("delete", &none), ("put", &two), ("put", &one)]);
    assert!(!format!("{history:?}").contains("赌博"));
}

async fn a_calendar_is_kept_and_replaced(open: Open) {
    let store = open();
    let days = r#"{"closed": ["2026-10-01"], "working": ["2026-10-10"]}"#;
    make(
        &store,
        put_days("cn-2026", r#"{"closed": ["2026-01-01"]}"#),
        at(1),
    )
    .await;
    make(&store, put_days("cn-2026", days), at(2)).await;
    let before = contents(&store.snapshot());
    drop(store);
    let store = open();
    let snapshot = store.snapshot();
    assert_eq!(contents(&snapshot), before);
    let entry = &snapshot.calendars["cn-2026"];
    assert_eq!((entry.version, entry.updated_at), (2, at(2)));
    assert_eq!(*entry.calendar, Calendar::parse(days).unwrap());
    // 2026-10-01 and 2026-10-10 in days since 1970.
    assert_eq!(entry.calendar.kind(20_727), Some(Kind::Closed));
    assert_eq!(entry.calendar.kind(20_736), Some(Kind::Working));
    make(&store, delete_days("cn-2026"), at(3)).await;
    assert!(store.snapshot().calendars.is_empty());
    let history = store.history(Some("calendar/cn-2026"), 9).await.unwrap();
    assert_eq!(history[1].detail["last"], "2026-10-10");
}

async fn versions_go_on_after_a_deletion(open: Open) {
    let store = open();
    make(&store, put_words("a", "发票"), at(1)).await;
    make(
        &store,
        put_days("a", r#"{"closed": ["2026-01-01"]}"#),
        at(1),
    )
    .await;
    make(&store, delete_words("a"), at(2)).await;
    make(&store, delete_days("a"), at(2)).await;
    drop(store);
    let store = open();
    assert_eq!(contents(&store.snapshot()), Vec::<String>::new());
    for change in [delete_words("a"), delete_days("a"), delete_words("never")] {
        let error = refused(&store, change).await;
        assert!(matches!(error, CatalogError::Missing(_)), "{error}");
    }
    make(&store, put_words("a", "发票"), at(3)).await;
    make(
        &store,
        put_days("a", r#"{"closed": ["2026-01-01"]}"#),
        at(3),
    )
    .await;
    assert_eq!(store.snapshot().word_lists["a"].version, 3);
    assert_eq!(store.snapshot().calendars["a"].version, 3);
}

async fn what_is_named_is_not_deleted(open: Open) {
    let store = open();
    make(&store, put_words("finance", "发票"), at(1)).await;
    make(
        &store,
        put_days("cn", r#"{"closed": ["2026-01-01"]}"#),
        at(1),
    )
    .await;
    let rules = json!({
        "content": {"words": ["other", "finance"]},
        "quiet_hours": {"action": "hold", "windows": [], "calendar": "cn"},
    });
    let create = CatalogChange::CreateTemplate {
        template: builders::template("one"),
        version: Box::new(version(rules)),
    };
    make(&store, create, at(2)).await;
    let before = contents(&store.snapshot());
    for change in [delete_words("finance"), delete_days("cn")] {
        let error = refused(&store, change).await;
        assert!(matches!(error, CatalogError::InUse(_)), "{error}");
        assert!(error.to_string().contains("template/one"), "{error}");
    }
    assert_eq!(contents(&store.snapshot()), before);
    // A retired version does not hold it.
    let add = CatalogChange::AddVersion {
        template: "one".into(),
        version: Box::new(version(json!({"content": {"words": ["other"]}}))),
    };
    make(&store, add, at(3)).await;
    let publish = CatalogChange::MoveTemplate {
        template: "one".into(),
        steps: vec![Step::Submit(2), Step::Approve(2), Step::Publish(2)],
        reason: None,
    };
    make(&store, publish, at(4)).await;
    make(&store, delete_words("finance"), at(5)).await;
    make(&store, delete_days("cn"), at(5)).await;
}

async fn what_a_policy_names_is_not_deleted(open: Open) {
    let store = open();
    make(&store, put_words("finance", "发票"), at(1)).await;
    make(
        &store,
        put_days("cn", r#"{"closed": ["2026-01-01"]}"#),
        at(1),
    )
    .await;
    let quiet = json!({"action": "hold", "calendar": "cn",
                       "windows": [{"from": "22:00", "to": "08:00"}]});
    let put = |name: &str, document: Value| {
        let (read, faults) = Document::read(&document);
        assert_eq!(faults, []);
        CatalogChange::PutPolicy(Box::new(austin_ports::catalog::NewPolicy {
            name: name.into(),
            json: document,
            document: read,
            reason: None,
        }))
    };
    let words = json!({"content": {"words": ["finance"]}});
    make(&store, put("words", words), at(2)).await;
    make(&store, put("night", json!({ "quiet_hours": quiet })), at(2)).await;
    drop(store);
    let store = open();
    for (change, user) in [
        (delete_words("finance"), "policy/words"),
        (delete_days("cn"), "policy/night"),
    ] {
        let error = refused(&store, change).await;
        assert!(matches!(error, CatalogError::InUse(_)), "{error}");
        assert!(error.to_string().contains(user), "{error}");
    }
    make(&store, put("words", json!({})), at(3)).await;
    let delete = CatalogChange::DeletePolicy {
        name: "night".into(),
        reason: None,
    };
    make(&store, delete, at(3)).await;
    make(&store, delete_words("finance"), at(4)).await;
    make(&store, delete_days("cn"), at(4)).await;
}

async fn a_list_is_shared_and_not_copied(open: Open) {
    let store = open();
    make(&store, put_words("finance", "发票"), at(1)).await;
    let taken = store.snapshot();
    make(&store, create_template("one"), at(2)).await;
    let next = store.snapshot();
    assert!(Arc::ptr_eq(
        taken.word_lists["finance"].words.list(),
        next.word_lists["finance"].words.list()
    ));
}
