//! Suppressions in force as a CSV file that an import takes.

use austin_domain::Timestamp;
use austin_ports::suppressions::{Filter, Suppression};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{ALL, ExportQuery, Selection};
use crate::access::ToAdmin;
use crate::app::App;
use crate::faults::Faults;
use crate::problem::Problem;
use crate::query::Params;

/// Entries read at a time.
const PAGE: usize = 1_000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

/// Export suppressions
///
/// Those in force, newest first, as UTF-8 with a mark, so that spreadsheets read it. The columns
/// are those that an import takes.
#[utoipa::path(
    get, path = "/v1/suppressions/export", tag = "suppressions", params(ExportQuery),
    responses((status = 200, description = "The file", content_type = "text/csv", body = String)),
    security(("bearer" = ["admin"])),
)]
async fn export(
    State(app): State<App>,
    _: ToAdmin,
    Params(query): Params<ExportQuery>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let selection = Selection {
        channel: query.channel,
        to: None,
        reason: query.reason,
        source: query.source,
    };
    let filter = selection.filter(&app, &mut faults);
    faults.into_result()?;
    let filter = Filter {
        active: Some(true),
        limit: PAGE,
        ..filter
    };
    let now = app.engine.parts().clock.now();
    let begin = Place::Head(filter);
    let pages = stream::try_unfold(begin, move |place| page(app.clone(), place, now));
    let mut answer = Body::from_stream(pages).into_response();
    let headers = answer.headers_mut();
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    let name = HeaderValue::from_static("attachment; filename=\"suppressions.csv\"");
    headers.insert(CONTENT_DISPOSITION, name);
    Ok(answer)
}

/// Where an export stands.
enum Place {
    Head(Filter),
    Page(Filter),
    End,
}

type Step = Result<Option<(Bytes, Place)>, austin_ports::suppressions::Error>;

async fn page(app: App, place: Place, now: Timestamp) -> Step {
    let filter = match place {
        Place::Head(filter) => {
            let head = Bytes::from_static("\u{feff}to,channel,reason,until,note\r\n".as_bytes());
            return Ok(Some((head, Place::Page(filter))));
        }
        Place::Page(filter) => filter,
        Place::End => return Ok(None),
    };
    let found = app
        .engine
        .parts()
        .suppressions
        .list(filter.clone(), now)
        .await?;
    let rows: String = found.items.iter().map(row).collect();
    let next = match found.next {
        Some(before) => Place::Page(Filter {
            before: Some(before),
            ..filter
        }),
        None => Place::End,
    };
    Ok(Some((rows.into(), next)))
}

fn row(entry: &Suppression) -> String {
    let channel = entry.channel.map_or(ALL, |channel| channel.as_str());
    let until = entry.until.map(|until| until.to_string());
    format!(
        "{},{channel},{},{},{}\r\n",
        cell(&entry.to),
        entry.reason.as_str(),
        until.unwrap_or_default(),
        cell(entry.note.as_deref().unwrap_or_default()),
    )
}

/// A cell, in quotes where it needs them (RFC 4180).
fn cell(text: &str) -> String {
    if text.contains(['"', ',', ';', '\t', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(cell("+8613711112200"), "+8613711112200");
        assert_eq!(cell("a,\"b\"\nc"), "\"a,\"\"b\"\"\nc\"");
    }
}
