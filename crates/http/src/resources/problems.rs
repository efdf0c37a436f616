//! `/problems`: what the `type` of a problem document leads to.

use axum::Json as Answer;
use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::{Code, Problem};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
}

/// A kind of problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemKind)]
struct KindView {
    /// Its stable URI, as in `type`.
    #[serde(rename = "type")]
    uri: String,
    code: &'static str,
    status: u16,
    title: &'static str,
    /// What to do about it.
    advice: &'static str,
}

impl KindView {
    fn of(code: Code) -> Self {
        Self {
            uri: code.uri(),
            code: code.as_str(),
            status: code.status().as_u16(),
            title: code.title(),
            advice: code.advice(),
        }
    }
}

/// All kinds of problem.
#[derive(Debug, Serialize, ToSchema)]
struct KindList {
    items: Vec<KindView>,
}

/// List all kinds of problem
///
/// Open to everybody: it says nothing about this installation.
#[utoipa::path(
    get, path = "/problems", tag = "about",
    responses((status = 200, description = "The closed catalogue", body = KindList)),
)]
async fn list() -> Answer<KindList> {
    Answer(KindList {
        items: Code::ALL.iter().map(|code| KindView::of(*code)).collect(),
    })
}

/// Read about a kind of problem
#[utoipa::path(
    get, path = "/problems/{code}", tag = "about",
    params(("code" = String, Path, description = "The problem's code")),
    responses((status = 200, description = "The kind of problem", body = KindView)),
)]
async fn get(Path(code): Path<String>) -> Result<Answer<KindView>, Problem> {
    Code::parse(&code)
        .map(|code| Answer(KindView::of(code)))
        .ok_or_else(|| Problem::new(Code::NotFound, "there is no such kind of problem"))
}
