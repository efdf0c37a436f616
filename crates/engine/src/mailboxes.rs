//! Bounce mails read from mailboxes.
//!
//! A mail is the receipt of an account: its adapter reads it, the ledger makes it durable, and only
//! then it leaves the waiting ones. A crash in between gives the same mail again, and a receipt
//! that comes twice changes nothing. What the adapter cannot read is set aside and named.

use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{Inbound, Speaker};
use austin_ports::catalog::AccountRecord;
use austin_ports::mailbox::{Mail, MailboxError, Mailboxes};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use crate::adapters::Adapters;
use crate::receipts;
use crate::reconcilers::every;
use crate::shared::Shared;

const EVERY: Duration = Duration::from_secs(5);

/// Reads every account's mailbox now and then until the engine stops.
pub(crate) async fn read(shared: Arc<Shared>, adapters: Adapters, mailboxes: Arc<dyn Mailboxes>) {
    every(&shared, EVERY, |shared: Arc<Shared>| {
        let (adapters, mailboxes) = (adapters.clone(), Arc::clone(&mailboxes));
        async move {
            let snapshot = shared.catalog.snapshot();
            for record in snapshot.accounts.values() {
                let Some(adapter) = adapters.get(&record.adapter) else {
                    continue;
                };
                let account = Account {
                    shared: &shared,
                    mailboxes: &*mailboxes,
                    record,
                    adapter: &adapter,
                };
                if let Err(error) = account.read().await {
                    tracing::warn!(account = record.key, %error, "a mailbox could not be read");
                }
            }
            Ok(())
        }
    })
    .await;
}

/// An account whose mailbox is read.
struct Account<'a> {
    shared: &'a Shared,
    mailboxes: &'a dyn Mailboxes,
    record: &'a AccountRecord,
    adapter: &'a Speaker,
}

impl Account<'_> {
    async fn read(&self) -> Result<(), MailboxError> {
        let key = self.record.key.as_str();
        loop {
            let waiting = self.mailboxes.waiting(key).await?;
            for mail in waiting.mails {
                if self.shared.stopping.is_cancelled() {
                    return Ok(());
                }
                self.take(mail).await?;
            }
            if let Some(why) = waiting.stuck {
                return Err(MailboxError(why));
            }
            if !waiting.more {
                return Ok(());
            }
        }
    }

    async fn take(&self, mail: Mail) -> Result<(), MailboxError> {
        let (key, name) = (self.record.key.as_str(), mail.name.as_str());
        let why = match mail.content {
            Err(why) => why,
            Ok(content) => {
                let request = inbound(key, content);
                match receipts::take(self.shared, self.record, self.adapter, &request).await {
                    Ok(_) => return self.mailboxes.done(key, name).await,
                    // The ledger takes nothing now. The mail waits.
                    Err(refused) if refused.status.is_server_error() => {
                        return Err(MailboxError(refused.detail));
                    }
                    Err(refused) => refused.detail,
                }
            }
        };
        tracing::warn!(account = key, mail = name, why, "a mail was set aside");
        self.mailboxes.set_aside(key, name).await
    }
}

/// A mail as a mail server would post it.
fn inbound(account: &str, content: Bytes) -> Inbound {
    let kind = HeaderValue::from_static("message/rfc822");
    Inbound {
        method: Method::POST,
        url: format!("mailbox:{account}"),
        headers: HeaderMap::from_iter([(CONTENT_TYPE, kind)]),
        body: content,
    }
}
