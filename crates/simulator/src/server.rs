//! Listening, connections, and handing each request to its place.
//!
//! Invariant: after [`Handle::shutdown`] returns, no socket it listened on or accepted is open.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::{DEFAULT, Refused, Registry, Surroundings};
use crate::behaviour::Behaviour;
use crate::clock::Clock;
use crate::control;
use crate::exchange::{Exchange, read};
use crate::ledger::{Ledger, Summary};
use crate::options::Options;
use crate::query;
use crate::questions;
use crate::reply::{Broken, Reply, ReplyBody};
use crate::router::{Place, route};
use crate::smpp::{self, Centre, SmppProgress, SmppRules};
use crate::smtp::{self, Mailbox};
use crate::socket::{Breaker, Socket};
use crate::vendor::Vendor;

/// Why a simulator does not start or a behaviour is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The behaviour cannot be put in force.
    #[error("behaviour `{name}`: {why}")]
    Behaviour {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A vendor that can be told to misbehave.
#[derive(Debug)]
pub struct Simulator;

/// A running simulator. Dropping it stops the simulator without waiting.
#[derive(Debug)]
pub struct Handle {
    /// Where HTTP is served.
    pub addr: SocketAddr,
    /// Where the mail sink listens.
    pub smtp_addr: Option<SocketAddr>,
    /// Where the SMPP centre listens.
    pub smpp_addr: Option<SocketAddr>,
    state: Arc<State>,
    tasks: TaskTracker,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) registry: Registry,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) centre: Arc<Centre>,
    pub(crate) started_ms: i64,
    pub(crate) body_bytes: usize,
    stop: CancellationToken,
}

impl Simulator {
    /// Starts a simulator on the current tokio runtime.
    ///
    /// # Errors
    /// When an address cannot be listened on or a behaviour of the options cannot be obeyed.
    pub async fn start(options: Options) -> Result<Handle, Error> {
        let state = Arc::new(State::new(&options));
        for (name, behaviour) in options.behaviours {
            state.set(&name, behaviour)?;
        }
        let tasks = TaskTracker::new();
        let (listener, addr) = listen(options.listen).await?;
        let smtp_addr = match options.smtp {
            Some(address) => {
                let (listener, addr) = listen(address).await?;
                let mailbox = Arc::clone(&state.mailbox);
                tasks.spawn(smtp::serve(listener, mailbox, state.stop.clone()));
                Some(addr)
            }
            None => None,
        };
        let smpp_addr = match options.smpp {
            Some(address) => {
                let (listener, addr) = listen(address).await?;
                let centre = Arc::clone(&state.centre);
                tasks.spawn(smpp::serve(listener, centre, state.stop.clone()));
                Some(addr)
            }
            None => None,
        };
        tasks.spawn(accept(listener, Arc::clone(&state), tasks.clone()));
        Ok(Handle {
            addr,
            smtp_addr,
            smpp_addr,
            state,
            tasks,
        })
    }
}

impl Handle {
    /// Stops listening, lets calls under way finish for a moment, then closes every connection.
    pub async fn shutdown(self) {
        self.state.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Puts a behaviour in force, as `PUT /control/behaviours/{name}`.
    ///
    /// # Errors
    /// When it cannot be obeyed as written; the one in force then stays.
    pub fn set_behaviour(&self, name: &str, behaviour: Behaviour) -> Result<(), Error> {
        self.state.set(name, behaviour)
    }

    /// Puts rules of the SMPP centre in force, as `PUT /control/smpp`.
    ///
    /// # Errors
    /// When they cannot be obeyed as written; those in force then stay.
    pub fn set_smpp(&self, rules: SmppRules) -> Result<(), Error> {
        self.state
            .centre
            .set_rules(rules)
            .map_err(|why| Error::Behaviour {
                name: "smpp".into(),
                why,
            })
    }

    /// What became of the SMPP centre's receipts.
    #[must_use]
    pub fn smpp_progress(&self) -> SmppProgress {
        self.state.centre.progress()
    }

    /// Totals of the ledger with at most `listed` doubled references.
    #[must_use]
    pub fn summary(&self, listed: usize) -> Summary {
        self.state.summary(listed)
    }

    /// The base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.state.stop.cancel();
    }
}

impl State {
    fn new(options: &Options) -> Self {
        let started_ms = options.clock.now_ms();
        let ledger = Ledger::new(options.ledger, options.ledger_details, started_ms);
        let ledger = Arc::new(ledger);
        let stop = CancellationToken::new();
        let registry = Registry::new(Surroundings {
            seed: options.seed,
            clock: options.clock.clone(),
            ledger: Arc::clone(&ledger),
            stop: stop.clone(),
            receipts_waiting: options.receipts_waiting,
        });
        let mailbox = Mailbox::new(
            options.mails,
            options.seed,
            options.clock.clone(),
            Arc::clone(&ledger),
            registry.default_actor().tally.clone(),
        );
        let centre = Centre::new(
            options.seed,
            options.clock.clone(),
            Arc::clone(&ledger),
            registry.default_actor().tally.clone(),
        );
        Self {
            centre: Arc::new(centre),
            clock: options.clock.clone(),
            ledger,
            mailbox: Arc::new(mailbox),
            registry,
            started_ms,
            body_bytes: options.body_bytes,
            stop,
        }
    }

