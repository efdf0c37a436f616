//! Policies as clients send and see them. The engine reads the document itself, as plain JSON; the
//! schemas here describe it.

use austin_ports::catalog::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::instant::Instant;
use crate::resources::audit::AuditView;

/// A policy as it is written: the document, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PolicyBody, example = json!({
    "description": "nobody is woken, nobody is flooded",
    "applies_to": {"classes": ["marketing"]},
    "cap": [{"per": "recipient", "count": 3, "calendar": "week"}],
    "quiet_hours": {"action": "hold", "windows": [{"from": "21:00", "to": "09:00"}]},
    "reason": "complaints in May",
}))]
pub(super) struct PolicyBody {
    /// Why, for people who read the audit trail; at most 128 characters.
    reason: Option<String>,
    #[serde(flatten)]
    #[schema(value_type = DocumentSchema)]
    document: Map<String, Value>,
}

impl PolicyBody {
    pub(super) fn into_parts(self) -> (Value, Option<String>) {
        (Value::Object(self.document), self.reason)
    }
}

/// What a policy says. What it does not state is left to the others.
#[derive(ToSchema)]
#[schema(as = PolicyDocument)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
pub(super) struct DocumentSchema {
    /// What it is for.
    description: Option<String>,
    applies_to: Option<AppliesToSchema>,
    #[schema(inline)]
    #[serde(flatten)]
    rules: RulesSchema,
    approval: Option<ApprovalSchema>,
}

/// Which templates a policy is for; what is empty or absent stands for all.
#[derive(ToSchema)]
#[schema(as = PolicyScope)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
struct AppliesToSchema {
    channels: Option<Vec<String>>,
    classes: Option<Vec<String>>,
    /// Teams that own the template.
    teams: Option<Vec<String>>,
    /// Template keys.
    templates: Option<Vec<String>>,
}

/// Rules for messages.
#[derive(ToSchema)]
#[schema(as = Policies)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
pub(in crate::resources) struct RulesSchema {
    /// The same words to the same person are sent once in the window.
    dedup: Option<WindowSchema>,
    /// The same template reaches the same person once in the window, whatever its values.
    repeat: Option<WindowSchema>,
    /// At most 8; those of all policies count together.
    cap: Option<Vec<CapSchema>>,
    /// When nobody is to be disturbed.
    quiet_hours: Option<QuietSchema>,
    content: Option<ContentSchema>,
    suppression: Option<ExemptionSchema>,
    /// Addresses, or ends of addresses after a `*`: only these people are ever reached.
    #[schema(example = json!(["+8613711112200", "*@test.example"]))]
    allow_list: Option<Vec<String>>,
    /// `send` or `expire`: what becomes of deliveries whose time passed while austin was down.
    overdue: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<RefSchema>,
}

/// `"off"`, or a window.
#[derive(ToSchema)]
#[schema(as = PolicyWindow)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
enum WindowSchema {
    /// `off`.
    Off(String),
    /// A window.
    Window {
        /// A duration such as `30s`, `5m`, `12h`, `1d`; at most 31 days.
        window: String,
    },
}

/// Most messages to a person.
#[derive(ToSchema)]
#[schema(as = PolicyCap)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
struct CapSchema {
    /// `recipient`.
    per: String,
    /// 1 to 1,000,000.
    count: u32,
    /// The last so long: a duration such as `30s`, `5m`, `12h`, `1d`; at most 31 days.
    window: Option<String>,
    /// In place of a window, by the person's calendar: `day`, `week` or `month`.
    calendar: Option<String>,
    /// Which messages count together: `template`, `team`, `class`, `channel` or `all`; what the
    /// policy names when not given.
    over: Option<String>,
}

