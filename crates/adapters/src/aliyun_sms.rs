//! Alibaba Cloud SMS (Dysmsapi 2017-05-25), signed with ACS3-HMAC-SHA256.
//!
//! One `SendSms` call takes 1,000 numbers with the same parameters; a batch whose parameters
//! differ goes through `SendBatchSms`, 100 numbers a call. An answer is one `BizId` for the whole
//! call, so receipts are matched by `BizId/number`, and a call refused for one number is split
//! until that number is found. The vendor says its send APIs are not idempotent.

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
use crate::fields::{DAY, HOUR, codes_to_a_number, endpoint, required, text};
use crate::phone;
use crate::rounds::{self, Job, Reading, Rounds};

const ENDPOINT: &str = "https://dysmsapi.aliyuncs.com";
/// Most numbers of a SendSms call.
const MAX_SAME: u16 = 1_000;
/// Most numbers of a SendBatchSms call.
const MAX_DIFFERENT: usize = 100;

/// The Alibaba Cloud SMS adapter.
#[derive(Debug)]
pub struct AliyunSms {
    descriptor: Descriptor,
}

impl Default for AliyunSms {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

/// What holds for a number and a signature as long as the console's "send frequency" is left as
/// it is; <https://help.aliyun.com/document_detail/108293.html>. Notifications are limited per
/// template, which these rules cannot say: for them the vendor's own refusal counts.
fn limits() -> VendorLimits {
    VendorLimits {
        per_number: codes_to_a_number([(1, 60), (5, HOUR), (10, DAY)]),
        ..VendorLimits::default()
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "aliyun-sms".into(),
        title: "Alibaba Cloud SMS".into(),
        channels: vec![Channel::Sms],
        documentation: "https://help.aliyun.com/document_detail/101346.html".into(),
        settings: vec![
            text(
                "sign_name",
                "Approved signature (SignName) for templates whose vendor_templates entry names \
                 none.",
            ),
            text(
                "template_code",
                "Approved template (TemplateCode, SMS_…) for templates whose vendor_templates \
                 entry names none. Its variables must have the names of our variables; params in \
                 vendor_templates names those to pass, all are passed without it.",
            ),
            endpoint(ENDPOINT),
        ],
        secrets: vec![
            required(text("access_key_id", "AccessKey ID.")),
            required(text("access_key_secret", "AccessKey secret.")),
        ],
        limits: limits(),
        price: None,
        codes: Vec::new(),
        batching: Batching {
            max_recipients: MAX_SAME,
            same_content: true,
        },
        capabilities: Capabilities {
            receipts: true,
            needs_vendor_template: true,
            needs_sign: true,
            query: true,
            ..Capabilities::default()
        },
    }
}

impl Adapter for AliyunSms {
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

impl Rounds for AliyunSms {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        let same = batch
            .items
            .windows(2)
            .all(|pair| pair[0].vars == pair[1].vars);
        let max = if same {
            usize::from(MAX_SAME)
        } else {
            MAX_DIFFERENT
        };
        rounds::partition(batch, max, |first, item| {
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
