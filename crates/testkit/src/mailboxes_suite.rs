//! The contract of the `Mailboxes` port, case by case.

use std::sync::Arc;

use austin_ports::Mailboxes;

use crate::cases;
use crate::suite::Case;

/// Delivers a mail: account, name, content.
pub type Deliver = Box<dyn Fn(&str, &str, &[u8]) + Send + Sync>;

#[expect(missing_debug_implementations, reason = "holds trait objects")]
/// Mailboxes without a mail, and how one arrives.
pub struct Given {
    /// The mailboxes.
    pub mailboxes: Arc<dyn Mailboxes>,
    /// Makes the account's mailbox too, where it has none.
    pub deliver: Deliver,
}

/// Every case.
pub fn cases() -> Vec<Case<Given>> {
    cases![
        mails_wait_until_they_are_put_away,
        the_oldest_come_first,
        accounts_have_mailboxes_of_their_own,
        many_mails_come_in_parts,
    ]
}

async fn names(given: &Given, account: &str) -> Vec<String> {
    let waiting = given.mailboxes.waiting(account).await.unwrap();
    assert_eq!(waiting.stuck, None);
    waiting.mails.into_iter().map(|mail| mail.name).collect()
}

async fn mails_wait_until_they_are_put_away(given: Given) {
    assert!(names(&given, "a").await.is_empty());
    (given.deliver)("a", "1.x", b"one");
    (given.deliver)("a", "2.x", b"two");
    for _ in 0..2 {
        let waiting = given.mailboxes.waiting("a").await.unwrap();
        assert!(!waiting.more);
        let content: Vec<_> = waiting
            .mails
            .into_iter()
            .map(|mail| mail.content.unwrap())
            .collect();
        assert_eq!(content, ["one", "two"]);
    }
    given.mailboxes.done("a", "1.x").await.unwrap();
    assert_eq!(names(&given, "a").await, ["2.x"]);
    given.mailboxes.set_aside("a", "2.x").await.unwrap();
    assert!(names(&given, "a").await.is_empty());
    // Again, as after a crash.
    given.mailboxes.done("a", "1.x").await.unwrap();
    given.mailboxes.set_aside("a", "2.x").await.unwrap();
}

async fn the_oldest_come_first(given: Given) {
    for name in ["1767323047.b", "1767323045.c", "1767323046.a"] {
        (given.deliver)("a", name, b"x");
    }
    assert_eq!(
        names(&given, "a").await,
        ["1767323045.c", "1767323046.a", "1767323047.b"]
    );
}

async fn accounts_have_mailboxes_of_their_own(given: Given) {
    (given.deliver)("a", "1.x", b"one");
    (given.deliver)("b", "1.x", b"two");
    assert!(names(&given, "c").await.is_empty());
    given.mailboxes.done("a", "1.x").await.unwrap();
    assert!(names(&given, "a").await.is_empty());
    assert_eq!(names(&given, "b").await, ["1.x"]);
}

async fn many_mails_come_in_parts(given: Given) {
    for at in 0..300 {
        (given.deliver)("a", &format!("{at:03}.x"), b"x");
    }
    let mut seen = Vec::new();
    loop {
        let waiting = given.mailboxes.waiting("a").await.unwrap();
        assert!(waiting.mails.len() < 300, "not all at a time");
        for mail in &waiting.mails {
            given.mailboxes.done("a", &mail.name).await.unwrap();
            seen.push(mail.name.clone());
        }
        if !waiting.more {
            break;
        }
    }
    let all: Vec<_> = (0..300).map(|at| format!("{at:03}.x")).collect();
    assert_eq!(seen, all);
}
