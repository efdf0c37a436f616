//! `/u/…`: the unsubscribe link of an e-mail (RFC 8058).
//!
//! Open to everybody: the link is signed and can do one thing. Mailbox providers POST to it; people
//! come with a browser, and what only looks at links (scanners, previews) changes nothing by it.

mod page;

use austin_engine::{Refusal, RefusalCode};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    VARY, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::service::AsItIs;

use page::{Language, Page};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(look, unsubscribe))
}

/// Ask whether to unsubscribe
///
/// A page with a button. Changes nothing. In Chinese or English, by `Accept-Language`.
#[utoipa::path(
    get, path = "/u/{token}", tag = "suppressions",
    params(("token" = String, Path, description = "As the e-mail carries it")),
    responses(
        (status = 200, description = "The page", content_type = "text/html", body = String),
        (status = 404, description = "No such link: a page", content_type = "text/html",
         body = String),
        (status = 410, description = "The mail is too old: a page", content_type = "text/html",
         body = String),
    ),
)]
async fn look(State(app): State<App>, headers: HeaderMap, Path(token): Path<String>) -> Response {
    let language = language(&headers);
    let page = match app.engine.unsubscribe_link(&token).await {
        Ok(link) if link.done => Page::Done(link.to),
        Ok(link) => Page::Ask(link.to),
        Err(refusal) => refused(&refusal),
    };
    show(&page, language)
}

/// Unsubscribe with one click
///
/// What a mailbox provider posts (`List-Unsubscribe=One-Click`), and the button of the page. The
/// body is not looked at. Doing it again changes nothing.
#[utoipa::path(
    post, path = "/u/{token}", tag = "suppressions",
    params(("token" = String, Path, description = "As the e-mail carries it")),
    responses(
        (status = 200, description = "Unsubscribed: a page", content_type = "text/html",
         body = String),
        (status = 404, description = "No such link: a page", content_type = "text/html",
         body = String),
        (status = 410, description = "The mail is too old: a page", content_type = "text/html",
         body = String),
    ),
)]
async fn unsubscribe(
    State(app): State<App>,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Response {
    let page = match app.engine.unsubscribe(&token).await {
        Ok(link) => Page::Done(link.to),
        Err(refusal) => refused(&refusal),
    };
    show(&page, language(&headers))
}

fn refused(refusal: &Refusal) -> Page {
    match refusal.code {
        RefusalCode::NotFound => Page::Unknown,
        RefusalCode::Conflict => Page::Gone,
        _ => Page::Unavailable,
    }
}

/// Chinese where it is wanted before English, or nothing is said.
fn language(headers: &HeaderMap) -> Language {
    let wanted = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    wanted.map_or(Language::Chinese, Language::of)
}

fn show(page: &Page, language: Language) -> Response {
    let status = match page {
        Page::Ask(_) | Page::Done(_) => StatusCode::OK,
        Page::Unknown => StatusCode::NOT_FOUND,
        Page::Gone => StatusCode::GONE,
        Page::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = (status, page.html(language)).into_response();
    let headers = response.headers_mut();
    let policy = HeaderValue::from_str(&page::content_security_policy());
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_LANGUAGE, language.tag()),
        (VARY, "accept-language"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = policy {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    // A page, also where it is a refusal.
    response.extensions_mut().insert(AsItIs);
    response
}
