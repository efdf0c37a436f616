//! Answers: what a caller gets, whole or broken on purpose.
//!
//! Invariant: a broken answer breaks exactly where the rule says; everything before it is valid
//! HTTP/1.1.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};
use serde::Serialize;
use tokio::time::Sleep;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) retry_after: Option<u32>,
    /// One header more, where the protocol has one.
    pub(crate) header: Option<(&'static str, String)>,
}

impl Reply {
    pub(crate) fn json(status: u16, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::new(status, JSON, body),
            Err(error) => Self::new(500, TEXT, error.to_string()),
        }
    }

    pub(crate) fn text(status: u16, text: impl Into<Bytes>) -> Self {
        Self::new(status, TEXT, text)
    }

    /// The simulator's own error document.
    pub(crate) fn error(status: u16, why: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": why }))
    }

    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
            retry_after: None,
            header: None,
        }
    }

    pub(crate) const fn retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after = seconds;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(crate) fn into_response(self) -> Response<ReplyBody> {
        let mut response = Response::new(ReplyBody::Whole(Some(self.body)));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some((name, value)) = self.header
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            headers.insert(name, value);
        }
        response
    }

    /// Promises the whole body, sends half of it, then breaks the connection.
    pub(crate) fn into_half(self) -> Response<ReplyBody> {
        let length = self.body.len() as u64;
        let half = self.body.slice(..self.body.len() / 2);
        self.into_response().map(|_| ReplyBody::Half {
            length,
            half: Some(half),
            pause: None,
        })
    }
}

/// 302 to `location`.
pub(crate) fn redirect(location: &str) -> Response<ReplyBody> {
    let mut response = Reply::text(302, "elsewhere").into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// 200 with a very large body of white space.
pub(crate) fn huge(bytes: u64) -> Response<ReplyBody> {
    Reply::new(200, JSON, Bytes::new())
        .into_response()
        .map(|_| ReplyBody::Blank { left: bytes })
}

/// 200 under `application/json` with bytes that are neither JSON nor UTF-8.
pub(crate) fn garbage() -> Reply {
    Reply::new(
        200,
        JSON,
        &b"\x00\xff\xfe{\"results\":[{]]\x80 <html>%%"[..],
    )
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// Everything at once.
    Whole(Option<Bytes>),
    /// Half of `length` bytes; after a pause that lets them leave, an error.
    Half {
        length: u64,
        half: Option<Bytes>,
        pause: Option<Pin<Box<Sleep>>>,
    },
    /// White space, made as it is sent.
    Blank { left: u64 },
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Whole(body) => {
                let body = body.take().filter(|body| !body.is_empty());
                Poll::Ready(body.map(|body| Ok(Frame::data(body))))
            }
            Self::Half { half, pause, .. } => {
                if let Some(half) = half.take() {
                    *pause = Some(Box::pin(tokio::time::sleep(HALF_PAUSE)));
                    return Poll::Ready(Some(Ok(Frame::data(half))));
                }
                match pause {
                    Some(pause) => pause
                        .as_mut()
                        .poll(context)
                        .map(|()| Some(Err(Broken::Half))),
                    None => Poll::Ready(Some(Err(Broken::Half))),
                }
            }
            Self::Blank { left } => {
                if *left == 0 {
                    return Poll::Ready(None);
                }
                let size = usize::try_from(*left).map_or(BLANK.len(), |left| left.min(BLANK.len()));
                *left -= size as u64;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLANK[..size])))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.as_ref().is_none_or(Bytes::is_empty),
            Self::Half { .. } => false,
            Self::Blank { left } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(body) => body.as_ref().map_or(0, |body| body.len() as u64),
            Self::Half { length, .. } => *length,
            Self::Blank { left } => *left,
        })
    }
}

/// A connection ended on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("half an answer, as the behaviour says")]
    Half,
    #[error("cut, as the behaviour says")]
    Cut,
}

pub(crate) const JSON: &str = "application/json; charset=utf-8";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
const HALF_PAUSE: Duration = Duration::from_millis(20);
static BLANK: [u8; 65_536] = [b' '; 65_536];
