//! SMPP 3.4 over kept sessions, one per account and bind.
//!
//! A session is kept open for as long as the engine asks for it, because receipts come by it, and
//! for calls without that. A call to a centre that was unreachable a moment ago is refused at once
//! with the reason, so that another account can take it. What the centre sends unasked waits for
//! the engine's word before it is answered.

mod link;
mod machine;
mod pdu;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::sign::sha256_hex;
use austin_adapter_api::{
    FaultKind, Phase, Reply, SmppBind, SmppMode, SmppPart, SmppReply, SmppRequest,
};
use austin_ports::wire::{Arrival, KeptSession};
use parking_lot::Mutex;
use secrecy::ExposeSecret;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::dial::Dialer;
use crate::fault::{maybe_sent, not_sent};
use crate::metrics::Metrics;
use crate::target::Host;

use link::{Answer, Link, Order};
use pdu::Role;

/// Keeps SMPP sessions.
pub(crate) struct Smpp {
    outside: Outside,
    links: Mutex<HashMap<Key, mpsc::Sender<Order>>>,
    arrivals: AsyncMutex<mpsc::Receiver<Arrival>>,
}

/// What every session needs of its surroundings.
#[derive(Clone)]
struct Outside {
    dialer: Arc<Dialer>,
    metrics: Arc<Metrics>,
    arrivals: mpsc::Sender<Arrival>,
}

/// Whose session it is. Settings that change make another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    account: Arc<str>,
    bind: String,
    role: Role,
}

impl Smpp {
    /// No sessions yet.
    pub(crate) fn new(dialer: Arc<Dialer>, metrics: Arc<Metrics>) -> Self {
        let (sender, arrivals) = mpsc::channel(MOST_ARRIVALS);
        Self {
            outside: Outside {
                dialer,
                metrics,
                arrivals: sender,
            },
            links: Mutex::default(),
            arrivals: AsyncMutex::new(arrivals),
        }
    }

    /// Carries `request` out over the session of `account`.
    pub(crate) async fn call(&self, account: &Arc<str>, request: SmppRequest) -> Reply {
        let host = match check(&request) {
            Ok(host) => host,
            Err(what) => return Reply::Fault(not_sent(FaultKind::Invalid, what)),
        };
        let SmppRequest {
            bind,
            mut parts,
            deadline,
        } = request;
        let until = Instant::now() + deadline.min(MAX_DEADLINE);
        let role = match bind.mode {
            SmppMode::Transceiver => Role::Transceiver,
            SmppMode::Pair | SmppMode::Transmitter => Role::Transmitter,
        };
        let key = key(account, &bind, role);
        // Twice at most: a session that is just ending hands its calls back.
        for _ in 0..2 {
            let (reply, answer) = oneshot::channel();
            let order = Order::Submit {
                parts,
                until,
                reply,
            };
            let orders = self.link(&key, &host, &bind);
            if let Err(refused) = orders.try_send(order) {
                match refused {
                    mpsc::error::TrySendError::Full(_) => return busy(),
                    mpsc::error::TrySendError::Closed(order) => {
                        self.forget(&key, &orders);
                        let Order::Submit { parts: back, .. } = order else {
                            return busy();
                        };
                        parts = back;
                        continue;
                    }
                }
            }
            // The session keeps the deadline itself; this is for one that no longer can.
            match timeout_at(until + GRACE, answer).await {
                Ok(Ok(Answer::Parts(ends))) => return summed_up(ends),
                Ok(Ok(Answer::NotBound(status))) => {
                    return Reply::Smpp(SmppReply::NotBound(status));
                }
                Ok(Ok(Answer::Failed(fault))) => return Reply::Fault(fault),
                Ok(Ok(Answer::Again(back))) => {
                    self.forget(&key, &orders);
                    parts = back;
                }
                Ok(Err(_)) | Err(_) => {
                    let detail = "the session broke off while the message was under way";
                    return Reply::Fault(maybe_sent(FaultKind::Cut, detail));
                }
            }
        }
        Reply::Fault(not_sent(FaultKind::Cut, "the session was ending"))
    }

    /// Keeps these sessions open from now on, and no others.
    pub(crate) fn keep(&self, sessions: Vec<KeptSession>) {
        let mut wanted = HashMap::new();
        for session in sessions {
            let host = match host(&session.bind) {
                Ok(host) => host,
                Err(what) => {
                    tracing::warn!(account = %session.account, what, "no session can be kept");
                    continue;
                }
            };
            let roles: &[Role] = match session.bind.mode {
                SmppMode::Transceiver => &[Role::Transceiver],
                SmppMode::Pair => &[Role::Transmitter, Role::Receiver],
                SmppMode::Transmitter => &[Role::Transmitter],
            };
            for role in roles {
                let key = key(&session.account, &session.bind, *role);
                wanted.insert(key, (host.clone(), session.bind.clone()));
            }
        }
        let unwanted: Vec<_> = {
            let mut links = self.links.lock();
            links.retain(|_, orders| !orders.is_closed());
            let unwanted = links.iter().filter(|(key, _)| !wanted.contains_key(*key));
            unwanted.map(|(_, orders)| orders.clone()).collect()
        };
        for orders in unwanted {
            send(orders, Order::Keep(false));
        }
        for (key, (host, bind)) in wanted {
            send(self.link(&key, &host, &bind), Order::Keep(true));
        }
    }

