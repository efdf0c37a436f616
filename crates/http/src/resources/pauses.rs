//! Pausing and resuming templates, teams and lanes.

use austin_domain::{Channel, Class, Lane};
use austin_ports::catalog::{Pause, PauseOf, Snapshot};
use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::instant::Instant;
use crate::json::OptionalJson;
use crate::problem::{Code, Problem};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(pause_template))
        .routes(routes!(resume_template))
        .routes(routes!(pause_team))
        .routes(routes!(resume_team))
        .routes(routes!(pause_lane))
        .routes(routes!(resume_lane))
}

/// Why, and until when.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PauseRequest {
    /// For people; one line of at most 200 characters.
    reason: Option<String>,
    /// When it ends by itself.
    until: Option<Instant>,
}

/// Something that is paused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pause)]
struct PauseView {
    /// `template`, `team` or `lane`.
    kind: &'static str,
    /// The template's key, the team, or the lane as `channel.class`.
    #[schema(example = "sms.marketing")]
    name: String,
    /// Since when.
    at: Instant,
    /// When it ends by itself.
    until: Option<Instant>,
    author: String,
    reason: Option<String>,
}

/// What is paused now.
#[derive(Debug, Serialize, ToSchema)]
struct PauseList {
    items: Vec<PauseView>,
}

impl PauseView {
    fn of(snapshot: &Snapshot, of: &PauseOf, pause: &Pause) -> Self {
        let (kind, name) = match of {
            PauseOf::Template(id) => {
                let entry = snapshot.templates.get(id);
                let key = entry.map(|entry| entry.template.key.clone());
                ("template", key.unwrap_or_else(|| id.to_string()))
            }
            PauseOf::Team(team) => ("team", team.clone()),
            PauseOf::Lane(lane) => ("lane", lane.to_string()),
        };
        Self {
            kind,
            name,
            at: pause.at.into(),
            until: pause.until.map(Into::into),
            author: pause.author.clone(),
            reason: pause.reason.clone(),
        }
    }
}

fn all(app: &App) -> Answer<PauseList> {
    let (snapshot, now) = (app.snapshot(), app.engine.parts().clock.now());
    let mut pauses: Vec<_> = snapshot.pauses.keys().collect();
    pauses.sort();
    let lasting = pauses.into_iter().filter_map(|of| {
        let pause = snapshot.pause(of, now)?;
        Some(PauseView::of(&snapshot, of, pause))
    });
    Answer(PauseList {
        items: lasting.collect(),
    })
}

/// List what is paused
#[utoipa::path(
    get, path = "/v1/pauses", tag = "lanes",
    responses((status = 200, description = "What is paused now", body = PauseList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<PauseList> {
    all(&app)
}

type Paused = Result<Answer<PauseList>, Problem>;

/// Pause a template
///
/// Its deliveries are held, with the reason; new messages are still accepted. What is in the hands
/// of a vendor goes on.
#[utoipa::path(
    post, path = "/v1/templates/{key}/pause", tag = "templates",
    request_body = Option<PauseRequest>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "What is paused now", body = PauseList)),
    security(("bearer" = ["admin"])),
)]
async fn pause_template(
    State(app): State<App>,
    access: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<PauseRequest>,
) -> Paused {
    let of = PauseOf::Template(app.registrar().template(&key)?.template.id);
    pause(&app, access, of, body).await
}

/// Resume a template
///
/// What was held goes out in the order it was accepted.
#[utoipa::path(
    post, path = "/v1/templates/{key}/resume", tag = "templates",
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "What is paused now", body = PauseList)),
    security(("bearer" = ["admin"])),
)]
async fn resume_template(
    State(app): State<App>,
    access: ToAdmin,
    Path(key): Path<String>,
) -> Paused {
    let of = PauseOf::Template(app.registrar().template(&key)?.template.id);
    resume(&app, access, of).await
}

