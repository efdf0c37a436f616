//! `/v1/uploads`: files that go with messages, named by their content.

use axum::Json as Answer;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::ToSend;
use crate::app::App;
use crate::body;
use crate::problem::{Code, Problem};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create))
}

/// A file that was taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
struct UploadView {
    /// Name it in `attachments` as `upload`. The same content has the same id.
    #[schema(example = "upl_af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262")]
    id: String,
    bytes: usize,
}

/// Upload a file
///
/// The body is the file, or a multipart form with exactly one part.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "uploads",
    request_body(content(
        (Vec<u8> = "application/octet-stream"),
        (Vec<u8> = "multipart/form-data"),
    )),
    responses((status = 201, description = "Taken", body = UploadView)),
    security(("bearer" = ["admin", "sender"])),
)]
async fn create(State(app): State<App>, _: ToSend, request: Request) -> Result<Response, Problem> {
    let data = match body::media_type(request.headers()).as_str() {
        "multipart/form-data" => part(&app, request).await?,
        _ => {
            let (parts, body) = request.into_parts();
            body::collect(&parts.headers, body, &app.options).await?
        }
    };
    let most = app.engine.parts().config.max_attachment_bytes;
    if data.is_empty() {
        return Err(Problem::field("", "empty", "the file is empty"));
    }
    if data.len() > most {
        return Err(Problem::new(
            Code::BodyTooLarge,
            format!("a file has at most {most} bytes"),
        ));
    }
    let bytes = data.len();
    let stored = app.engine.parts().blobs.put(data).await;
    let id = stored.map_err(|error| Problem::new(Code::Unavailable, error.to_string()))?;
    Ok((StatusCode::CREATED, Answer(UploadView { id, bytes })).into_response())
}

/// The only part of a multipart form.
async fn part(app: &App, request: Request) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    // Bounded before it is taken apart.
    let whole = body::collect(&parts.headers, body, &app.options).await?;
    let request = Request::from_parts(parts, axum::body::Body::from(whole));
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Problem::new(Code::MalformedRequest, error.body_text()))?;
    let broken = |error: axum::extract::multipart::MultipartError| {
        Problem::new(Code::MalformedRequest, error.body_text())
    };
    let first = form.next_field().await.map_err(broken)?;
    let first = first.ok_or_else(|| Problem::field("", "required", "the form has no part"))?;
    let data = first.bytes().await.map_err(broken)?;
    if form.next_field().await.map_err(broken)?.is_some() {
        let detail = "upload one file a request; the form has more than one part";
        return Err(Problem::field("", "too_many", detail));
    }
    Ok(data)
}
