//! Previews of routes as clients ask for and see them.

use austin_engine::manage::{
    Expected, PassedOver, RouteGroup, RoutePreview, RoutePreviewRequest, RouteSample,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::RouteBody;
use crate::instant::Instant;

/// What to try. Without a body: the present route, now.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RoutePreviewRequest)]
pub(super) struct PreviewBody {
    /// A candidate, as it would be sent to PUT; the present route when not given.
    route: Option<RouteBody>,
    /// The moment, e.g. amid a planned shift; now when not given.
    at: Option<Instant>,
    /// How many deliveries to deal out, 1 to 100,000; 10,000 when not given.
    count: Option<u32>,
    /// Which deliveries: `count` of them in all. Without one, `count` for each rule.
    #[serde(default)]
    sample: SampleBody,
}

/// Deliveries to try: every recipient with every template of every app, in equal numbers.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = RouteSample)]
struct SampleBody {
    /// Recipients; one of no country when empty.
    #[schema(example = json!(["+8613711112201"]))]
    to: Vec<String>,
    /// Template keys; every enabled one of the lane when empty.
    templates: Vec<String>,
    /// App names; one that no rule names when empty.
    apps: Vec<String>,
}

impl PreviewBody {
    pub(super) fn into_request(self) -> RoutePreviewRequest {
        RoutePreviewRequest {
            candidate: self.route.map(RouteBody::into_draft),
            at: self.at.map(|at| at.0),
            count: self.count,
            sample: RouteSample {
                to: self.sample.to,
                templates: self.sample.templates,
                apps: self.sample.apps,
            },
        }
    }
}

/// What a route would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoutePreview)]
pub(super) struct PreviewView {
    at: Instant,
    /// How far a shift will have come, in parts of a thousand; 1000 without one.
    progress_per_mille: f64,
    /// The deliveries that fall under the same rule.
    groups: Vec<GroupView>,
}

/// Deliveries that fall under the same rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RouteGroup)]
struct GroupView {
    /// The rule; `null` for what stands where no rule fits.
    rule: Option<String>,
    deliveries: u32,
    /// Who would get them.
    expected: Vec<ExpectedView>,
    /// Those that no account could take now; they would wait.
    unassigned: u32,
    /// Accounts that would be passed over, and why.
    passed_over: Vec<PassedOverView>,
}

/// What one account would get.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExpectedShare)]
struct ExpectedView {
    account: String,
    count: u32,
    /// The same in parts of a thousand.
    #[schema(example = 700.0)]
    per_mille: f64,
}

/// An account that would be passed over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PassedOver)]
struct PassedOverView {
    account: String,
    /// `disabled`, `deleted`, `steered_closed`, `missing_mapping` or `unknown_adapter`.
    code: String,
    detail: String,
    /// The templates it is passed over for; empty: for all.
    templates: Vec<String>,
}

impl PreviewView {
    pub(super) fn of(preview: RoutePreview) -> Self {
        Self {
            at: preview.at.into(),
            progress_per_mille: f64::from(preview.progress) / 1000.0,
            groups: preview.groups.into_iter().map(GroupView::of).collect(),
        }
    }
}

impl GroupView {
    fn of(group: RouteGroup) -> Self {
        let expected = |one: Expected| ExpectedView {
            account: one.account,
            count: one.count,
            per_mille: one.per_mille,
        };
        let passed = |one: PassedOver| PassedOverView {
            account: one.account,
            code: one.code,
            detail: one.detail,
            templates: one.templates,
        };
        Self {
            rule: group.rule,
            deliveries: group.deliveries,
            expected: group.expected.into_iter().map(expected).collect(),
            unassigned: group.unassigned,
            passed_over: group.passed_over.into_iter().map(passed).collect(),
        }
    }
}