    fn set(&self, name: &str, behaviour: Behaviour) -> Result<(), Error> {
        self.registry
            .set(name, behaviour)
            .map(|_| ())
            .map_err(|why: Refused| Error::Behaviour {
                name: name.into(),
                why: why.to_string(),
            })
    }

    pub(crate) fn summary(&self, listed: usize) -> Summary {
        let mut summary = self.ledger.summary(listed);
        for tally in self.registry.tallies() {
            let accepted = tally.accepted.load(std::sync::atomic::Ordering::Relaxed);
            summary.accepted += accepted;
            if accepted > 0 {
                summary
                    .by_behaviour
                    .insert(tally.name.to_string(), accepted);
            }
            for second in tally.rates.seconds(usize::MAX) {
                if second.accepted > 0 {
                    *summary.by_second.entry(second.second).or_default() += second.accepted;
                }
            }
        }
        summary
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let fault = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let bound = listener.local_addr().map_err(fault)?;
    Ok((listener, bound))
}

async fn accept(listener: TcpListener, state: Arc<State>, tasks: TaskTracker) {
    loop {
        let stream = tokio::select! {
            () = state.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match stream {
            Ok((stream, _)) => {
                tasks.spawn(connection(stream, Arc::clone(&state)));
            }
            Err(error) => {
                // Out of descriptors, most likely: give connections time to end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let breaker = Breaker::default();
    let socket = TokioIo::new(Socket::new(stream, breaker.clone()));
    let service = service_fn(|request| {
        let state = Arc::clone(&state);
        let breaker = breaker.clone();
        async move { respond(&state, &breaker, request).await }
    });
    let connection = http1::Builder::new()
        .pipeline_flush(true)
        .serve_connection(socket, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = state.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // Calls that hang on purpose never finish.
            match tokio::time::timeout(GRACE, connection.as_mut()).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn respond(
    state: &State,
    breaker: &Breaker,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Broken> {
    let (parts, body) = request.into_parts();
    let routed = route(&parts);
    let (vendor, path, name) = match routed.place {
        Place::Send(vendor) => (vendor, routed.path, routed.behaviour),
        // Any name is taken: a sink without behaviour of its own does as the default.
        Place::Hook(name) => {
            let known = state.registry.get(name).is_some();
            (Vendor::Webhook, name, known.then_some(name))
        }
        place => {
            let reply = match place {
                Place::Control(path) => control::answer(state, &parts, path, body).await,
                Place::Query => query::answer(&parts, &state.ledger),
                Place::Question(path) => {
                    question(state, (&parts, path), routed.behaviour, body).await
                }
                Place::Live => Reply::text(200, "ok"),
                Place::Overview => control::overview(state),
                _ => nowhere(parts.uri.path()),
            };
            return Ok(reply.into_response());
        }
    };
    let actor = match name {
        None => state.registry.default_actor(),
        Some(name) => match state.registry.get(name) {
            Some(actor) => actor,
            None => {
                let why = format!("no behaviour is named `{name}`");
                return Ok(Reply::error(404, &why).into_response());
            }
        },
    };
    let takes_get = matches!(vendor, Vendor::Aliyun | Vendor::Twilio);
    if !(parts.method == http::Method::POST || takes_get && parts.method == http::Method::GET) {
        return Ok(Reply::error(405, "send calls are POST").into_response());
    }
    let exchange = Exchange {
        state,
        breaker,
        actor,
        vendor,
    };
    exchange.run(&parts, path, body).await
}

async fn question(
    state: &State,
    place: (&http::request::Parts, &str),
    behaviour: Option<&str>,
    body: Incoming,
) -> Reply {
    let name = behaviour.unwrap_or(DEFAULT);
    let Some(actor) = state.registry.get(name) else {
        return Reply::error(404, &format!("no behaviour is named `{name}`"));
    };
    match read(body, state.body_bytes).await {
        Ok(body) => {
            let now_ms = state.clock.now_ms();
            questions::answer(&actor, &state.ledger, place, &body, now_ms)
        }
        Err(reply) => reply,
    }
}

fn nowhere(path: &str) -> Reply {
    let why = format!(
        "nothing answers {path}; see GET / (the root takes POST with the headers of a vendor that has no path)"
    );
    Reply::error(404, &why)
}

/// How long calls under way may take to finish after a stop.
const GRACE: Duration = Duration::from_millis(500);
