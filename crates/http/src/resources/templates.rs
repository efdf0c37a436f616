//! `/v1/templates`: the carrier of every message.

mod request;
mod view;

use austin_domain::template::TemplateState;
use austin_engine::manage::{self, PreviewRequest};
use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToAny};
use crate::app::App;
use crate::cursor;
use crate::faults::Faults;
use crate::json::{Json, OptionalJson};
use crate::problem::Problem;
use crate::query::Params;
use crate::resources::quota::QuotaBody;

use request::{Describe, NewTemplate, NewVersion, PreviewVars, Reason, TemplateQuery};
use view::{PreviewView, TemplatePage, TemplateView, VersionList};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, describe))
        .routes(routes!(versions, add_version, put_version))
        .routes(routes!(submit))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(preview))
        .routes(routes!(put_quota))
}

type Answered = Result<Answer<TemplateView>, Problem>;

/// Make a template
///
/// The template begins as a draft with version 1; `submit` publishes it.
#[utoipa::path(
    post, path = "/v1/templates", tag = "templates", request_body = NewTemplate,
    responses((status = 201, description = "Made", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn create(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Json(body): Json<NewTemplate>,
) -> Result<Response, Problem> {
    let entry = app
        .registrar()
        .create_template(&caller, body.into_draft())
        .await?;
    let view = TemplateView::of(&app.snapshot(), &entry);
    let location = HeaderValue::try_from(format!("/v1/templates/{}", view.key));
    let mut response = (StatusCode::CREATED, Answer(view)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// List templates
#[utoipa::path(
    get, path = "/v1/templates", tag = "templates", params(TemplateQuery),
    responses((status = 200, description = "One page, by key", body = TemplatePage)),
    security(("bearer" = ["admin", "sender", "reader"])),
)]
async fn list(
    State(app): State<App>,
    _: ToAny,
    Params(query): Params<TemplateQuery>,
) -> Result<Answer<TemplatePage>, Problem> {
    let mut faults = Faults::default();
    let list = manage::TemplateList {
        channel: faults.parse("channel", query.channel.as_deref()),
        class: faults.parse("class", query.class.as_deref()),
        team: query.team,
        state: query
            .state
            .as_deref()
            .and_then(|word| state(&mut faults, word)),
        prefix: query.prefix,
        after: cursor::decode(&mut faults, 't', query.cursor.as_deref()),
        limit: cursor::limit(&mut faults, query.limit.as_deref()),
    };
    faults.into_result()?;
    let page = app.registrar().templates(&list);
    let snapshot = app.snapshot();
    Ok(Answer(TemplatePage {
        items: page
            .items
            .iter()
            .map(|entry| TemplateView::of(&snapshot, entry))
            .collect(),
        cursor: page.next.map(|key| cursor::encode('t', &key)),
    }))
}

/// Read a template with its current version
#[utoipa::path(
    get, path = "/v1/templates/{key}", tag = "templates",
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin", "sender", "reader"])),
)]
async fn get(State(app): State<App>, _: ToAny, Path(key): Path<String>) -> Answered {
    let entry = app.registrar().template(&key)?;
    Ok(Answer(TemplateView::of(&app.snapshot(), &entry)))
}

/// Change name and ownership
///
/// Channel and class are for life; words change by a new version.
#[utoipa::path(
    put, path = "/v1/templates/{key}", tag = "templates", request_body = Describe,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn describe(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    Json(body): Json<Describe>,
) -> Answered {
    let (name, owner) = body.into_parts();
    let entry = app
        .registrar()
        .describe_template(&caller, &key, name, owner)
        .await?;
    Ok(Answer(TemplateView::of(&app.snapshot(), &entry)))
}

/// List the versions of a template, newest first
#[utoipa::path(
    get, path = "/v1/templates/{key}/versions", tag = "templates",
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "All versions", body = VersionList)),
    security(("bearer" = ["admin", "sender", "reader"])),
)]
async fn versions(
    State(app): State<App>,
    _: ToAny,
    Path(key): Path<String>,
) -> Result<Answer<VersionList>, Problem> {
    let entry = app.registrar().template(&key)?;
    Ok(Answer(VersionList::of(&entry)))
}

