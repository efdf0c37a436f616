//! The connection under a session: opened, kept, opened again with growing pauses.
//!
//! Invariant: every submit is answered once, also when the connection goes or never comes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{Fault, FaultKind, SmppBind, SmppPart, SubmitSm};
use austin_ports::wire::{Ack, Arrival};
use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::Outside;
use super::machine::{Event, Machine, Ticket};
use super::pdu::{self, Role};
use crate::fault::not_sent;
use crate::stream::Stream;
use crate::target::Host;

/// What a session is told.
pub(super) enum Order {
    /// Send a message.
    Submit {
        parts: Vec<SubmitSm>,
        until: Instant,
        reply: oneshot::Sender<Answer>,
    },
    /// Stay open without messages, or not any more.
    Keep(bool),
}

/// What came of a message.
pub(super) enum Answer {
    /// The end of each part.
    Parts(Vec<SmppPart>),
    /// The centre refused the bind with this status.
    NotBound(u32),
    /// No connection.
    Failed(Fault),
    /// The session was ending; nothing was sent.
    Again(Vec<SubmitSm>),
}

/// One connection of a session.
pub(super) struct Link {
    pub(super) account: Arc<str>,
    pub(super) host: Host,
    pub(super) bind: SmppBind,
    pub(super) role: Role,
    pub(super) outside: Outside,
}

/// A message that waits for its end.
type Waiting = oneshot::Sender<Answer>;

/// Why there is no session.
#[derive(Clone)]
enum Refusal {
    Status(u32),
    Fault(Fault),
}

/// Whether the link goes on after a session.
enum Then {
    /// It was bound, and ended on its own.
    Lost,
    /// It never was.
    Failed(Refusal),
    /// Nobody wants it any more.
    Done,
}

impl Refusal {
    fn answer(&self) -> Answer {
        match self {
            Self::Status(status) => Answer::NotBound(*status),
            Self::Fault(fault) => Answer::Failed(fault.clone()),
        }
    }
}

