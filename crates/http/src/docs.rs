//! `/openapi.json` and `/docs`: the API described, and a page that reads the description.
//!
//! The page is one file without anything from elsewhere, under a content policy that allows
//! exactly its own style and script by their digests.

use std::sync::OnceLock;

use aws_lc_rs::digest;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::openapi::openapi;

const PAGE: &str = include_str!("docs/page.html");
const STYLE: &str = include_str!("docs/page.css");
const SCRIPT: &str = include_str!("docs/page.js");

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(document))
        .routes(routes!(page))
}

/// This document
///
/// Open to everybody: it says nothing about this installation.
#[utoipa::path(
    get, path = "/openapi.json", tag = "about",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")),
)]
async fn document() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let document = DOCUMENT.get_or_init(openapi).as_str();
    let json = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, json)], document).into_response()
}

/// This document as a page
///
/// Open to everybody: it says nothing about this installation.
#[utoipa::path(
    get, path = "/docs", tag = "about",
    responses((status = 200, description = "The page", content_type = "text/html", body = String)),
)]
async fn page() -> Response {
    static BUILT: OnceLock<(String, HeaderValue)> = OnceLock::new();
    let (page, policy) = BUILT.get_or_init(|| (whole(), policy()));
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (CONTENT_SECURITY_POLICY, policy.clone()),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, page.as_str()).into_response()
}

fn whole() -> String {
    PAGE.replace("/*style*/", STYLE)
        .replace("/*script*/", SCRIPT)
}

fn policy() -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        sha256(STYLE),
        sha256(SCRIPT)
    );
    // Base64 and the words above are valid in a header; without a policy nothing would be allowed.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn sha256(text: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_what_its_policy_allows_and_nothing_else() {
        let page = whole();
        assert!(page.contains(STYLE) && page.contains(SCRIPT));
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("<style").count(), 1);
        // Inline handlers, inline styles and foreign hosts would be blocked.
        for forbidden in [" onclick=", " style=", "http://", "https://", "innerHTML"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(policy().to_str().unwrap().contains("script-src 'sha256-"));
    }
}
