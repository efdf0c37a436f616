//! All routes, and with them the OpenAPI document.

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::docs;
use crate::problem::{Code, Problem};
use crate::resources::{
    accounts, adapters, apps, audit, calendars, deliveries, health, lanes, messages, pauses,
    policies, problems, recall, receipts, routes, suppressions, templates, unsubscribe, uploads,
    word_lists,
};

/// The routes and their description.
pub(crate) fn build() -> (Router<App>, OpenApi) {
    let (router, document) = OpenApiRouter::new()
        .merge(messages::router())
        .merge(deliveries::router())
        .merge(uploads::router())
        .merge(templates::router())
        .merge(accounts::router())
        .merge(routes::router())
        .merge(policies::router())
        .merge(word_lists::router())
        .merge(calendars::router())
        .merge(adapters::router())
        .merge(apps::router())
        .merge(lanes::router())
        .merge(pauses::router())
        .merge(recall::router())
        .merge(audit::router())
        .merge(receipts::router())
        .merge(suppressions::router())
        .merge(unsubscribe::router())
        .merge(health::router())
        .merge(problems::router())
        .merge(docs::router())
        .split_for_parts();
    let router = router
        .route_layer(middleware::from_fn(remember_route))
        .fallback(unknown)
        // Bodies are bounded where they are read, by one limit for all.
        .layer(DefaultBodyLimit::disable());
    (router, document)
}

async fn unknown() -> Problem {
    Problem::new(Code::UnknownRoute, "there is no such path; see /docs")
}

/// Leaves the route's pattern on the answer, for metrics.
async fn remember_route(matched: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(matched);
    response
}
