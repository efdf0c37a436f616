//! Adapters that do not run in this process, and where adapters come from.
//!
//! A hosted adapter keeps the contract of [`crate::Adapter`]; its answers take time because a
//! worker process gives them. What goes wrong there is a verdict, never an error: before a call
//! was made nothing can have been sent ([`Verdict::Misconfigured`](austin_domain::Verdict)),
//! after it the outcome is unknown.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::account::Account;
use crate::adapter::{Adapter, Batch, Context, State, Step};
use crate::call::Reply;
use crate::descriptor::Descriptor;
use crate::question::{Asking, Question};
use crate::receipt::{Inbound, Receipt, Receipts, Refused};
use crate::smpp::{DeliverSm, SmppBind};

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An adapter that runs elsewhere. Methods as in [`Adapter`].
pub trait Hosted: Send + Sync {
    /// What it is and what it needs.
    fn descriptor(&self) -> &Descriptor;

    /// See [`Adapter::start`].
    fn start<'a>(
        &'a self,
        account: &'a Account,
        batch: &'a Batch,
        context: Context,
    ) -> BoxFuture<'a, Step>;

    /// See [`Adapter::resume`].
    fn resume<'a>(
        &'a self,
        account: &'a Account,
        batch: &'a Batch,
        state: State,
        reply: Reply,
        context: Context,
    ) -> BoxFuture<'a, Step>;

    /// See [`Adapter::receipts`].
    fn receipts<'a>(
        &'a self,
        account: &'a Account,
        request: &'a Inbound,
        context: Context,
    ) -> BoxFuture<'a, Result<Receipts, Refused>>;

    /// See [`Adapter::ask`].
    fn ask<'a>(
        &'a self,
        account: &'a Account,
        question: &'a Question,
        context: Context,
    ) -> BoxFuture<'a, Asking>;

    /// See [`Adapter::answer`].
    fn answer<'a>(
        &'a self,
        account: &'a Account,
        question: &'a Question,
        state: State,
        reply: Reply,
        context: Context,
    ) -> BoxFuture<'a, Asking>;

    /// Why it is not to be used any more: its version was stopped too often.
    fn quarantined(&self) -> Option<String> {
        None
    }
}

/// Somebody who speaks a vendor's protocol, here or elsewhere.
#[derive(Clone)]
pub enum Speaker {
    /// In this process.
    Here(Arc<dyn Adapter>),
    /// In a worker process.
    Elsewhere(Arc<dyn Hosted>),
}

impl Speaker {
    /// What it is and what it needs.
    pub fn descriptor(&self) -> &Descriptor {
        match self {
            Self::Here(adapter) => adapter.descriptor(),
            Self::Elsewhere(hosted) => hosted.descriptor(),
        }
    }

    /// See [`Adapter::start`].
    pub async fn start(&self, account: &Account, batch: &Batch, context: Context) -> Step {
        match self {
            Self::Here(adapter) => adapter.start(account, batch, &context),
            Self::Elsewhere(hosted) => hosted.start(account, batch, context).await,
        }
    }

    /// See [`Adapter::resume`].
    pub async fn resume(
        &self,
        account: &Account,
        batch: &Batch,
        state: State,
        reply: Reply,
        context: Context,
    ) -> Step {
        match self {
            Self::Here(adapter) => adapter.resume(account, batch, state, reply, &context),
            Self::Elsewhere(hosted) => hosted.resume(account, batch, state, reply, context).await,
        }
    }

    /// See [`Adapter::receipts`].
    ///
    /// # Errors
    /// [`Refused`] when the request is not authentic or not in the vendor's format.
    pub async fn receipts(
        &self,
        account: &Account,
        request: &Inbound,
        context: Context,
    ) -> Result<Receipts, Refused> {
        match self {
            Self::Here(adapter) => adapter.receipts(account, request, &context),
            Self::Elsewhere(hosted) => hosted.receipts(account, request, context).await,
        }
    }

    /// See [`Adapter::session`]. Adapters elsewhere keep none.
    pub fn session(&self, account: &Account) -> Option<SmppBind> {
        match self {
            Self::Here(adapter) => adapter.session(account),
            Self::Elsewhere(_) => None,
        }
    }

    /// See [`Adapter::arrival`].
    pub fn arrival(
        &self,
        account: &Account,
        message: &DeliverSm,
        context: &Context,
    ) -> Vec<Receipt> {
        match self {
            Self::Here(adapter) => adapter.arrival(account, message, context),
            Self::Elsewhere(_) => Vec::new(),
        }
    }

    /// See [`Adapter::ask`].
    pub async fn ask(&self, account: &Account, question: &Question, context: Context) -> Asking {
        match self {
            Self::Here(adapter) => adapter.ask(account, question, &context),
            Self::Elsewhere(hosted) => hosted.ask(account, question, context).await,
        }
    }

    /// See [`Adapter::answer`].
    pub async fn answer(
        &self,
        account: &Account,
        question: &Question,
        state: State,
        reply: Reply,
        context: Context,
    ) -> Asking {
        match self {
            Self::Here(adapter) => adapter.answer(account, question, state, reply, &context),
            Self::Elsewhere(hosted) => {
                hosted
                    .answer(account, question, state, reply, context)
                    .await
            }
        }
    }

    /// See [`Hosted::quarantined`].
    pub fn quarantined(&self) -> Option<String> {
        match self {
            Self::Here(_) => None,
            Self::Elsewhere(hosted) => hosted.quarantined(),
        }
    }
}

impl fmt::Debug for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self {
            Self::Here(_) => "Here",
            Self::Elsewhere(_) => "Elsewhere",
        };
        f.debug_tuple(place).field(&self.descriptor().name).finish()
    }
}

/// An adapter as people upload it.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its name; the descriptor's must be the same.
    pub name: String,
    /// Counts its versions, from 1.
    pub version: u32,
    /// The descriptor and, without a script, everything else: request, reply, receipts, codes.
    pub definition: Value,
    /// The script (JavaScript), for what a definition cannot say.
    pub script: Option<String>,
}

/// Turns sources into speakers.
pub trait Loader: Send + Sync {
    /// Reads a source, checks it against the contract and makes it ready. Runs none of its calls.
    fn load<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<Speaker, Vec<LoadFault>>>;
}

/// Something wrong with a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct LoadFault {
    /// JSON pointer into the upload (`/definition/reply/id`, `/script`).
    pub pointer: String,
    /// Stable code, snake case.
    pub code: &'static str,
    /// One sentence; for scripts with line and column.
    pub detail: String,
}
