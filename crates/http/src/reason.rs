//! Why a delivery stands where it does, as clients see it.

use austin_domain::{Reason, RuleRef};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a delivery waits, was stopped or failed.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StateReason)]
pub(crate) struct ReasonView {
    pub(crate) code: String,
    pub(crate) detail: String,
    /// The rule that decided, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<RuleView>,
    /// The earlier delivery that made it decide so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "dlv_04hmasw9nf6yg")]
    pub(crate) cause: Option<String>,
}

/// A rule as it stood when it decided.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rule)]
pub(crate) struct RuleView {
    /// What it is part of.
    #[schema(example = "policy/night")]
    pub(crate) name: String,
    /// The version of that; 0 where it has none.
    pub(crate) version: u32,
    /// Its place in it; empty where it is all of it.
    #[schema(example = "quiet_hours")]
    pub(crate) part: String,
}

impl From<&Reason> for ReasonView {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.clone(),
            detail: reason.detail.clone(),
            rule: reason.rule.as_ref().map(Into::into),
            cause: reason.cause.map(|id| id.to_string()),
        }
    }
}

impl From<&RuleRef> for RuleView {
    fn from(rule: &RuleRef) -> Self {
        Self {
            name: rule.name.clone(),
            version: rule.version,
            part: rule.part.clone(),
        }
    }
}
