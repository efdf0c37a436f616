//! One request, from its headers to its answer.
//!
//! Everything that every answer has in common happens here, once: the request id, problems,
//! panics, security headers, metrics. The hot path goes straight to its handler.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use tower::ServiceExt;

use crate::app::App;
use crate::once;
use crate::problem::{Code, Problem};
use crate::request_id::{self, RequestId};
use crate::resources::messages;

const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Who the connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Marks an answer whose status is its own and no problem.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsItIs;

/// Answers requests.
#[derive(Clone)]
pub(crate) struct Service {
    app: App,
    router: Router,
}

impl Service {
    pub(crate) fn new(app: App, router: Router<App>) -> Self {
        let router = router
            .route_layer(middleware::from_fn_with_state(app.clone(), once::keep))
            .with_state(app.clone());
        Self { app, router }
    }

    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response {
        let began = Instant::now();
        let method = request.method().clone();
        let request_id = self.app.request_ids.of(request.headers());
        let hot = method == Method::POST && request.uri().path() == messages::PATH;
        let handled = AssertUnwindSafe(self.handle(request, peer, &request_id, hot));
        let mut response = match handled.catch_unwind().await {
            Ok(response) => finish(response, &request_id),
            Err(_) => broken(&request_id),
        };
        let route = match response.extensions_mut().remove::<MatchedPath>() {
            _ if hot => Cow::Borrowed(messages::PATH),
            Some(matched) => Cow::Owned(matched.as_str().to_owned()),
            None => Cow::Borrowed("unknown"),
        };
        let status = response.status();
        self.app
            .metrics
            .answered(route, &method, status, began.elapsed());
        response
    }

    async fn handle(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        request_id: &RequestId,
        hot: bool,
    ) -> Response {
        if hot {
            let (parts, body) = request.into_parts();
            let sent = messages::send_one(&self.app, &parts, request_id, body).await;
            return sent.unwrap_or_else(IntoResponse::into_response);
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(request_id.clone());
        request.extensions_mut().insert(Peer(peer));
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

fn finish(mut response: Response, request_id: &RequestId) -> Response {
    if !response.status().is_success() {
        response = explain(response, request_id);
    }
    let headers = response.headers_mut();
    headers.insert(request_id::HEADER, request_id.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    response
}

/// Writes the problem an answer stands for.
fn explain(mut response: Response, request_id: &RequestId) -> Response {
    let status = response.status();
    if response.extensions_mut().remove::<AsItIs>().is_some()
        || !(status.is_client_error() || status.is_server_error())
    {
        return response;
    }
    let matched = response.extensions_mut().remove::<MatchedPath>();
    let problem = response.extensions_mut().remove::<Problem>();
    let mut problem = problem.unwrap_or_else(|| of_status(status));
    if let Some(allow) = response.headers_mut().remove(ALLOW) {
        problem = problem.with_header(ALLOW, allow);
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE || status == StatusCode::REQUEST_TIMEOUT {
        // The rest of the body was not read.
        problem = problem.with_header(CONNECTION, CLOSE);
    }
    let mut explained = problem.write(request_id);
    if let Some(matched) = matched {
        explained.extensions_mut().insert(matched);
    }
    explained
}

/// A refusal that axum made by itself.
fn of_status(status: StatusCode) -> Problem {
    let problem = match status {
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(
            Code::MethodNotAllowed,
            "the path does not take this method; see the Allow header",
        ),
        StatusCode::NOT_FOUND => Problem::new(Code::UnknownRoute, "there is no such path"),
        status if status.is_client_error() => Problem::new(
            Code::MalformedRequest,
            "the request's path, headers or body cannot be read",
        ),
        _ => Problem::new(Code::Internal, "the request could not be answered"),
    };
    problem.with_status(status)
}

/// The answer after a panic. What panicked is in the log, not in the answer.
fn broken(request_id: &RequestId) -> Response {
    tracing::error!(request_id = request_id.as_str(), "a handler panicked");
    let problem = Problem::new(
        Code::Internal,
        "something broke while this request was handled; report its request id",
    );
    finish(problem.into_response(), request_id)
}

#[cfg(test)]
mod tests;
