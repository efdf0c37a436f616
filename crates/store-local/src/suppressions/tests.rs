//! The port's conformance suite, and what only this backend promises.

use std::os::unix::fs::PermissionsExt;

use austin_domain::suppression::{Reason, Source};
use austin_testkit::{SeededEntropy, suite, suppressions_suite};
use tempfile::TempDir;

use super::*;
use crate::vault::Keys;

fn vault() -> Vault {
    let keys = Keys::parse("1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    Vault::new(keys, Arc::new(SeededEntropy::new(1)))
}

fn open(dir: &TempDir, vault: &Vault) -> LocalSuppressions {
    let data = Arc::new(DataDir::open(dir.path()).unwrap());
    LocalSuppressions::open(data, vault, &SeededEntropy::new(2)).unwrap()
}

fn fresh() -> suppressions_suite::Open {
    let (dir, vault) = (tempfile::tempdir().unwrap(), vault());
    Box::new(move || Arc::new(open(&dir, &vault)))
}

#[tokio::test]
async fn keeps_the_contract() {
    suite::run(suppressions_suite::cases(), fresh).await;
}

/// The model that the engine is tested with keeps the same contract, but for what a crash leaves
/// of imports: it has no process that could end.
#[tokio::test]
async fn so_does_the_fake() {
    let cases = suppressions_suite::cases()
        .into_iter()
        .filter(|case| case.name != "what_a_crash_cut_off_is_interrupted")
        .collect();
    suite::run(cases, || {
        let store = Arc::new(austin_testkit::MemorySuppressions::default());
        Box::new(move || Arc::clone(&store) as Arc<dyn Suppressions>) as suppressions_suite::Open
    })
    .await;
}

fn new(to: &str) -> NewSuppression {
    NewSuppression {
        channel: Some(Channel::Sms),
        to: to.into(),
        reason: Reason::OptOut,
        until: None,
        source: Source::Api,
        cause: None,
        note: None,
        author: "app/shop".into(),
    }
}

#[tokio::test]
async fn its_files_are_for_the_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, &vault());
    store.put(vec![new("+8613711112200")], NOW).await.unwrap();
    let import = NewImport {
        channel: None,
        reason: Reason::Manual,
        author: "app/shop".into(),
    };
    let id = store.open_import(import, NOW).await.unwrap();
    let data = Bytes::from_static(b"to\n");
    store.append_import(id, data).await.unwrap();
    let spool = format!("imports/{id}");
    for name in ["suppressions.db", "suppressions.db-wal", &spool] {
        let mode = std::fs::metadata(dir.path().join(name)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let entry = store.list(
        Filter {
            limit: 1,
            ..Filter::default()
        },
        NOW,
    );
    let shown = format!("{:?}", entry.await.unwrap());
    assert!(!shown.contains("13711112200"), "{shown}");
}

#[tokio::test]
async fn link_keys_need_the_master_key_they_were_sealed_with() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir, &vault()));
    let other = Vault::new(
        Keys::parse("1:HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap(),
        Arc::new(SeededEntropy::new(3)),
    );
    let data = Arc::new(DataDir::open(dir.path()).unwrap());
    let refused = LocalSuppressions::open(data, &other, &SeededEntropy::new(2));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("does not open"), "{refused}");
}

#[tokio::test]
async fn an_examination_finds_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    assert!(check(dir.path()).is_empty());
    let store = open(&dir, &vault());
    store.put(vec![new("+8613711112200")], NOW).await.unwrap();
    let worst = |findings: &[crate::Finding]| findings.iter().map(|one| one.severity).max();
    assert_eq!(worst(&check(dir.path())), Some(crate::Severity::Note));
    drop(store);
    let path = dir.path().join("suppressions.db");
    std::fs::write(&path, "this is no database, but long enough to look at").unwrap();
    assert_eq!(worst(&check(dir.path())), Some(crate::Severity::Fault));
}

/// A failed call leaves neither rows nor a trace in memory.
#[tokio::test]
async fn all_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, &vault());
    {
        let writer = store.0.writer.lock();
        writer
            .connection
            .execute_batch(
                "CREATE TRIGGER refuse BEFORE INSERT ON suppressions \
                 WHEN NEW.address = '+8613711112203' BEGIN SELECT RAISE(ABORT, 'no'); END",
            )
            .unwrap();
    }
    let numbers = ["+8613711112201", "+8613711112202", "+8613711112203"];
    let all = numbers.iter().map(|to| new(to)).collect();
    assert!(store.put(all, NOW).await.is_err());
    for to in numbers {
        assert_eq!(store.check(Channel::Sms, to, NOW), None);
    }
    assert_eq!(store.size().entries, 0);
    let page = store.list(
        Filter {
            limit: 9,
            ..Filter::default()
        },
        NOW,
    );
    assert!(page.await.unwrap().items.is_empty());
}

const NOW: Timestamp = Timestamp::from_seconds(1_767_323_045);
