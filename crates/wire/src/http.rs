//! HTTP/1.1 calls over kept connections.
//!
//! A kept connection reads before it writes: when the server has closed it, the request comes back
//! untouched and goes to the next one, at last to a fresh one. Nothing else is ever sent twice.

mod connection;

use std::time::Duration;

use austin_adapter_api::{Fault, FaultKind, HttpReply, HttpRequest};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HOST, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Uri};
use http_body_util::Full;
use hyper::Request;
use tokio::time::{Instant, timeout_at};

use crate::dial::Dialer;
use crate::fault::{maybe_sent, not_sent};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::pool::{Limits, Pool, Shelf};
use crate::stream::Stream;
use crate::target::{Origin, Target};

use connection::{Connection, Failed};

/// Makes HTTP calls.
pub(crate) struct Http {
    pool: Pool<Origin, Connection>,
}

/// What the calls of all kinds have in common.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    pub(crate) dialer: &'a Dialer,
    pub(crate) metrics: &'a Metrics,
}

/// How far a call has come, readable after its future was dropped at the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Waiting for one of the host's slots.
    Waiting,
    /// Getting a connection.
    Connecting,
    /// The request may have left.
    Sent,
}

impl Http {
    /// No connections yet.
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            pool: Pool::new(Limits {
                calls: options.http_per_host,
                idle: options.http_idle_per_host,
                idle_for: options.idle_timeout,
            }),
        }
    }

    /// Closes connections unused for too long.
    pub(crate) fn sweep(&self, now: Instant) {
        drop(self.pool.sweep(now));
    }

    /// Carries `request` out.
    pub(crate) async fn call(
        &self,
        request: HttpRequest,
        means: Means<'_>,
    ) -> Result<HttpReply, Fault> {
        let invalid = |what: &str| not_sent(FaultKind::Invalid, what);
        let target = Target::parse(&request.url).map_err(invalid)?;
        let HttpRequest {
            method,
            headers,
            body,
            max_reply_bytes,
            deadline,
            ..
        } = request;
        let request = prepare(method, headers, body, &target).map_err(|what| invalid(&what))?;
        let mut exchange = Exchange {
            means,
            shelf: &self.pool.shelf(target.origin.clone()),
            origin: &target.origin,
            max_reply_bytes,
            progress: Progress::Waiting,
        };
        let until = Instant::now() + deadline.min(MAX_DEADLINE);
        let ended = timeout_at(until, exchange.run(request)).await;
        ended.unwrap_or_else(|_| Err(exchange.progress.timed_out()))
    }
}

impl Progress {
    fn timed_out(self) -> Fault {
        match self {
            Self::Waiting => not_sent(
                FaultKind::TimedOut,
                "the deadline passed while waiting for a free connection to this host",
            ),
            Self::Connecting => not_sent(
                FaultKind::TimedOut,
                "the deadline passed before there was a connection",
            ),
            Self::Sent => maybe_sent(
                FaultKind::TimedOut,
                "the deadline passed before the answer was complete",
            ),
        }
    }
}

/// One call under way.
struct Exchange<'a> {
    means: Means<'a>,
    shelf: &'a Shelf<Connection>,
    origin: &'a Origin,
    max_reply_bytes: usize,
    progress: Progress,
}

impl Exchange<'_> {
    async fn run(&mut self, mut request: Request<Full<Bytes>>) -> Result<HttpReply, Fault> {
        let _slot = self.shelf.slot().await;
        self.progress = Progress::Connecting;
        while let Some(mut kept) = self.shelf.take(Instant::now()) {
            match self.send(&mut kept, request).await {
                Ok(reply) => {
                    self.keep(kept);
                    return Ok(reply);
                }
                // The server closed this one meanwhile; no byte has left.
                Err(Failed::Unsent(unsent)) => request = *unsent,
                Err(Failed::Fault(fault)) => return Err(fault),
            }
        }
        self.progress = Progress::Connecting;
        // Boxed: rare, and its state would make every call's future large.
        let mut fresh = Box::pin(self.connect()).await?;
        match self.send(&mut fresh, request).await {
            Ok(reply) => {
                self.keep(fresh);
                Ok(reply)
            }
            Err(Failed::Unsent(_)) => Err(not_sent(
                FaultKind::Cut,
                "the connection was closed before the request was sent",
            )),
            Err(Failed::Fault(fault)) => Err(fault),
        }
    }

    async fn send(
        &mut self,
        connection: &mut Connection,
        request: Request<Full<Bytes>>,
    ) -> Result<HttpReply, Failed> {
        self.progress = Progress::Sent;
        connection.exchange(request, self.max_reply_bytes).await
    }

    fn keep(&self, connection: Connection) {
        if connection.is_reusable() {
            self.shelf.put(connection, Instant::now());
        }
    }

    async fn connect(&self) -> Result<Connection, Fault> {
        let Origin { secure, host, port } = self.origin;
        let stream = if *secure {
            self.means.dialer.secure(host, *port).await?
        } else {
            Stream::Clear(self.means.dialer.clear(host, *port).await?)
        };
        Connection::http1(stream, self.means.metrics.http_connection()).await
    }
}

/// The request as it is sent. The host sets what frames a message; an adapter that sets it too
/// could make the two sides disagree where a request ends.
fn prepare(
    method: Method,
    mut headers: HeaderMap,
    body: Bytes,
    target: &Target,
) -> Result<Request<Full<Bytes>>, String> {
    if method == Method::CONNECT {
        return Err("the method CONNECT is not allowed".into());
    }
    let framing = headers.keys().find(|name| FRAMING.contains(&name.as_str()));
    if let Some(name) = framing {
        return Err(format!("the header {name} is set by the host"));
    }
    let host = HeaderValue::try_from(target.origin.authority())
        .map_err(|_| "the host does not fit into a header".to_owned())?;
    headers.insert(HOST, host);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(AGENT));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(target.path.clone());
    *request.headers_mut() = headers;
    Ok(request)
}

/// How we present ourselves.
const AGENT: &str = concat!("austin/", env!("CARGO_PKG_VERSION"));

/// No call takes longer, whatever its request says.
const MAX_DEADLINE: Duration = Duration::from_secs(600);

/// Headers that only the host may set (RFC 9110 section 7.6.1, RFC 9112 section 6).
const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests;
