//! `/v1/word-lists`: words that no text may have whose policy names the list.

mod body;

use austin_engine::manage::WordListDraft;
use austin_ports::catalog::AuditEntry;
use axum::Json as Answer;
use axum::extract::{Path, Request, State};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::json::{Json, OptionalJson};
use crate::problem::Problem;
use crate::query::Params;

pub(super) use body::text;
use body::{
    PutQuery, SampleBody, SampleView, Why, WordListBody, WordListList, WordListView,
    WordListWithWords,
};

/// Past changes shown with a list.
const HISTORY: usize = 50;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
        .routes(routes!(check))
}

/// List word lists
#[utoipa::path(
    get, path = "/v1/word-lists", tag = "policies",
    responses((status = 200, description = "All word lists, without their words",
               body = WordListList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<WordListList> {
    let lists = app.registrar().word_lists();
    Answer(WordListList {
        items: lists.iter().map(|list| WordListView::of(list)).collect(),
    })
}

/// Read a word list with its history
///
/// Admins see its words, too.
#[utoipa::path(
    get, path = "/v1/word-lists/{name}", tag = "policies",
    params(("name" = String, Path, description = "The list's name")),
    responses((status = 200, description = "The list", body = WordListWithWords)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    ToRead { caller, .. }: ToRead,
    Path(name): Path<String>,
) -> Result<Answer<WordListWithWords>, Problem> {
    let list = app.registrar().word_list(&name)?;
    let subject = format!("word-list/{name}");
    let history = app.registrar().list_history(&subject, HISTORY).await?;
    let history = history.into_iter().map(AuditEntry::into).collect();
    Ok(Answer(WordListWithWords::of(&list, caller.role, history)))
}

/// Set a word list
///
/// The whole list, as text with one word a line (`#` begins a comment) or as JSON. It is compiled
/// first and then takes the place of the former one, for everything that is checked from then on. A
/// line that cannot be used keeps the whole list from being taken.
#[utoipa::path(
    put, path = "/v1/word-lists/{name}", tag = "policies",
    request_body(content((WordListBody = "application/json"), (String = "text/plain"))),
    params(("name" = String, Path, description = "1–64 of `a-z 0-9 - _ .`"), PutQuery),
    responses((status = 200, description = "The list", body = WordListView)),
    security(("bearer" = ["admin"])),
)]
async fn put(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Params(query): Params<PutQuery>,
    request: Request,
) -> Result<Answer<WordListView>, Problem> {
    let draft: WordListDraft = body::read(&app, query, request).await?;
    let list = app.registrar().put_word_list(&caller, &name, draft).await?;
    Ok(Answer(WordListView::of(&list)))
}

/// Delete a word list
///
/// Refused while a policy or a template names it.
#[utoipa::path(
    delete, path = "/v1/word-lists/{name}", tag = "policies", request_body = Option<Why>,
    params(("name" = String, Path, description = "The list's name")),
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
        .delete_word_list(&caller, &name, why.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try a word list on a text
///
/// Nothing is sent or kept.
#[utoipa::path(
    post, path = "/v1/word-lists/{name}/check", tag = "policies", request_body = SampleBody,
    params(("name" = String, Path, description = "The list's name")),
    responses((status = 200, description = "The words that the text has", body = SampleView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn check(
    State(app): State<App>,
    _: ToRead,
    Path(name): Path<String>,
    Json(body): Json<SampleBody>,
) -> Result<Answer<SampleView>, Problem> {
    let found = app.registrar().try_word_list(&name, &body.text)?;
    Ok(Answer(found.into_iter().collect()))
}
