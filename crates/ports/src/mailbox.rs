//! Mails that a mail server keeps for accounts until they have been taken care of.

use std::fmt;

use bytes::Bytes;

use crate::BoxFuture;

/// The accounts' mailboxes.
///
/// A mail waits until [`Mailboxes::done`] or [`Mailboxes::set_aside`] is called for it, however
/// often it was given before: whoever takes care of it makes its work durable first and must bear
/// being given a mail again.
pub trait Mailboxes: Send + Sync {
    /// The oldest mails that wait for this account; none where it has no mailbox.
    fn waiting<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Waiting, MailboxError>>;

    /// The mail has been taken care of.
    fn done<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), MailboxError>>;

    /// The mail cannot be taken care of: keeps it where people find it and waiting does not.
    fn set_aside<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), MailboxError>>;
}

/// Mails that wait.
#[derive(Debug, Default)]
pub struct Waiting {
    /// The oldest, as many as are good to hold at a time.
    pub mails: Vec<Mail>,
    /// More wait than are given here.
    pub more: bool,
    /// What kept others from being read that may be mended: they go on waiting.
    pub stuck: Option<String>,
}

/// A mail that waits.
pub struct Mail {
    /// Names it within its mailbox.
    pub name: String,
    /// The RFC 5322 message, or why it can never be read.
    pub content: Result<Bytes, String>,
}

/// Shows no content.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("name", &self.name)
            .field("bytes", &self.content.as_ref().map(Bytes::len))
            .finish()
    }
}

/// Why a mailbox could not be read or changed. It may work later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("mailbox: {0}")]
pub struct MailboxError(pub String);
