//! `/v1/adapters/{name}/versions`: one version, what changed in it, and its check.

use austin_ports::catalog::AdapterVersion;
use axum::Json as Answer;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{CheckBody, DiffQuery};
use super::view::{CheckView, VersionView};
use crate::access::{ToAdmin, ToRead};
use crate::app::App;
use crate::json::Json;
use crate::problem::{Code, Problem};
use crate::query::Params;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get, delete))
        .routes(routes!(diff))
        .routes(routes!(check))
}

/// What changed between two versions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdapterDiff)]
struct DiffView {
    version: u32,
    against: u32,
    /// Unified diff of definition, script and examples; empty when they are the same.
    diff: String,
}

/// Read a version
#[utoipa::path(
    get, path = "/v1/adapters/{name}/versions/{version}", tag = "adapters",
    params(
        ("name" = String, Path, description = "The adapter's name"),
        ("version" = String, Path, description = "The version's number"),
    ),
    responses((status = 200, description = "The version", body = VersionView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    _: ToRead,
    Path((name, version)): Path<(String, String)>,
) -> Result<Answer<VersionView>, Problem> {
    let version = app.registrar().adapter_version(&name, number(&version)?)?;
    let parts = app.engine.parts();
    let now = parts.clock.now();
    Ok(Answer(VersionView::of(
        &parts.adapters,
        &name,
        &version,
        now,
    )))
}

/// Delete a version
///
/// Refused while it is in use, on trial, or where a rollback leads.
#[utoipa::path(
    delete, path = "/v1/adapters/{name}/versions/{version}", tag = "adapters",
    params(
        ("name" = String, Path, description = "The adapter's name"),
        ("version" = String, Path, description = "The version's number"),
    ),
    responses((status = 204, description = "Deleted")),
    security(("bearer" = ["admin"])),
)]
async fn delete(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path((name, version)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.registrar()
        .delete_adapter_version(&caller, &name, number(&version)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Compare two versions
#[utoipa::path(
    get, path = "/v1/adapters/{name}/versions/{version}/diff", tag = "adapters",
    params(
        ("name" = String, Path, description = "The adapter's name"),
        ("version" = String, Path, description = "The version's number"),
        DiffQuery,
    ),
    responses((status = 200, description = "What changed", body = DiffView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn diff(
    State(app): State<App>,
    _: ToRead,
    Path((name, version)): Path<(String, String)>,
    Params(query): Params<DiffQuery>,
) -> Result<Answer<DiffView>, Problem> {
    let entry = app.registrar().adapter(&name)?;
    let version = app.registrar().adapter_version(&name, number(&version)?)?;
    let against = match query.against.as_deref() {
        Some(text) => number(text)?,
        None => {
            let before = entry.versions.range(..version.number).next_back();
            *before
                .ok_or_else(|| Problem::new(Code::NotFound, "there is no version before it"))?
                .0
        }
    };
    let other = app.registrar().adapter_version(&name, against)?;
    Ok(Answer(DiffView {
        version: version.number,
        against,
        diff: compared(&other, &version),
    }))
}

/// Check a version
///
/// Runs its examples and, when asked, sends one message through a throw-away account to a
/// simulated vendor. A draft that passes is checked and may be used.
#[utoipa::path(
    post, path = "/v1/adapters/{name}/check", tag = "adapters", request_body = CheckBody,
    params(("name" = String, Path, description = "The adapter's name")),
    responses((status = 200, description = "What the check came to", body = CheckView)),
    security(("bearer" = ["admin"])),
)]
async fn check(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(name): Path<String>,
    Json(body): Json<CheckBody>,
) -> Result<Answer<CheckView>, Problem> {
    let version = body.version;
    let live = match body.live {
        Some(live) => {
            let descriptor = app.registrar().adapter_descriptor(&name, version).await?;
            Some(live.into_draft(&descriptor))
        }
        None => None,
    };
    let check = app
        .engine
        .check_adapter(&caller, &name, version, live.as_ref())
        .await?;
    let version = app.registrar().adapter_version(&name, version)?;
    Ok(Answer(CheckView::of(check, &version)))
}

fn number(text: &str) -> Result<u32, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Code::NotFound, "a version is a number, e.g. 2"))
}

/// A unified diff from `old` to `new`, part by part.
fn compared(old: &AdapterVersion, new: &AdapterVersion) -> String {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    let script = |version: &AdapterVersion| version.script.clone().unwrap_or_default();
    let parts = [
        (
            "definition.json",
            pretty(&old.definition),
            pretty(&new.definition),
        ),
        ("script.js", script(old), script(new)),
        (
            "examples.json",
            pretty(&old.examples),
            pretty(&new.examples),
        ),
    ];
    parts
        .iter()
        .map(|(name, before, after)| {
            let from = format!("{name} (version {})", old.number);
            let to = format!("{name} (version {})", new.number);
            TextDiff::from_lines(before, after)
                .unified_diff()
                .header(&from, &to)
                .to_string()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use austin_domain::Timestamp;
    use austin_ports::catalog::VersionState;
    use serde_json::json;

    use super::*;

    fn version(number: u32, definition: Value, script: Option<&str>) -> AdapterVersion {
        AdapterVersion {
            number,
            definition,
            script: script.map(Into::into),
            examples: json!([]),
            state: VersionState::Draft,
            author: "local".into(),
            reason: None,
            created_at: Timestamp::from_millis(0),
            checked_at: None,
            note: None,
        }
    }

    #[test]
    fn a_diff_names_the_parts_that_changed() {
        let old = version(1, json!({"a": 1, "b": 2}), Some("one\ntwo\n"));
        let new = version(2, json!({"a": 1, "b": 3}), Some("one\nthree\n"));
        let diff = compared(&old, &new);
        assert!(
            diff.contains("--- definition.json (version 1)\n+++ definition.json (version 2)"),
            "{diff}"
        );
        assert!(diff.contains("-  \"b\": 2\n+  \"b\": 3\n"), "{diff}");
        assert!(diff.contains("-two\n+three\n"), "{diff}");
        assert!(!diff.contains("examples.json"), "{diff}");
        assert_eq!(compared(&old, &old), "");
    }
}
