//! `/v1/adapters`: what vendors can be spoken to, what their accounts need, and how new ones are
//! taught.

mod body;
mod versions;
mod view;

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::json::Json;
use crate::problem::Problem;

use body::{ActivateBody, CanaryBody, RollbackBody, UploadBody};
use view::{AdapterList, AdapterView, VersionView};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
        .routes(routes!(canary))
        .routes(routes!(activate))
        .routes(routes!(rollback))
        .merge(versions::router())
}

type Answered = Result<Answer<AdapterView>, Problem>;

/// List adapters
#[utoipa::path(
    get, path = "/v1/adapters", tag = "adapters",
    responses((status = 200, description = "All adapters", body = AdapterList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<AdapterList> {
    let parts = app.engine.parts();
    let now = parts.clock.now();
    let mut items: Vec<(String, AdapterView)> = parts
        .adapters
        .all_built_in()
        .map(|speaker| {
            let descriptor = speaker.descriptor();
            (descriptor.name.clone(), AdapterView::built_in(descriptor))
        })
        .collect();
    items.extend(app.snapshot().adapters.iter().map(|(name, entry)| {
        let view = AdapterView::uploaded(&parts.adapters, entry, now);
        (name.clone(), view)
    }));
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    Answer(AdapterList {
        items: items.into_iter().map(|(_, view)| view).collect(),
    })
}

/// Read an adapter
#[utoipa::path(
    get, path = "/v1/adapters/{name}", tag = "adapters",
    params(("name" = String, Path, description = "The adapter's name")),
    responses((status = 200, description = "The adapter", body = AdapterView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(State(app): State<App>, _: ToRead, Path(name): Path<String>) -> Answered {
    if let Some(speaker) = app.engine.parts().adapters.built_in(&name) {
        return Ok(Answer(AdapterView::built_in(speaker.descriptor())));
    }
    view(&app, &name)
}

/// Upload a version
///
/// Makes a draft, of a new adapter or of one that was uploaded before. What is used does not
/// change. The same source as the newest version's makes no new one and answers 200.
#[utoipa::path(
    put, path = "/v1/adapters/{name}", tag = "adapters", request_body = UploadBody,
    params(("name" = String, Path, description = "The adapter's name")),
    responses(
        (status = 201, description = "The new version", body = VersionView),
        (status = 200, description = "The newest version, which is the same", body = VersionView),
    ),
    security(("bearer" = ["admin"])),
)]
async fn put(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Json(body): Json<UploadBody>,
) -> Result<Response, Problem> {
    let next = app
        .snapshot()
        .adapters
        .get(&name)
        .map_or(1, |entry| entry.next);
    let version = app
        .registrar()
        .upload_adapter(&caller, &name, body.into_upload())
        .await?;
    let status = match version.number >= next {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    let parts = app.engine.parts();
    let view = VersionView::of(&parts.adapters, &name, &version, parts.clock.now());
    Ok((status, Answer(view)).into_response())
}

/// Delete an adapter
///
/// With all its versions. Refused while an account uses it: its receipts are still taken.
#[utoipa::path(
    delete, path = "/v1/adapters/{name}", tag = "adapters",
    params(("name" = String, Path, description = "The adapter's name")),
    responses((status = 204, description = "Deleted")),
    security(("bearer" = ["admin"])),
)]
async fn delete(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    app.registrar().delete_adapter(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try a version
///
/// Gives a checked version a share of the calls. It is compared with the version in use over the
/// same time, and taken back when it does worse.
#[utoipa::path(
    post, path = "/v1/adapters/{name}/canary", tag = "adapters", request_body = CanaryBody,
    params(("name" = String, Path, description = "The adapter's name")),
    responses((status = 200, description = "The adapter", body = AdapterView)),
    security(("bearer" = ["admin"])),
)]
async fn canary(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Json(body): Json<CanaryBody>,
) -> Answered {
    app.registrar()
        .try_adapter(&caller, &name, body.into_draft())
        .await?;
    view(&app, &name)
}

/// Use a version
///
/// All calls that begin after the answer use it; calls under way end with the version they began
/// with. For ten minutes it is compared with the version it took over from.
#[utoipa::path(
    post, path = "/v1/adapters/{name}/activate", tag = "adapters", request_body = ActivateBody,
    params(("name" = String, Path, description = "The adapter's name")),
    responses((status = 200, description = "The adapter", body = AdapterView)),
    security(("bearer" = ["admin"])),
)]
async fn activate(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Json(body): Json<ActivateBody>,
) -> Answered {
    app.registrar()
        .activate_adapter(&caller, &name, body.version, body.reason)
        .await?;
    view(&app, &name)
}

/// Go back
///
/// Ends the trial, where there is one; else the former version is used again.
#[utoipa::path(
    post, path = "/v1/adapters/{name}/rollback", tag = "adapters", request_body = RollbackBody,
    params(("name" = String, Path, description = "The adapter's name")),
    responses((status = 200, description = "The adapter", body = AdapterView)),
    security(("bearer" = ["admin"])),
)]
async fn rollback(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Json(body): Json<RollbackBody>,
) -> Answered {
    app.registrar()
        .roll_adapter_back(&caller, &name, body.reason)
        .await?;
    view(&app, &name)
}

fn view(app: &App, name: &str) -> Answered {
    let entry = app.registrar().adapter(name)?;
    let parts = app.engine.parts();
    let now = parts.clock.now();
    Ok(Answer(AdapterView::uploaded(&parts.adapters, &entry, now)))
}
