//! Twilio Programmable Messaging, API 2010-04-01.
//!
//! One recipient a call. Receipts are status callbacks, signed with the account's auth token;
//! each callback URL carries our reference, so that a receipt is matched even where the answer to
//! the send call was lost. The vendor has no key that makes a repeated send one send.

mod codes;
mod questions;
mod receipts;
mod reply;
mod request;
pub mod sign;

use austin_adapter_api::question::{Asking, Question};
use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, Descriptor, Inbound, Receipts,
    Refused, Reply, State, Step, VendorLimits,
};
use austin_domain::{Channel, Verdict};

use crate::asking;
use crate::fields::{endpoint, integer, required, text, url};
use crate::rounds::{self, Job, Reading, Rounds};

const ENDPOINT: &str = "https://api.twilio.com";

/// The Twilio SMS adapter.
#[derive(Debug)]
pub struct TwilioSms {
    descriptor: Descriptor,
}

impl Default for TwilioSms {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "twilio-sms".into(),
        title: "Twilio SMS".into(),
        channels: vec![Channel::Sms],
        documentation: "https://www.twilio.com/docs/messaging/api/message-resource".into(),
        settings: vec![
            required(text("account_sid", "AccountSid, AC….")),
            text(
                "from",
                "Sender (From): a number, short code or alphanumeric name; a template's own sign \
                 comes first. This or messaging_service_sid is needed.",
            ),
            text(
                "messaging_service_sid",
                "MessagingServiceSid (MG…), which chooses the sender; goes before from.",
            ),
            url(
                "status_callback",
                "Public URL of this account's receipts, …/v1/receipts/{account}: given with each \
                 message, our reference added to its query. Without it only the callback set at \
                 the messaging service, if any, brings receipts.",
            ),
            integer(
                "validity_period",
                1,
                36_000,
                "ValidityPeriod: seconds a message may wait in the vendor's queue.",
            ),
            text(
                "api_key_sid",
                "API key (SK…) to sign in with instead of the auth token; its secret is \
                 api_key_secret.",
            ),
            endpoint(ENDPOINT),
        ],
        secrets: vec![
            required(text(
                "auth_token",
                "Auth token: signs receipts, and signs in where there is no API key.",
            )),
            text("api_key_secret", "Secret of the API key in api_key_sid."),
        ],
        batching: Batching {
            max_recipients: 1,
            same_content: true,
        },
        capabilities: Capabilities {
            receipts: true,
            receipts_signed: true,
            query: true,
            ..Capabilities::default()
        },
        limits: VendorLimits::default(),
        price: None,
        codes: Vec::new(),
    }
}

impl Adapter for TwilioSms {
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

    fn ask(&self, account: &Account, question: &Question, context: &Context) -> Asking {
        asking::ask(self, account, question, context)
    }

    fn answer(
        &self,
        account: &Account,
        question: &Question,
        _state: State,
        reply: Reply,
        context: &Context,
    ) -> Asking {
        asking::answer(self, account, question, &reply, context)
    }
}

impl Rounds for TwilioSms {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        (0..batch.items.len()).map(|index| vec![index]).collect()
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::send(job, round).map(Call::Http)
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        reply::read(job, round, reply)
    }
}
