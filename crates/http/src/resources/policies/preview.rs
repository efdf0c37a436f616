//! Previews of policies as clients ask for and see them.

use austin_engine::preview::{PolicyPreview, PolicyTrial};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::body::DocumentSchema;
use crate::instant::Instant;
use crate::reason::RuleView;

/// What is tried out on what was sent in a period.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyPreviewRequest)]
pub(super) struct PreviewBody {
    /// The policy's name: the one in force, the one that `document` replaces, or a new one.
    name: String,
    /// What it would say; what it says now when not given.
    #[schema(value_type = Option<DocumentSchema>)]
    document: Option<Value>,
    /// The first moment of the period.
    from: Instant,
    /// The first moment after it; at most 31 days later.
    until: Instant,
}

impl PreviewBody {
    pub(super) fn into_trial(self) -> PolicyTrial {
        PolicyTrial {
            name: self.name,
            document: self.document,
            from: self.from.0,
            until: self.until.0,
        }
    }
}

/// What a policy would have done. What was stopped then, by whatever stood then, is not among it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PolicyPreview)]
pub(super) struct PreviewView {
    /// Deliveries of the period that were looked at.
    deliveries: u64,
    /// Those that would not have been sent.
    stopped: u64,
    /// Those that would have waited.
    held: u64,
    /// People of whom at least one delivery would not have been sent.
    people: u64,
    /// Most first.
    by_rule: Vec<RuleCount>,
    /// Where the look stopped because there was too much for one call; `null`: it saw everything.
    stopped_at: Option<Instant>,
}

/// How much one rule would have stopped or held.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PolicyRuleCount)]
struct RuleCount {
    rule: RuleView,
    deliveries: u64,
}

impl PreviewView {
    pub(super) fn of(preview: PolicyPreview) -> Self {
        let counts = preview.by_rule.iter().map(|(rule, deliveries)| RuleCount {
            rule: rule.into(),
            deliveries: *deliveries,
        });
        Self {
            deliveries: preview.deliveries,
            stopped: preview.stopped,
            held: preview.held,
            people: preview.people,
            by_rule: counts.collect(),
            stopped_at: preview.stopped_at.map(Instant::from),
        }
    }
}
