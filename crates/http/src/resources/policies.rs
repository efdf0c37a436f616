//! `/v1/policies`: what may be done to people, in versions.

mod body;
mod preview;
mod simulate;

use austin_ports::catalog::AuditEntry;
use axum::Json as Answer;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::cursor;
use crate::faults::Faults;
use crate::json::{Json, OptionalJson};
use crate::problem::Problem;
use crate::query::Params;

pub(super) use body::RulesSchema;
use body::{PolicyBody, PolicyList, PolicyVersions, PolicyView, PolicyWithHistory, VersionQuery};
use preview::{PreviewBody, PreviewView};
use simulate::{SimulateBody, SimulatedView};

/// Past changes shown with a policy.
const HISTORY: usize = 50;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
        .routes(routes!(versions))
        .routes(routes!(revert))
        .routes(routes!(simulate))
        .routes(routes!(try_out))
}

/// Why, for people who read the audit trail.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyDeletion)]
struct Why {
    /// At most 128 characters.
    reason: Option<String>,
}

/// Which version to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyRevert)]
struct Revert {
    /// The version whose document stands again, as a new version.
    version: u32,
    /// Why, for people who read the audit trail; at most 128 characters.
    reason: Option<String>,
}

/// List policies
#[utoipa::path(
    get, path = "/v1/policies", tag = "policies",
    responses((status = 200, description = "All policies in force", body = PolicyList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<PolicyList> {
    let policies = app.registrar().policies();
    let items = policies.iter().map(|policy| PolicyView::of(policy));
    Answer(PolicyList {
        items: items.collect(),
    })
}

/// Read a policy with its history
#[utoipa::path(
    get, path = "/v1/policies/{name}", tag = "policies",
    params(("name" = String, Path, description = "The policy's name")),
    responses((status = 200, description = "The policy", body = PolicyWithHistory)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    _: ToRead,
    Path(name): Path<String>,
) -> Result<Answer<PolicyWithHistory>, Problem> {
    let policy = app.registrar().policy(&name)?;
    let history = app.registrar().policy_history(&name, HISTORY).await?;
    Ok(Answer(PolicyWithHistory {
        policy: PolicyView::of(&policy),
        history: history.into_iter().map(AuditEntry::into).collect(),
    }))
}

/// Set a policy
///
/// Makes a new version, which holds within a second for everything that is judged from then on,
/// also for what is already waiting.
#[utoipa::path(
    put, path = "/v1/policies/{name}", tag = "policies", request_body = PolicyBody,
    params(("name" = String, Path, description = "1–64 of `a-z 0-9 - _ .`")),
    responses((status = 200, description = "The policy", body = PolicyView)),
    security(("bearer" = ["admin"])),
)]
async fn put(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Json(body): Json<PolicyBody>,
) -> Result<Answer<PolicyView>, Problem> {
    let (document, reason) = body.into_parts();
    let registrar = app.registrar();
    let policy = registrar
        .put_policy(&caller, &name, document, reason)
        .await?;
    Ok(Answer(PolicyView::of(&policy)))
}

/// Delete a policy
///
/// It is out of force within a second. Its versions are kept, and it can be reverted to one.
#[utoipa::path(
    delete, path = "/v1/policies/{name}", tag = "policies", request_body = Option<Why>,
    params(("name" = String, Path, description = "The policy's name")),
    responses((status = 204, description = "Out of force")),
    security(("bearer" = ["admin"])),
)]
async fn delete(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    OptionalJson(why): OptionalJson<Why>,
) -> Result<StatusCode, Problem> {
    app.registrar()
        .delete_policy(&caller, &name, why.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the versions of a policy, newest first
#[utoipa::path(
    get, path = "/v1/policies/{name}/versions", tag = "policies",
    params(("name" = String, Path, description = "The policy's name"), VersionQuery),
    responses((status = 200, description = "One page", body = PolicyVersions)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn versions(
    State(app): State<App>,
    _: ToRead,
    Path(name): Path<String>,
    Params(query): Params<VersionQuery>,
) -> Result<Answer<PolicyVersions>, Problem> {
    let mut faults = Faults::default();
    let limit = cursor::limit(&mut faults, query.limit.as_deref());
    let before = cursor::decode(&mut faults, 'p', query.cursor.as_deref());
    let before = faults.parse("cursor", before.as_deref());
    faults.into_result()?;
    let page = app
        .registrar()
        .policy_versions(&name, before, limit)
        .await?;
    Ok(Answer(PolicyVersions {
        items: page.items.iter().map(PolicyView::of).collect(),
        cursor: page.next.map(|version| cursor::encode('p', &version)),
    }))
}

/// Go back to an earlier version
///
/// Makes a new version with the document of the old one. Also brings back a deleted policy.
#[utoipa::path(
    post, path = "/v1/policies/{name}/revert", tag = "policies", request_body = Revert,
    params(("name" = String, Path, description = "The policy's name")),
    responses((status = 200, description = "The policy", body = PolicyView)),
    security(("bearer" = ["admin"])),
)]
async fn revert(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Json(body): Json<Revert>,
) -> Result<Answer<PolicyView>, Problem> {
    let registrar = app.registrar();
    let policy = registrar
        .revert_policy(&caller, &name, body.version, body.reason)
        .await?;
    Ok(Answer(PolicyView::of(&policy)))
}

/// Say what would happen to a message, and why
///
/// Every rule that is looked at, with what it says. Nothing is sent or changed.
#[utoipa::path(
    post, path = "/v1/policies/simulate", tag = "policies", request_body = SimulateBody,
    responses((status = 200, description = "What would happen", body = SimulatedView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn simulate(
    State(app): State<App>,
    _: ToRead,
    Json(body): Json<SimulateBody>,
) -> Result<Answer<SimulatedView>, Problem> {
    let simulated = app.engine.simulate(&body.into_request()).await?;
    Ok(Answer(SimulatedView::of(simulated)))
}

/// Say what a policy would have done to what was sent
///
/// Plays the deliveries of a period once more under a policy, or a changed one. Nothing is sent or
/// changed.
#[utoipa::path(
    post, path = "/v1/policies/preview", tag = "policies", request_body = PreviewBody,
    responses((status = 200, description = "What it would have done", body = PreviewView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn try_out(
    State(app): State<App>,
    _: ToRead,
    Json(body): Json<PreviewBody>,
) -> Result<Answer<PreviewView>, Problem> {
    let preview = app.engine.preview_policy(&body.into_trial()).await?;
    Ok(Answer(PreviewView::of(preview)))
}
