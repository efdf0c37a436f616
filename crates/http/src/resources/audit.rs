//! `/v1/audit`: who changed what, and when.

mod query;

use austin_ports::catalog::AuditEntry;
use axum::Json as Answer;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::ToRead;
use crate::app::App;
use crate::cursor;
use crate::faults::Faults;
use crate::instant::Instant;
use crate::problem::Problem;
use crate::query::Params;

use query::AuditQuery;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// One past change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditView {
    at: Instant,
    /// `app/name`, or `local` for a command on the server.
    author: String,
    #[schema(example = "template/order-shipped")]
    subject: String,
    #[schema(example = "enable")]
    action: String,
    /// What it came to, without secrets.
    detail: Value,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            at: entry.at.into(),
            author: entry.author,
            subject: entry.subject,
            action: entry.action,
            detail: entry.detail,
        }
    }
}

/// Past changes.
#[derive(Debug, Serialize, ToSchema)]
struct AuditList {
    /// Newest first.
    items: Vec<AuditView>,
}

/// List past changes of what is configured
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "Newest first", body = AuditList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(
    State(app): State<App>,
    _: ToRead,
    Params(query): Params<AuditQuery>,
) -> Result<Answer<AuditList>, Problem> {
    let mut faults = Faults::default();
    let limit = cursor::limit(&mut faults, query.limit.as_deref());
    faults.into_result()?;
    let catalog = &app.engine.parts().catalog;
    let entries = catalog.history(query.subject.as_deref(), limit).await?;
    Ok(Answer(AuditList {
        items: entries.into_iter().map(Into::into).collect(),
    }))
}
