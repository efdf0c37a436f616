//! One session of the centre.
//!
//! Invariant: receipts that this session did not bring home go back to the centre when it ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;

use super::pdu::{self, Submit, Unit};
use super::{Centre, Receipt, SmppAction, SmppStage, receipt};
use crate::vendor::authorization::same;

struct Session {
    centre: Arc<Centre>,
    out: mpsc::UnboundedSender<Bytes>,
    /// Who is bound, once somebody is.
    system_id: Option<String>,
    sends: bool,
    receives: bool,
    next_sequence: u32,
    /// Receipts without an answer.
    unanswered: HashMap<u32, Receipt>,
}

/// Whether the session goes on.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    /// What is written still goes out.
    Close,
    Hang,
}

/// Serves one session until its end.
pub(super) async fn run(stream: TcpStream, centre: Arc<Centre>) {
    let _ = stream.set_nodelay(true);
    let (mut reader, writer) = stream.into_split();
    let (out, outgoing) = mpsc::unbounded_channel();
    let writing = tokio::spawn(write(writer, outgoing));
    let mut session = Session {
        centre,
        out,
        system_id: None,
        sends: false,
        receives: false,
        next_sequence: 1,
        unanswered: HashMap::new(),
    };
    let mut buffer = BytesMut::new();
    loop {
        let centre = Arc::clone(&session.centre);
        let bell = centre.bell.notified();
        session.deliver();
        tokio::select! {
            read = reader.read_buf(&mut buffer) => match read {
                Ok(0) | Err(_) => break,
                Ok(_) => match session.read(&mut buffer) {
                    Then::GoOn => {}
                    Then::Close => break,
                    Then::Hang => std::future::pending().await,
                },
            },
            () = bell => {}
            () = tokio::time::sleep(PULSE), if session.receives => {}
        }
    }
    session.end();
    drop(session);
    let _ = tokio::time::timeout(GRACE, writing).await;
}

