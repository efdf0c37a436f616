//! `/v1/routes`: which accounts carry a lane, and in which shares.

use austin_domain::Lane;
use austin_domain::route::plan::{Part, Target};
use austin_engine::manage::ShareDraft;
use austin_ports::catalog::{AuditEntry, Route, Snapshot};
use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::faults::Faults;
use crate::instant::Instant;
use crate::json::Json;
use crate::problem::Problem;
use crate::resources::audit::AuditView;

/// Past changes shown with a route.
const HISTORY: usize = 50;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put))
}

/// The accounts of a lane.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"accounts": [
    {"account": "tencent-1", "weight": 70}, {"account": "yunpian-1", "weight": 30},
]}))]
struct RouteBody {
    /// 1 to 64 accounts, at least one with a weight above zero.
    accounts: Vec<ShareBody>,
    /// Why, for people who read the audit trail; at most 128 characters.
    reason: Option<String>,
}

/// One account of a route.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Share)]
struct ShareBody {
    /// The account's key.
    account: String,
    /// Its share of the traffic, 0 to 1,000,000; 0 only stands in when others fail.
    weight: u32,
}

/// A route.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Route)]
struct RouteView {
    channel: &'static str,
    class: &'static str,
    accounts: Vec<ShareBody>,
    /// Counts its changes, from 1.
    version: u32,
    /// Who changed it last.
    author: String,
    updated_at: Instant,
}

/// A route and its past changes.
#[derive(Debug, Serialize, ToSchema)]
struct RouteWithHistory {
    #[serde(flatten)]
    route: RouteView,
    /// Newest first, at most 50.
    history: Vec<AuditView>,
}

/// All routes.
#[derive(Debug, Serialize, ToSchema)]
struct RouteList {
    /// By channel and class.
    items: Vec<RouteView>,
}

impl RouteView {
    fn of(route: &Route, snapshot: &Snapshot) -> Self {
        let share = |part: &Part| ShareBody {
            account: match &part.to {
                Target::Account(id) => snapshot
                    .accounts
                    .get(id)
                    .map_or_else(|| id.to_string(), |account| account.key.clone()),
                Target::Tag(tag) => tag.clone(),
            },
            weight: part.weight,
        };
        Self {
            channel: route.lane.channel.as_str(),
            class: route.lane.class.as_str(),
            accounts: route.plan.parts.iter().map(share).collect(),
            version: route.version,
            author: route.author.clone(),
            updated_at: route.updated_at.into(),
        }
    }
}

/// List routes
#[utoipa::path(
    get, path = "/v1/routes", tag = "routes",
    responses((status = 200, description = "All routes", body = RouteList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<RouteList> {
    let snapshot = app.snapshot();
    let routes = app.registrar().routes();
    Answer(RouteList {
        items: routes
            .iter()
            .map(|route| RouteView::of(route, &snapshot))
            .collect(),
    })
}

/// Read a route with its history
#[utoipa::path(
    get, path = "/v1/routes/{channel}/{class}", tag = "routes",
    params(
        ("channel" = String, Path, description = "Channel, e.g. `sms`"),
        ("class" = String, Path, description = "Class, e.g. `notification`"),
    ),
    responses((status = 200, description = "The route", body = RouteWithHistory)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    _: ToRead,
    Path((channel, class)): Path<(String, String)>,
) -> Result<Answer<RouteWithHistory>, Problem> {
    let lane = lane(&channel, &class)?;
    let route = app.registrar().route(lane)?;
    let history = app.registrar().route_history(lane, HISTORY).await?;
    Ok(Answer(RouteWithHistory {
        route: RouteView::of(&route, &app.snapshot()),
        history: history.into_iter().map(AuditEntry::into).collect(),
    }))
}

/// Set a route
///
/// Takes effect within a second, also for what is already waiting.
#[utoipa::path(
    put, path = "/v1/routes/{channel}/{class}", tag = "routes", request_body = RouteBody,
    params(
        ("channel" = String, Path, description = "Channel, e.g. `sms`"),
        ("class" = String, Path, description = "Class, e.g. `notification`"),
    ),
    responses((status = 200, description = "The route", body = RouteView)),
    security(("bearer" = ["admin"])),
)]
async fn put(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path((channel, class)): Path<(String, String)>,
    Json(body): Json<RouteBody>,
) -> Result<Answer<RouteView>, Problem> {
    let lane = lane(&channel, &class)?;
    let shares: Vec<ShareDraft> = body
        .accounts
        .into_iter()
        .map(|share| ShareDraft {
            account: share.account,
            weight: share.weight,
        })
        .collect();
    let route = app
        .registrar()
        .put_route(&caller, lane, &shares, body.reason)
        .await?;
    Ok(Answer(RouteView::of(&route, &app.snapshot())))
}

fn lane(channel: &str, class: &str) -> Result<Lane, Problem> {
    let mut faults = Faults::default();
    let channel = faults.parse("channel", Some(channel));
    let class = faults.parse("class", Some(class));
    match (channel, class, faults.into_result()) {
        (Some(channel), Some(class), Ok(())) => Ok(Lane { channel, class }),
        (_, _, Err(problem)) => Err(problem),
        (_, _, Ok(())) => Err(Problem::field("/channel", "required", "is required")),
    }
}