/// `none`, `drop` or `hold` (22:00 to 08:00), or hours.
#[derive(ToSchema)]
#[schema(as = QuietHours)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
enum QuietSchema {
    /// `none`, `drop` or `hold`.
    Word(String),
    /// Hours by the person's clock.
    Hours {
        /// `none`, `drop` or `hold`.
        action: String,
        windows: Option<Vec<QuietWindowSchema>>,
        /// A holiday calendar.
        calendar: Option<String>,
        /// Over how long held messages go out once the hours are over; at most 6 hours.
        spread: Option<String>,
    },
}

/// Hours of a day; they reach into the next day where `to` is not after `from`.
#[derive(ToSchema)]
#[schema(as = QuietWindow)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
struct QuietWindowSchema {
    #[schema(example = "22:00")]
    from: String,
    #[schema(example = "08:00")]
    to: String,
    /// The days on which it begins, `mon` to `sun`; every day when not given.
    days: Option<Vec<String>>,
}

/// What the words of a message may hold.
#[derive(ToSchema)]
#[schema(as = PolicyContent)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
struct ContentSchema {
    /// Names of lists of words that must not occur.
    words: Option<Vec<String>>,
    /// Hosts that links may lead to.
    links: Option<Vec<String>>,
    /// Most billing parts of an SMS, 1 to 255.
    max_segments: Option<u16>,
    opt_out: Option<OptOutSchema>,
    /// `refuse` or `hold` until somebody releases it.
    on_fault: Option<String>,
}

/// Words of which one must occur.
#[derive(ToSchema)]
#[schema(as = PolicyOptOut)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
struct OptOutSchema {
    any_of: Vec<String>,
}

/// Suppressions that do not count.
#[derive(ToSchema)]
#[schema(as = PolicyExemption)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
struct ExemptionSchema {
    /// `all`, or reasons: `opt_out`, `complaint`, `hard_bounce`, `blocked`, `manual`.
    ignore: Value,
}

/// How long a `ref` stands for one delivery of a template.
#[derive(ToSchema)]
#[schema(as = PolicyRef)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
struct RefSchema {
    /// A duration, or `off`.
    unique: String,
}

/// Who must agree before a template goes live.
#[derive(ToSchema)]
#[schema(as = PolicyApproval)]
#[expect(dead_code, reason = "documents what the engine reads as plain JSON")]
struct ApprovalSchema {
    required: bool,
    /// Whether its author may approve it; not, when not given.
    #[serde(rename = "self")]
    by_author: Option<bool>,
}

/// A policy, or one version of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Policy)]
pub(super) struct PolicyView {
    name: String,
    /// Counts its changes, from 1. What a rule stops names it.
    version: u32,
    /// As it was written; `null`: with this version it was deleted.
    #[schema(value_type = Option<DocumentSchema>)]
    document: Option<Value>,
    /// Who wrote it.
    author: String,
    /// Why.
    reason: Option<String>,
    updated_at: Instant,
}

impl PolicyView {
    pub(super) fn of(policy: &Policy) -> Self {
        Self {
            name: policy.name.clone(),
            version: policy.version,
            document: policy.json.clone(),
            author: policy.author.clone(),
            reason: policy.reason.clone(),
            updated_at: policy.updated_at.into(),
        }
    }
}

/// A policy and its past changes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PolicyWithHistory {
    #[serde(flatten)]
    pub(super) policy: PolicyView,
    /// Newest first, at most 50.
    pub(super) history: Vec<AuditView>,
}

/// All policies in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PolicyList {
    /// By name.
    pub(super) items: Vec<PolicyView>,
}

/// One page of a policy's versions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PolicyVersions {
    /// Newest first.
    pub(super) items: Vec<PolicyView>,
    /// Give it as `cursor` for the next page; `null` at the end.
    pub(super) cursor: Option<String>,
}

/// Which versions are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionQuery {
    /// Items of one page, 1 to 200; 50 when not given.
    #[param(value_type = Option<u32>)]
    pub(super) limit: Option<String>,
    /// Where the last page ended.
    pub(super) cursor: Option<String>,
}
