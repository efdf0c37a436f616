//! Connections: accepted up to a bound, served by HTTP/1.1, drained when stopping.
//!
//! TLS and HTTP/2 are the business of the proxy in front.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use austin_engine::Engine;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, Inner};
use crate::metrics::Metrics;
use crate::options::{InvalidOptions, Options};
use crate::request_id::RequestIds;
use crate::router;
use crate::service::Service;

/// The HTTP edge of one engine.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "holds trait objects")]
pub struct Server {
    service: Arc<Service>,
}

impl Server {
    /// An edge for `engine`. `registry` is what `/metrics` shows; it holds the metrics of the
    /// whole process by then.
    ///
    /// # Errors
    /// Options that cannot work.
    pub fn new(
        options: Options,
        engine: Engine,
        mut registry: Registry,
    ) -> Result<Self, InvalidOptions> {
        options.check()?;
        let metrics = Metrics::register(&mut registry);
        let request_ids = RequestIds::new(engine.parts().entropy.next());
        let app = App::new(Inner {
            engine,
            options,
            registry,
            metrics,
            request_ids,
        });
        let (router, _) = router::build();
        Ok(Self {
            service: Arc::new(Service::new(app, router)),
        })
    }

    /// Serves connections of `listener` until `stop` is cancelled; then takes no new ones, lets
    /// requests in flight finish within `options.stop_within`, and cuts the rest. How many were
    /// cut.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken) -> usize {
        let tracker = TaskTracker::new();
        let cut = CancellationToken::new();
        let room = Arc::new(Semaphore::new(self.options().max_connections));
        loop {
            // Never closed.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                break;
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or the client is gone: neither mends by hurry.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let service = Arc::clone(&self.service);
            let (stop, cut) = (stop.child_token(), cut.child_token());
            tracker.spawn(async move {
                let connections = &service.app().metrics.connections;
                connections.inc();
                serve(&service, stream, peer, stop, cut).await;
                connections.dec();
                drop(place);
            });
        }
        drop(listener);
        self.drain(&tracker, &cut).await
    }

    async fn drain(&self, tracker: &TaskTracker, cut: &CancellationToken) -> usize {
        tracker.close();
        let deadline = self.options().stop_within;
        if tokio::time::timeout(deadline, tracker.wait()).await.is_ok() {
            return 0;
        }
        let left = tracker.len();
        tracing::warn!(
            connections = left,
            "cutting connections that did not finish"
        );
        cut.cancel();
        tracker.wait().await;
        left
    }

    fn options(&self) -> &Options {
        &self.service.app().options
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

async fn serve(
    service: &Service,
    stream: TcpStream,
    peer: SocketAddr,
    stop: CancellationToken,
    cut: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let options = &service.app().options;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(options.max_header_bytes)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(|request| async move {
                Ok::<_, Infallible>(service.answer(request, peer).await)
            }),
        );
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = cut.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        // Usual: clients hang up, scanners speak other protocols.
        tracing::debug!(%error, "a connection ended early");
    }
}
