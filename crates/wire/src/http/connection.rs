//! One kept connection, driven by the call that uses it.
//!
//! hyper splits a connection into a handle and a driver, meant for a task of its own. Here the
//! calling task polls both: an answer costs no hand-over between tasks, which is a good part of
//! the price of a small call, and a dropped call closes its connection at once.
//!
//! The handle only makes progress when the driver is polled, and the driver carries the caller's
//! waker. So the handle is polled without a waker, right after the driver, and outside the
//! runtime's cooperative budget, which would otherwise stop it with nobody to wake it.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use austin_adapter_api::{Fault, FaultKind, HttpReply};
use bytes::{Bytes, BytesMut};
use futures_util::future::poll_fn;
use http::Response;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, client};
use hyper_util::rt::TokioIo;
use tokio::task::coop::unconstrained;

use crate::fault::{explain, maybe_sent, not_sent};
use crate::metrics::Open;
use crate::stream::Stream;

/// A connection by the protocol it speaks.
pub(crate) enum Connection {
    /// One call at a time.
    Http1(Box<Http1>),
}

/// Why an exchange brought no answer.
pub(super) enum Failed {
    /// Nothing of the request left; here it is.
    Unsent(Box<Request<Full<Bytes>>>),
    /// Anything else.
    Fault(Fault),
}

/// An HTTP/1.1 connection.
pub(crate) struct Http1 {
    handle: http1::SendRequest<Full<Bytes>>,
    driver: Driver,
    _open: Open,
}

/// The half that does the work. Gone once it has ended: dropping it is what hands an unsent
/// request back.
struct Driver(Option<http1::Connection<TokioIo<Stream>, Full<Bytes>>>);

impl Connection {
    /// A connection that speaks HTTP/1.1 over `stream`.
    pub(super) async fn http1(stream: Stream, open: Open) -> Result<Self, Fault> {
        let (handle, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| not_sent(FaultKind::Connect, explain(&error)))?;
        Ok(Self::Http1(Box::new(Http1 {
            handle,
            driver: Driver(Some(connection)),
            _open: open,
        })))
    }

    /// Whether another call may follow.
    pub(super) fn is_reusable(&self) -> bool {
        let Self::Http1(http1) = self;
        http1.is_ready()
    }

    /// Sends `request` and reads the answer, at most `max_bytes` of body.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        max_bytes: usize,
    ) -> Result<HttpReply, Failed> {
        let Self::Http1(http1) = self;
        let response = http1.head(request).await?;
        let (head, body) = response.into_parts();
        let body = http1.body(body, max_bytes).await.map_err(Failed::Fault)?;
        if !http1.is_ready() {
            // The end of the answer was read; let the driver notice that it is the end.
            http1.driver.settle();
        }
        Ok(HttpReply {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

impl Http1 {
    fn is_ready(&self) -> bool {
        !self.driver.has_ended() && self.handle.is_ready()
    }

    async fn head(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failed> {
        let Self { handle, driver, .. } = self;
        let mut answer = pin!(unconstrained(handle.try_send_request(request)));
        let answered = poll_fn(|cx| {
            driver.poll(cx);
            let polled = answer
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            match polled {
                Poll::Ready(answered) => Poll::Ready(Some(answered)),
                Poll::Pending if driver.has_ended() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        match answered.await {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => Err(unanswered(error)),
            None => Err(Failed::Fault(cut())),
        }
    }

    async fn body(&mut self, mut body: Incoming, max_bytes: usize) -> Result<Bytes, Fault> {
        if body.size_hint().lower() > u64::try_from(max_bytes).unwrap_or(u64::MAX) {
            return Err(too_large(max_bytes));
        }
        let mut whole = Collected::default();
        while !body.is_end_stream() {
            let Some(frame) = poll_fn(|cx| self.driver.poll_frame(&mut body, cx)).await else {
                break;
            };
            if let Ok(data) = frame?.into_data() {
                if whole.len() + data.len() > max_bytes {
                    return Err(too_large(max_bytes));
                }
                whole.push(data);
            }
        }
        Ok(whole.into_bytes())
    }
}

impl Driver {
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.0
            && Pin::new(connection).poll(cx).is_ready()
        {
            // How it ended is told by the handle or the body.
            self.0 = None;
        }
    }

    fn has_ended(&self) -> bool {
        self.0.is_none()
    }

    /// Lets the connection notice what has already arrived, without waiting.
    fn settle(&mut self) {
        let mut step = pin!(unconstrained(poll_fn(|cx| {
            self.poll(cx);
            Poll::Ready(())
        })));
        let _ = step.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }

    fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        // Asking for a frame is what makes the driver read one: so ask, drive, ask again.
        for may_drive in [true, false] {
            let mut next = pin!(unconstrained(poll_fn(|cx| {
                Pin::new(&mut *body).poll_frame(cx)
            })));
            let polled = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(next) = polled {
                return Poll::Ready(next.map(|frame| frame.map_err(|error| read_fault(&error))));
            }
            if may_drive {
                self.poll(cx);
            }
        }
        if self.has_ended() {
            return Poll::Ready(Some(Err(cut())));
        }
        Poll::Pending
    }
}

/// A body as it comes in: the usual single piece is kept as it is.
#[derive(Default)]
struct Collected {
    first: Bytes,
    all: BytesMut,
}

impl Collected {
    fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve(self.first.len() + data.len());
            self.all.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.all.extend_from_slice(&data);
    }

    fn into_bytes(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        }
    }
}

fn unanswered(mut error: client::conn::TrySendError<Request<Full<Bytes>>>) -> Failed {
    match error.take_message() {
        Some(request) => Failed::Unsent(Box::new(request)),
        None => Failed::Fault(read_fault(error.error())),
    }
}

fn read_fault(error: &hyper::Error) -> Fault {
    if error.is_parse() {
        let detail = format!("the answer is not valid HTTP: {}", explain(error));
        return maybe_sent(FaultKind::Protocol, detail);
    }
    let detail = format!(
        "the connection was cut before the answer was complete: {}",
        explain(error)
    );
    maybe_sent(FaultKind::Cut, detail)
}

fn cut() -> Fault {
    maybe_sent(
        FaultKind::Cut,
        "the connection was cut before the answer was complete",
    )
}

fn too_large(max_bytes: usize) -> Fault {
    let detail = format!("the answer is larger than {max_bytes} bytes");
    maybe_sent(FaultKind::TooLarge, detail)
}

/// Most bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;
