//! `/v1/templates`: the carrier of every message.

mod callers;
mod life;
pub(crate) mod offline;
mod request;
mod trial;
mod view;

use std::collections::HashSet;

use austin_domain::template::TemplateState;
use austin_domain::{TemplateId, Timestamp};
use austin_engine::manage;
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
use crate::json::Json;
use crate::problem::Problem;
use crate::query::Params;
use crate::resources::quota::QuotaBody;

use request::{Describe, NewTemplate, NewVersion, TemplateQuery};
use view::{TemplatePage, TemplateView, VersionList};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, describe))
        .routes(routes!(versions, add_version, put_version))
        .routes(routes!(put_quota))
        .merge(life::router())
        .merge(trial::router())
        .merge(callers::router())
}

type Answered = Result<Answer<TemplateView>, Problem>;

/// Make a template
///
/// The template begins as a draft with version 1; `submit` publishes it, or asks for approval
/// where the rules of its class want one. Somebody must answer for it: owner, contact and
/// business are required.
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
    let view = TemplateView::of(&app, &entry);
    let location = HeaderValue::try_from(format!("/v1/templates/{}", view.key));
    let mut response = (StatusCode::CREATED, Answer(view)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// List templates
///
/// With `unused_since` it is the report of templates that nobody has used since then: made
/// before it, not archived, without a message at or after it.
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
        among: unused(
            &app,
            faults.parse("unused_since", query.unused_since.as_deref()),
        ),
        after: cursor::decode(&mut faults, 't', query.cursor.as_deref()),
        limit: cursor::limit(&mut faults, query.limit.as_deref()),
    };
    faults.into_result()?;
    let page = app.registrar().templates(&list);
    Ok(Answer(TemplatePage {
        items: page
            .items
            .iter()
            .map(|entry| TemplateView::of(&app, entry))
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
    Ok(Answer(TemplateView::of(&app, &entry)))
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
    Ok(Answer(TemplateView::of(&app, &entry)))
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
/// A draft that waits beside the live version until it is submitted, approved and published.
/// Messages keep the version they were accepted with for ever.
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
    Ok((StatusCode::CREATED, Answer(TemplateView::of(&app, &entry))).into_response())
}

/// Make these words the newest version
///
/// Adds a draft only when the words differ from the newest version, so that it may be repeated.
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
    Ok(Answer(TemplateView::of(&app, &entry)))
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
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// The templates that nobody used at or after `since`, of those there were before.
fn unused(app: &App, since: Option<Timestamp>) -> Option<HashSet<TemplateId>> {
    let since = since?;
    let snapshot = app.snapshot();
    let unused = snapshot.templates.values().filter(|entry| {
        let template = &entry.template;
        let last = app.engine.last_used(template.id);
        template.created_at < since
            && template.state != TemplateState::Archived
            && last.is_none_or(|last| last < since)
    });
    Some(unused.map(|entry| entry.template.id).collect())
}

fn state(faults: &mut Faults, word: &str) -> Option<TemplateState> {
    let state = TemplateState::parse(word);
    if state.is_none() {
        let known: Vec<_> = TemplateState::ALL.iter().map(|one| one.as_str()).collect();
        let detail = format!("must be one of {}", known.join(", "));
        faults.add("/state", "invalid", detail);
    }
    state
}
