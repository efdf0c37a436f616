//! `/v1/receipts`: vendor callbacks, in the vendor's own format and with its own proof of origin.

use austin_adapter_api::{Inbound, Refused};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::body;
use crate::problem::{Code, Problem};
use crate::service::AsItIs;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post_signed, get_signed))
        .routes(routes!(post_with_token, get_with_token))
}

/// Take receipts that carry their own proof of origin
///
/// Body and answer are the vendor's. No API key: the adapter checks the vendor's signature.
#[utoipa::path(
    post, path = "/v1/receipts/{account}", tag = "receipts",
    params(("account" = String, Path, description = "The account's key")),
    responses((status = 200, description = "What the vendor expects, once they are durable")),
)]
async fn post_signed(
    State(app): State<App>,
    Path(account): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&app, &account, None, request).await
}

/// Take receipts that a vendor sends by GET
#[utoipa::path(
    get, path = "/v1/receipts/{account}", tag = "receipts",
    params(("account" = String, Path, description = "The account's key")),
    responses((status = 200, description = "What the vendor expects, once they are durable")),
)]
async fn get_signed(
    State(app): State<App>,
    Path(account): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&app, &account, None, request).await
}

/// Take receipts that prove nothing
///
/// The account's secret token in the path stands for the missing proof.
#[utoipa::path(
    post, path = "/v1/receipts/{account}/{token}", tag = "receipts",
    params(
        ("account" = String, Path, description = "The account's key"),
        ("token" = String, Path, description = "The account's receipt token"),
    ),
    responses((status = 200, description = "What the vendor expects, once they are durable")),
)]
async fn post_with_token(
    State(app): State<App>,
    Path((account, token)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&app, &account, Some(&token), request).await
}

/// Take receipts that a vendor sends by GET and that prove nothing
#[utoipa::path(
    get, path = "/v1/receipts/{account}/{token}", tag = "receipts",
    params(
        ("account" = String, Path, description = "The account's key"),
        ("token" = String, Path, description = "The account's receipt token"),
    ),
    responses((status = 200, description = "What the vendor expects, once they are durable")),
)]
async fn get_with_token(
    State(app): State<App>,
    Path((account, token)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&app, &account, Some(&token), request).await
}

async fn receive(
    app: &App,
    account: &str,
    token: Option<&str>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = body::collect(&parts.headers, body, &app.options).await?;
    let inbound = Inbound {
        url: url(app, &parts),
        method: parts.method,
        headers: parts.headers,
        body,
    };
    let receipts = app
        .engine
        .receive(account, token, inbound)
        .await
        .map_err(refused)?;
    let mut response = (receipts.status, receipts.body).into_response();
    let content_type = HeaderValue::from_static(receipts.content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    // The vendor's answer stands as the adapter wrote it, whatever its status.
    response.extensions_mut().insert(AsItIs);
    Ok(response)
}

/// The URL as the vendor knows it: signatures cover it.
fn url(app: &App, parts: &Parts) -> String {
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |path_and_query| path_and_query.as_str());
    match &app.options.public_url {
        Some(base) => format!("{}{path}", base.trim_end_matches('/')),
        None => {
            let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
            format!("http://{}{path}", host.unwrap_or("localhost"))
        }
    }
}

fn refused(refused: Refused) -> Problem {
    let code = match refused.status {
        StatusCode::NOT_FOUND => Code::NotFound,
        status if status.is_server_error() => Code::Unavailable,
        _ => Code::ReceiptRefused,
    };
    Problem::new(code, refused.detail).with_status(refused.status)
}