impl Link {
    /// Serves until nobody wants the session.
    pub(super) async fn run(self, mut orders: mpsc::Receiver<Order>) {
        let mut kept = false;
        let mut pause = FIRST_PAUSE;
        loop {
            let bound_before = Instant::now();
            let refusal = match self.session(&mut orders, &mut kept).await {
                Then::Done => break,
                Then::Failed(refusal) => refusal,
                Then::Lost => {
                    if bound_before.elapsed() > STEADY {
                        pause = FIRST_PAUSE;
                    }
                    Refusal::Fault(not_sent(
                        FaultKind::Cut,
                        "the session was lost a moment ago",
                    ))
                }
            };
            self.log(&refusal, pause);
            if !self.rest(&mut orders, &mut kept, &refusal, pause).await {
                break;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        // What was ordered meanwhile goes to the next session.
        orders.close();
        while let Some(order) = orders.recv().await {
            if let Order::Submit { parts, reply, .. } = order {
                let _ = reply.send(Answer::Again(parts));
            }
        }
    }

    fn log(&self, refusal: &Refusal, pause: Duration) {
        let account = &*self.account;
        let seconds = pause.as_secs();
        match refusal {
            Refusal::Status(status) => tracing::warn!(
                account,
                status = format!("{status:#010x}"),
                again_in_seconds = seconds,
                "the centre refused the bind"
            ),
            Refusal::Fault(fault) => tracing::warn!(
                account,
                kind = fault.kind.as_str(),
                detail = fault.detail,
                again_in_seconds = seconds,
                "no session with the centre"
            ),
        }
    }

    /// Waits before the next try; calls meanwhile are refused with the reason. Says whether to
    /// go on.
    async fn rest(
        &self,
        orders: &mut mpsc::Receiver<Order>,
        kept: &mut bool,
        refusal: &Refusal,
        pause: Duration,
    ) -> bool {
        let end = Instant::now() + pause;
        loop {
            tokio::select! {
                () = sleep_until(end) => return *kept,
                order = orders.recv() => match order {
                    Some(Order::Submit { reply, .. }) => drop(reply.send(refusal.answer())),
                    Some(Order::Keep(wanted)) => {
                        *kept = wanted;
                        if !wanted {
                            return false;
                        }
                    }
                    None => return false,
                },
            }
        }
    }

    /// One connection from its opening to its end.
    async fn session(&self, orders: &mut mpsc::Receiver<Order>, kept: &mut bool) -> Then {
        let mut early = Vec::new();
        let connecting = self.connect();
        tokio::pin!(connecting);
        let stream = loop {
            tokio::select! {
                stream = &mut connecting => break stream,
                order = orders.recv() => match order {
                    Some(Order::Keep(wanted)) => *kept = wanted,
                    Some(submit) => early.push(submit),
                    None => return Then::Done,
                },
            }
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(fault) => {
                let refusal = Refusal::Fault(fault);
                for order in early {
                    if let Order::Submit { reply, .. } = order {
                        let _ = reply.send(refusal.answer());
                    }
                }
                return Then::Failed(refusal);
            }
        };
        let _open = self.outside.metrics.smpp_connection();
        let (reader, writer) = split(stream);
        let (acks, acked) = mpsc::unbounded_channel();
        let mut talk = Talk {
            link: self,
            machine: Machine::new(&self.bind, self.role),
            began: Instant::now(),
            waiting: HashMap::new(),
            acks,
            bound: false,
            refused: None,
        };
        for order in early {
            talk.take(order, kept);
        }
        talk.run(reader, writer, orders, acked, kept).await
    }

    async fn connect(&self) -> Result<Stream, Fault> {
        let dialer = &self.outside.dialer;
        if self.bind.tls {
            dialer.secure(&self.host, self.bind.port).await
        } else {
            let tcp = dialer.clear(&self.host, self.bind.port).await?;
            Ok(Stream::Clear(tcp))
        }
    }
}

/// A connection being talked over.
struct Talk<'l> {
    link: &'l Link,
    machine: Machine,
    began: Instant,
    waiting: HashMap<Ticket, Waiting>,
    acks: mpsc::UnboundedSender<(u32, bool)>,
    bound: bool,
    refused: Option<u32>,
}

impl Talk<'_> {
    fn at(&self) -> Duration {
        self.began.elapsed()
    }

    async fn run(
        mut self,
        mut reader: ReadHalf<Stream>,
        mut writer: WriteHalf<Stream>,
        orders: &mut mpsc::Receiver<Order>,
        mut acked: mpsc::UnboundedReceiver<(u32, bool)>,
        kept: &mut bool,
    ) -> Then {
        let mut incoming = BytesMut::with_capacity(READ_BYTES);
        let mut unflushed = false;
        // Without orders nobody can want anything any more: the client is gone.
        let mut abandoned = false;
        loop {
            self.tell();
            if let Some(why) = self.machine.over() {
                let _ = writer.shutdown().await;
                return self.verdict(why, *kept && !abandoned);
            }
            let next = self.machine.next_tick().map(|at| self.began + at);
            let tick = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let writes = unflushed || !self.machine.out().is_empty();
            tokio::select! {
                read = read(&mut reader, &mut incoming) => self.heard(read, &mut incoming),
                written = write(&mut writer, self.machine.out(), &mut unflushed), if writes => {
                    if let Err(error) = written {
                        let detail = format!("the connection was cut: {error}");
                        self.machine.lost(FaultKind::Cut, &detail);
                    }
                }
                order = orders.recv(), if !abandoned => match order {
                    Some(order) => {
                        self.take(order, kept);
                        for _ in 0..ORDERS_AT_A_TIME {
                            let Ok(order) = orders.try_recv() else { break };
                            self.take(order, kept);
                        }
                    }
                    None => abandoned = true,
                },
                Some((sequence, taken)) = acked.recv() => {
                    self.machine.acknowledge(sequence, taken);
                }
                () = tick => {
                    let at = self.at();
                    self.machine.tick(at);
                }
            }
            if abandoned {
                let at = self.at();
                self.machine.leave(at);
            }
        }
    }

