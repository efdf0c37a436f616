use std::os::unix::fs::symlink;

use austin_testkit::mailboxes_suite::{self, Given};
use austin_testkit::suite;
use tempfile::TempDir;

use super::*;

fn open(root: &Path) -> LocalMailboxes {
    LocalMailboxes::open(root, 1_000).unwrap()
}

fn deliver(root: &Path, account: &str, name: &str, content: &[u8]) {
    let new = root.join(account).join("new");
    std::fs::create_dir_all(&new).unwrap();
    std::fs::write(new.join(name), content).unwrap();
}

/// Names in a directory of account `a`, in order; none where it does not exist.
fn listed(root: &TempDir, folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.path().join("a").join(folder)) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn keeps_the_contract_of_the_port() {
    suite::run(mailboxes_suite::cases(), || {
        let root = tempfile::tempdir().unwrap();
        Given {
            mailboxes: Arc::new(open(root.path())),
            deliver: Box::new(move |account, name, content| {
                deliver(root.path(), account, name, content);
            }),
        }
    })
    .await;
}

#[tokio::test]
async fn mails_end_where_mail_readers_find_them() {
    let root = tempfile::tempdir().unwrap();
    let mailboxes = open(root.path());
    for name in ["1.x", "2.x", "3.x:2,F", ".hidden"] {
        deliver(root.path(), "a", name, b"x");
    }
    assert_eq!(mailboxes.waiting("a").await.unwrap().mails.len(), 3);
    mailboxes.done("a", "1.x").await.unwrap();
    mailboxes.done("a", "3.x:2,F").await.unwrap();
    mailboxes.set_aside("a", "2.x").await.unwrap();
    assert_eq!(listed(&root, "new"), [".hidden"]);
    assert_eq!(listed(&root, "cur"), ["1.x:2,S", "3.x:2,F"]);
    assert_eq!(listed(&root, ".failed"), ["cur", "new", "tmp"]);
    assert_eq!(listed(&root, ".failed/cur"), ["2.x:2,"]);
}

#[tokio::test]
async fn what_can_never_be_read_says_why() {
    let root = tempfile::tempdir().unwrap();
    let mailboxes = open(root.path());
    deliver(root.path(), "a", "1.fits", &[b'x'; 1_000]);
    deliver(root.path(), "a", "2.large", &[b'x'; 1_001]);
    let new = root.path().join("a/new");
    std::fs::write(root.path().join("secret"), "secret").unwrap();
    symlink(root.path().join("secret"), new.join("3.link")).unwrap();
    std::fs::create_dir(new.join("4.directory")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(new.join("5.socket")).unwrap();
    let waiting = mailboxes.waiting("a").await.unwrap();
    let told: Vec<_> = waiting
        .mails
        .iter()
        .map(|mail| mail.content.as_ref().map(bytes::Bytes::len))
        .collect();
    let (large, link, irregular) = (
        "it has more than 1000 bytes".to_owned(),
        "it is a symbolic link".to_owned(),
        "it is no regular file".to_owned(),
    );
    assert_eq!(
        told,
        [
            Ok(1_000),
            Err(&large),
            Err(&link),
            Err(&irregular),
            Err(&irregular)
        ]
    );
    for mail in &waiting.mails[1..] {
        mailboxes.set_aside("a", &mail.name).await.unwrap();
    }
    assert_eq!(listed(&root, "new"), ["1.fits"]);
    assert_eq!(listed(&root, ".failed/cur").len(), 4);
    let untouched = std::fs::read_to_string(root.path().join("secret")).unwrap();
    assert_eq!(untouched, "secret");
}

#[tokio::test]
async fn nothing_outside_is_reached() {
    let outside = tempfile::tempdir().unwrap();
    deliver(outside.path(), "a", "1.x", b"x");
    let root = tempfile::tempdir().unwrap();
    let mailboxes = open(root.path());
    symlink(outside.path().join("a"), root.path().join("linked")).unwrap();
    std::fs::create_dir(root.path().join("half")).unwrap();
    symlink(outside.path().join("a/new"), root.path().join("half/new")).unwrap();
    deliver(root.path(), "inside", "1.x", b"x");
    symlink(outside.path(), root.path().join("inside/cur")).unwrap();
    for account in ["linked", "half", "..", "../a", "", "a/b"] {
        let refused = mailboxes.waiting(account).await.unwrap_err();
        assert!(refused.0.starts_with("cannot open"), "{account}: {refused}");
    }
    for name in ["../1.x", "..", "", "a/b"] {
        let refused = mailboxes.done("inside", name).await.unwrap_err();
        assert!(refused.0.starts_with("cannot move"), "{name}: {refused}");
    }
    assert!(mailboxes.done("inside", "1.x").await.is_err());
    assert!(outside.path().join("a/new/1.x").exists());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_name_that_is_no_text_is_told_and_waits() {
    use std::os::unix::ffi::OsStrExt as _;
    let root = tempfile::tempdir().unwrap();
    let mailboxes = open(root.path());
    deliver(root.path(), "a", "1.x", b"x");
    let odd = std::ffi::OsStr::from_bytes(b"2.\xff");
    std::fs::write(root.path().join("a/new").join(odd), "x").unwrap();
    let waiting = mailboxes.waiting("a").await.unwrap();
    assert_eq!(waiting.mails.len(), 1);
    assert!(waiting.stuck.unwrap().contains("UTF-8"));
}

#[test]
fn the_directory_is_absolute_and_there() {
    for path in ["mailboxes", "./mailboxes", "/nowhere/to/be/found"] {
        assert!(LocalMailboxes::open(Path::new(path), 1).is_err(), "{path}");
    }
}