/// Add a version
///
/// New messages use it at once; accepted ones keep the version they were accepted with.
#[utoipa::path(
    post, path = "/v1/templates/{key}/versions", tag = "templates", request_body = NewVersion,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 201, description = "The template with its new version", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn add_version(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    Json(body): Json<NewVersion>,
) -> Result<Response, Problem> {
    let entry = app
        .registrar()
        .add_version(&caller, &key, body.into_draft())
        .await?;
    Ok((
        StatusCode::CREATED,
        Answer(TemplateView::of(&app.snapshot(), &entry)),
    )
        .into_response())
}

/// Make these words the current version
///
/// Adds a version only when the words differ from the current one, so that it may be repeated.
#[utoipa::path(
    put, path = "/v1/templates/{key}/versions", tag = "templates", request_body = NewVersion,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn put_version(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    Json(body): Json<NewVersion>,
) -> Answered {
    let entry = app
        .registrar()
        .put_version(&caller, &key, body.into_draft())
        .await?;
    Ok(Answer(TemplateView::of(&app.snapshot(), &entry)))
}

/// Publish a template
///
/// One step: the author may publish.
#[utoipa::path(
    post, path = "/v1/templates/{key}/submit", tag = "templates", request_body = Option<Reason>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template, enabled", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn submit(
    state: State<App>,
    access: ToAdmin,
    path: Path<String>,
    body: OptionalJson<Reason>,
) -> Answered {
    switch(state, access, path, body, TemplateState::Enabled).await
}

/// Enable a template
#[utoipa::path(
    post, path = "/v1/templates/{key}/enable", tag = "templates", request_body = Option<Reason>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template, enabled", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn enable(
    state: State<App>,
    access: ToAdmin,
    path: Path<String>,
    body: OptionalJson<Reason>,
) -> Answered {
    switch(state, access, path, body, TemplateState::Enabled).await
}

/// Disable a template
///
/// Sends are refused and waiting deliveries stop.
#[utoipa::path(
    post, path = "/v1/templates/{key}/disable", tag = "templates", request_body = Option<Reason>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template, disabled", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn disable(
    state: State<App>,
    access: ToAdmin,
    path: Path<String>,
    body: OptionalJson<Reason>,
) -> Answered {
    switch(state, access, path, body, TemplateState::Disabled).await
}

async fn switch(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<Reason>,
    state: TemplateState,
) -> Answered {
    let entry = app
        .registrar()
        .set_template_state(&caller, &key, state, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app.snapshot(), &entry)))
}

/// Preview a template
///
/// Renders with the given values, or with the examples of the template. Nothing is sent. For
/// SMS it counts the segments per signature and rule.
#[utoipa::path(
    post, path = "/v1/templates/{key}/preview", tag = "templates",
    request_body = Option<PreviewVars>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "What it would say", body = PreviewView)),
    security(("bearer" = ["admin", "sender", "reader"])),
)]
async fn preview(
    State(app): State<App>,
    _: ToAny,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<PreviewVars>,
) -> Result<Answer<PreviewView>, Problem> {
    let region = app.engine.parts().config.default_region.as_deref();
    let request = PreviewRequest {
        version: body.version,
        vars: body.vars.map(Into::into),
        to: body.to,
    };
    let preview = app.registrar().preview(&key, region, &request)?;
    Ok(Answer(PreviewView::of(preview)))
}

/// Set how much may be sent of a template
///
/// What is above it is answered 429 with the reason and `Retry-After`.
#[utoipa::path(
    put, path = "/v1/templates/{key}/quota", tag = "templates", request_body = QuotaBody,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn put_quota(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    Json(body): Json<QuotaBody>,
) -> Answered {
    let (quota, reason) = body.into_parts();
    let registrar = app.registrar();
    registrar
        .put_template_quota(&caller, &key, quota, reason)
        .await?;
    let entry = registrar.template(&key)?;
    Ok(Answer(TemplateView::of(&app.snapshot(), &entry)))
}

fn state(faults: &mut Faults, word: &str) -> Option<TemplateState> {
    let known = [
        TemplateState::Draft,
        TemplateState::Enabled,
        TemplateState::Disabled,
    ];
    let state = known.into_iter().find(|state| state.as_str() == word);
    if state.is_none() {
        faults.add(
            "/state",
            "invalid",
            "must be one of draft, enabled, disabled",
        );
    }
    state
}