    fn verdict(self, why: Fault, kept: bool) -> Then {
        match (self.bound, self.refused) {
            (_, Some(status)) => Then::Failed(Refusal::Status(status)),
            _ if !kept => Then::Done,
            (false, None) => Then::Failed(Refusal::Fault(why)),
            (true, None) => {
                let account = &*self.link.account;
                tracing::warn!(
                    account,
                    detail = why.detail,
                    "the session with the centre ended"
                );
                Then::Lost
            }
        }
    }

    fn take(&mut self, order: Order, kept: &mut bool) {
        let at = self.at();
        match order {
            Order::Submit {
                parts,
                until,
                reply,
            } => {
                if self.machine.is_leaving() {
                    let _ = reply.send(Answer::Again(parts));
                    return;
                }
                let until = until.saturating_duration_since(self.began);
                self.machine.stay();
                let ticket = self.machine.submit(parts, until, at);
                self.waiting.insert(ticket, reply);
                if !*kept {
                    // A session for its calls alone ends with the last of them.
                    self.machine.leave(at);
                }
            }
            Order::Keep(wanted) => {
                *kept = wanted;
                if wanted {
                    self.machine.stay();
                } else {
                    self.machine.leave(at);
                }
            }
        }
    }

    /// What was read, or that nothing more will be.
    fn heard(&mut self, read: std::io::Result<usize>, incoming: &mut BytesMut) {
        match read {
            Ok(0) => self
                .machine
                .lost(FaultKind::Cut, "the centre closed the connection"),
            Err(error) => {
                let detail = format!("the connection was cut: {error}");
                self.machine.lost(FaultKind::Cut, &detail);
            }
            Ok(_) => loop {
                match pdu::take(incoming) {
                    Ok(Some(unit)) => {
                        let at = self.at();
                        self.machine.received(unit, at);
                    }
                    Ok(None) => return,
                    Err(length) => {
                        let detail = format!("what the centre sends is no SMPP: {length}");
                        self.machine.lost(FaultKind::Protocol, &detail);
                        return;
                    }
                }
            },
        }
    }

    /// Passes events on.
    fn tell(&mut self) {
        while let Some(event) = self.machine.event() {
            match event {
                Event::Bound => {
                    self.bound = true;
                    tracing::info!(account = &*self.link.account, "bound with the centre");
                }
                Event::Refused(status) => self.refused = Some(status),
                Event::Done(ticket, ends) => {
                    let Some(reply) = self.waiting.remove(&ticket) else {
                        continue;
                    };
                    // Nobody waiting any more is no fault of the session.
                    let _ = reply.send(match self.refused {
                        Some(status) => Answer::NotBound(status),
                        None => Answer::Parts(ends),
                    });
                }
                Event::Arrived(sequence, message) => {
                    let acks = self.acks.clone();
                    let arrival = Arrival {
                        account: Arc::clone(&self.link.account),
                        message,
                        ack: Ack::new(move |taken| {
                            // An error means that the connection is gone: the centre repeats.
                            let _ = acks.send((sequence, taken));
                        }),
                    };
                    // Dropped when there is no room: the centre hears that and sends it again.
                    let _ = self.link.outside.arrivals.try_send(arrival);
                }
            }
        }
    }
}

async fn read(
    reader: &mut (impl AsyncRead + Unpin),
    incoming: &mut BytesMut,
) -> std::io::Result<usize> {
    incoming.reserve(READ_BYTES);
    reader.read_buf(incoming).await
}

/// Writes some, or flushes when all is written; may be dropped at any point and called again.
async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    out: &mut BytesMut,
    unflushed: &mut bool,
) -> std::io::Result<()> {
    if !out.is_empty() {
        *unflushed = true;
        let written = writer.write_buf(out).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        if !out.is_empty() {
            return Ok(());
        }
    }
    writer.flush().await?;
    *unflushed = false;
    Ok(())
}

/// Pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A session that stood this long was a good one: the next failure is a first.
const STEADY: Duration = Duration::from_secs(30);
/// Room for each read.
const READ_BYTES: usize = 16 * 1024;
/// Orders taken before the connection gets its turn again.
const ORDERS_AT_A_TIME: usize = 256;
