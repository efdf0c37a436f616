//! Volcengine SMS, SendSms 2020-01-01 and SendBatchSms 2021-01-01.
//!
//! Up to 200 numbers a call, with one set of parameters (`SendSms`) or one each
//! (`SendBatchSms`); mainland and foreign numbers go apart, as their templates do. The answer has
//! a message id per number, in the order of the numbers. A call is taken or refused as a whole;
//! what is wrong with one number of several may come by receipt only. Documents 6361/67380
//! (SendSms) and 6361/171584 (receipts) of volcengine.com.

mod codes;
mod questions;
mod receipts;
mod reply;
mod request;

use austin_adapter_api::question::{Asking, Question};
use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, Descriptor, Inbound, Receipts,
    Refused, Reply, State, Step, VendorLimits,
};
use austin_domain::{Channel, Verdict};

use crate::asking;
use crate::fields::{endpoint, required, text, with_default};
use crate::phone;
use crate::rounds::{self, Job, Reading, Rounds};

const ENDPOINT: &str = "https://sms.volcengineapi.com";
const REGION: &str = "cn-north-1";
/// Most numbers of a call of either kind.
const MAX_NUMBERS: u16 = 200;

/// The Volcengine SMS adapter.
#[derive(Debug)]
pub struct VolcengineSms {
    descriptor: Descriptor,
}

impl Default for VolcengineSms {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "volcengine-sms".into(),
        title: "Volcengine SMS".into(),
        channels: vec![Channel::Sms],
        documentation: "https://www.volcengine.com/docs/6361/67380".into(),
        settings: vec![
            required(text(
                "sms_account",
                "SmsAccount, the id of the message group.",
            )),
            text(
                "sign",
                "Approved signature (Sign); a template's own sign comes first. Needed for mainland \
                 numbers.",
            ),
            text(
                "template_id",
                "Approved template (TemplateID, ST_…) for templates whose vendor_templates entry \
                 names none. Its variables must have the names of our variables; params in \
                 vendor_templates names those to pass, all are passed without it.",
            ),
            text("from", "Sender (From) shown abroad."),
            with_default(text("region", "Region in the signature."), REGION),
            endpoint(ENDPOINT),
        ],
        secrets: vec![
            required(text("access_key_id", "Access key id.")),
            required(text("secret_access_key", "Secret access key.")),
            text("session_token", "Session token, for temporary keys only."),
        ],
        batching: Batching {
            max_recipients: MAX_NUMBERS,
            same_content: false,
        },
        capabilities: Capabilities {
            receipts: true,
            query: true,
            needs_vendor_template: true,
            ..Capabilities::default()
        },
        limits: VendorLimits::default(),
        price: None,
        codes: Vec::new(),
    }
}

impl Adapter for VolcengineSms {
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

impl Rounds for VolcengineSms {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        rounds::partition(batch, usize::from(MAX_NUMBERS), |first, item| {
            phone::is_mainland(&first.to) == phone::is_mainland(&item.to)
        })
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::send(job, round).map(Call::Http)
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        reply::read(job, round, reply)
    }
}
