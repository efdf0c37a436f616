//! `/v1/calendars`: holidays, and weekend days that work, that quiet hours name.

use austin_ports::catalog::{AuditEntry, CalendarEntry};
use axum::Json as Answer;
use axum::extract::{Path, Request, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit::AuditView;
use super::word_lists;
use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::body;
use crate::instant::Instant;
use crate::json::OptionalJson;
use crate::problem::{Code, Problem};
use crate::query::Params;

/// Past changes shown with a calendar.
const HISTORY: usize = 50;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
}

/// Parameters beside a calendar.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PutQuery {
    /// Why, for people who read the audit trail; at most 128 characters.
    reason: Option<String>,
}

/// Why, for people who read the audit trail.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CalendarDeletion)]
struct Why {
    /// At most 128 characters.
    reason: Option<String>,
}

/// A calendar without its days.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Calendar)]
struct CalendarView {
    #[schema(example = "cn-2026")]
    name: String,
    /// Counts its changes, from 1.
    version: u32,
    /// How many days it lists.
    days: usize,
    /// The last of them; after it every week is as any other.
    #[schema(example = "2026-10-10")]
    last: Option<String>,
    author: String,
    reason: Option<String>,
    updated_at: Instant,
}

/// All calendars.
#[derive(Debug, Serialize, ToSchema)]
struct CalendarList {
    items: Vec<CalendarView>,
}

/// A calendar with its days and its past.
#[derive(Debug, Serialize, ToSchema)]
struct CalendarWithDays {
    #[serde(flatten)]
    calendar: CalendarView,
    /// `closed` and `working` days, one by one; can be sent again as it is.
    #[schema(example = json!({"closed": ["2026-10-01"], "working": ["2026-10-10"]}))]
    document: Value,
    /// Past changes, newest first.
    history: Vec<AuditView>,
}

impl CalendarView {
    fn of(entry: &CalendarEntry) -> Self {
        Self {
            name: entry.name.clone(),
            version: entry.version,
            days: entry.calendar.len(),
            last: entry.calendar.last(),
            author: entry.author.clone(),
            reason: entry.reason.clone(),
            updated_at: entry.updated_at.into(),
        }
    }
}

/// List calendars
#[utoipa::path(
    get, path = "/v1/calendars", tag = "policies",
    responses((status = 200, description = "All calendars, without their days",
               body = CalendarList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<CalendarList> {
    let calendars = app.registrar().calendars();
    let items = calendars.iter().map(|entry| CalendarView::of(entry));
    Answer(CalendarList {
        items: items.collect(),
    })
}

/// Read a calendar with its days and history
#[utoipa::path(
    get, path = "/v1/calendars/{name}", tag = "policies",
    params(("name" = String, Path, description = "The calendar's name")),
    responses((status = 200, description = "The calendar", body = CalendarWithDays)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    _: ToRead,
    Path(name): Path<String>,
) -> Result<Answer<CalendarWithDays>, Problem> {
    let entry = app.registrar().calendar(&name)?;
    let subject = format!("calendar/{name}");
    let history = app.registrar().list_history(&subject, HISTORY).await?;
    Ok(Answer(CalendarWithDays {
        calendar: CalendarView::of(&entry),
        document: entry.calendar.to_json(),
        history: history.into_iter().map(AuditEntry::into).collect(),
    }))
}

/// Set a calendar
///
/// The whole calendar, as JSON or as an iCalendar file, of which the days are kept. It takes the
/// place of the former one for everything that is judged from then on. Anything wrong in it keeps all
/// of it from being taken.
#[utoipa::path(
    put, path = "/v1/calendars/{name}", tag = "policies",
    request_body(content((Value = "application/json"), (String = "text/calendar"))),
    params(("name" = String, Path, description = "1–64 of `a-z 0-9 - _ .`"), PutQuery),
    responses((status = 200, description = "The calendar", body = CalendarView)),
    security(("bearer" = ["admin"])),
)]
async fn put(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Params(query): Params<PutQuery>,
    request: Request,
) -> Result<Answer<CalendarView>, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = body::collect(&parts.headers, body, &app.options).await?;
    if body::media_type(&parts.headers) != "text/calendar" {
        body::require_json(&parts.headers).map_err(|_| {
            let detail = "send the calendar as application/json or text/calendar";
            Problem::new(Code::UnsupportedMediaType, detail)
        })?;
    }
    // Which of both it is shows from its first words.
    let text = word_lists::text(&bytes)?;
    let entry = app
        .registrar()
        .put_calendar(&caller, &name, text, query.reason)
        .await?;
    Ok(Answer(CalendarView::of(&entry)))
}

/// Delete a calendar
///
/// Refused while the quiet hours of a policy or a template name it.
#[utoipa::path(
    delete, path = "/v1/calendars/{name}", tag = "policies", request_body = Option<Why>,
    params(("name" = String, Path, description = "The calendar's name")),
    responses((status = 204, description = "Gone")),
    security(("bearer" = ["admin"])),
)]
async fn delete(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    OptionalJson(why): OptionalJson<Why>,
) -> Result<StatusCode, Problem> {
    app.registrar()
        .delete_calendar(&caller, &name, why.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
