//! Files of suppressions: taken in pieces, read in the background.

use austin_domain::ImportId;
use austin_engine::ImportDraft;
use austin_ports::suppressions::{ImportRow, RowFault};
use axum::Json as Answer;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{ALL, ImportQuery};
use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::body;
use crate::instant::Instant;
use crate::problem::{Code, Problem};
use crate::query::Params;

/// Bytes written at a time.
const PIECE: usize = 256 * 1024;
/// Faults that are kept and shown.
const MOST_FAULTS: usize = 1_000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(import))
        .routes(routes!(progress))
}

/// How far an import has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SuppressionImport)]
struct ImportView {
    #[schema(example = "imp_04hmasw9nf6yg")]
    id: String,
    /// `receiving`, `waiting`, `running`, `done`, `failed` or `interrupted`: the process ended
    /// before the file was read; post it again.
    state: &'static str,
    /// The channel of rows that name none.
    channel: Option<&'static str>,
    /// The reason of rows that name none.
    reason: &'static str,
    author: String,
    bytes: u64,
    rows: RowsView,
    /// What ended a failed import.
    fault: Option<FaultView>,
    /// What was wrong with rows, in their order; the first 1,000.
    errors: Vec<FaultView>,
    created_at: Instant,
    ended_at: Option<Instant>,
}

/// What became of rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SuppressionImportRows)]
struct RowsView {
    read: u64,
    /// Put in force or changed.
    taken: u64,
    /// In force already.
    unchanged: u64,
    rejected: u64,
}

/// Something wrong with a row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SuppressionImportError)]
struct FaultView {
    /// From 1; the first line names the columns.
    line: u64,
    /// Empty when it is about the whole row.
    column: String,
    code: String,
    detail: String,
}

impl From<RowFault> for FaultView {
    fn from(fault: RowFault) -> Self {
        Self {
            line: fault.line,
            column: fault.column,
            code: fault.code,
            detail: fault.detail,
        }
    }
}

impl ImportView {
    fn of(row: ImportRow, errors: Vec<RowFault>) -> Self {
        Self {
            id: row.id.to_string(),
            state: row.state.as_str(),
            channel: row
                .asked
                .channel
                .map(|channel| channel.map_or(ALL, |channel| channel.as_str())),
            reason: row.asked.reason.as_str(),
            author: row.asked.author,
            bytes: row.bytes,
            rows: RowsView {
                read: row.tally.read,
                taken: row.tally.taken,
                unchanged: row.tally.unchanged,
                rejected: row.tally.rejected,
            },
            fault: row.fault.map(Into::into),
            errors: errors.into_iter().map(Into::into).collect(),
            created_at: row.created_at.into(),
            ended_at: row.ended_at.map(Instant),
        }
    }
}

/// Import suppressions
///
/// A CSV file whose first row names the columns: `to`, and where wanted `channel`, `reason`,
/// `until`, `note`; in UTF-8, GB18030 (GBK) or UTF-16. It is taken whole, then read in the
/// background; `Location` tells how far that has come. Posting a file again doubles nothing.
#[utoipa::path(
    post, path = "/v1/suppressions/import", tag = "suppressions", params(ImportQuery),
    request_body(content((String = "text/csv"))),
    responses((status = 202, description = "The file is here", body = ImportView)),
    security(("bearer" = ["admin"])),
)]
async fn import(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Params(query): Params<ImportQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    check_head(&app, &parts.headers)?;
    let draft = ImportDraft {
        channel: query.channel,
        reason: query.reason,
    };
    let id = app.engine.open_import(&caller, &draft).await?;
    // A client that goes away drops this handler: the guard ends the import.
    let guard = Incomplete {
        app: app.clone(),
        id: Some(id),
    };
    receive(&app, id, body).await?;
    guard.complete();
    app.engine.start_import(id).await?;
    let location = HeaderValue::from_str(&format!("/v1/suppressions/imports/{id}"));
    let mut answer = (StatusCode::ACCEPTED, Answer(read(&app, id).await?)).into_response();
    if let Ok(location) = location {
        answer.headers_mut().insert(LOCATION, location);
    }
    Ok(answer)
}

/// See how an import is doing
#[utoipa::path(
    get, path = "/v1/suppressions/imports/{id}", tag = "suppressions",
    params(("id" = String, Path, description = "The import's id, `imp_…`")),
    responses((status = 200, description = "How far it has come", body = ImportView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn progress(
    State(app): State<App>,
    _: ToRead,
    Path(id): Path<String>,
) -> Result<Answer<ImportView>, Problem> {
    let id = id.parse().map_err(|_| missing())?;
    read(&app, id).await.map(Answer)
}

async fn read(app: &App, id: ImportId) -> Result<ImportView, Problem> {
    let store = &app.engine.parts().suppressions;
    let row = store.import(id).await?.ok_or_else(missing)?;
    let errors = store.import_faults(id, MOST_FAULTS).await?;
    Ok(ImportView::of(row, errors))
}

fn missing() -> Problem {
    Problem::new(
        Code::NotFound,
        "there is no such import; an id has the form imp_ and 13 characters",
    )
}

fn check_head(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let kind = body::media_type(headers);
    if !matches!(&*kind, "text/csv" | "application/csv") {
        let detail = "send the file as text/csv";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let stated = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let most = app.engine.parts().config.max_import_bytes;
    match stated {
        Some(stated) if stated > most => Err(too_large(most)),
        _ => Ok(()),
    }
}

fn too_large(most: u64) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("a file of suppressions has at most {most} bytes"),
    )
}

/// Writes the body down as it comes.
async fn receive(app: &App, id: ImportId, mut body: Body) -> Result<(), Problem> {
    let store = &app.engine.parts().suppressions;
    let most = app.engine.parts().config.max_import_bytes;
    let pause = app.options.body_timeout;
    let mut piece = BytesMut::with_capacity(PIECE);
    let mut total = 0u64;
    loop {
        let frame = tokio::time::timeout(pause, body.frame()).await;
        let frame = frame.map_err(|_| {
            let seconds = pause.as_secs();
            let detail = format!("nothing of the file came for {seconds} seconds");
            Problem::new(Code::RequestTimeout, detail)
        })?;
        let Some(frame) = frame else {
            break;
        };
        let frame = frame.map_err(|error| {
            Problem::new(
                Code::MalformedRequest,
                format!("the file broke off: {error}"),
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        total += data.len() as u64;
        if total > most {
            return Err(too_large(most));
        }
        piece.extend_from_slice(&data);
        if piece.len() >= PIECE {
            store.append_import(id, piece.split().freeze()).await?;
        }
    }
    if !piece.is_empty() {
        store.append_import(id, piece.freeze()).await?;
    }
    Ok(())
}

/// Ends an import whose file did not come completely.
struct Incomplete {
    app: App,
    id: Option<ImportId>,
}

impl Incomplete {
    fn complete(mut self) {
        self.id = None;
    }
}

impl Drop for Incomplete {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let app = self.app.clone();
            tokio::spawn(async move { app.engine.abandon_import(id).await });
        }
    }
}
