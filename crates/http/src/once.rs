//! `Idempotency-Key`: a request that comes again hears what the first one heard.
//!
//! Sending remembers itself in the commit that makes it durable (`austin_engine::once`). For every
//! other POST this layer keeps the answer once it was a success.

use austin_engine::Once;
use austin_ports::catalog::{KeptAnswer, Role};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;

use crate::access::{self, Roles};
use crate::app::App;
use crate::body;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use crate::resources::{messages, suppressions};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// How the request is known when it comes again; `None` where it carries no key.
/// The caller's role is part of the request: a lesser key must not be told what a greater one was.
pub(crate) fn of(parts: &Parts, body: &[u8], role: Role) -> Result<Option<Once>, Problem> {
    let mut keys = parts.headers.get_all(KEY).iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    if keys.next().is_some() {
        let detail = "stands twice; send one key";
        return Err(Problem::field("/Idempotency-Key", "invalid_key", detail));
    }
    let mut digest = blake3::Hasher::new();
    for part in [
        parts.method.as_str().as_bytes(),
        parts.uri.path().as_bytes(),
        parts.uri.query().unwrap_or_default().as_bytes(),
        body::media_type(&parts.headers).as_bytes(),
        role.as_str().as_bytes(),
    ] {
        digest.update(&(part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.update(body);
    // What is no text is no visible ASCII either, and refused as such.
    let key = key.to_str().unwrap_or_default();
    Ok(Some(Once::new(key, digest.finalize().into())?))
}

/// Marks an answer that was given before.
pub(crate) fn replayed(headers: &mut HeaderMap) {
    headers.insert(REPLAYED, TRUE);
}

/// Keeps the answers of POSTs that carry a key and do not send.
pub(crate) async fn keep(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let applies = request.method() == Method::POST
        && request.headers().contains_key(KEY)
        && !messages::remembers_itself(request.uri().path())
        // Too large to be held, and harmless when it comes again.
        && request.uri().path() != suppressions::IMPORT;
    if !applies {
        return Ok(next.run(request).await);
    }
    let id = request.extensions().get::<RequestId>();
    let id = id.map_or("", RequestId::as_str);
    // Without a caller there is nobody to keep it for; the handler says what it thinks of that.
    let everybody = access::Anybody::ROLES;
    let Ok(caller) = access::admit(&app, request.headers(), id, everybody) else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let bytes = body::collect(&parts.headers, body, &app.options).await?;
    let Some(once) = of(&parts, &bytes, caller.role)? else {
        return Ok(next
            .run(Request::from_parts(parts, Body::from(bytes)))
            .await);
    };
    let _claim = app.engine.claim(caller.app, &once).await?;
    let catalog = &app.engine.parts().catalog;
    let now = app.engine.parts().clock.now();
    let since = now.minus(app.engine.parts().config.remember_for);
    let kept = catalog.kept_answer(caller.app, once.key(), since).await;
    if let Some(kept) = kept.map_err(austin_engine::Refusal::from)? {
        once.same(&kept.request)?;
        return again(kept);
    }
    let response = next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let bytes = whole(body).await?;
    let answer = KeptAnswer {
        request: once.request(),
        status: head.status.as_u16(),
        media_type: media_type(&head.headers),
        body: bytes.to_vec(),
        at: now,
    };
    let done = catalog
        .keep_answer(caller.app, once.key(), answer, since)
        .await;
    if let Err(error) = done {
        // It was done, and its caller must hear so; only a repetition would not.
        tracing::warn!(%error, "the answer of a request with an idempotency key is not kept");
    }
    Ok(Response::from_parts(head, Body::from(bytes)))
}

fn again(kept: KeptAnswer) -> Result<Response, Problem> {
    let broken = || Problem::new(Code::Internal, "the answer that was kept cannot be read");
    let status = StatusCode::from_u16(kept.status).map_err(|_| broken())?;
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = status;
    if !kept.media_type.is_empty() {
        let media_type = HeaderValue::from_str(&kept.media_type).map_err(|_| broken())?;
        response.headers_mut().insert(CONTENT_TYPE, media_type);
    }
    replayed(response.headers_mut());
    Ok(response)
}

async fn whole(body: Body) -> Result<Bytes, Problem> {
    let read = body.collect().await;
    let read = read.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(read.to_bytes())
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}
