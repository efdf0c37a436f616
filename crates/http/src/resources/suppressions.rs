//! `/v1/suppressions`: who must not be messaged, and why.

mod body;
mod export;
mod imports;
mod view;

use austin_domain::SuppressionId;
use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::cursor;
use crate::json::Json;
use crate::problem::{Code, Problem};
use crate::query::Params;

use body::{LiftBody, LiftQuery, SuppressionBody, SuppressionQuery};
use view::{SuppressionPage, SuppressionView, SuppressionWithHistory};

/// Where files are posted.
pub(crate) const IMPORT: &str = "/v1/suppressions/import";
/// Marks cursors of this list.
const CURSOR: char = 's';

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(lift))
        .merge(imports::router())
        .merge(export::router())
}

/// Add a suppression
///
/// The same address, channel and reason again changes `until` and `note` of the one in force, and
/// answers 200.
#[utoipa::path(
    post, path = "/v1/suppressions", tag = "suppressions", request_body = SuppressionBody,
    responses(
        (status = 201, description = "In force", body = SuppressionView),
        (status = 200, description = "The one that is in force, changed or not",
         body = SuppressionView),
    ),
    security(("bearer" = ["admin"])),
)]
async fn create(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Json(body): Json<SuppressionBody>,
) -> Result<Response, Problem> {
    let (entry, is_new) = app.engine.suppress(&caller, &body.into_draft()).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let view = SuppressionView::of(&entry, &caller, app.engine.parts().clock.now());
    Ok((status, Answer(view)).into_response())
}

/// List suppressions
///
/// Newest first, in force or not. A page may hold fewer than asked for, even none, while `cursor`
/// is set: a search stops after a bounded amount of work. Readers see addresses masked.
#[utoipa::path(
    get, path = "/v1/suppressions", tag = "suppressions", params(SuppressionQuery),
    responses((status = 200, description = "One page", body = SuppressionPage)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(
    State(app): State<App>,
    ToRead { caller, .. }: ToRead,
    Params(query): Params<SuppressionQuery>,
) -> Result<Answer<SuppressionPage>, Problem> {
    let filter = query.filter(&app)?;
    let parts = app.engine.parts();
    let now = parts.clock.now();
    let page = parts.suppressions.list(filter, now).await?;
    let items = page.items.iter();
    Ok(Answer(SuppressionPage {
        items: items
            .map(|entry| SuppressionView::of(entry, &caller, now))
            .collect(),
        cursor: page.next.map(|id| cursor::encode(CURSOR, &id.to_string())),
    }))
}

/// Read a suppression with its history
///
/// The history tells all that happened to the address, over all its suppressions.
#[utoipa::path(
    get, path = "/v1/suppressions/{id}", tag = "suppressions",
    params(("id" = String, Path, description = "The suppression's id, `sup_…`")),
    responses((status = 200, description = "The suppression", body = SuppressionWithHistory)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    ToRead { caller, .. }: ToRead,
    Path(id): Path<String>,
) -> Result<Answer<SuppressionWithHistory>, Problem> {
    let id = parse(&id)?;
    let parts = app.engine.parts();
    let entry = parts.suppressions.get(id).await?.ok_or_else(missing)?;
    let history = parts.suppressions.history(id).await?;
    let view = SuppressionView::of(&entry, &caller, parts.clock.now());
    Ok(Answer(SuppressionWithHistory::of(view, &history)))
}

/// Lift a suppression
///
/// It stays on record. Lifting it again changes nothing.
#[utoipa::path(
    post, path = "/v1/suppressions/{id}/lift", tag = "suppressions", request_body = LiftBody,
    params(("id" = String, Path, description = "The suppression's id, `sup_…`")),
    responses((status = 200, description = "The suppression, lifted", body = SuppressionView)),
    security(("bearer" = ["admin"])),
)]
async fn lift(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(id): Path<String>,
    Json(body): Json<LiftBody>,
) -> Result<Answer<SuppressionView>, Problem> {
    let id = parse(&id)?;
    let why = Some(body.reason.as_str());
    let entry = app.engine.lift_suppression(&caller, id, why).await?;
    let now = app.engine.parts().clock.now();
    Ok(Answer(SuppressionView::of(&entry, &caller, now)))
}

/// Lift a suppression
///
/// The same as `POST …/lift`, with the reason as a parameter. It stays on record.
#[utoipa::path(
    delete, path = "/v1/suppressions/{id}", tag = "suppressions",
    params(("id" = String, Path, description = "The suppression's id, `sup_…`"), LiftQuery),
    responses((status = 200, description = "The suppression, lifted", body = SuppressionView)),
    security(("bearer" = ["admin"])),
)]
async fn delete(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(id): Path<String>,
    Params(query): Params<LiftQuery>,
) -> Result<Answer<SuppressionView>, Problem> {
    let id = parse(&id)?;
    let why = query.reason.as_deref();
    let entry = app.engine.lift_suppression(&caller, id, why).await?;
    let now = app.engine.parts().clock.now();
    Ok(Answer(SuppressionView::of(&entry, &caller, now)))
}

fn parse(id: &str) -> Result<SuppressionId, Problem> {
    id.parse().map_err(|_| missing())
}

fn missing() -> Problem {
    Problem::new(
        Code::NotFound,
        "there is no such suppression; an id has the form sup_ and 13 characters",
    )
}
