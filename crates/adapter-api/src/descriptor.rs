//! What an adapter says about itself: forms, limits, capabilities.

pub mod validate;

use austin_domain::Channel;
use austin_domain::quota::NumberRule;
use serde::{Deserialize, Serialize};

/// What an adapter is and what it needs. The console builds account forms from it, the API
/// checks accounts against it, the engine batches by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Stable name, e.g. `tencent-sms`.
    pub name: String,
    /// For people.
    pub title: String,
    /// The channels it carries.
    pub channels: Vec<Channel>,
    /// The vendor's own documentation.
    pub documentation: String,
    /// Settings of an account. Every adapter of an HTTP vendor has `endpoint`, another base URL
    /// than the vendor's; where the recipient or the account itself names the server there is
    /// none.
    pub settings: Vec<Field>,
    /// Secrets of an account: encrypted at rest, never returned.
    pub secrets: Vec<Field>,
    /// What one call may carry.
    pub batching: Batching,
    /// What else it can do.
    pub capabilities: Capabilities,
    /// What the vendor allows.
    #[serde(default)]
    pub limits: VendorLimits,
    /// The vendor's list price, where it has one; contracts differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// What its codes mean, for evidence and forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<CodeMeaning>,
}

/// What a vendor allows an account, unless the account says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VendorLimits {
    /// Most calls a second.
    pub per_second: Option<u32>,
    /// Most calls at a time.
    pub concurrency: Option<u16>,
    /// Most messages to one number; predicted before a call is made.
    pub per_number: Vec<NumberRule>,
}

/// A list price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// ISO 4217 currency.
    pub currency: String,
    /// In 10⁻⁴ of the currency unit.
    pub amount: i64,
    /// For what.
    pub per: PriceUnit,
}

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceUnit {
    /// One message to one recipient.
    Message,
    /// One SMS segment.
    Segment,
}

/// What one of the vendor's codes means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeMeaning {
    /// The vendor's code.
    pub code: String,
    /// The word of the verdict it gives, e.g. `bad_recipient`; for receipts `delivered`,
    /// `undelivered` or `pending`.
    pub verdict: String,
    /// One sentence.
    pub meaning: String,
}

/// One field of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The vendor's own name in snake case.
    pub name: String,
    /// Its kind of value.
    pub kind: FieldKind,
    /// Whether an account without it is refused.
    pub required: bool,
    /// What stands when it is not given, for people.
    pub default: Option<String>,
    /// One sentence for the form.
    pub help: String,
}

/// The kind of value a field takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text of at most 1,024 characters (secrets: 16 KiB).
    Text,
    /// An absolute http or https URL.
    Url,
    /// A whole number in a range.
    Integer {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Choice(Vec<String>),
}

/// What one vendor call may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batching {
    /// Most recipients a call; 1 means no batching.
    pub max_recipients: u16,
    /// Whether all recipients of a call must have the same rendered content and variables.
    pub same_content: bool,
}

/// What an adapter can do besides sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent yes/no facts, shown as a list"
)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// The vendor posts receipts to us.
    pub receipts: bool,
    /// The receipts carry their own proof of origin; without one the account's secret path
    /// token is demanded.
    pub receipts_signed: bool,
    /// Messages can be taken back after sending.
    pub recall: bool,
    /// The vendor can be asked for an outcome by our reference.
    pub query: bool,
    /// Receipts can be fetched.
    pub pull: bool,
    /// The vendor can be asked what is left on the account.
    pub balance: bool,
    /// Receipts tell of failures only: that none comes means nothing.
    pub failures_only: bool,
    /// A message needs an approved template of the vendor's: the template names one for the
    /// account (`vendor_templates`), or the account has one in its setting `template_id` or
    /// `template_code`.
    pub needs_vendor_template: bool,
    /// A message needs an approved signature, wherever it goes: the template names one for the
    /// account, or the account has one in its setting `sign_name`.
    pub needs_sign: bool,
}

impl Capabilities {
    /// Whether every message gets a word of its arrival, so that its absence means something.
    pub const fn tells_arrivals(&self) -> bool {
        (self.receipts || self.pull) && !self.failures_only
    }
}
