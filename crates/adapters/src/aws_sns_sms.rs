//! Amazon SNS, direct SMS publishing (`Publish` 2010-03-31).
//!
//! One recipient a call, signed by Signature Version 4. The vendor carries no reference of ours
//! and posts no receipts: what became of a message stands only in its own logs.

mod codes;
mod reply;
mod request;

use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, Descriptor, Reply, State, Step,
    VendorLimits,
};
use austin_domain::{Channel, Verdict};

use crate::fields::{choice, endpoint, required, text, with_default};
use crate::rounds::{self, Job, Reading, Rounds};

/// The Amazon SNS adapter.
#[derive(Debug)]
pub struct AwsSnsSms {
    descriptor: Descriptor,
}

impl Default for AwsSnsSms {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "aws-sns-sms".into(),
        title: "Amazon SNS SMS".into(),
        channels: vec![Channel::Sms],
        documentation: "https://docs.aws.amazon.com/sns/latest/api/API_Publish.html".into(),
        settings: vec![
            required(text("region", "AWS region, e.g. us-east-1.")),
            text(
                "sender_id",
                "AWS.SNS.SMS.SenderID shown to the person where the country allows it; a \
                 template's own sign comes first.",
            ),
            text(
                "origination_number",
                "AWS.MM.SMS.OriginationNumber, a number of this account in E.164.",
            ),
            with_default(
                choice(
                    "sms_type",
                    &["Promotional", "Transactional"],
                    "AWS.SNS.SMS.SMSType.",
                ),
                "Promotional for marketing, else Transactional",
            ),
            text(
                "max_price",
                "AWS.SNS.SMS.MaxPrice: most US dollars for one message, e.g. 0.50.",
            ),
            text(
                "entity_id",
                "AWS.MM.SMS.EntityId, demanded in India; the template's registration \
                 (AWS.MM.SMS.TemplateId) is template_id of its vendor_templates entry.",
            ),
            endpoint("https://sns.{region}.amazonaws.com"),
        ],
        secrets: vec![
            required(text("access_key_id", "Access key id.")),
            required(text("secret_access_key", "Secret access key.")),
            text("session_token", "Session token, for temporary keys only."),
        ],
        batching: Batching {
            max_recipients: 1,
            same_content: true,
        },
        capabilities: Capabilities::default(),
        limits: VendorLimits::default(),
        price: None,
        codes: Vec::new(),
    }
}

impl Adapter for AwsSnsSms {
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
}

impl Rounds for AwsSnsSms {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        (0..batch.items.len()).map(|index| vec![index]).collect()
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::publish(job, round).map(Call::Http)
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        reply::read(job, round, reply)
    }
}
