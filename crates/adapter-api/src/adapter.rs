//! The contract itself.

use std::sync::Arc;

use austin_domain::template::VendorTemplate;
use austin_domain::verdict::Cause;
use austin_domain::{Class, Content, Timestamp, Vars, Verdict};
use bytes::Bytes;
use serde_json::Value;

use crate::account::Account;
use crate::call::{Call, Fault, FaultKind, Phase, Reply};
use crate::descriptor::Descriptor;
use crate::question::{Answer, Asking, Question, TokenWant};
use crate::receipt::{Inbound, Receipt, Receipts, Refused};
use crate::smpp::{DeliverSm, SmppBind};

/// Code that speaks one vendor's protocol. Pure: the same arguments give the same answer.
pub trait Adapter: Send + Sync {
    /// What it is and what it needs.
    fn descriptor(&self) -> &Descriptor;

    /// Begins sending `batch`, which keeps the descriptor's batching rule.
    fn start(&self, account: &Account, batch: &Batch, context: &Context) -> Step;

    /// Goes on after the reply to the last call. Called once per call, also on faults;
    /// [`fault_verdict`] gives the usual reading of those.
    fn resume(
        &self,
        account: &Account,
        batch: &Batch,
        state: State,
        reply: Reply,
        context: &Context,
    ) -> Step;

    /// Reads receipts that the vendor posted.
    ///
    /// # Errors
    /// [`Refused`] when the request is not authentic or not in the vendor's format.
    fn receipts(
        &self,
        account: &Account,
        request: &Inbound,
        context: &Context,
    ) -> Result<Receipts, Refused> {
        let _ = (account, request, context);
        Err(Refused::unsupported())
    }

    /// The session that `account` wants kept open, also while nothing is sent, because receipts
    /// come by it; `None` where the protocol knows none or the account is not whole.
    fn session(&self, account: &Account) -> Option<SmppBind> {
        let _ = account;
        None
    }

    /// Reads what a kept session brought unasked. What is no receipt, or cannot be read, comes
    /// back as a receipt that matches nothing, so that it is on record all the same.
    fn arrival(&self, account: &Account, message: &DeliverSm, context: &Context) -> Vec<Receipt> {
        let _ = (account, message, context);
        Vec::new()
    }

    /// Begins to ask the vendor something. Which questions it can ask, the descriptor's
    /// capabilities say.
    fn ask(&self, account: &Account, question: &Question, context: &Context) -> Asking {
        let _ = (account, question, context);
        Asking::Done(Answer::Unsupported)
    }

    /// Goes on after the reply to the last call of a question.
    fn answer(
        &self,
        account: &Account,
        question: &Question,
        state: State,
        reply: Reply,
        context: &Context,
    ) -> Asking {
        let _ = (account, question, state, reply, context);
        Asking::Done(Answer::Unsupported)
    }
}

/// What the host gives every step: time and randomness come from outside.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Now.
    pub now: Timestamp,
    /// Random, never repeated.
    pub nonce: u128,
}

/// Deliveries that travel in one vendor call.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What they are for.
    pub class: Class,
    /// Our template key.
    pub template: String,
    /// How the vendor knows the template, when the template says so for this account.
    pub vendor_template: Option<VendorTemplate>,
    /// Files that go with every delivery, fetched by the host.
    pub attachments: Arc<[Attachment]>,
    /// One per recipient; never empty.
    pub items: Vec<Item>,
}

/// One delivery of a batch.
#[derive(Clone, Debug)]
pub struct Item {
    /// Our reference: the delivery id as text (`dlv_…`). Give it to the vendor where the
    /// protocol has a place for it; receipts may be matched by it.
    pub reference: String,
    /// The recipient's canonical address.
    pub to: String,
    /// Variable values, for vendors that render themselves. All variables of the template,
    /// defaults filled in.
    pub vars: Arc<Vars>,
    /// The rendered words.
    pub content: Arc<Content>,
    /// Where the person can unsubscribe with one click (RFC 8058): for e-mails of marketing, where
    /// we have a public URL. Give it to the vendor as the headers `List-Unsubscribe` and
    /// `List-Unsubscribe-Post`.
    pub unsubscribe: Option<String>,
}

/// A file sent along.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Content.
    pub data: Bytes,
}

/// What the host does next.
#[derive(Debug)]
pub enum Step {
    /// Carry out the call and come back with its reply.
    Call {
        /// The call.
        call: Call,
        /// Handed back to [`Adapter::resume`].
        state: State,
    },
    /// Come back with a token ([`Reply::Token`]). The host keeps tokens per account, fetches one
    /// at a time by asking [`Question::Token`], and renews them before they run out. When none can
    /// be had, the attempt ends without the adapter: nothing was sent.
    Token {
        /// Which.
        want: TokenWant,
        /// Handed back to [`Adapter::resume`].
        state: State,
    },
    /// One verdict per item, in their order.
    Done(Vec<Verdict>),
}

/// What an adapter remembers between its steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State(pub Value);

impl Step {
    /// A call with nothing to remember.
    pub fn call(call: Call) -> Self {
        Self::Call {
            call,
            state: State::default(),
        }
    }

    /// The same verdict for every item of `batch`.
    pub fn all(batch: &Batch, verdict: &Verdict) -> Self {
        Self::Done(vec![verdict.clone(); batch.items.len()])
    }
}

/// The usual reading of a call without an answer: what certainly did not leave may go to
/// another account at once; what may have left is unknown. A request that cannot be made, or a
/// target that is not allowed, is the account's fault.
pub fn fault_verdict(fault: &Fault) -> Verdict {
    let cause = Cause::new(fault.kind.as_str(), &fault.detail);
    match (fault.phase, fault.kind) {
        (Phase::NotSent, FaultKind::Invalid | FaultKind::Forbidden) => {
            Verdict::Misconfigured(cause)
        }
        (Phase::NotSent, _) => Verdict::Elsewhere(cause),
        (Phase::MaybeSent, _) => Verdict::Unknown(cause),
    }
}
