use std::fs::Permissions;

use super::*;
use crate::Severity;
use crate::control::tests::{Opened, open, put_account};

fn sound() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    let opened = open(dir.path());
    put_account(&opened, "tencent-1");
    dir
}

fn worse(dir: &Path, given: Option<&str>) -> Vec<(Severity, String)> {
    check(dir, given)
        .into_iter()
        .filter(|finding| finding.severity > Severity::Note)
        .map(|finding| (finding.severity, finding.to_string()))
        .collect()
}

fn only(found: &[(Severity, String)], severity: Severity, words: &str) {
    assert!(
        matches!(found, [(is, text)] if *is == severity && text.contains(words)),
        "{found:?}"
    );
}

#[test]
fn a_sound_directory_has_notes_only_also_while_in_use() {
    let dir = sound();
    assert_eq!(worse(dir.path(), None), []);
    let opened: Opened = open(dir.path());
    let notes = check(dir.path(), None);
    assert_eq!(worse(dir.path(), None), []);
    let pid = format!("pid {}", std::process::id());
    assert!(
        notes.iter().any(|note| note.detail.contains(&pid)),
        "{notes:?}"
    );
    drop(opened);
}

#[test]
fn a_directory_that_is_not_there_or_was_never_used() {
    let dir = tempfile::tempdir().unwrap();
    let found = worse(&dir.path().join("none"), None);
    only(&found, Severity::Fault, "no such directory");
}

#[test]
fn a_changed_audit_trail() {
    let dir = sound();
    Connection::open(schema::path(dir.path()))
        .unwrap()
        .execute_batch("DROP TRIGGER audit_stays; UPDATE audit SET author = 'somebody else'")
        .unwrap();
    only(
        &worse(dir.path(), None),
        Severity::Fault,
        "entry 1 was changed",
    );
}

#[test]
fn a_master_key_that_is_another_or_lost() {
    let dir = sound();
    let other = "1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let found = worse(dir.path(), Some(other));
    only(
        &found,
        Severity::Fault,
        "account/tencent-1: its secrets do not open",
    );
    std::fs::remove_file(dir.path().join("master.key")).unwrap();
    only(
        &worse(dir.path(), None),
        Severity::Fault,
        "there is no master key",
    );
}

#[test]
fn files_others_may_read() {
    let dir = sound();
    std::fs::set_permissions(schema::path(dir.path()), Permissions::from_mode(0o644)).unwrap();
    let found = worse(dir.path(), None);
    only(&found, Severity::Warning, "mode 644");
    assert!(found[0].1.contains("chmod 600"), "{found:?}");
}

#[test]
fn a_newer_and_a_damaged_database() {
    let dir = sound();
    let path = schema::path(dir.path());
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    only(&worse(dir.path(), None), Severity::Fault, "newer austin");

    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    only(&worse(dir.path(), None), Severity::Fault, "it is damaged");
}
