//! Routes as clients send and see them.

use austin_domain::span;
use austin_engine::manage::{
    Effective, EffectiveShares, RouteDraft, RuleDraft, ShareDraft, ShiftDraft, TimeoutDraft,
    WhenDraft,
};
use austin_ports::catalog::{Route, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::instant::Instant;
use crate::resources::audit::AuditView;

/// How the traffic of a lane is shared out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RouteBody, example = json!({
    "accounts": [{"account": "tencent-1", "weight": 70}, {"tag": "cheap", "weight": 30}],
    "rules": [{"name": "unicom", "when": {"prefixes": ["+86130", "+86131"]},
        "accounts": [{"account": "yunpian-1", "weight": 1}]}],
    "shift": {"over": "10m"}, "reason": "cheaper",
}))]
pub(super) struct RouteBody {
    /// 1 to 64 accounts and tags, at least one with a weight above zero: what stands where no
    /// rule fits.
    accounts: Vec<ShareBody>,
    /// At most 64, tried in order; the first that fits a delivery decides.
    #[serde(default)]
    rules: Vec<RuleBody>,
    /// When a delivery without a receipt goes to another account; never when not given.
    receipt_timeout: Option<TimeoutBody>,
    /// How the change comes about; at once when not given.
    shift: Option<ShiftBody>,
    /// Why, for people who read the audit trail; at most 128 characters.
    reason: Option<String>,
    /// Take accounts that lack the vendor template or signature of some templates; they are
    /// passed over for those.
    #[serde(default)]
    allow_missing_mapping: bool,
}

/// One line of a route: an account or a tag.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Share)]
pub(super) struct ShareBody {
    /// The account's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// A tag: all accounts of the channel that carry it, in equal parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    /// Its share of the traffic, 0 to 1,000,000; 0 only stands in when others fail.
    weight: u32,
}

/// Other shares for some of the deliveries.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RouteRule)]
pub(super) struct RuleBody {
    /// What people call it; unique in its route.
    name: String,
    when: WhenBody,
    accounts: Vec<ShareBody>,
}

/// Which deliveries a rule is for. Every list that is given must contain the delivery's own
/// value; `countries` and `prefixes` are one condition about the address: either may fit.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = RouteCondition)]
struct WhenBody {
    /// Countries of the phone: ISO 3166 two-letter codes in capitals.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["CN"]))]
    countries: Vec<String>,
    /// Beginnings of the address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["+8617"]))]
    prefixes: Vec<String>,
    /// Template keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    templates: Vec<String>,
    /// Teams that own the template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    teams: Vec<String>,
    /// Names of calling apps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    apps: Vec<String>,
}

/// When a delivery without a receipt goes to another account.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReceiptTimeout)]
struct TimeoutBody {
    /// How long a receipt may take after the vendor's acceptance.
    #[schema(example = "2m")]
    after: String,
    /// Most accounts a delivery is handed to because of it, the first one included: 2 to 10; 2
    /// when not given.
    most_attempts: Option<u16>,
}

/// How a change comes about: `over`, `starts_at`, or both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RouteShift)]
pub(super) struct ShiftBody {
    /// How long it takes, in even steps; one step when not given.
    #[schema(example = "10m")]
    over: Option<String>,
    /// When it begins; at once when not given.
    starts_at: Option<Instant>,
}

/// Which version to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RouteRevert)]
pub(super) struct RevertBody {
    /// The version whose accounts, rules and receipt time-out stand again, as a new version.
    pub(super) version: u32,
    /// How the change comes about; at once when not given.
    shift: Option<ShiftBody>,
    /// Why, for people who read the audit trail; at most 128 characters.
    reason: Option<String>,
    /// Take accounts that lack the vendor template or signature of some templates.
    #[serde(default)]
    allow_missing_mapping: bool,
}

impl RouteBody {
    pub(super) fn into_draft(self) -> RouteDraft {
        RouteDraft {
            accounts: shares(self.accounts),
            rules: self.rules.into_iter().map(RuleBody::into_draft).collect(),
            receipt_timeout: self.receipt_timeout.map(|timeout| TimeoutDraft {
                after: timeout.after,
                most_attempts: timeout.most_attempts,
            }),
            shift: self.shift.map(ShiftBody::into_draft),
            reason: self.reason,
            allow_missing_mapping: self.allow_missing_mapping,
        }
    }
}

impl RevertBody {
    pub(super) fn into_draft(self) -> RouteDraft {
        RouteDraft {
            shift: self.shift.map(ShiftBody::into_draft),
            reason: self.reason,
            allow_missing_mapping: self.allow_missing_mapping,
            ..RouteDraft::default()
        }
    }
}

impl ShiftBody {
    fn into_draft(self) -> ShiftDraft {
        ShiftDraft {
            over: self.over,
            starts_at: self.starts_at.map(|at| at.0),
        }
    }
}

fn shares(bodies: Vec<ShareBody>) -> Vec<ShareDraft> {
    let share = |body: ShareBody| ShareDraft {
        account: body.account,
        tag: body.tag,
        weight: body.weight,
    };
    bodies.into_iter().map(share).collect()
}

