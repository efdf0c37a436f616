//! The way out to vendors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{Call, DeliverSm, Fault, Reply, SmppBind};
use bytes::Bytes;

use crate::BoxFuture;

/// Carries out adapters' calls: one place for pools, deadlines, target vetting and redaction.
pub trait Wire: Send + Sync {
    /// Carries out one call. Never fails: what goes wrong is a [`Reply::Fault`].
    fn call(&self, outgoing: Outgoing) -> BoxFuture<'_, Exchange>;

    /// Fetches a file over https (or http where private targets are allowed) under the same
    /// vetting; redirects are not followed.
    fn fetch<'a>(&'a self, url: &'a str, max_bytes: usize)
    -> BoxFuture<'a, Result<Fetched, Fault>>;

    /// Says which sessions to keep open from now on, also while nothing is sent; those of an
    /// earlier word that are not among them end once their calls have. Calls over a session that
    /// is not kept are carried out all the same.
    fn keep(&self, sessions: Vec<KeptSession>) {
        drop(sessions);
    }

    /// Waits for what kept sessions bring unasked; at least one and at most `most` of them.
    fn arrivals(&self, most: usize) -> BoxFuture<'_, Vec<Arrival>> {
        let _ = most;
        Box::pin(std::future::pending())
    }
}

/// A session to keep open.
#[derive(Clone, Debug)]
pub struct KeptSession {
    /// The account's key.
    pub account: Arc<str>,
    /// How it is opened.
    pub bind: SmppBind,
}

/// Something that a session brought unasked. The sender hears of it only by `ack`.
#[derive(Debug)]
pub struct Arrival {
    /// The key of the account whose session it came by.
    pub account: Arc<str>,
    /// What came.
    pub message: DeliverSm,
    /// The answer to it.
    pub ack: Ack,
}

/// The answer to an arrival. Dropped unused it says that the arrival was not taken, so that the
/// sender repeats it.
pub struct Ack(Option<Box<dyn FnOnce(bool) + Send>>);

impl Ack {
    /// An answer given by calling `answer` once with whether the arrival was taken.
    pub fn new(answer: impl FnOnce(bool) + Send + 'static) -> Self {
        Self(Some(Box::new(answer)))
    }

    /// The arrival is durable here.
    pub fn taken(mut self) {
        if let Some(answer) = self.0.take() {
            answer(true);
        }
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        if let Some(answer) = self.0.take() {
            answer(false);
        }
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ack").finish()
    }
}

/// One call and what it needs to be accounted for.
pub struct Outgoing {
    /// The account's key, for metrics.
    pub account: Arc<str>,
    /// The call.
    pub call: Call,
    /// Values that must not appear in the evidence: the account's secrets and the secret
    /// variables of the deliveries in the call.
    pub redact: Arc<[String]>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("account", &self.account)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// A call that came to its end.
#[derive(Debug)]
pub struct Exchange {
    /// What came back.
    pub reply: Reply,
    /// From the first step to the last byte.
    pub took: Duration,
    /// The request as evidence: redacted, bounded (2 KiB).
    pub request: String,
    /// The answer as evidence: redacted, bounded (4 KiB).
    pub answer: String,
}

/// A fetched file.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Media type the server stated, `application/octet-stream` when it did not.
    pub content_type: String,
    /// The content.
    pub data: Bytes,
}
