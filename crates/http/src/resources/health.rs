//! `/livez`, `/readyz`, `/metrics`: for whoever watches this process.

use austin_engine::status::Readiness;
use austin_ports::catalog::Role;
use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, FORWARDED};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::admit;
use crate::app::App;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use crate::service::{AsItIs, Peer};

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// Whether work is taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
struct ReadinessView {
    /// `ready`, `starting`, `stopping` or `refusing`.
    status: &'static str,
    /// Why not, when not.
    reason: Option<String>,
}

/// Is the process alive
#[utoipa::path(
    get, path = "/livez", tag = "health",
    responses((status = 200, description = "It is", body = String)),
)]
async fn livez() -> &'static str {
    "ok\n"
}

/// Does it take work
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "It does", body = ReadinessView),
        (status = 503, description = "It does not, and why", body = ReadinessView),
    ),
)]
async fn readyz(State(app): State<App>) -> Response {
    let (status, reason) = match app.engine.readiness() {
        Readiness::Ready => ("ready", None),
        Readiness::Starting => ("starting", Some("still recovering what was open".into())),
        Readiness::Stopping => ("stopping", Some("shutting down".into())),
        Readiness::Refusing(reason) => ("refusing", Some(reason)),
    };
    let code = match reason {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = (code, Answer(ReadinessView { status, reason })).into_response();
    response.extensions_mut().insert(AsItIs);
    response
}

/// Metrics, as OpenMetrics text
///
/// Open to this machine; elsewhere a key that may read is needed, unless `http.open_metrics` is
/// set. A request that came through a proxy does not count as this machine's.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "All metrics", content_type = "application/openmetrics-text", body = String)),
    security((), ("bearer" = ["admin", "reader"])),
)]
async fn metrics(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    if !app.options.open_metrics && !is_local(&request) {
        let id = request.extensions().get::<RequestId>();
        let id = id.map_or("", RequestId::as_str);
        admit(&app, request.headers(), id, &[Role::Admin, Role::Reader])?;
    }
    let mut text = String::with_capacity(16 * 1024);
    prometheus_client::encoding::text::encode(&mut text, &app.registry)
        .map_err(|_| Problem::new(Code::Internal, "the metrics could not be written"))?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<Peer>();
    peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback())
        && !came_through_a_proxy(request.headers())
}

fn came_through_a_proxy(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED)
        || headers.contains_key("x-forwarded-for")
        || headers.contains_key("x-real-ip")
        || headers.contains_key("via")
}
