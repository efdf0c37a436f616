//! The vendor simulator: a vendor that can be told to misbehave, and carries every channel.
//!
//! Sending: `POST {endpoint}/sim/send`, `authorization: Bearer {token}` when the account has a
//! token, JSON `{"account","class","messages":[{"reference","to","text","vars"}]}`. `text` is the
//! rendered text, or JSON text: a payload as it is, an e-mail as `{"subject","html","text"}`.
//! A 2xx answers `{"results":[{"reference","code","id","segments","cost","message",
//! "retry_after"}]}`, in any order: `code` is `ok`, `bad_recipient`, `blocked`, `bad_content`,
//! `later`, `throttled`, `elsewhere`, `number_limit` or `account_suspended`; `retry_after` is in
//! seconds, `cost` in 10⁻⁴ of the currency unit. Any other status refuses the whole call by the same codes in
//! `{"code","message"}`; without one 429 and 503 are throttled (with `Retry-After`),
//! 401 and 403 the account, another 4xx elsewhere and another 5xx unknown.
//!
//! Receipts: `POST` of `{"receipts":[{"id","reference","to","status","code","message","at",
//! "segments"}]}`, `status` `delivered` or `undelivered`, `at` RFC 3339 or Unix milliseconds,
//! with `x-sim-signature: hex(hmac_sha256(token, body))`. Answer: 200 `{"ok":true}`.
//!
//! Questions, each with the secret as bearer token: `POST /sim/token` gives
//! `{"token","expires_in_ms"}`, which sends then carry instead (setting `auth`; 401
//! `token_invalid` asks for a new one); `GET /sim/receipts?after=N` gives
//! `{"receipts","cursor","more"}`; `GET /sim/query?reference=` gives
//! `{"reference","accepted","id","status"}`; `POST /sim/recall` of `{"reference"}` gives
//! `{"code":"ok"}`, `too_late` or `unknown`; `GET /sim/balance` gives `{"amount","unit"}`, the
//! amount in 10⁻⁴ of the unit.

mod codes;
mod questions;
mod receipts;
mod reply;
mod request;
mod token;

use austin_adapter_api::{
    Account, Adapter, Asking, Batch, Batching, Call, Capabilities, Context, Descriptor, Field,
    FieldKind, Inbound, Question, Receipts, Refused, Reply, State, Step,
};
use austin_domain::{Channel, Verdict};

use crate::asking;
use crate::fields::{choice, optional, required, text, with_default};
use crate::rounds::{self, Job, Reading, Rounds};

/// Most recipients a call.
const MAX_RECIPIENTS: u16 = 1_000;

/// The adapter of the vendor simulator.
#[derive(Debug)]
pub struct Simulator {
    descriptor: Descriptor,
}

impl Default for Simulator {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "simulator".into(),
        title: "Vendor simulator".into(),
        channels: Channel::ALL.to_vec(),
        documentation: "`austin simulator --help`".into(),
        settings: vec![
            required(optional(
                "endpoint",
                FieldKind::Url,
                "Base URL of the simulator, e.g. http://127.0.0.1:7071.",
            )),
            with_default(
                choice(
                    "auth",
                    &["secret", "token"],
                    "What sends carry: the secret itself, or an access token that it opens.",
                ),
                "secret",
            ),
            flag(
                "query",
                "Whether the simulator is asked what became of a message.",
            ),
            flag(
                "pull",
                "Whether receipts are fetched, beside those that are posted.",
            ),
        ],
        secrets: vec![text(
            "token",
            "Sent as bearer token, and the key that receipts are signed with; without it none \
             are taken.",
        )],
        limits: austin_adapter_api::VendorLimits::default(),
        price: None,
        codes: Vec::new(),
        batching: Batching {
            max_recipients: MAX_RECIPIENTS,
            same_content: false,
        },
        capabilities: Capabilities {
            receipts: true,
            receipts_signed: true,
            recall: true,
            query: true,
            pull: true,
            balance: true,
            failures_only: false,
            needs_vendor_template: false,
            needs_sign: false,
        },
    }
}

impl Adapter for Simulator {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn start(&self, account: &Account, batch: &Batch, context: &Context) -> Step {
        if by_token(account) {
            return token::start();
        }
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
        let job = Job {
            account,
            batch,
            context,
        };
        if by_token(account) {
            return token::resume(self, &job, state, reply);
        }
        rounds::resume(self, &job, state, &reply)
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

fn by_token(account: &Account) -> bool {
    account.text("auth") == Some("token")
}

fn flag(name: &str, help: &str) -> Field {
    with_default(optional(name, FieldKind::Boolean, help), "false")
}

impl Rounds for Simulator {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        let indexes: Vec<usize> = (0..batch.items.len()).collect();
        indexes
            .chunks(usize::from(MAX_RECIPIENTS))
            .map(<[usize]>::to_vec)
            .collect()
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::send(job, round).map(Call::Http)
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        reply::read(job, round, reply)
    }
}
