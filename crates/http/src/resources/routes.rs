//! `/v1/routes`: which accounts carry a lane, in which shares, and how that changes.

mod body;
mod preview;

use austin_domain::Lane;
use austin_ports::catalog::{AuditEntry, Route};
use axum::Json as Answer;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::cursor;
use crate::faults::Faults;
use crate::json::{Json, OptionalJson};
use crate::problem::Problem;
use crate::query::Params;

use body::{
    RevertBody, RouteBody, RouteList, RouteNow, RouteVersions, RouteView, RouteWithHistory,
    VersionQuery,
};
use preview::{PreviewBody, PreviewView};

/// Past changes shown with a route.
const HISTORY: usize = 50;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put))
        .routes(routes!(versions))
        .routes(routes!(revert))
        .routes(routes!(try_out))
}

/// List routes
#[utoipa::path(
    get, path = "/v1/routes", tag = "routes",
    responses((status = 200, description = "All routes", body = RouteList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<RouteList> {
    let routes = app.registrar().routes();
    Answer(RouteList {
        items: routes.iter().map(|route| now(&app, route)).collect(),
    })
}

/// Read a route with what it does now and its history
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
        route: now(&app, &route),
        history: history.into_iter().map(AuditEntry::into).collect(),
    }))
}

/// Set a route
///
/// Takes effect within a second, also for what is already waiting; with a `shift` gradually, or
/// from a planned time.
#[utoipa::path(
    put, path = "/v1/routes/{channel}/{class}", tag = "routes", request_body = RouteBody,
    params(
        ("channel" = String, Path, description = "Channel, e.g. `sms`"),
        ("class" = String, Path, description = "Class, e.g. `notification`"),
    ),
    responses((status = 200, description = "The route", body = RouteNow)),
    security(("bearer" = ["admin"])),
)]
async fn put(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path((channel, class)): Path<(String, String)>,
    Json(body): Json<RouteBody>,
) -> Result<Answer<RouteNow>, Problem> {
    let lane = lane(&channel, &class)?;
    let draft = body.into_draft();
    let route = app.registrar().put_route(&caller, lane, &draft).await?;
    Ok(Answer(now(&app, &route)))
}

/// List the versions of a route, newest first
#[utoipa::path(
    get, path = "/v1/routes/{channel}/{class}/versions", tag = "routes",
    params(
        ("channel" = String, Path, description = "Channel, e.g. `sms`"),
        ("class" = String, Path, description = "Class, e.g. `notification`"),
        VersionQuery,
    ),
    responses((status = 200, description = "One page", body = RouteVersions)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn versions(
    State(app): State<App>,
    _: ToRead,
    Path((channel, class)): Path<(String, String)>,
    Params(query): Params<VersionQuery>,
) -> Result<Answer<RouteVersions>, Problem> {
    let lane = lane(&channel, &class)?;
    let mut faults = Faults::default();
    let limit = cursor::limit(&mut faults, query.limit.as_deref());
    let before = cursor::decode(&mut faults, 'r', query.cursor.as_deref());
    let before = faults.parse("cursor", before.as_deref());
    faults.into_result()?;
    let page = app.registrar().route_versions(lane, before, limit).await?;
    let snapshot = app.snapshot();
    let view = |route: &Route| RouteView::of(route, &snapshot);
    Ok(Answer(RouteVersions {
        items: page.items.iter().map(view).collect(),
        cursor: page.next.map(|version| cursor::encode('r', &version)),
    }))
}

/// Go back to an earlier version
///
/// Makes a new version with the plan of the old one, checked against what is configured now.
#[utoipa::path(
    post, path = "/v1/routes/{channel}/{class}/revert", tag = "routes",
    request_body = RevertBody,
    params(
        ("channel" = String, Path, description = "Channel, e.g. `sms`"),
        ("class" = String, Path, description = "Class, e.g. `notification`"),
    ),
    responses((status = 200, description = "The route", body = RouteNow)),
    security(("bearer" = ["admin"])),
)]
async fn revert(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path((channel, class)): Path<(String, String)>,
    Json(body): Json<RevertBody>,
) -> Result<Answer<RouteNow>, Problem> {
    let lane = lane(&channel, &class)?;
    let version = body.version;
    let with = body.into_draft();
    let route = app
        .registrar()
        .revert_route(&caller, lane, version, with)
        .await?;
    Ok(Answer(now(&app, &route)))
}

/// Preview a route
///
/// Deals sample deliveries out as the engine would, by the present route or a candidate, now or
/// at another moment. Nothing is sent or changed.
#[utoipa::path(
    post, path = "/v1/routes/{channel}/{class}/preview", tag = "routes",
    request_body = Option<PreviewBody>,
    params(
        ("channel" = String, Path, description = "Channel, e.g. `sms`"),
        ("class" = String, Path, description = "Class, e.g. `notification`"),
    ),
    responses((status = 200, description = "What it would do", body = PreviewView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn try_out(
    State(app): State<App>,
    _: ToRead,
    Path((channel, class)): Path<(String, String)>,
    OptionalJson(body): OptionalJson<PreviewBody>,
) -> Result<Answer<PreviewView>, Problem> {
    let lane = lane(&channel, &class)?;
    let region = app.engine.parts().config.default_region.as_deref();
    let request = body.into_request();
    let preview = app.registrar().preview_route(lane, region, &request)?;
    Ok(Answer(PreviewView::of(preview)))
}

fn now(app: &App, route: &Route) -> RouteNow {
    let effective = app.registrar().effective(route);
    RouteNow::of(route, &app.snapshot(), effective)
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
