//! E-mail through any SMTP server.
//!
//! One recipient per transaction, so that nobody sees another and each has its own verdict. The
//! `Message-ID` is made of the delivery's reference and is the vendor id; the same delivery,
//! clock and nonce always give the same bytes. Receipts are the bounce mails that come back.

mod bounce;
mod codes;
mod enhanced;
mod reply;
mod request;

use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, Descriptor, Inbound, Receipts,
    Refused, Reply, State, Step,
};
use austin_domain::{Channel, Verdict};

use crate::fields::{choice, integer, required, text, with_default};
use crate::rounds::{self, Job, Reading, Rounds};

/// The SMTP adapter.
#[derive(Debug)]
pub struct Smtp {
    descriptor: Descriptor,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    let tls = "implicit: TLS from the first byte (port 465); starttls: refused without it (587); \
               opportunistic: in the clear when the server has no STARTTLS; none: never, only for \
               a relay on this machine.";
    Descriptor {
        name: "smtp".into(),
        title: "SMTP".into(),
        channels: vec![Channel::Email],
        documentation: "https://www.rfc-editor.org/rfc/rfc5321".into(),
        settings: vec![
            required(text("host", "Name or address of the server.")),
            with_default(
                integer("port", 1, 65_535, "Port of the server."),
                "465 for implicit, 587 for starttls, else 25",
            ),
            with_default(
                choice(
                    "tls",
                    &["implicit", "starttls", "opportunistic", "none"],
                    tls,
                ),
                "starttls",
            ),
            required(text(
                "from",
                "Sender address; bounces go there too, unless return_path says otherwise.",
            )),
            text(
                "return_path",
                "Envelope sender, whose mailbox gets the bounces. {delivery} in it stands for the \
                 delivery's reference, so that every bounce finds its delivery: \
                 bounce+{delivery}@example.com. Have the mail server post that mailbox's mails \
                 to the account's receipt address with its token, as message/rfc822, or file \
                 them where mailboxes.directory says.",
            ),
            text("from_name", "Sender name."),
            text("reply_to", "Address that answers go to."),
            text("hello", "What we call ourselves in EHLO."),
            text("username", "User name, where the server wants one."),
        ],
        secrets: vec![text("password", "Password of username.")],
        limits: austin_adapter_api::VendorLimits::default(),
        price: None,
        codes: Vec::new(),
        batching: Batching {
            max_recipients: 1,
            same_content: false,
        },
        capabilities: Capabilities {
            receipts: true,
            failures_only: true,
            ..Capabilities::default()
        },
    }
}

impl Adapter for Smtp {
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
        bounce::read(request)
    }
}

impl Rounds for Smtp {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        (0..batch.items.len()).map(|index| vec![index]).collect()
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::send(job, round).map(|request| Call::Smtp(Box::new(request)))
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        reply::read(job, round, reply)
    }
}
