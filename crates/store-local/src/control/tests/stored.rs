//! Databases as earlier versions stored them, and large ones.

use std::path::PathBuf;
use std::time::Instant;

use austin_domain::AccountId;
use austin_domain::template::{TemplateState, VersionState};
use secrecy::ExposeSecret;

use super::*;

/// The master key of the stored databases: they hold nothing but invented things.
const KEY: &str = "1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/control-v1.db")
}

/// Run by hand to store what the newest schema version makes; an existing fixture never changes.
#[test]
#[ignore = "writes the fixture: cargo test -p austin-store-local writes_the_fixture -- --ignored"]
fn writes_the_fixture() {
    assert!(!fixture().exists(), "a released fixture stays as it is");
    let dir = tempfile::tempdir().unwrap();
    let store = try_open(dir.path(), Some(KEY)).unwrap();
    let make = |change| store.0.change(change, "local", builders::NOW).unwrap();
    put_account(&store, "old");
    let account = "old".into();
    make(CatalogChange::DeleteAccount { account });
    let account = CatalogChange::PutAccount(Box::new(builders::account("new")));
    let account = AccountId::from_u64(make(account));
    make(CatalogChange::CreateTemplate {
        template: builders::template("order-shipped"),
        version: Box::new(builders::version("Your order {{order}} is on its way")),
    });
    make(CatalogChange::AddVersion {
        template: "order-shipped".into(),
        version: Box::new(austin_domain::template::Version {
            policies: Some(serde_json::json!({ "quiet": "22:00-08:00" })),
            ..builders::version("Order {{order}} left us")
        }),
    });
    make(CatalogChange::PutRoute {
        lane: builders::template("order-shipped").lane(),
        plan: builders::plan(&[(account.as_u64(), 1)]),
        shift: None,
        reason: None,
    });
    make(CatalogChange::CreateApp {
        name: "shop".into(),
        team: "logistics".into(),
    });
    make(CatalogChange::CreateKey {
        app: "shop".into(),
        role: austin_ports::catalog::Role::Sender,
        digest: [7; 32],
        hint: "ak_7".into(),
    });
    let writer = store.0.writer.lock();
    // Small pages make a small file.
    writer
        .connection
        .pragma_update(None, "page_size", 512)
        .unwrap();
    let path = fixture().display().to_string();
    writer.connection.execute("VACUUM INTO ?1", [path]).unwrap();
}

#[test]
fn version_1_opens_with_everything_in_it() {
    let dir = tempfile::tempdir().unwrap();
    // FORMAT comes before the data.
    drop(DataDir::open(dir.path()).unwrap());
    std::fs::copy(fixture(), schema::path(dir.path())).unwrap();
    let store = try_open(dir.path(), Some(KEY)).unwrap();
    let snapshot = store.snapshot();
    let account = snapshot.account("new").unwrap();
    assert_eq!(account.secrets["secret"].expose_secret(), "secret of new");
    assert_eq!(account.receipt_token.expose_secret(), "token-of-new");
    assert_eq!(snapshot.accounts.len(), 2);
    let entry = snapshot.template("order-shipped").unwrap();
    assert_eq!((entry.versions.len(), entry.template.current), (2, 2));
    let policies = entry.current().unwrap().policies.as_ref().unwrap();
    assert_eq!(policies["quiet"], "22:00-08:00");
    let stands: Vec<_> = entry.life().versions;
    assert_eq!(stands, [VersionState::Retired, VersionState::Live]);
    assert_eq!(entry.template.state, TemplateState::Enabled);
    let route = &snapshot.routes[&entry.template.lane()];
    assert_eq!(route.plan, builders::plan(&[(account.id.as_u64(), 1)]));
    assert_eq!(snapshot.keys[&[7; 32]].hint, "ak_7");
    assert_eq!(store.verify_audit(), Ok(8));
    let version = migrate::verify(&store.0.reader.lock(), MIGRATIONS);
    assert_eq!(version, Ok(u32::try_from(MIGRATIONS.len()).unwrap()));
}

/// What a copy of the files shows while the first migration runs is what a kill leaves.
#[test]
fn a_kill_during_the_first_migration_is_made_good_by_the_next_start() {
    let (live, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut writer = schema::writer(&schema::path(live.path())).unwrap();
    // Written to the log before the commit.
    writer.pragma_update(None, "cache_size", 1).unwrap();
    let transaction = writer.transaction().unwrap();
    transaction.execute_batch(MIGRATIONS[0].sql).unwrap();
    drop(DataDir::open(killed.path()).unwrap());
    for name in ["control.db", "control.db-wal"] {
        std::fs::copy(live.path().join(name), killed.path().join(name)).unwrap();
    }
    let log = std::fs::metadata(killed.path().join("control.db-wal")).unwrap();
    assert!(log.len() > 4096, "the cut must fall into written pages");
    let store = try_open(killed.path(), Some(KEY)).unwrap();
    put_account(&store, "a");
    assert_eq!(store.verify_audit(), Ok(1));
}

#[test]
fn migrations_are_numbered_without_gaps_and_leave_the_transaction_alone() {
    for (number, migration) in (1..).zip(MIGRATIONS) {
        assert_eq!(migration.number, number);
        assert!(!migration.sql.to_uppercase().contains("COMMIT"));
    }
}

#[test]
#[ignore = "measures; run it with --release --ignored --nocapture"]
fn fifty_thousand_templates() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let template = CatalogChange::CreateTemplate {
        template: builders::template("first"),
        version: Box::new(builders::version(
            "Your order {{order}} of {{day}} is on its way to {{place}}",
        )),
    };
    store.0.change(template, "local", builders::NOW).unwrap();
    println!("with one template a change takes {:?}", ten_changes(&store));
    let writer = store.0.writer.lock();
    writer
        .connection
        .execute_batch(
            "BEGIN;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 49999)
             INSERT INTO templates SELECT i, 'key-' || i, name, channel, class, owner, state,
                 current, created_at, updated_at FROM templates, n;
             INSERT INTO template_versions SELECT t.id, 1, content, variables, vendor_templates,
                 policies, author, v.created_at FROM templates t, template_versions v
                 WHERE t.key <> 'first' AND v.number = 1;
             COMMIT;",
        )
        .unwrap();
    drop(writer);
    drop(store);
    let started = Instant::now();
    let store = open(dir.path());
    println!("loaded in {:?}", started.elapsed());
    assert_eq!(store.snapshot().templates.len(), 50_000);
    println!("then a change takes {:?}", ten_changes(&store));
    let started = Instant::now();
    let copy = Snapshot::clone(&store.snapshot());
    println!("of it the copy {:?}", started.elapsed());
    assert_eq!(copy.templates.len(), 50_000);
    let started = Instant::now();
    drop(copy);
    println!("and letting go of a copy {:?}", started.elapsed());
}

/// The mean of ten new versions.
fn ten_changes(store: &ControlStore) -> std::time::Duration {
    let started = Instant::now();
    for turn in 0..10 {
        let change = CatalogChange::AddVersion {
            template: "first".into(),
            version: Box::new(builders::version(&format!("turn {turn}"))),
        };
        store.0.change(change, "local", builders::NOW).unwrap();
    }
    started.elapsed() / 10
}