async fn write(mut writer: OwnedWriteHalf, mut outgoing: mpsc::UnboundedReceiver<Bytes>) {
    let mut waiting = Vec::new();
    while outgoing.recv_many(&mut waiting, 256).await > 0 {
        let bytes: Vec<u8> = waiting.drain(..).flatten().collect();
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = writer.shutdown().await;
}

impl Session {
    fn read(&mut self, buffer: &mut BytesMut) -> Then {
        loop {
            let then = match pdu::take(buffer) {
                Ok(Some(unit)) => self.unit(unit),
                Ok(None) => return Then::GoOn,
                Err(()) => Then::Close,
            };
            if then != Then::GoOn {
                return then;
            }
        }
    }

    fn unit(&mut self, unit: Unit) -> Then {
        let sequence = unit.sequence;
        match unit.command {
            pdu::BIND_RECEIVER | pdu::BIND_TRANSMITTER | pdu::BIND_TRANSCEIVER => self.bind(unit),
            pdu::SUBMIT_SM => self.submit(unit),
            pdu::ENQUIRE_LINK => {
                self.send(pdu::ENQUIRE_LINK | pdu::RESPONSE, 0, sequence, b"");
                Then::GoOn
            }
            pdu::UNBIND => {
                self.send(pdu::UNBIND | pdu::RESPONSE, 0, sequence, b"");
                Then::Close
            }
            command if command == pdu::DELIVER_SM | pdu::RESPONSE => {
                self.answered(sequence, unit.status);
                Then::GoOn
            }
            command if command & pdu::RESPONSE != 0 => Then::GoOn,
            _ => {
                self.send(pdu::GENERIC_NACK, INVALID_COMMAND, sequence, b"");
                Then::GoOn
            }
        }
    }

    fn bind(&mut self, unit: Unit) -> Then {
        let response = unit.command | pdu::RESPONSE;
        let Some((system_id, password)) = pdu::bind(unit.body) else {
            self.send(response, INVALID_LENGTH, unit.sequence, b"");
            return Then::Close;
        };
        if self.system_id.is_some() {
            self.send(response, ALREADY_BOUND, unit.sequence, b"");
            return Then::GoOn;
        }
        let say = self.centre.say(SmppStage::Bind, &system_id, "");
        match say.action {
            Some(SmppAction::Status(status)) => {
                self.send(response, status, unit.sequence, b"");
                return Then::Close;
            }
            Some(SmppAction::Garbage) => {
                let _ = self.out.send(Bytes::from_static(GARBAGE));
                return Then::Close;
            }
            Some(SmppAction::Close | SmppAction::KeepAndClose) => return Then::Close,
            Some(SmppAction::Drop | SmppAction::KeepAndDrop | SmppAction::Hang) => {
                return Then::Hang;
            }
            None | Some(SmppAction::DelayMs(_)) => {}
        }
        let auth = self.centre.rules().auth;
        let right = auth.is_none_or(|auth| {
            same(&system_id, &auth.system_id) & same(&password, auth.password.reveal())
        });
        if !right {
            self.send(response, INVALID_PASSWORD, unit.sequence, b"");
            return Then::Close;
        }
        self.centre
            .counters
            .sessions
            .fetch_add(1, Ordering::Relaxed);
        self.sends = unit.command != pdu::BIND_RECEIVER;
        self.receives = unit.command != pdu::BIND_TRANSMITTER;
        self.system_id = Some(system_id);
        self.send(response, 0, unit.sequence, b"simulator\0");
        Then::GoOn
    }

    fn submit(&mut self, unit: Unit) -> Then {
        let sequence = unit.sequence;
        let response = pdu::SUBMIT_SM | pdu::RESPONSE;
        let Some(system_id) = self.system_id.clone().filter(|_| self.sends) else {
            self.send(response, NOT_BOUND, sequence, b"");
            return Then::GoOn;
        };
        let Some(part) = Submit::read(unit.body) else {
            self.send(response, INVALID_LENGTH, sequence, b"");
            return Then::GoOn;
        };
        let say = self.centre.say(SmppStage::Submit, &part.to(), &part.text);
        match say.action {
            Some(SmppAction::Status(status)) => {
                self.later(say.delay_ms, pdu::unit(response, status, sequence, b""));
                return Then::GoOn;
            }
            Some(SmppAction::Drop) => return Then::GoOn,
            Some(SmppAction::Close) => return Then::Close,
            Some(SmppAction::Hang) => return Then::Hang,
            Some(SmppAction::Garbage) => {
                let _ = self.out.send(Bytes::from_static(GARBAGE));
                return Then::GoOn;
            }
            Some(SmppAction::KeepAndDrop | SmppAction::KeepAndClose | SmppAction::DelayMs(_))
            | None => {}
        }
        if !self.centre.has_room() {
            self.send(response, THROTTLED, sequence, b"");
            return Then::GoOn;
        }
        let (id, early) = self.centre.keep(&system_id, &part);
        for receipt in early {
            if self.receives {
                self.bring(receipt);
            } else {
                self.centre.schedule(Duration::ZERO, receipt);
            }
        }
        match say.action {
            Some(SmppAction::KeepAndDrop) => Then::GoOn,
            Some(SmppAction::KeepAndClose) => Then::Close,
            _ => {
                let id = format!("{}\0", self.centre.rules().ids.answer(id));
                let answer = pdu::unit(response, 0, sequence, id.as_bytes());
                self.later(say.delay_ms, answer);
                Then::GoOn
            }
        }
    }

    /// Sends receipts that are due.
    fn deliver(&mut self) {
        let Some(system_id) = self.system_id.clone().filter(|_| self.receives) else {
            return;
        };
        while self.unanswered.len() < WINDOW {
            let Some(receipt) = self.centre.take_due(&system_id) else {
                return;
            };
            self.bring(receipt);
        }
    }

    fn bring(&mut self, receipt: Receipt) {
        let sequence = self.next_sequence;
        self.next_sequence = (self.next_sequence % 0x7fff_ffff) + 1;
        if let Some(mark) = receipt.mark {
            self.centre.ledger.note_receipt(mark, receipt.delivered);
        }
        let now_ms = self.centre.clock.now_ms();
        let _ = self.out.send(receipt::unit(&receipt, sequence, now_ms));
        self.unanswered.insert(sequence, receipt);
    }

    fn answered(&mut self, sequence: u32, status: u32) {
        let Some(receipt) = self.unanswered.remove(&sequence) else {
            return;
        };
        let counters = &self.centre.counters;
        if status == 0 {
            counters.acknowledged.fetch_add(1, Ordering::Relaxed);
        } else {
            counters.refused.fetch_add(1, Ordering::Relaxed);
            self.centre.schedule(AGAIN, receipt);
        }
    }

    fn end(&mut self) {
        for (_, receipt) in self.unanswered.drain() {
            self.centre.schedule(AGAIN, receipt);
        }
    }

    fn later(&self, delay_ms: u64, answer: Bytes) {
        let out = self.out.clone();
        if delay_ms == 0 {
            let _ = out.send(answer);
            return;
        }
        drop(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            let _ = out.send(answer);
        }));
    }

    fn send(&self, command: u32, status: u32, sequence: u32, body: &[u8]) {
        // An error means that the caller has left.
        let _ = self.out.send(pdu::unit(command, status, sequence, body));
    }
}

/// A session that is stopped or breaks off gives its receipts back all the same.
impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

const INVALID_LENGTH: u32 = 0x02;
const INVALID_COMMAND: u32 = 0x03;
const NOT_BOUND: u32 = 0x04;
const ALREADY_BOUND: u32 = 0x05;
const INVALID_PASSWORD: u32 = 0x0e;
const THROTTLED: u32 = 0x58;
const GARBAGE: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
/// Most receipts without an answer.
const WINDOW: usize = 50;
/// How soon a receipt that was not taken comes again.
const AGAIN: Duration = Duration::from_millis(200);
/// How often receipts are looked for that became due.
const PULSE: Duration = Duration::from_millis(20);
/// How long what is written may take to go out.
const GRACE: Duration = Duration::from_secs(1);
