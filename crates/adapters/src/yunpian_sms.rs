//! YunPian SMS, v2.
//!
//! The whole text is sent, signature included; YunPian matches it with an approved template.
//! Mainland numbers go up to 1,000 a call, with one text (`batch_send`) or one each
//! (`multi_send`); foreign numbers go singly (`single_send`).

mod codes;
mod questions;
mod receipts;
mod reply;
mod request;

use austin_adapter_api::question::{Asking, Question};
use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, Descriptor, Inbound, Receipts,
    Refused, Reply, State, Step,
};
use austin_domain::{Channel, Verdict};

use crate::asking;
use crate::fields::{endpoint, required, text};
use crate::phone;
use crate::rounds::{self, Job, Reading, Rounds};

const ENDPOINT: &str = "https://sms.yunpian.com";
/// Most numbers a call.
const MAX_NUMBERS: u16 = 1_000;

/// The YunPian adapter.
#[derive(Debug)]
pub struct YunpianSms {
    descriptor: Descriptor,
}

impl Default for YunpianSms {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "yunpian-sms".into(),
        title: "YunPian SMS".into(),
        channels: vec![Channel::Sms],
        documentation: "https://www.yunpian.com/official/document/sms/zh_CN/domestic_single_send"
            .into(),
        settings: vec![
            text(
                "sign_name",
                "Approved signature, the text between 【 and 】, put before each text; a \
                 template's own sign comes first. Without one the text goes as it is.",
            ),
            endpoint(ENDPOINT),
        ],
        secrets: vec![required(text("apikey", "API key."))],
        limits: austin_adapter_api::VendorLimits::default(),
        price: None,
        codes: Vec::new(),
        batching: Batching {
            max_recipients: MAX_NUMBERS,
            same_content: false,
        },
        capabilities: Capabilities {
            receipts: true,
            pull: true,
            balance: true,
            ..Capabilities::default()
        },
    }
}

impl Adapter for YunpianSms {
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
        _account: &Account,
        request: &Inbound,
        _context: &Context,
    ) -> Result<Receipts, Refused> {
        receipts::read(&request.body)
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

impl Rounds for YunpianSms {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        rounds::partition(batch, usize::from(MAX_NUMBERS), |first, item| {
            phone::is_mainland(&first.to) && phone::is_mainland(&item.to)
        })
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::send(job, round).map(Call::Http)
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        reply::read(job, round, reply)
    }
}