/// Pause a team
///
/// As pausing each of its templates.
#[utoipa::path(
    post, path = "/v1/teams/{team}/pause", tag = "templates",
    request_body = Option<PauseRequest>,
    params(("team" = String, Path, description = "The team")),
    responses((status = 200, description = "What is paused now", body = PauseList)),
    security(("bearer" = ["admin"])),
)]
async fn pause_team(
    State(app): State<App>,
    access: ToAdmin,
    Path(team): Path<String>,
    OptionalJson(body): OptionalJson<PauseRequest>,
) -> Paused {
    let of = known_team(&app, team)?;
    pause(&app, access, of, body).await
}

/// Resume a team
#[utoipa::path(
    post, path = "/v1/teams/{team}/resume", tag = "templates",
    params(("team" = String, Path, description = "The team")),
    responses((status = 200, description = "What is paused now", body = PauseList)),
    security(("bearer" = ["admin"])),
)]
async fn resume_team(State(app): State<App>, access: ToAdmin, Path(team): Path<String>) -> Paused {
    let of = known_team(&app, team)?;
    resume(&app, access, of).await
}

/// Pause a lane and its route
///
/// Nothing is taken from it; its deliveries keep their places.
#[utoipa::path(
    post, path = "/v1/lanes/{channel}/{class}/pause", tag = "lanes",
    request_body = Option<PauseRequest>,
    params(
        ("channel" = String, Path, description = "Channel, e.g. `sms`"),
        ("class" = String, Path, description = "Class, e.g. `marketing`"),
    ),
    responses((status = 200, description = "What is paused now", body = PauseList)),
    security(("bearer" = ["admin"])),
)]
async fn pause_lane(
    State(app): State<App>,
    access: ToAdmin,
    Path(lane): Path<(String, String)>,
    OptionalJson(body): OptionalJson<PauseRequest>,
) -> Paused {
    let of = PauseOf::Lane(known_lane(&lane)?);
    pause(&app, access, of, body).await
}

/// Resume a lane
#[utoipa::path(
    post, path = "/v1/lanes/{channel}/{class}/resume", tag = "lanes",
    params(
        ("channel" = String, Path, description = "Channel, e.g. `sms`"),
        ("class" = String, Path, description = "Class, e.g. `marketing`"),
    ),
    responses((status = 200, description = "What is paused now", body = PauseList)),
    security(("bearer" = ["admin"])),
)]
async fn resume_lane(
    State(app): State<App>,
    access: ToAdmin,
    Path(lane): Path<(String, String)>,
) -> Paused {
    let of = PauseOf::Lane(known_lane(&lane)?);
    resume(&app, access, of).await
}

async fn pause(
    app: &App,
    ToAdmin { caller, .. }: ToAdmin,
    of: PauseOf,
    body: PauseRequest,
) -> Paused {
    let given = (body.reason, body.until.map(|until| until.0));
    app.engine.pause(&caller, of, given).await?;
    Ok(all(app))
}

async fn resume(app: &App, ToAdmin { caller, .. }: ToAdmin, of: PauseOf) -> Paused {
    app.engine.resume(&caller, of).await?;
    Ok(all(app))
}

/// A team that somebody belongs to: a typing mistake must not look like a pause.
fn known_team(app: &App, team: String) -> Result<PauseOf, Problem> {
    let snapshot = app.snapshot();
    let of_templates = snapshot
        .templates
        .values()
        .map(|entry| &entry.template.owner.team);
    let of_apps = snapshot.apps.values().map(|app| &app.team);
    if of_templates.chain(of_apps).any(|known| *known == team) {
        return Ok(PauseOf::Team(team));
    }
    let detail = "no template and no app belongs to a team of this name";
    Err(Problem::new(Code::NotFound, detail))
}

fn known_lane((channel, class): &(String, String)) -> Result<Lane, Problem> {
    match (channel.parse::<Channel>(), class.parse::<Class>()) {
        (Ok(channel), Ok(class)) => Ok(Lane { channel, class }),
        (Err(error), _) | (_, Err(error)) => Err(Problem::new(Code::NotFound, error.to_string())),
    }
}
