//! The way out to vendors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{Call, Fault, Reply};
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
