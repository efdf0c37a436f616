//! Policies: their versions, their end, and what comes after it.

use austin_domain::policy::Document;
use serde_json::{Value, json};

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        a_policy_keeps_its_versions,
        a_deleted_policy_is_out_of_force_and_its_versions_stay,
    ]
}

fn put(name: &str, document: Value) -> CatalogChange {
    let (read, faults) = Document::read(&document);
    assert_eq!(faults, []);
    CatalogChange::PutPolicy {
        name: name.into(),
        document: Box::new((document, read)),
        reason: Some("because".into()),
    }
}

async fn a_policy_keeps_its_versions(open: Open) {
    let store = open();
    let first = json!({"description": "夜", "quiet_hours": "hold"});
    let second = json!({"cap": [{"per": "recipient", "count": 5, "window": "1d"}]});
    make(&store, put("night", first.clone()), at(1)).await;
    make(&store, put("other", json!({})), at(2)).await;
    make(&store, put("night", second.clone()), at(3)).await;
    let before = Arc::clone(&store.snapshot().policies["night"]);
    drop(store);
    let store = open();
    let policy = Arc::clone(&store.snapshot().policies["night"]);
    assert_eq!(policy, before);
    assert_eq!((policy.version, policy.updated_at), (2, at(3)));
    assert_eq!(policy.json.as_ref(), Some(&second));
    assert_eq!(policy.document.rules.caps.len(), 1);
    assert_eq!(
        (policy.author.as_str(), policy.reason.as_deref()),
        (AUTHOR, Some("because"))
    );
    let versions = store.policy_versions("night", None, 9).await.unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0], *policy);
    assert_eq!(versions[1].json.as_ref(), Some(&first));
    let older = store.policy_versions("night", Some(2), 9).await.unwrap();
    assert_eq!(older, versions[1..]);
    assert_eq!(store.policy_versions("no", None, 9).await.unwrap(), []);
    let history = store.history(Some("policy/night"), 1).await.unwrap();
    assert_eq!(history[0].detail["document"], second);
}

async fn a_deleted_policy_is_out_of_force_and_its_versions_stay(open: Open) {
    let store = open();
    make(&store, put("night", json!({"dedup": "off"})), at(1)).await;
    let delete = || CatalogChange::DeletePolicy {
        name: "night".into(),
        reason: Some("no more".into()),
    };
    make(&store, delete(), at(2)).await;
    assert!(matches!(
        refused(&store, delete()).await,
        CatalogError::Missing(_)
    ));
    drop(store);
    let store = open();
    assert!(store.snapshot().policies.is_empty());
    let versions = store.policy_versions("night", None, 9).await.unwrap();
    assert_eq!((versions[0].version, &versions[0].json), (2, &None));
    assert_eq!(versions[0].reason.as_deref(), Some("no more"));
    make(&store, put("night", json!({})), at(3)).await;
    assert_eq!(store.snapshot().policies["night"].version, 3);
}
