//! SMS through any message centre that speaks SMPP 3.4.
//!
//! One message to one recipient a call, in as many parts as it needs. Failures are asked for on
//! every part and the final outcome on the last one, so that the last part's receipt makes a
//! message delivered and the failure of any part makes it undelivered. A message of which only
//! some parts were taken is unknown, never sent again blindly.

mod codes;
mod ids;
mod parts;
mod receipts;
mod reply;
mod request;
mod text;

use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Call, Capabilities, Context, DeliverSm, Descriptor, Field,
    FieldKind, Receipt, Reply, SmppBind, State, Step, VendorLimits,
};
use austin_domain::{Channel, Verdict};

use crate::fields::{choice, integer, optional, required, text, with_default};
use crate::rounds::{self, Job, Reading, Rounds};

/// The SMPP adapter.
#[derive(Debug)]
pub struct Smpp {
    descriptor: Descriptor,
}

impl Default for Smpp {
    fn default() -> Self {
        Self {
            descriptor: descriptor(),
        }
    }
}

fn descriptor() -> Descriptor {
    let mut settings = session_fields();
    settings.extend(message_fields());
    settings.extend(receipt_fields());
    Descriptor {
        name: "smpp".into(),
        title: "SMPP 3.4".into(),
        channels: vec![Channel::Sms],
        documentation: "https://smpp.org/SMPP_v3_4_Issue1_2.pdf".into(),
        settings,
        secrets: vec![required(text("password", "Password of system_id."))],
        limits: VendorLimits::default(),
        price: None,
        codes: codes::meanings(),
        batching: Batching {
            max_recipients: 1,
            same_content: false,
        },
        capabilities: Capabilities {
            receipts: true,
            ..Capabilities::default()
        },
    }
}

fn session_fields() -> Vec<Field> {
    let mode = "transceiver: one connection for both ways; pair: a transmitter and a receiver; \
                transmitter: sending only, no receipts.";
    vec![
        required(text("host", "Name or address of the centre.")),
        with_default(integer("port", 1, 65_535, "Port of the centre."), "2775"),
        with_default(
            optional("tls", FieldKind::Boolean, "TLS from the first byte."),
            "false",
        ),
        required(text("system_id", "Who we are, at most 15 bytes.")),
        text(
            "system_type",
            "What kind of system we are, where asked for.",
        ),
        text("address_range", "Addresses served, where asked for."),
        with_default(
            choice("bind_mode", &["transceiver", "pair", "transmitter"], mode),
            "transceiver",
        ),
        with_default(
            integer("window", 1, 1_000, "Most submits without a response."),
            "10",
        ),
        with_default(
            integer(
                "enquire_link_seconds",
                1,
                3_600,
                "How long the link may be silent before it is tested.",
            ),
            "30",
        ),
        with_default(
            integer("response_seconds", 1, 120, "How long a response may take."),
            "10",
        ),
    ]
}

fn message_fields() -> Vec<Field> {
    let ton = "Type of number; by default 5 for letters, 1 for +digits, else 0.";
    let npi = "Numbering plan; by default 1 for +digits, else 0.";
    let encoding = "What a text is tried in before UCS-2: gsm7 (GSM 03.38, one septet a byte), \
                    latin1, or ucs2 at once.";
    let concatenation = "How long texts part: udh8 and udh16 (user data header with a reference \
                         of 8 or 16 bits), sar (optional parameters), payload (one submit; the \
                         centre parts it).";
    vec![
        text(
            "source_addr",
            "Sender: digits, +digits, or up to 11 letters.",
        ),
        integer("source_ton", 0, 255, ton),
        integer("source_npi", 0, 255, npi),
        with_default(
            integer("dest_ton", 0, 255, "Type of the recipient's number."),
            "1",
        ),
        with_default(
            integer(
                "dest_npi",
                0,
                255,
                "Numbering plan of the recipient's number.",
            ),
            "1",
        ),
        text("service_type", "Service type, at most 5 bytes."),
        text("sign_name", "Signature, put before the text in 【】."),
        with_default(
            choice("encoding", &["gsm7", "latin1", "ucs2"], encoding),
            "gsm7",
        ),
        with_default(
            integer(
                "data_coding",
                0,
                255,
                "data_coding of texts that are not UCS-2.",
            ),
            "0 for gsm7, 3 for latin1",
        ),
        with_default(
            choice(
                "concatenation",
                &["udh8", "udh16", "sar", "payload"],
                concatenation,
            ),
            "udh8",
        ),
        with_default(
            integer(
                "validity_minutes",
                1,
                43_200,
                "How long the centre may keep trying.",
            ),
            "the centre's own",
        ),
    ]
}

fn receipt_fields() -> Vec<Field> {
    let ids = ["auto", "as_is", "hex", "decimal"];
    let receipts = "final: the outcome of the last part and failures of all; every_part: the \
                    outcome of each part, for centres that refuse the former; none.";
    let id_format = "How answers to submits write message ids: auto takes digits for decimal and \
                     digits with letters from a to f for hexadecimal; leading zeros and case do \
                     not count, but for as_is.";
    let dlr_text = "When a delivery is read as a receipt by its text: auto when esm_class says \
                    that it is one, always also without, never (optional parameters only).";
    vec![
        with_default(
            choice("receipts", &["final", "every_part", "none"], receipts),
            "final",
        ),
        with_default(choice("id_format", &ids, id_format), "auto"),
        with_default(
            choice(
                "receipt_id_format",
                &ids,
                "How the text of receipts writes message ids.",
            ),
            "as id_format",
        ),
        with_default(
            choice("dlr_text", &["auto", "always", "never"], dlr_text),
            "auto",
        ),
        with_default(
            integer(
                "utc_offset_minutes",
                -720,
                840,
                "The centre's clock in receipts, minutes ahead of UTC.",
            ),
            "0",
        ),
    ]
}

impl Adapter for Smpp {
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

    fn session(&self, account: &Account) -> Option<SmppBind> {
        request::bind(account).ok()
    }

    fn arrival(&self, account: &Account, message: &DeliverSm, _context: &Context) -> Vec<Receipt> {
        vec![receipts::read(account, message)]
    }
}

impl Rounds for Smpp {
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>> {
        (0..batch.items.len()).map(|index| vec![index]).collect()
    }

    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict> {
        request::send(job, round).map(|request| Call::Smpp(Box::new(request)))
    }

    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
        reply::read(job, round, reply)
    }
}
