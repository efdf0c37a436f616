//! Signed POST to the recipient's own URL, by the Standard Webhooks specification.
//!
//! The recipient *is* the server: what fails is the recipient's doing, so nothing here stops or
//! slows the account. `webhook-id` is the delivery's reference and stays the same over retries.

mod codes;
mod request;
pub mod sign;

use austin_adapter_api::adapter::fault_verdict;
use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, Descriptor, Fault, FaultKind,
    Phase, Reply, State, Step,
};
use austin_domain::verdict::{Acceptance, Cause};
use austin_domain::{Channel, Verdict};

use crate::answer;
use crate::fields::{integer, text, with_default};
use crate::rounds::{self, Job, Reading, Rounds};

/// Deadline of a call unless the account says otherwise.
const TIMEOUT_MS: u64 = 15_000;

/// The webhook adapter.
#[derive(Debug)]
pub struct Webhook {
    descriptor: Descriptor,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    let timeout = "Milliseconds until a call without a whole answer is given up.";
    Descriptor {
        name: "webhook".into(),
        title: "Webhook (Standard Webhooks)".into(),
        channels: vec![Channel::Webhook],
        documentation: "https://www.standardwebhooks.com/".into(),
        settings: vec![with_default(
            integer("timeout_ms", 100, 60_000, timeout),
            &TIMEOUT_MS.to_string(),
        )],
        secrets: vec![text(
            "signing_secret",
            "Signs every call (webhook-signature, v1): whsec_ and 24 to 64 random bytes in \
             Base64. Without it calls are not signed.",
        )],
        limits: austin_adapter_api::VendorLimits::default(),
        price: None,
        codes: Vec::new(),
        batching: Batching {
            max_recipients: 1,
            same_content: false,
        },
        capabilities: Capabilities::default(),
    }
}

impl Adapter for Webhook {
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

impl Rounds for Webhook {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        (0..batch.items.len()).map(|index| vec![index]).collect()
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::send(job, round).map(Call::Http)
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        let reply = match answer::http(reply) {
            Ok(reply) => reply,
            Err(verdict) => return Reading::All(verdict),
        };
        if reply.status.is_success() {
            return Reading::Each(vec![Verdict::Accepted(Acceptance::default())]);
        }
        let code = format!("http_{}", reply.status.as_u16());
        let cause = job.cause(round, &code, &answer::quoted(reply));
        let wait = answer::retry_after(reply, job.context.now);
        Reading::Each(vec![codes::verdict(reply.status.as_u16(), cause, wait)])
    }

    /// The target is the recipient's, not the account's.
    fn fault(&self, fault: &Fault) -> Verdict {
        let cause = Cause::new(fault.kind.as_str(), &fault.detail);
        match (fault.phase, fault.kind) {
            (Phase::NotSent, FaultKind::Invalid | FaultKind::Forbidden) => {
                Verdict::BadRecipient(cause)
            }
            (Phase::NotSent, _) => Verdict::Later { cause, after: None },
            (Phase::MaybeSent, _) => fault_verdict(fault),
        }
    }
}
