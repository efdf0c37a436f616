//! Who calls a template, how much and since when.

use austin_domain::AppId;
use austin_engine::Use;
use austin_ports::catalog::Snapshot;
use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::ToRead;
use crate::app::App;
use crate::instant::Instant;
use crate::problem::Problem;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(callers))
}

/// Who calls a template
///
/// Per app, over the whole life of the template; tests do not count.
#[utoipa::path(
    get, path = "/v1/templates/{key}/callers", tag = "templates",
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The apps, most messages first", body = CallerList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn callers(
    State(app): State<App>,
    _: ToRead,
    Path(key): Path<String>,
) -> Result<Answer<CallerList>, Problem> {
    let entry = app.registrar().template(&key)?;
    let (uses, complete) = app.engine.callers(entry.template.id);
    let snapshot = app.snapshot();
    let mut items: Vec<_> = uses
        .into_iter()
        .map(|(id, used)| CallerView::of(&snapshot, id, used))
        .collect();
    items.sort_by(|a, b| b.messages.cmp(&a.messages).then(a.app.cmp(&b.app)));
    Ok(Answer(CallerList { items, complete }))
}

/// The apps that call a template.
#[derive(Debug, Serialize, ToSchema)]
struct CallerList {
    /// Most messages first.
    items: Vec<CallerView>,
    /// `false` for a moment after a start, while what came last before it is counted again.
    complete: bool,
}

/// An app and how much it uses a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateCaller)]
struct CallerView {
    app: String,
    /// The app's team.
    team: String,
    /// Messages accepted.
    messages: u64,
    /// Recipients accepted, each as often as it was written to.
    people: u64,
    first_used_at: Instant,
    last_used_at: Instant,
}

impl CallerView {
    fn of(snapshot: &Snapshot, id: AppId, used: Use) -> Self {
        let app = snapshot.apps.get(&id);
        Self {
            app: app.map_or_else(|| id.to_string(), |app| app.name.clone()),
            team: app.map(|app| app.team.clone()).unwrap_or_default(),
            messages: used.messages,
            people: used.people,
            first_used_at: used.first.into(),
            last_used_at: used.last.into(),
        }
    }
}
