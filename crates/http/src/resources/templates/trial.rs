//! Templates tried out: on screen, side by side, and on people who agreed to it.

use std::collections::{BTreeMap, BTreeSet};

use austin_domain::template::diff::Difference;
use austin_engine::manage::{Comparison, PreviewRequest};
use austin_engine::send::SendAnswer;
use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToAny};
use crate::app::App;
use crate::faults::Faults;
use crate::json::{Json, OptionalJson};
use crate::problem::Problem;
use crate::query::Params;
use crate::resources::messages;

use super::request::{DiffQuery, PeopleBody, PreviewVars, TestBody};
use super::view::PreviewView;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(diff))
        .routes(routes!(test))
        .routes(routes!(test_people))
        .routes(routes!(put_test_people))
}

/// Preview a template
///
/// Renders with the given values, or with the examples of the template, in the given language.
/// Nothing is sent. For SMS it counts the segments per signature and rule; where an account's
/// vendor states a list price, it says what one message costs.
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
        locale: body.locale,
    };
    let preview = app.registrar().preview(&key, region, &request)?;
    Ok(Answer(PreviewView::of(preview)))
}

/// Compare two versions
///
/// Field by field; texts as the lines of a unified diff. Without `from` and `to`: the current
/// version with the newest.
#[utoipa::path(
    get, path = "/v1/templates/{key}/diff", tag = "templates",
    params(("key" = String, Path, description = "The template's key"), DiffQuery),
    responses((status = 200, description = "What differs", body = DiffView)),
    security(("bearer" = ["admin", "sender", "reader"])),
)]
async fn diff(
    State(app): State<App>,
    _: ToAny,
    Path(key): Path<String>,
    Params(query): Params<DiffQuery>,
) -> Result<Answer<DiffView>, Problem> {
    let mut faults = Faults::default();
    let from = faults.parse("from", query.from.as_deref());
    let to = faults.parse("to", query.to.as_deref());
    faults.into_result()?;
    let comparison = app.registrar().compare(&key, from, to)?;
    Ok(Answer(DiffView::of(comparison)))
}

/// Send a test
///
/// Tries a version out, live or not, on somebody of the list of the template's team
/// (`/v1/test-people`). The delivery is marked as a test and does not count as use.
#[utoipa::path(
    post, path = "/v1/templates/{key}/test", tag = "templates", request_body = TestBody,
    params(("key" = String, Path, description = "The template's key")),
    responses((
        status = 202, description = "Durable; as the answer to a message",
        body = messages::MessageAnswer,
    )),
    security(("bearer" = ["admin"])),
)]
async fn test(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    Json(body): Json<TestBody>,
) -> Result<Response, Problem> {
    let answer: SendAnswer = app.engine.test(&caller, &key, body.into_request()).await?;
    let written = messages::written(&answer);
    let json = [(CONTENT_TYPE, "application/json")];
    Ok((StatusCode::ACCEPTED, json, written).into_response())
}

/// List the people that templates may be tried out on
#[utoipa::path(
    get, path = "/v1/test-people", tag = "templates",
    responses((status = 200, description = "By team", body = PeopleList)),
    security(("bearer" = ["admin"])),
)]
async fn test_people(State(app): State<App>, _: ToAdmin) -> Answer<PeopleList> {
    let teams = app.registrar().all_test_people().into_iter();
    Answer(PeopleList {
        teams: teams
            .map(|(team, people)| (team, BTreeSet::clone(&people)))
            .collect(),
    })
}

/// Set the people that a team's templates may be tried out on
#[utoipa::path(
    put, path = "/v1/test-people/{team}", tag = "templates", request_body = PeopleBody,
    params(("team" = String, Path, description = "The team")),
    responses((status = 200, description = "The team's list", body = PeopleView)),
    security(("bearer" = ["admin"])),
)]
async fn put_test_people(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(team): Path<String>,
    Json(body): Json<PeopleBody>,
) -> Result<Answer<PeopleView>, Problem> {
    let region = app.engine.parts().config.default_region.as_deref();
    let people = app
        .registrar()
        .put_test_people(&caller, (&team, body.people), region, body.reason)
        .await?;
    Ok(Answer(PeopleView {
        team,
        people: BTreeSet::clone(&people),
    }))
}

/// The people that templates may be tried out on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestPeopleList)]
struct PeopleList {
    /// Canonical addresses by team.
    teams: BTreeMap<String, BTreeSet<String>>,
}

/// The people that a team's templates may be tried out on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestPeople)]
struct PeopleView {
    team: String,
    /// Canonical addresses.
    people: BTreeSet<String>,
}

/// What two versions say differently.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateDiff)]
struct DiffView {
    from: u32,
    to: u32,
    /// By field; empty when they say the same.
    changes: Vec<ChangeView>,
}

/// One field that differs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateChange)]
struct ChangeView {
    /// JSON pointer.
    #[schema(example = "/content/text")]
    field: String,
    /// What it was; `null` where it was not there.
    before: Option<Value>,
    /// What it is; `null` where it is gone.
    after: Option<Value>,
    /// Of texts: the lines of a unified diff.
    #[schema(example = json!(["@@ -1 +1 @@", "-Hello {{name}}", "+Hi {{name}}"]))]
    lines: Vec<String>,
}

impl DiffView {
    fn of(comparison: Comparison) -> Self {
        let change = |difference: Difference| ChangeView {
            field: difference.field,
            before: difference.before,
            after: difference.after,
            lines: difference.lines,
        };
        Self {
            from: comparison.from,
            to: comparison.to,
            changes: comparison.differences.into_iter().map(change).collect(),
        }
    }
}
