use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

use super::*;
use crate::{control::MIGRATIONS, migrate};

/// A trail of `count` entries, without the triggers that would stop a forger.
fn trail(count: i64) -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut db, MIGRATIONS).unwrap();
    let transaction = db.transaction().unwrap();
    for number in 1..=count {
        let entry = AuditEntry {
            at: Timestamp::from_millis(1_767_323_045_000 + number),
            author: format!("app/{number}"),
            subject: "template/one".into(),
            action: "enable".into(),
            detail: json!({ "number": number }),
        };
        append(&transaction, &entry).unwrap();
    }
    transaction.commit().unwrap();
    db.execute_batch(
        "DROP TRIGGER audit_stays; DROP TRIGGER audit_is_kept;
         PRAGMA ignore_check_constraints = 1;",
    )
    .unwrap();
    db
}

proptest! {
    #[test]
    fn any_flipped_byte_shows(
        number in 1i64..=5, column in 0usize..6, at: prop::sample::Index, flip in 1u8..,
    ) {
        let db = trail(5);
        prop_assert_eq!(verify(&db), Ok(5));
        if column == 0 {
            let bit = 1_i64 << (at.index(63));
            // SQLite has no exclusive or.
            db.execute(
                "UPDATE audit SET at = (at | ?1) - (at & ?1) WHERE number = ?2",
                (bit, number),
            )
            .unwrap();
        } else {
            let name = ["at", "author", "subject", "action", "detail", "chain"][column];
            let read = format!("SELECT CAST({name} AS BLOB) FROM audit WHERE number = ?1");
            let mut bytes: Vec<u8> = db.query_row(&read, [number], |row| row.get(0)).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let cast = if name == "chain" { "BLOB" } else { "TEXT" };
            let write = format!("UPDATE audit SET {name} = CAST(?1 AS {cast}) WHERE number = ?2");
            db.execute(&write, (bytes, number)).unwrap();
        }
        prop_assert_eq!(
            verify(&db),
            Err(Broken::At { number: number.cast_unsigned() })
        );
    }
}

#[test]
fn removed_exchanged_and_cut_off_entries_show() {
    let forged = |sql: &str| {
        let db = trail(5);
        db.execute_batch(sql).unwrap();
        verify(&db)
    };
    let cut = forged("DELETE FROM audit WHERE number = 5");
    assert_eq!(
        cut,
        Err(Broken::End {
            count: 4,
            stated: 5
        })
    );
    let removed = forged("DELETE FROM audit WHERE number = 3");
    assert_eq!(removed, Err(Broken::At { number: 3 }));
    let exchanged = forged(
        "UPDATE audit SET number = 9 WHERE number = 2;
         UPDATE audit SET number = 2 WHERE number = 3;
         UPDATE audit SET number = 3 WHERE number = 9;",
    );
    assert_eq!(exchanged, Err(Broken::At { number: 2 }));
    let emptied = forged("DELETE FROM audit");
    assert_eq!(
        emptied,
        Err(Broken::End {
            count: 0,
            stated: 5
        })
    );
}

#[test]
fn the_database_itself_refuses_to_change_the_trail() {
    let mut db = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut db, MIGRATIONS).unwrap();
    let transaction = db.transaction().unwrap();
    let entry = AuditEntry {
        at: Timestamp::default(),
        author: "local".into(),
        subject: "app/shop".into(),
        action: "create".into(),
        detail: json!({}),
    };
    assert_eq!(append(&transaction, &entry), Ok(1));
    transaction.commit().unwrap();
    for sql in ["UPDATE audit SET author = 'x'", "DELETE FROM audit"] {
        let error = db.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("audit trail"), "{error}");
    }
    assert_eq!(history(&db, None, 9), Ok(vec![entry]));
}
