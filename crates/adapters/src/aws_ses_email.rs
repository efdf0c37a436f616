//! Amazon SES, API v2 (`SendEmail`), signed with AWS Signature Version 4.
//!
//! Every mail goes as Raw MIME, made by the same code as for SMTP, so that attachments, names in
//! any script and our own header need no second form. One recipient per call. Receipts are SES
//! events that an SNS topic posts.
//!
//! Offline nobody can check the signature of an SNS post: its certificate would have to be
//! fetched. The account's receipt token in the address stands for it, and `topic_arn` pins the
//! topic. Nor is a subscription confirmed from here: the host logs the address that the operator has
//! to open.

mod codes;
mod receipts;
mod reply;
mod request;

use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, Descriptor, Inbound, Receipts,
    Refused, Reply, State, Step, VendorLimits,
};
use austin_domain::{Channel, Verdict};

use crate::fields::{endpoint, required, text};
use crate::rounds::{self, Job, Reading, Rounds};

/// The Amazon SES adapter.
#[derive(Debug)]
pub struct AwsSesEmail {
    descriptor: Descriptor,
}

impl Default for AwsSesEmail {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "aws-ses-email".into(),
        title: "Amazon SES".into(),
        channels: vec![Channel::Email],
        documentation: "https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html"
            .into(),
        settings: vec![
            required(text("region", "AWS region, e.g. us-east-1.")),
            required(text(
                "from",
                "Sender address: a verified identity, or of a verified domain.",
            )),
            text("from_name", "Sender name."),
            text("reply_to", "Address that answers go to."),
            text(
                "configuration_set_name",
                "Configuration set whose event destination (SNS) posts the receipts.",
            ),
            text(
                "topic_arn",
                "The only SNS topic whose posts are taken. Subscribe the account's receipt address \
                 with its token (HTTPS) to the topic; SNS then posts a confirmation, and the log \
                 says which address has to be opened once to confirm it.",
            ),
            endpoint("https://email.<region>.amazonaws.com"),
        ],
        secrets: vec![
            required(text("access_key_id", "Access key ID.")),
            required(text("secret_access_key", "Secret access key.")),
            text("session_token", "Session token of temporary keys."),
        ],
        batching: Batching {
            max_recipients: 1,
            same_content: false,
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

impl Adapter for AwsSesEmail {
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

impl Rounds for AwsSesEmail {
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
