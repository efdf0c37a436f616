//! SendGrid v3 Mail Send.
//!
//! One call takes 1,000 personalizations, each a mail of its own: nobody sees another. Its answer
//! is one message id for all of them, so receipts are matched by our own argument, or by that id
//! with the address. Receipts are the events of the Event Webhook.

mod receipts;
mod reply;
mod request;
pub mod sign;

use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, Descriptor, Inbound, Receipts,
    Refused, Reply, State, Step, VendorLimits,
};
use austin_domain::{Channel, Verdict};

use crate::fields::{endpoint, required, text};
use crate::mail;
use crate::rounds::{self, Job, Reading, Rounds};

const ENDPOINT: &str = "https://api.sendgrid.com";
/// Most personalizations of a call.
const MOST: u16 = 1_000;

/// The SendGrid adapter.
#[derive(Debug)]
pub struct SendgridEmail {
    descriptor: Descriptor,
}

impl Default for SendgridEmail {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "sendgrid-email".into(),
        title: "SendGrid".into(),
        channels: vec![Channel::Email],
        documentation: "https://www.twilio.com/docs/sendgrid/api-reference/mail-send".into(),
        settings: vec![
            required(text(
                "from",
                "Sender address: a verified sender or of an authenticated domain.",
            )),
            text("from_name", "Sender name."),
            text("reply_to", "Address that answers go to."),
            text(
                "event_webhook_public_key",
                "Verification key of the signed Event Webhook (Base64). With it, events without \
                 a good signature are refused; without it only the account's receipt token \
                 protects the address.",
            ),
            endpoint(ENDPOINT),
        ],
        secrets: vec![required(text(
            "api_key",
            "API key with the permission Mail Send (SG.…).",
        ))],
        batching: Batching {
            max_recipients: MOST,
            same_content: true,
        },
        capabilities: Capabilities {
            receipts: true,
            ..Capabilities::default()
        },
        limits: VendorLimits::default(),
        price: None,
        codes: Vec::new(),
    }
}

impl Adapter for SendgridEmail {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn start(&self, account: &Account, batch: &Batch, context: &Context) -> Step {
        rounds::start(
            self,
            &Job {
                account,
                batch,
                context,
            },
        )
    }

    fn resume(
        &self,
        account: &Account,
        batch: &Batch,
        state: State,
        reply: Reply,
        context: &Context,
    ) -> Step {
        rounds::resume(
            self,
            &Job {
                account,
                batch,
                context,
            },
            state,
            &reply,
        )
    }

    fn receipts(
        &self,
        account: &Account,
        request: &Inbound,
        _context: &Context,
    ) -> Result<Receipts, Refused> {
        receipts::read(account, request)
    }
}

impl Rounds for SendgridEmail {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        // What is no address stands alone, so that its refusal is its own.
        rounds::partition(batch, usize::from(MOST), |first, item| {
            let fit = |item| mail::recipient(item).is_ok();
            first.content == item.content && fit(first) && fit(item)
        })
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::send(job, round).map(Call::Http)
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        reply::read(job, round, reply)
    }
}
