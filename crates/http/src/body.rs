//! Reading bodies, with a bound on their size and on the time they take.

use std::fmt::Display;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;
use hyper::body::Body;

use crate::options::Options;
use crate::problem::{Code, Problem};

/// The whole body. Small bodies, which arrive in one piece, are not copied.
pub(crate) async fn collect<B>(
    headers: &HeaderMap,
    body: B,
    options: &Options,
) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let limit = options.max_body_bytes;
    let stated = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|stated| stated > limit) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(options.body_timeout, gather(body, limit)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(
            Code::RequestTimeout,
            format!(
                "the body did not arrive within {} seconds",
                options.body_timeout.as_secs()
            ),
        )),
    }
}

async fn gather<B>(mut body: B, limit: usize) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if whole.len() + pieces.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = data;
        } else {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
            pieces.extend_from_slice(&data);
        }
    }
    Ok(if pieces.is_empty() {
        whole
    } else {
        pieces.freeze()
    })
}

pub(crate) fn too_large(limit: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("a body has at most {limit} bytes"),
    )
}

fn broken(error: &impl Display) -> Problem {
    Problem::new(
        Code::MalformedRequest,
        format!("the body broke off: {error}"),
    )
}

/// The media type without its parameters, lower-case; empty when none is given.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// Refuses a body that says it is not JSON. One that says nothing is taken for JSON.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    // The usual case, without allocating.
    if headers
        .get(CONTENT_TYPE)
        .is_none_or(|value| value.as_bytes() == b"application/json")
    {
        return Ok(());
    }
    let given = media_type(headers);
    if given == "application/json" || given.ends_with("+json") {
        return Ok(());
    }
    Err(Problem::new(
        Code::UnsupportedMediaType,
        "send the body as application/json",
    ))
}