impl RuleBody {
    fn into_draft(self) -> RuleDraft {
        RuleDraft {
            name: self.name,
            when: WhenDraft {
                countries: self.when.countries,
                prefixes: self.when.prefixes,
                templates: self.when.templates,
                teams: self.when.teams,
                apps: self.when.apps,
            },
            accounts: shares(self.accounts),
        }
    }

    fn of(draft: RuleDraft) -> Self {
        Self {
            name: draft.name,
            when: WhenBody {
                countries: draft.when.countries,
                prefixes: draft.when.prefixes,
                templates: draft.when.templates,
                teams: draft.when.teams,
                apps: draft.when.apps,
            },
            accounts: ShareBody::of(draft.accounts),
        }
    }
}

impl ShareBody {
    fn of(drafts: Vec<ShareDraft>) -> Vec<Self> {
        let share = |draft: ShareDraft| Self {
            account: draft.account,
            tag: draft.tag,
            weight: draft.weight,
        };
        drafts.into_iter().map(share).collect()
    }
}

/// A route.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Route)]
pub(super) struct RouteView {
    channel: &'static str,
    class: &'static str,
    accounts: Vec<ShareBody>,
    rules: Vec<RuleBody>,
    receipt_timeout: Option<TimeoutBody>,
    /// How it comes about, or came about, when not at once.
    shift: Option<ShiftView>,
    /// Counts its changes, from 1.
    version: u32,
    /// Who changed it last.
    author: String,
    /// Why.
    reason: Option<String>,
    updated_at: Instant,
}

/// How a route comes about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RouteShiftView)]
struct ShiftView {
    starts_at: Instant,
    /// When it is complete.
    ends_at: Instant,
    /// How long it takes.
    over: String,
    from: ShiftFrom,
}

/// What stands until a shift begins.
#[derive(Debug, Serialize, ToSchema)]
struct ShiftFrom {
    accounts: Vec<ShareBody>,
    rules: Vec<RuleBody>,
}

/// A route and what it does now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RouteNow {
    #[serde(flatten)]
    route: RouteView,
    effective: EffectiveView,
}

/// A route, what it does now, and its past changes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RouteWithHistory {
    #[serde(flatten)]
    pub(super) route: RouteNow,
    /// Newest first, at most 50.
    pub(super) history: Vec<AuditView>,
}

/// The weights that stand at one moment, tags dealt out and shifts read off the clock.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EffectiveRoute)]
struct EffectiveView {
    at: Instant,
    /// How far the shift has come, in parts of a thousand; 1000 without one.
    progress_per_mille: f64,
    /// Where no rule fits.
    accounts: Vec<PartView>,
    rules: Vec<EffectiveRule>,
}

/// What one rule does now.
#[derive(Debug, Serialize, ToSchema)]
struct EffectiveRule {
    name: String,
    accounts: Vec<PartView>,
}

/// An account's part of the traffic.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EffectiveShare)]
struct PartView {
    account: String,
    /// In parts of a thousand.
    #[schema(example = 350.0)]
    per_mille: f64,
}

/// All routes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RouteList {
    /// By channel and class.
    pub(super) items: Vec<RouteNow>,
}

/// One page of a route's versions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RouteVersions {
    /// Newest first.
    pub(super) items: Vec<RouteView>,
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

impl RouteView {
    pub(super) fn of(route: &Route, snapshot: &Snapshot) -> Self {
        let plan = RouteDraft::of(&route.plan, snapshot);
        Self {
            channel: route.lane.channel.as_str(),
            class: route.lane.class.as_str(),
            accounts: ShareBody::of(plan.accounts),
            rules: plan.rules.into_iter().map(RuleBody::of).collect(),
            receipt_timeout: plan.receipt_timeout.map(|timeout| TimeoutBody {
                after: timeout.after,
                most_attempts: timeout.most_attempts,
            }),
            shift: route.shift.as_ref().map(|shift| {
                let from = RouteDraft::of(&shift.from, snapshot);
                ShiftView {
                    starts_at: shift.begins_at.into(),
                    ends_at: shift.ends_at.into(),
                    over: span::text(shift.ends_at.since(shift.begins_at)),
                    from: ShiftFrom {
                        accounts: ShareBody::of(from.accounts),
                        rules: from.rules.into_iter().map(RuleBody::of).collect(),
                    },
                }
            }),
            version: route.version,
            author: route.author.clone(),
            reason: route.reason.clone(),
            updated_at: route.updated_at.into(),
        }
    }
}

impl RouteNow {
    pub(super) fn of(route: &Route, snapshot: &Snapshot, effective: Effective) -> Self {
        let mut accounts = Vec::new();
        let mut rules = Vec::new();
        for EffectiveShares {
            rule,
            accounts: parts,
        } in effective.shares
        {
            let parts = parts.into_iter();
            let parts = parts.map(|(account, per_mille)| PartView { account, per_mille });
            match rule {
                Some(name) => rules.push(EffectiveRule {
                    name,
                    accounts: parts.collect(),
                }),
                None => accounts = parts.collect(),
            }
        }
        Self {
            route: RouteView::of(route, snapshot),
            effective: EffectiveView {
                at: effective.at.into(),
                progress_per_mille: f64::from(effective.progress) / 1000.0,
                accounts,
                rules,
            },
        }
    }
}
