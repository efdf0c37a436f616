//! What people write down about a lane's traffic: shares, rules that narrow them, and gradual
//! changes from one plan to the next.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, AppId, TemplateId};
use crate::time::Timestamp;

/// How the traffic of a lane is shared out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What stands where no rule fits.
    pub parts: Vec<Part>,
    /// Tried in order; the first that fits a delivery decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// When a delivery without a receipt goes to another account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_timeout: Option<ReceiptTimeout>,
}

/// One line of a plan: who gets how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Who.
    pub to: Target,
    /// How much, against the other lines; 0 takes no first attempts but may stand in.
    pub weight: u32,
}

/// Who gets a part of the traffic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One account.
    Account(AccountId),
    /// All accounts of the channel that carry this tag, in equal parts.
    Tag(String),
}

/// Other shares for some of the deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What people call it; unique in its plan.
    pub name: String,
    /// Which deliveries it is for.
    pub when: When,
    /// Their shares.
    pub parts: Vec<Part>,
}

/// Which deliveries a rule is for. Every list that is not empty must contain the delivery's own
/// value; `countries` and `prefixes` are one condition about the address: either may fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// ISO 3166 codes of the phone's country.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// Beginnings of the address, e.g. `+8617`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// Templates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<TemplateId>,
    /// Teams that own the template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// Calling apps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<AppId>,
}

/// No delivered receipt in time: the next account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptTimeout {
    /// How long a receipt may take after the vendor's acceptance.
    pub after: Duration,
    /// Most accounts a delivery is handed to because of it, the first one included.
    pub most_attempts: u16,
}

/// A gradual or a planned change to a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// What stands until it begins.
    pub from: Plan,
    /// When it begins.
    pub begins_at: Timestamp,
    /// When it is complete; the same as `begins_at` for a step at a time.
    pub ends_at: Timestamp,
}
