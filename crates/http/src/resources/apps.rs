//! `/v1/apps`: calling systems and their keys. A key is shown once, in the answer that makes it.

use austin_domain::KeyId;
use austin_engine::Caller;
use austin_ports::catalog::{AppRecord, KeyRecord, QuotaOf, Role, Snapshot};
use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::instant::Instant;
use crate::json::Json;
use crate::problem::{Code, Problem};
use crate::resources::quota::{QuotaBody, QuotaView};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(put_quota))
        .routes(routes!(keys, create_key))
        .routes(routes!(revoke_key))
}

/// A new app.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApp {
    /// 1–64 of `a-z 0-9 - _ .`.
    #[schema(example = "shop")]
    name: String,
    /// The team it belongs to; the caller's when not given.
    #[serde(default)]
    team: String,
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
struct NewKeyBody {
    /// `admin`, `sender` or `reader`.
    #[schema(example = "sender")]
    role: String,
}

/// An app.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = App)]
struct AppView {
    name: String,
    team: String,
    /// How much it may send; `null`: no limit.
    quota: Option<QuotaView>,
    created_at: Instant,
}

impl AppView {
    fn of(snapshot: &Snapshot, app: &AppRecord) -> Self {
        Self {
            name: app.name.clone(),
            team: app.team.clone(),
            quota: QuotaView::of(snapshot, QuotaOf::App(app.id)),
            created_at: app.created_at.into(),
        }
    }
}

/// All apps.
#[derive(Debug, Serialize, ToSchema)]
struct AppList {
    /// By name.
    items: Vec<AppView>,
}

/// A key as it may be seen.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
struct KeyView {
    #[schema(example = "key_04hmasw9nf6yf")]
    id: String,
    /// `admin`, `sender` or `reader`.
    role: &'static str,
    /// The key's first characters, to tell keys apart.
    hint: String,
    created_at: Instant,
    revoked_at: Option<Instant>,
}

impl KeyView {
    fn of(key: &KeyRecord) -> Self {
        Self {
            id: key.id.to_string(),
            role: key.role.as_str(),
            hint: key.hint.clone(),
            created_at: key.created_at.into(),
            revoked_at: key.revoked_at.map(Into::into),
        }
    }
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
struct MadeKey {
    #[serde(flatten)]
    view: KeyView,
    /// The key itself. Keep it: it is never shown again.
    #[schema(example = "ak_…")]
    key: String,
}

/// The keys of an app.
#[derive(Debug, Serialize, ToSchema)]
struct KeyList {
    /// Oldest first; revoked ones too.
    items: Vec<KeyView>,
}

/// Make an app
#[utoipa::path(
    post, path = "/v1/apps", tag = "apps", request_body = NewApp,
    responses((status = 201, description = "Made", body = AppView)),
    security(("bearer" = ["admin"])),
)]
async fn create(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Json(body): Json<NewApp>,
) -> Result<Response, Problem> {
    let team = team(&body, &caller);
    let made = app
        .registrar()
        .create_app(&caller, &body.name, team)
        .await?;
    let view = AppView::of(&app.snapshot(), &made);
    Ok((StatusCode::CREATED, Answer(view)).into_response())
}

fn team<'a>(body: &'a NewApp, caller: &'a Caller) -> &'a str {
    if body.team.is_empty() {
        &caller.team
    } else {
        &body.team
    }
}

/// List apps
#[utoipa::path(
    get, path = "/v1/apps", tag = "apps",
    responses((status = 200, description = "All apps", body = AppList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<AppList> {
    let (apps, snapshot) = (app.registrar().apps(), app.snapshot());
    Answer(AppList {
        items: apps.iter().map(|app| AppView::of(&snapshot, app)).collect(),
    })
}

/// Read an app
#[utoipa::path(
    get, path = "/v1/apps/{name}", tag = "apps",
    params(("name" = String, Path, description = "The app's name")),
    responses((status = 200, description = "The app", body = AppView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    _: ToRead,
    Path(name): Path<String>,
) -> Result<Answer<AppView>, Problem> {
    let found = app.registrar().app(&name)?;
    Ok(Answer(AppView::of(&app.snapshot(), &found)))
}

/// Set how much an app may send
///
/// What is above it is answered 429 with the reason and `Retry-After`.
#[utoipa::path(
    put, path = "/v1/apps/{name}/quota", tag = "apps", request_body = QuotaBody,
    params(("name" = String, Path, description = "The app's name")),
    responses((status = 200, description = "The app", body = AppView)),
    security(("bearer" = ["admin"])),
)]
async fn put_quota(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Json(body): Json<QuotaBody>,
) -> Result<Answer<AppView>, Problem> {
    let (quota, reason) = body.into_parts();
    let registrar = app.registrar();
    registrar
        .put_app_quota(&caller, &name, quota, reason)
        .await?;
    let found = registrar.app(&name)?;
    Ok(Answer(AppView::of(&app.snapshot(), &found)))
}

/// List the keys of an app
#[utoipa::path(
    get, path = "/v1/apps/{name}/keys", tag = "apps",
    params(("name" = String, Path, description = "The app's name")),
    responses((status = 200, description = "Its keys", body = KeyList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn keys(
    State(app): State<App>,
    _: ToRead,
    Path(name): Path<String>,
) -> Result<Answer<KeyList>, Problem> {
    let registrar = app.registrar();
    let keys = registrar.keys(registrar.app(&name)?.id);
    Ok(Answer(KeyList {
        items: keys.iter().map(|key| KeyView::of(key)).collect(),
    }))
}

/// Make a key
///
/// The key stands in this answer and is never shown again.
#[utoipa::path(
    post, path = "/v1/apps/{name}/keys", tag = "apps", request_body = NewKeyBody,
    params(("name" = String, Path, description = "The app's name")),
    responses((status = 201, description = "Made", body = MadeKey)),
    security(("bearer" = ["admin"])),
)]
async fn create_key(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Json(body): Json<NewKeyBody>,
) -> Result<Response, Problem> {
    let role = Role::parse(&body.role).ok_or_else(|| {
        Problem::field(
            "/role",
            "unknown_value",
            "must be one of admin, sender, reader",
        )
    })?;
    let made = app.registrar().create_key(&caller, &name, role).await?;
    let answer = MadeKey {
        view: KeyView::of(&made.record),
        key: made.text,
    };
    Ok((StatusCode::CREATED, Answer(answer)).into_response())
}

/// Revoke a key
///
/// It opens nothing from now on. The last admin key cannot be revoked.
#[utoipa::path(
    delete, path = "/v1/apps/{name}/keys/{id}", tag = "apps",
    params(
        ("name" = String, Path, description = "The app's name"),
        ("id" = String, Path, description = "The key's id"),
    ),
    responses((status = 200, description = "The key, revoked", body = KeyView)),
    security(("bearer" = ["admin"])),
)]
async fn revoke_key(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path((name, id)): Path<(String, String)>,
) -> Result<Answer<KeyView>, Problem> {
    let id: KeyId = id
        .parse()
        .map_err(|_| Problem::new(Code::NotFound, "there is no such key"))?;
    let key = app.registrar().revoke_key(&caller, &name, id).await?;
    Ok(Answer(KeyView::of(&key)))
}
