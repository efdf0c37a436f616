//! `/v1/accounts`: vendor accounts. Secrets go in and never come out.

mod body;
mod health;

use std::sync::Arc;

use austin_engine::manage::AccountList;
use austin_ports::catalog::AccountRecord;
use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::cursor;
use crate::faults::Faults;
use crate::json::Json;
use crate::problem::Problem;
use crate::query::Params;

use body::{AccountBody, AccountPage, AccountQuery, AccountView, SteerBody};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .merge(health::router())
        .routes(routes!(steer, unsteer))
}

type Answered = Result<Answer<AccountView>, Problem>;

/// Make an account
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", request_body = AccountBody,
    responses((status = 201, description = "Made", body = AccountView)),
    security(("bearer" = ["admin"])),
)]
async fn create(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Json(body): Json<AccountBody>,
) -> Result<Response, Problem> {
    let made = app
        .registrar()
        .create_account(&caller, body.into_draft())
        .await?;
    let view = AccountView::of(&app, &caller, &made);
    Ok((StatusCode::CREATED, Answer(view)).into_response())
}

/// List accounts
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts", params(AccountQuery),
    responses((status = 200, description = "One page, by key", body = AccountPage)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(
    State(app): State<App>,
    ToRead { caller, .. }: ToRead,
    Params(query): Params<AccountQuery>,
) -> Result<Answer<AccountPage>, Problem> {
    let mut faults = Faults::default();
    let list = AccountList {
        channel: faults.parse("channel", query.channel.as_deref()),
        adapter: query.adapter,
        after: cursor::decode(&mut faults, 'a', query.cursor.as_deref()),
        limit: cursor::limit(&mut faults, query.limit.as_deref()),
    };
    faults.into_result()?;
    let page = app.registrar().accounts(&list);
    let view = |account: &Arc<AccountRecord>| AccountView::of(&app, &caller, account);
    Ok(Answer(AccountPage {
        items: page.items.iter().map(view).collect(),
        cursor: page.next.map(|key| cursor::encode('a', &key)),
    }))
}

/// Read an account
#[utoipa::path(
    get, path = "/v1/accounts/{key}", tag = "accounts",
    params(("key" = String, Path, description = "The account's key")),
    responses((status = 200, description = "The account", body = AccountView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    ToRead { caller, .. }: ToRead,
    Path(key): Path<String>,
) -> Answered {
    let account = app.registrar().account(&key)?;
    Ok(Answer(AccountView::of(&app, &caller, &account)))
}

/// Replace an account
///
/// Settings, tags and limits are replaced; secrets that are not named stay as they are.
#[utoipa::path(
    put, path = "/v1/accounts/{key}", tag = "accounts", request_body = AccountBody,
    params(("key" = String, Path, description = "The account's key")),
    responses((status = 200, description = "The account", body = AccountView)),
    security(("bearer" = ["admin"])),
)]
async fn replace(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    Json(body): Json<AccountBody>,
) -> Answered {
    let account = app
        .registrar()
        .replace_account(&caller, &key, body.into_draft())
        .await?;
    Ok(Answer(AccountView::of(&app, &caller, &account)))
}

/// Delete an account
///
/// Refused while a route names it, or a tag that only it carries. Evidence keeps naming it.
#[utoipa::path(
    delete, path = "/v1/accounts/{key}", tag = "accounts",
    params(("key" = String, Path, description = "The account's key")),
    responses((status = 204, description = "Deleted")),
    security(("bearer" = ["admin"])),
)]
async fn delete(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
) -> Result<StatusCode, Problem> {
    app.registrar().delete_account(&caller, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Enable an account
#[utoipa::path(
    post, path = "/v1/accounts/{key}/enable", tag = "accounts",
    params(("key" = String, Path, description = "The account's key")),
    responses((status = 200, description = "The account, enabled", body = AccountView)),
    security(("bearer" = ["admin"])),
)]
async fn enable(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
) -> Answered {
    let account = app.registrar().enable_account(&caller, &key).await?;
    Ok(Answer(AccountView::of(&app, &caller, &account)))
}

/// Disable an account
///
/// No further call uses it; its receipts are still taken.
#[utoipa::path(
    post, path = "/v1/accounts/{key}/disable", tag = "accounts",
    params(("key" = String, Path, description = "The account's key")),
    responses((status = 200, description = "The account, disabled", body = AccountView)),
    security(("bearer" = ["admin"])),
)]
async fn disable(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
) -> Answered {
    let account = app.registrar().disable_account(&caller, &key).await?;
    Ok(Answer(AccountView::of(&app, &caller, &account)))
}

/// Steer an account
///
/// An operator's word goes before what austin finds by itself: `open` uses the account as
/// configured, `closed` gives it nothing new. It holds until its time is over or it is taken back.
#[utoipa::path(
    post, path = "/v1/accounts/{key}/steer", tag = "accounts", request_body = SteerBody,
    params(("key" = String, Path, description = "The account's key")),
    responses((status = 200, description = "The account, steered", body = AccountView)),
    security(("bearer" = ["admin"])),
)]
async fn steer(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    Json(body): Json<SteerBody>,
) -> Answered {
    let draft = body.into_draft();
    let account = app.registrar().steer_account(&caller, &key, draft).await?;
    Ok(Answer(AccountView::of(&app, &caller, &account)))
}

/// Take the steering of an account back
///
/// Austin decides by itself again.
#[utoipa::path(
    delete, path = "/v1/accounts/{key}/steer", tag = "accounts",
    params(("key" = String, Path, description = "The account's key")),
    responses((status = 200, description = "The account", body = AccountView)),
    security(("bearer" = ["admin"])),
)]
async fn unsteer(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
) -> Answered {
    let account = app.registrar().unsteer_account(&caller, &key).await?;
    Ok(Answer(AccountView::of(&app, &caller, &account)))
}
