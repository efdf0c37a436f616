//! The port [`Wire`], carried out: evidence, call, figures.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use austin_adapter_api::{Call, Fault, Reply};
use austin_ports::wire::{Arrival, Exchange, Fetched, KeptSession, Outgoing};
use austin_ports::{BoxFuture, Wire};
use prometheus_client::registry::Registry;
use tokio::time::{Instant, sleep};

use crate::dial::Dialer;
use crate::evidence::Scribe;
use crate::fetch;
use crate::guard::Guard;
use crate::http::{Http, Means};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::resolve::{Resolve, System};
use crate::smpp::Smpp;
use crate::smtp::Smtp;
use crate::tls::{self, Error};

/// The way out to vendors. Cheap to clone; clones share connections and figures.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    dialer: Arc<Dialer>,
    metrics: Arc<Metrics>,
    http: Http,
    smtp: Smtp,
    smpp: Smpp,
    idle_timeout: Duration,
    fetch_timeout: Duration,
    sweeper: OnceLock<()>,
}

impl Client {
    /// A client that looks names up with the operating system; its figures go to `registry`.
    ///
    /// # Errors
    /// [`Error`] when TLS cannot be set up.
    pub fn new(options: &Options, registry: &mut Registry) -> Result<Self, Error> {
        Self::with_resolver(options, Arc::new(System), registry)
    }

    /// A client that looks names up with `resolver`.
    ///
    /// # Errors
    /// [`Error`] when TLS cannot be set up.
    pub fn with_resolver(
        options: &Options,
        resolver: Arc<dyn Resolve>,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        let tls = tls::config(options.extra_ca.as_deref())?;
        let guard = Guard::new(
            options.allow_private_targets,
            options.allowed_networks.clone(),
        );
        let dialer = Dialer::new(guard, resolver, tls, options.connect_timeout);
        let (dialer, metrics) = (Arc::new(dialer), Arc::new(Metrics::register(registry)));
        let inner = Inner {
            smpp: Smpp::new(Arc::clone(&dialer), Arc::clone(&metrics)),
            dialer,
            metrics,
            http: Http::new(options),
            smtp: Smtp::new(options),
            idle_timeout: options.idle_timeout,
            fetch_timeout: options.fetch_timeout,
            sweeper: OnceLock::new(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Starts, with the first call, the task that closes connections nobody uses any more. It
    /// ends with the last clone of the client.
    fn keep_swept(&self) {
        self.inner.sweeper.get_or_init(|| {
            let inner = Arc::downgrade(&self.inner);
            let pause = (self.inner.idle_timeout / 2).max(MIN_SWEEP_PAUSE);
            drop(tokio::spawn(async move {
                loop {
                    sleep(pause).await;
                    let Some(inner) = inner.upgrade() else {
                        return;
                    };
                    inner.http.sweep(Instant::now());
                    inner.smtp.sweep(Instant::now());
                }
            }));
        });
    }
}

impl Inner {
    fn means(&self) -> Means<'_> {
        Means {
            dialer: &self.dialer,
            metrics: &self.metrics,
        }
    }

    async fn carry_out(&self, account: &Arc<str>, call: Call) -> Reply {
        match call {
            Call::Http(request) => match self.http.call(request, self.means()).await {
                Ok(reply) => Reply::Http(reply),
                Err(fault) => Reply::Fault(fault),
            },
            // Boxed: rarer than HTTP calls, and its state is larger than theirs.
            Call::Smtp(request) => match Box::pin(self.smtp.call(&request, self.means())).await {
                Ok(reply) => Reply::Smtp(reply),
                Err(fault) => Reply::Fault(fault),
            },
            Call::Smpp(request) => Box::pin(self.smpp.call(account, *request)).await,
        }
    }
}

impl Wire for Client {
    fn call(&self, outgoing: Outgoing) -> BoxFuture<'_, Exchange> {
        self.keep_swept();
        Box::pin(async move {
            let Outgoing {
                account,
                call,
                redact,
            } = outgoing;
            let scribe = Scribe::new(&redact);
            let request = scribe.request(&call);
            let started_at = Instant::now();
            let reply = self.inner.carry_out(&account, call).await;
            let took = started_at.elapsed();
            self.inner.metrics.count(&account, &reply, took);
            let answer = scribe.answer(&reply);
            Exchange {
                reply,
                took,
                request,
                answer,
            }
        })
    }

    fn fetch<'a>(
        &'a self,
        url: &'a str,
        max_bytes: usize,
    ) -> BoxFuture<'a, Result<Fetched, Fault>> {
        self.keep_swept();
        let inner = &self.inner;
        Box::pin(fetch::fetch(
            &inner.http,
            url,
            max_bytes,
            inner.fetch_timeout,
            inner.means(),
        ))
    }

    fn keep(&self, sessions: Vec<KeptSession>) {
        self.inner.smpp.keep(sessions);
    }

    fn arrivals(&self, most: usize) -> BoxFuture<'_, Vec<Arrival>> {
        Box::pin(self.inner.smpp.arrivals(most))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// However short connections are kept, sweeping need not be more frequent.
const MIN_SWEEP_PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OK, Server, loopback, post};

    #[tokio::test]
    async fn a_call_leaves_evidence_and_figures() {
        let server = Server::answering(OK).await;
        let mut registry = Registry::default();
        let client = Client::new(&loopback(), &mut registry).unwrap();
        let outgoing = Outgoing {
            account: Arc::from("sms-1"),
            call: Call::Http(post(&server.url("/send?sign=abc"), "code=8314&to=7")),
            redact: Arc::from(["8314".to_owned()]),
        };
        let done = client.call(outgoing).await;
        assert!(matches!(done.reply, Reply::Http(_)));
        let request = format!("POST {}\n\ncode=•••&to=7", server.url("/send?sign=•••"));
        assert_eq!(done.request, request);
        assert_eq!(done.answer, "200 OK\n\nok");

        let blocked = Outgoing {
            account: Arc::from("sms-1"),
            call: Call::Http(post("http://10.0.0.1/", "")),
            redact: Arc::from([]),
        };
        let blocked = client.call(blocked).await;
        assert!(
            blocked
                .answer
                .starts_with("no answer: forbidden_target, not sent: ")
        );

        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"austin_vendor_calls_total{account="sms-1",outcome="http_2xx"} 1"#,
            r#"austin_vendor_calls_total{account="sms-1",outcome="forbidden_target"} 1"#,
            r#"austin_vendor_call_seconds_count{account="sms-1"} 2"#,
            r#"austin_vendor_connections_open{protocol="http"} 1"#,
            r#"austin_vendor_connections_open{protocol="smtp"} 0"#,
            r#"austin_vendor_connections_open{protocol="smpp"} 0"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
