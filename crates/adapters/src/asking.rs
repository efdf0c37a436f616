//! Questions that one call answers.
//!
//! A question is put and read as a job with one item (its subject) or none, so that signing,
//! redaction and the treatment of codes are those of sending. Invariant: what fails says only
//! what it means for the account, never anything about the person or the words.

use std::sync::Arc;

use austin_adapter_api::adapter::fault_verdict;
use austin_adapter_api::question::{Answer, Asking, Found, Question, Subject};
use austin_adapter_api::{
    Account, Batch, Call, Context, Fault, HttpReply, HttpRequest, Item, Reply, State,
};
use austin_domain::verdict::Cause;
use austin_domain::{Class, Content, Verdict};

use crate::rounds::Job;

/// The only item of a question's job, where it has one.
pub(crate) const SUBJECT: &[usize] = &[0];

/// How one vendor is asked.
pub(crate) trait Asks {
    /// The request of a question; `None` where the vendor cannot be asked it.
    fn request(&self, job: &Job<'_>, question: &Question) -> Option<Result<HttpRequest, Answer>>;

    /// What an answer means.
    fn read(&self, job: &Job<'_>, question: &Question, reply: &HttpReply) -> Answer;
}

/// [`austin_adapter_api::Adapter::ask`] in one call.
pub(crate) fn ask(
    vendor: &impl Asks,
    account: &Account,
    question: &Question,
    context: &Context,
) -> Asking {
    let batch = batch(question);
    let job = Job {
        account,
        batch: &batch,
        context,
    };
    match vendor.request(&job, question) {
        None => Asking::Done(Answer::Unsupported),
        Some(Err(answer)) => Asking::Done(answer),
        Some(Ok(request)) => Asking::Call {
            call: Call::Http(request),
            state: State::default(),
        },
    }
}

/// [`austin_adapter_api::Adapter::answer`] in one call.
pub(crate) fn answer(
    vendor: &impl Asks,
    account: &Account,
    question: &Question,
    reply: &Reply,
    context: &Context,
) -> Asking {
    let batch = batch(question);
    let job = Job {
        account,
        batch: &batch,
        context,
    };
    Asking::Done(match reply {
        Reply::Http(reply) => vendor.read(&job, question, reply),
        Reply::Fault(fault) => {
            let fault = Fault {
                detail: job.cause(SUBJECT, "", &fault.detail).detail,
                ..fault.clone()
            };
            failed(fault_verdict(&fault))
        }
        Reply::Smtp(_) | Reply::Smpp(_) | Reply::Token(_) => failed(Verdict::Unknown(Cause::new(
            "protocol_error",
            "no HTTP answer to an HTTP call",
        ))),
    })
}

/// A question without an answer. Asking changes nothing, so whatever does not stop the account
/// may be asked again later.
pub(crate) fn failed(verdict: Verdict) -> Answer {
    Answer::Failed(match verdict {
        Verdict::Misconfigured(_) | Verdict::Throttled { .. } | Verdict::Later { .. } => verdict,
        Verdict::BadRecipient(cause)
        | Verdict::BadContent(cause)
        | Verdict::Elsewhere(cause)
        | Verdict::Unknown(cause)
        | Verdict::NumberRefused { cause, .. } => Verdict::Later { cause, after: None },
        Verdict::Accepted(_) => Verdict::Later {
            cause: Cause::new("protocol_error", "an acceptance in answer to a question"),
            after: None,
        },
    })
}

/// The vendor does not know, which is no proof that it never had it: its records come late.
pub(crate) fn unclear(code: &str, detail: &str) -> Answer {
    Answer::Found(Found::Unclear(Cause::new(code, detail)))
}

/// The vendor keeps no reference of ours and gave no id to ask by.
pub(crate) fn nothing_to_ask_by() -> Answer {
    unclear(
        "no_vendor_id",
        "the vendor can be asked by its own id only, and gave none",
    )
}

fn batch(question: &Question) -> Batch {
    let item = |subject: &Subject| Item {
        reference: subject.reference.clone(),
        to: subject.to.clone(),
        vars: Arc::default(),
        content: Arc::new(Content::Text {
            text: String::new(),
        }),
        unsubscribe: None,
    };
    let items = match question {
        Question::Query(subject) | Question::Recall(subject) => vec![item(subject)],
        Question::Token { .. } | Question::Pull { .. } | Question::Balance => Vec::new(),
    };
    Batch {
        class: Class::Notification,
        template: String::new(),
        vendor_template: None,
        attachments: Arc::default(),
        items,
    }
}
