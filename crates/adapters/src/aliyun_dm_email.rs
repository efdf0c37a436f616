//! Alibaba Cloud DirectMail (2015-11-23), operation `SingleSendMail`, signed with
//! ACS3-HMAC-SHA256.
//!
//! The operation takes a hundred addresses, who would all stand in one answer: it is given one
//! each. It carries no attachments. Receipts are DirectMail events that an EventBridge rule posts
//! to an HTTP target.

mod codes;
mod receipts;
mod reply;
mod request;

use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, Descriptor, Inbound, Receipts,
    Refused, Reply, State, Step, VendorLimits,
};
use austin_domain::{Channel, Verdict};

use crate::fields::{choice, endpoint, required, text, with_default};
use crate::rounds::{self, Job, Reading, Rounds};

const ENDPOINT: &str = "https://dm.aliyuncs.com";

/// The Alibaba Cloud DirectMail adapter.
#[derive(Debug)]
pub struct AliyunDmEmail {
    descriptor: Descriptor,
}

impl Default for AliyunDmEmail {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "aliyun-dm-email".into(),
        title: "Alibaba Cloud DirectMail".into(),
        channels: vec![Channel::Email],
        documentation: "https://help.aliyun.com/document_detail/29444.html".into(),
        settings: vec![
            required(text(
                "account_name",
                "Sender address as set up in the console (AccountName).",
            )),
            text(
                "from_alias",
                "Sender name (FromAlias), at most 15 characters.",
            ),
            with_default(
                choice(
                    "address_type",
                    &["0", "1"],
                    "AddressType: 0 sends from a random account, 1 from account_name.",
                ),
                "1",
            ),
            text(
                "reply_address",
                "Address that answers go to (ReplyAddress).",
            ),
            text("tag_name", "Tag of the console's statistics (TagName)."),
            endpoint(ENDPOINT),
        ],
        secrets: vec![
            required(text("access_key_id", "AccessKey ID.")),
            required(text("access_key_secret", "AccessKey secret.")),
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

impl Adapter for AliyunDmEmail {
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
}

impl Rounds for AliyunDmEmail {
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
