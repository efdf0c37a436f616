mod model;
mod stored;

use std::path::Path;

use austin_testkit::{builders, catalog_suite, suite};

use super::*;
use crate::OsEntropy;

pub(super) type Opened = ControlStore;

pub(super) fn open(dir: &Path) -> ControlStore {
    try_open(dir, None).unwrap()
}

fn try_open(dir: &Path, key: Option<&str>) -> Result<ControlStore, Error> {
    let held = Arc::new(DataDir::open(dir).unwrap());
    let vault = Vault::open_dir(dir, key, Arc::new(OsEntropy)).unwrap();
    ControlStore::open(held, Arc::new(vault))
}

/// Makes an account, without a runtime.
pub(super) fn put_account(store: &ControlStore, key: &str) {
    let change = CatalogChange::PutAccount(Box::new(builders::account(key)));
    store.0.change(change, "local", builders::NOW).unwrap();
}

#[tokio::test]
async fn keeps_the_contract_of_the_port() {
    suite::run(catalog_suite::cases(), || -> catalog_suite::Open {
        let dir = tempfile::tempdir().unwrap();
        Box::new(move || Arc::new(open(dir.path())))
    })
    .await;
}

#[test]
fn secrets_are_not_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put_account(&store, "a");
    let mut looked_at = 0;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        looked_at += bytes.len();
        for secret in ["secret of a", "token-of-a"] {
            let mut windows = bytes.windows(secret.len());
            assert!(!windows.any(|window| window == secret.as_bytes()));
        }
    }
    assert!(looked_at > 4096);
}

#[test]
fn a_rotated_key_takes_over_and_the_old_one_can_go() {
    const OLD: &str = "1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const NEW: &str = "2:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    let dir = tempfile::tempdir().unwrap();
    let store = try_open(dir.path(), Some(OLD)).unwrap();
    put_account(&store, "a");
    let before = catalog_suite::contents(&store.snapshot());
    drop(store);
    let error = try_open(dir.path(), Some(NEW)).unwrap_err().to_string();
    assert!(
        error.contains("account a") && error.contains("master key 1"),
        "{error}"
    );
    drop(try_open(dir.path(), Some(&format!("{NEW},{OLD}"))).unwrap());
    let store = try_open(dir.path(), Some(NEW)).unwrap();
    assert_eq!(catalog_suite::contents(&store.snapshot()), before);
}

#[test]
fn a_change_that_cannot_be_written_is_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put_account(&store, "a");
    let before = catalog_suite::contents(&store.snapshot());
    // The account's row goes in, its audit entry does not.
    let break_audit = "CREATE TRIGGER full BEFORE INSERT ON audit
                       BEGIN SELECT RAISE(ABORT, 'disk full'); END;";
    let writer = store.0.writer.lock();
    writer.connection.execute_batch(break_audit).unwrap();
    drop(writer);
    let change = CatalogChange::PutAccount(Box::new(builders::account("b")));
    let error = store.0.change(change, "local", builders::NOW).unwrap_err();
    assert!(
        matches!(&error, CatalogError::Store(why) if why.contains("disk full")),
        "{error}"
    );
    assert_eq!(catalog_suite::contents(&store.snapshot()), before);
    let writer = store.0.writer.lock();
    writer
        .connection
        .execute_batch("DROP TRIGGER full")
        .unwrap();
    drop(writer);
    drop(store);
    let store = open(dir.path());
    assert_eq!(catalog_suite::contents(&store.snapshot()), before);
    put_account(&store, "b");
    assert_eq!(store.verify_audit(), Ok(2));
}

#[test]
fn the_database_is_for_its_owner_only_and_syncs_each_commit() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put_account(&store, "a");
    for name in ["control.db", "control.db-wal", "control.db-shm"] {
        let metadata = std::fs::metadata(dir.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let writer = store.0.writer.lock();
    let pragma = |name: &str| -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        writer
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(
        (pragma("synchronous"), pragma("foreign_keys")),
        ("2".into(), "1".into())
    );
}
