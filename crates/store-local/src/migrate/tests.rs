use super::*;

const ONE: Migration = Migration {
    number: 1,
    name: "first",
    sql: "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);",
};
const TWO: Migration = Migration {
    number: 2,
    name: "second",
    sql: "ALTER TABLE a ADD COLUMN y TEXT; UPDATE a SET y = 'y';",
};
const BROKEN: Migration = Migration {
    number: 2,
    name: "broken",
    sql: "ALTER TABLE a ADD COLUMN y TEXT; UPDATE a SET z = 1;",
};

fn memory() -> Connection {
    Connection::open_in_memory().unwrap()
}

fn columns(connection: &Connection) -> u32 {
    connection
        .query_row("SELECT count(*) FROM pragma_table_info('a')", [], |row| {
            row.get(0)
        })
        .unwrap()
}

#[test]
fn runs_what_is_missing_once() {
    let mut db = memory();
    assert_eq!(migrate(&mut db, &[ONE]), Ok(vec![1]));
    assert_eq!(migrate(&mut db, &[ONE, TWO]), Ok(vec![2]));
    assert_eq!(migrate(&mut db, &[ONE, TWO]), Ok(vec![]));
    assert_eq!((verify(&db, &[ONE, TWO]), columns(&db)), (Ok(2), 2));
}

#[test]
fn a_failed_migration_leaves_no_trace_and_keeps_the_ones_before() {
    let mut db = memory();
    let error = migrate(&mut db, &[ONE, BROKEN]).unwrap_err();
    assert!(matches!(error, Error::Failed { number: 2, .. }), "{error}");
    assert_eq!((verify(&db, &[ONE, BROKEN]), columns(&db)), (Ok(1), 1));
    assert_eq!(migrate(&mut db, &[ONE, TWO]), Ok(vec![2]));
}

#[test]
fn refuses_newer_foreign_and_altered_databases() {
    let mut db = memory();
    migrate(&mut db, &[ONE, TWO]).unwrap();
    assert_eq!(
        migrate(&mut db, &[ONE]),
        Err(Error::Newer { found: 2, known: 1 })
    );
    let altered = Migration {
        sql: "CREATE TABLE b (x)",
        ..ONE
    };
    assert_eq!(
        migrate(&mut db, &[altered, TWO]),
        Err(Error::Changed {
            number: 1,
            name: "first"
        })
    );
    let mut foreign = memory();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert_eq!(migrate(&mut foreign, &[ONE]), Err(Error::Foreign));
}

/// A kill in the middle is a transaction without its commit: what a copy of the files shows that
/// is taken while the migration runs.
#[test]
fn a_kill_in_the_middle_leaves_the_old_shape_and_the_next_start_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("live.db");
    let mut db = Connection::open(&path).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    // Spill pages to the write-ahead log before the commit.
    db.pragma_update(None, "cache_size", 2).unwrap();
    migrate(&mut db, &[ONE]).unwrap();

    let transaction = db.transaction().unwrap();
    transaction.execute_batch(TWO.sql).unwrap();
    transaction
        .execute_batch(
            "CREATE TABLE filler (x BLOB);
             INSERT INTO filler WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
             SELECT zeroblob(4000) FROM n;",
        )
        .unwrap();
    let killed = dir.path().join("killed.db");
    std::fs::copy(&path, &killed).unwrap();
    let log = std::fs::copy(
        dir.path().join("live.db-wal"),
        dir.path().join("killed.db-wal"),
    );
    assert!(
        log.unwrap() > 1_000_000,
        "the cut must fall into written pages"
    );
    drop(transaction);

    let mut db = Connection::open(&killed).unwrap();
    assert_eq!((verify(&db, &[ONE, TWO]), columns(&db)), (Ok(1), 1));
    assert_eq!(migrate(&mut db, &[ONE, TWO]), Ok(vec![2]));
    let integrity: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!((integrity.as_str(), columns(&db)), ("ok", 2));
}
