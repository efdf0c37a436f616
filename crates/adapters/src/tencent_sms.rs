//! Tencent Cloud SMS, API 2021-01-11.
//!
//! Up to 200 numbers a call, all with the same parameters, all mainland or all foreign; a mixed
//! batch takes one call for each kind. The answer has a status per number. Documents 382/55981
//! (SendSms) and 382/59177 (receipts) of cloud.tencent.com.

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
use crate::fields::{DAY, HOUR, choice, codes_to_a_number, endpoint, required, text, with_default};
use crate::phone;
use crate::rounds::{self, Job, Reading, Rounds};

const ENDPOINT: &str = "https://sms.tencentcloudapi.com";
const REGION: &str = "ap-guangzhou";
/// Most numbers a call (SendSms, PhoneNumberSet).
const MAX_NUMBERS: u16 = 200;

/// The Tencent Cloud SMS adapter.
#[derive(Debug)]
pub struct TencentSms {
    descriptor: Descriptor,
}

impl Default for TencentSms {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

/// What the console sets for a number as long as nobody changes it; the windows are those of the
/// codes `LimitExceeded.PhoneNumberThirtySecondLimit`, `…OneHourLimit` and `…DailyLimit` of
/// <https://cloud.tencent.com/document/product/382/55981>.
fn limits() -> VendorLimits {
    VendorLimits {
        per_number: codes_to_a_number([(1, 30), (5, HOUR), (10, DAY)]),
        ..VendorLimits::default()
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "tencent-sms".into(),
        title: "Tencent Cloud SMS".into(),
        channels: vec![Channel::Sms],
        documentation: "https://cloud.tencent.com/document/product/382/55981".into(),
        settings: vec![
            required(text(
                "sdk_app_id",
                "SmsSdkAppId of the SMS application, e.g. 1400006666.",
            )),
            with_default(text("region", "X-TC-Region, e.g. ap-guangzhou."), REGION),
            text(
                "sign_name",
                "Approved signature, the text between 【 and 】; a template's own sign comes \
                 first. Needed for mainland numbers.",
            ),
            text(
                "template_id",
                "Approved template for messages whose template names none for this account: \
                 usually a pass-through one with a single variable that takes the whole text.",
            ),
            with_default(
                choice(
                    "param_mode",
                    &["vars", "content"],
                    "What fills the vendor template when the template maps no params: `content` \
                     passes the whole rendered text as the only parameter, `vars` passes every \
                     variable in alphabetical order of its name.",
                ),
                "content for the account's own template_id; for a template's own template_id its \
                 only variable (with several, a params mapping is demanded)",
            ),
            endpoint(ENDPOINT),
        ],
        secrets: vec![
            required(text("secret_id", "SecretId of the API key.")),
            required(text("secret_key", "SecretKey of the API key.")),
        ],
        limits: limits(),
        price: None,
        codes: Vec::new(),
        batching: Batching {
            max_recipients: MAX_NUMBERS,
            same_content: true,
        },
        capabilities: Capabilities {
            receipts: true,
            needs_vendor_template: true,
            query: true,
            pull: true,
            ..Capabilities::default()
        },
    }
}

impl Adapter for TencentSms {
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

impl Rounds for TencentSms {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        rounds::partition(batch, usize::from(MAX_NUMBERS), |first, item| {
            phone::is_mainland(&first.to) == phone::is_mainland(&item.to)
                && first.vars == item.vars
                && first.content == item.content
        })
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::send_sms(job, round).map(Call::Http)
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        reply::read(job, round, reply)
    }
}
