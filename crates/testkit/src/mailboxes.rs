//! Mailboxes in memory.

use std::collections::BTreeMap;

use austin_ports::BoxFuture;
use austin_ports::mailbox::{Mail, MailboxError, Mailboxes, Waiting};
use bytes::Bytes;
use parking_lot::Mutex;

/// Mailboxes in memory. Every account has one.
#[derive(Debug, Default)]
pub struct MemoryMailboxes(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    waiting: BTreeMap<(String, String), Bytes>,
    done: Vec<String>,
    aside: Vec<String>,
}

impl MemoryMailboxes {
    /// A mail arrives.
    pub fn deliver(&self, account: &str, name: &str, content: impl Into<Bytes>) {
        let place = (account.to_owned(), name.to_owned());
        self.0.lock().waiting.insert(place, content.into());
    }

    /// Names of the mails that wait, that are done, and that were set aside.
    pub fn names(&self) -> (Vec<String>, Vec<String>, Vec<String>) {
        let kept = self.0.lock();
        let waiting = kept.waiting.keys().map(|(_, name)| name.clone());
        (waiting.collect(), kept.done.clone(), kept.aside.clone())
    }

    fn put_away(&self, account: &str, name: &str, aside: bool) {
        let mut kept = self.0.lock();
        let place = (account.to_owned(), name.to_owned());
        if kept.waiting.remove(&place).is_some() {
            let to = if aside {
                &mut kept.aside
            } else {
                &mut kept.done
            };
            to.push(place.1);
        }
    }
}

impl Mailboxes for MemoryMailboxes {
    fn waiting<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Waiting, MailboxError>> {
        let kept = self.0.lock();
        let mut of_it = kept.waiting.iter().filter(|((of, _), _)| of == account);
        let mails = of_it.by_ref().take(MOST).map(|((_, name), content)| Mail {
            name: name.clone(),
            content: Ok(content.clone()),
        });
        let mails = mails.collect();
        let waiting = Waiting {
            mails,
            more: of_it.next().is_some(),
            stuck: None,
        };
        Box::pin(async { Ok(waiting) })
    }

    fn done<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), MailboxError>> {
        self.put_away(account, name, false);
        Box::pin(async { Ok(()) })
    }

    fn set_aside<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), MailboxError>> {
        self.put_away(account, name, true);
        Box::pin(async { Ok(()) })
    }
}

/// Most mails given at a time.
const MOST: usize = 64;