    /// Waits for what sessions bring unasked.
    pub(crate) async fn arrivals(&self, most: usize) -> Vec<Arrival> {
        let mut waiting = self.arrivals.lock().await;
        let mut found = Vec::new();
        waiting.recv_many(&mut found, most.max(1)).await;
        found
    }

    /// The session of this key; opened when there is none.
    fn link(&self, key: &Key, host: &Host, bind: &SmppBind) -> mpsc::Sender<Order> {
        let mut links = self.links.lock();
        if let Some(orders) = links.get(key).filter(|orders| !orders.is_closed()) {
            return orders.clone();
        }
        let (orders, inbox) = mpsc::channel(MOST_ORDERS);
        let link = Link {
            account: Arc::clone(&key.account),
            host: host.clone(),
            bind: bind.clone(),
            role: key.role,
            outside: self.outside.clone(),
        };
        drop(tokio::spawn(link.run(inbox)));
        links.insert(key.clone(), orders.clone());
        orders
    }

    /// Forgets a session that has ended, unless it was replaced meanwhile.
    fn forget(&self, key: &Key, orders: &mpsc::Sender<Order>) {
        let mut links = self.links.lock();
        if links.get(key).is_some_and(|now| now.same_channel(orders)) {
            links.remove(key);
        }
    }
}

/// Sends a word that must not be lost, whatever waits before it.
fn send(orders: mpsc::Sender<Order>, order: Order) {
    if let Err(mpsc::error::TrySendError::Full(order)) = orders.try_send(order) {
        drop(tokio::spawn(async move {
            // An error means that the session has ended: nothing is left to be told.
            let _ = orders.send(order).await;
        }));
    }
}

/// One reply for the ends of all parts.
fn summed_up(ends: Vec<SmppPart>) -> Reply {
    let is_answered = |end: &SmppPart| matches!(end, SmppPart::Answered { .. });
    if ends.iter().any(is_answered) {
        return Reply::Smpp(SmppReply::Submitted(ends));
    }
    let faults = ends.into_iter().filter_map(|end| match end {
        SmppPart::Missing(fault) => Some(fault),
        SmppPart::Answered { .. } => None,
    });
    let worst = faults.reduce(|worst, fault| match fault.phase {
        Phase::MaybeSent if worst.phase == Phase::NotSent => fault,
        Phase::MaybeSent | Phase::NotSent => worst,
    });
    Reply::Fault(worst.unwrap_or_else(|| not_sent(FaultKind::Invalid, "a message without parts")))
}

fn busy() -> Reply {
    Reply::Fault(not_sent(
        FaultKind::Connect,
        "too many messages wait for this session",
    ))
}

/// Where the session goes, when everything in the request can be written.
fn check(request: &SmppRequest) -> Result<Host, &'static str> {
    if request.parts.is_empty() {
        return Err("a message without parts");
    }
    if request.parts.len() > MOST_PARTS {
        return Err("a message has at most 255 parts");
    }
    for part in &request.parts {
        pdu::check_submit(part)?;
    }
    host(&request.bind)
}

fn host(bind: &SmppBind) -> Result<Host, &'static str> {
    pdu::check_bind(bind)?;
    if bind.host.contains(':') && !bind.host.starts_with('[') {
        return Host::parse(&format!("[{}]", bind.host));
    }
    Host::parse(&bind.host)
}

fn key(account: &Arc<str>, bind: &SmppBind, role: Role) -> Key {
    // A digest, so that the password does not lie about in keys.
    let text = format!(
        "{bind:?}\0{:?}",
        (
            bind.password.expose_secret(),
            &bind.system_type,
            &bind.address_range,
            bind.enquire_link,
            bind.response_timeout,
        )
    );
    Key {
        account: Arc::clone(account),
        bind: sha256_hex(text.as_bytes()),
        role,
    }
}

/// Whether `bytes` are units or not: never a panic, never more than there is. For fuzzing.
#[doc(hidden)]
pub fn any_bytes(bytes: &[u8]) {
    let mut buffer = bytes::BytesMut::from(bytes);
    loop {
        let before = buffer.len();
        match pdu::take(&mut buffer) {
            Ok(Some(_)) => assert!(buffer.len() < before),
            Ok(None) | Err(_) => return,
        }
    }
}

/// Most orders that wait for one session to read them.
const MOST_ORDERS: usize = 10_000;
/// Most arrivals that wait for the engine; more are asked for again.
const MOST_ARRIVALS: usize = 4_096;
/// Most parts of a message: their number is one byte.
const MOST_PARTS: usize = 255;
/// No message takes longer, whatever its request says.
const MAX_DEADLINE: Duration = Duration::from_secs(600);
/// How much longer than the deadline a session may take to say so.
const GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
