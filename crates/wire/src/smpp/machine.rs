//! One bound connection as a pure state machine: units and moments in, bytes and events out.
//!
//! It knows no socket and no clock; moments are durations since the connection was made.
//! Invariants, whatever comes in whatever order: submits without a response never outnumber the
//! window, every message ends exactly once, and a part is called unsent only when it was never
//! written.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use austin_adapter_api::{DeliverSm, Fault, FaultKind, SmppBind, SmppPart, SubmitSm};
use bytes::BytesMut;

use super::pdu::{self, Body, Pdu, Role, status};
use crate::fault::{maybe_sent, not_sent};

/// Names a message of one connection.
pub(super) type Ticket = u64;

/// What the machine tells its driver.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The centre has bound us.
    Bound,
    /// It refused to, with this status.
    Refused(u32),
    /// A message has come to its end: one entry per part.
    Done(Ticket, Vec<SmppPart>),
    /// Something came unasked; answered by [`Machine::acknowledge`].
    Arrived(u32, DeliverSm),
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The bind has no answer yet.
    Binding { until: Duration },
    /// Submits go out.
    Open,
    /// We said goodbye.
    Leaving { until: Duration },
    /// Nothing more is read or written but what is in the buffer.
    Closed,
}

/// One bound connection.
pub(super) struct Machine {
    role: Role,
    window: usize,
    response_timeout: Duration,
    enquire_link: Duration,
    phase: Phase,
    next_sequence: u32,
    next_ticket: Ticket,
    messages: HashMap<Ticket, Message>,
    /// Parts to be written, in order.
    queue: VecDeque<(Ticket, usize)>,
    /// Submits without a response, by sequence number.
    outstanding: HashMap<u32, Outstanding>,
    /// When a response or a message is overdue.
    overdue: BTreeSet<(Duration, Due)>,
    /// No submit before; the centre asked for less.
    held_until: Duration,
    /// How long the next refusal of that kind holds.
    hold: Duration,
    heard_at: Duration,
    /// A test of the link without an answer, and until when it may come.
    enquired_until: Option<Duration>,
    /// Deliveries that the centre waits for our word on; whether they came as `data_sm`.
    owed: HashMap<u32, bool>,
    leaving: bool,
    events: VecDeque<Event>,
    out: BytesMut,
    why: Option<Fault>,
}

struct Message {
    parts: Vec<(SubmitSm, Part)>,
    until: Duration,
}

/// How far a part has come.
enum Part {
    Waiting,
    Sent(u32),
    /// Refused for now; sent again where others of its message were accepted.
    Slowed(u32),
    Done(SmppPart),
}

struct Outstanding {
    ticket: Ticket,
    part: usize,
    until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Response(u32),
    Message(Ticket),
}

impl Machine {
    /// A fresh connection; the bind is in the buffer.
    pub(super) fn new(bind: &SmppBind, role: Role) -> Self {
        let mut machine = Self {
            role,
            window: usize::from(bind.window.max(1)),
            response_timeout: bind.response_timeout,
            enquire_link: bind.enquire_link,
            phase: Phase::Binding {
                until: bind.response_timeout,
            },
            next_sequence: 1,
            next_ticket: 0,
            messages: HashMap::new(),
            queue: VecDeque::new(),
            outstanding: HashMap::new(),
            overdue: BTreeSet::new(),
            held_until: Duration::ZERO,
            hold: FIRST_HOLD,
            heard_at: Duration::ZERO,
            enquired_until: None,
            owed: HashMap::new(),
            leaving: false,
            events: VecDeque::new(),
            out: BytesMut::new(),
            why: None,
        };
        let sequence = machine.sequence();
        pdu::bind(&mut machine.out, sequence, role, bind);
        machine
    }

    /// What is to be written.
    pub(super) fn out(&mut self) -> &mut BytesMut {
        &mut self.out
    }

    /// The next event.
    pub(super) fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Why the connection is over, once it is and nothing is left to be written.
    pub(super) fn over(&self) -> Option<Fault> {
        let is_over = self.phase == Phase::Closed && self.out.is_empty();
        is_over.then(|| {
            let ended = || not_sent(FaultKind::Cut, "the session was ended");
            self.why.clone().unwrap_or_else(ended)
        })
    }

    /// Whether it says goodbye, and takes no message any more.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving { .. })
    }

    /// Whether no message is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.messages.is_empty()
    }

    /// Takes a message, which is to be done by `until`.
    pub(super) fn submit(&mut self, parts: Vec<SubmitSm>, until: Duration, at: Duration) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let fault = match self.phase {
            _ if !self.role.sends() => Some("this connection only receives"),
            Phase::Closed | Phase::Leaving { .. } => Some("the session is ending"),
            _ if self.messages.len() >= MOST_MESSAGES => {
                Some("too many messages wait for the window of this session")
            }
            Phase::Binding { .. } | Phase::Open => None,
        };
        if let Some(fault) = fault {
            let refused = SmppPart::Missing(not_sent(FaultKind::Connect, fault));
            let refused = vec![refused; parts.len()];
            self.events.push_back(Event::Done(ticket, refused));
            return ticket;
        }
        self.queue
            .extend((0..parts.len()).map(|part| (ticket, part)));
        let parts = parts.into_iter().map(|part| (part, Part::Waiting));
        let parts = parts.collect();
        self.messages.insert(ticket, Message { parts, until });
        self.overdue.insert((until, Due::Message(ticket)));
        self.settle(ticket, at);
        self.fill(at);
        ticket
    }

    /// Gives our word on a delivery: whether it is durable here.
    pub(super) fn acknowledge(&mut self, sequence: u32, taken: bool) {
        let Some(data) = self.owed.remove(&sequence) else {
            return;
        };
        if self.phase == Phase::Closed {
            return;
        }
        let word = if taken { status::OK } else { status::TEMPORARY };
        pdu::delivery_resp(&mut self.out, sequence, data, word);
    }

    /// Ends the session once its messages have come to their ends.
    pub(super) fn leave(&mut self, at: Duration) {
        self.leaving = true;
        self.leave_when_idle(at);
    }

    /// Takes back [`Machine::leave`], unless the goodbye is said already.
    pub(super) fn stay(&mut self) {
        self.leaving = false;
    }

    /// The connection is gone, or what came over it makes no sense.
    pub(super) fn lost(&mut self, kind: FaultKind, detail: &str) {
        self.end(not_sent(kind, detail));
        self.out.clear();
    }

    /// Takes a unit.
    pub(super) fn received(&mut self, unit: Pdu, at: Duration) {
        if self.phase == Phase::Closed {
            return;
        }
        // Whatever comes proves that the link stands.
        self.heard_at = at;
        self.enquired_until = None;
        let Pdu {
            status,
            sequence,
            body,
        } = unit;
        match body {
            Body::BindResp => self.bound(status, at),
            // A nack of the bind is a refusal; a bound centre nacks single submits.
            Body::GenericNack if matches!(self.phase, Phase::Binding { .. }) => {
                self.bound(status.max(1), at);
            }
            Body::GenericNack => self.answered(sequence, status.max(1), String::new(), at),
            Body::SubmitResp { message_id } => self.answered(sequence, status, message_id, at),
            Body::Deliver(message) => self.delivered(sequence, message, false),
            Body::Data(message) => self.delivered(sequence, message, true),
            Body::Unreadable { data } => {
                pdu::delivery_resp(&mut self.out, sequence, data, status::REJECTED);
            }
            Body::EnquireLink => pdu::enquire_link_resp(&mut self.out, sequence),
            Body::Unbind => {
                pdu::unbind_resp(&mut self.out, sequence);
                self.end(not_sent(FaultKind::Cut, "the centre ended the session"));
            }
            Body::UnbindResp => self.end(not_sent(FaultKind::Cut, "the session was ended")),
            Body::Unknown => pdu::generic_nack(&mut self.out, sequence),
            Body::EnquireLinkResp | Body::Notice | Body::UnknownResp => {}
        }
        if self.out.len() > MOST_UNWRITTEN {
            self.lost(FaultKind::Protocol, "the centre asks and does not read");
        }
        self.leave_when_idle(at);
    }

    /// When [`Machine::tick`] is to be called at the latest.
    pub(super) fn next_tick(&self) -> Option<Duration> {
        let phase = match self.phase {
            Phase::Binding { until } | Phase::Leaving { until } => Some(until),
            Phase::Open => Some(match self.enquired_until {
                Some(until) => until,
                None => self.heard_at + self.enquire_link,
            }),
            Phase::Closed => return None,
        };
        let overdue = self.overdue.first().map(|(at, _)| *at);
        let is_held = self.phase == Phase::Open
            && !self.queue.is_empty()
            && self.outstanding.len() < self.window;
        let held = is_held.then_some(self.held_until);
        [phase, overdue, held].into_iter().flatten().min()
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, at: Duration) {
        while let Some((when, due)) = self.overdue.first().copied() {
            if when > at {
                break;
            }
            self.overdue.pop_first();
            match due {
                Due::Response(sequence) => self.no_response(sequence, at),
                Due::Message(ticket) => self.no_time_left(ticket),
            }
        }
        match self.phase {
            Phase::Binding { until } if at >= until => {
                let detail = "the centre did not answer the bind in time";
                self.lost(FaultKind::TimedOut, detail);
            }
            Phase::Leaving { until } if at >= until => {
                self.end(not_sent(FaultKind::Cut, "the session was ended"));
            }
            Phase::Open => match self.enquired_until {
                Some(until) if at >= until => {
                    let detail = "the centre did not answer enquire_link in time";
                    self.lost(FaultKind::TimedOut, detail);
                }
                None if at >= self.heard_at + self.enquire_link => self.enquire(at),
                _ => {}
            },
            _ => {}
        }
        self.fill(at);
        self.leave_when_idle(at);
    }

    fn bound(&mut self, status: u32, at: Duration) {
        if !matches!(self.phase, Phase::Binding { .. }) {
            return;
        }
        if status == status::OK {
            self.phase = Phase::Open;
            self.events.push_back(Event::Bound);
            self.fill(at);
        } else {
            self.events.push_back(Event::Refused(status));
            let detail = format!("the centre refused the bind with status {status:#010x}");
            self.lost(FaultKind::Connect, &detail);
        }
    }

    /// Writes as many parts as the window allows.
    fn fill(&mut self, at: Duration) {
        while self.phase == Phase::Open
            && self.outstanding.len() < self.window
            && at >= self.held_until
        {
            let Some((ticket, place)) = self.queue.pop_front() else {
                return;
            };
            let sequence = self.sequence();
            let Some(message) = self.messages.get_mut(&ticket) else {
                continue;
            };
            let (part, state) = &mut message.parts[place];
            if !matches!(state, Part::Waiting) {
                continue;
            }
            pdu::submit(&mut self.out, sequence, part);
            *state = Part::Sent(sequence);
            let until = message.until.min(at + self.response_timeout);
            self.overdue.insert((until, Due::Response(sequence)));
            let sent = Outstanding {
                ticket,
                part: place,
                until,
            };
            self.outstanding.insert(sequence, sent);
        }
    }

    fn answered(&mut self, sequence: u32, status: u32, message_id: String, at: Duration) {
        // Late, repeated or made up: whatever it was about has ended.
        let Some(sent) = self.returned(sequence) else {
            return;
        };
        let slows = matches!(status, status::THROTTLED | status::QUEUE_FULL);
        if slows {
            self.held_until = self.held_until.max(at + self.hold);
            self.hold = (self.hold * 2).min(LONGEST_HOLD);
        } else if status == status::OK {
            self.hold = FIRST_HOLD;
        }
        let state = if slows {
            Part::Slowed(status)
        } else {
            Part::Done(SmppPart::Answered { status, message_id })
        };
        self.put(&sent, state);
        self.settle(sent.ticket, at);
        self.fill(at);
    }

    fn no_response(&mut self, sequence: u32, at: Duration) {
        let Some(sent) = self.returned(sequence) else {
            return;
        };
        let detail = "the centre did not answer the submit in time";
        let missing = SmppPart::Missing(maybe_sent(FaultKind::TimedOut, detail));
        self.put(&sent, Part::Done(missing));
        self.settle(sent.ticket, at);
        // One lost answer, or a dead link: ask.
        if self.phase == Phase::Open && self.enquired_until.is_none() {
            self.enquire(at);
        }
    }

    fn no_time_left(&mut self, ticket: Ticket) {
        let detail = "the time for the message ran out before the centre had answered";
        self.finish(ticket, FaultKind::TimedOut, detail);
    }

    /// A submit that is no longer waited for.
    fn returned(&mut self, sequence: u32) -> Option<Outstanding> {
        let sent = self.outstanding.remove(&sequence)?;
        self.overdue.remove(&(sent.until, Due::Response(sequence)));
        Some(sent)
    }

    fn put(&mut self, sent: &Outstanding, state: Part) {
        let message = self.messages.get_mut(&sent.ticket);
        if let Some((_, part)) = message.and_then(|message| message.parts.get_mut(sent.part)) {
            *part = state;
        }
    }

    /// Ends a message whose parts all have an answer. Parts refused only for now go again when
    /// others were accepted: half a message helps nobody.
    fn settle(&mut self, ticket: Ticket, at: Duration) {
        let Some(message) = self.messages.get_mut(&ticket) else {
            return;
        };
        let is_open = |part: &Part| matches!(part, Part::Waiting | Part::Sent(_));
        if message.parts.iter().any(|(_, part)| is_open(part)) {
            return;
        }
        let is_slowed = |part: &Part| matches!(part, Part::Slowed(_));
        let is_accepted = |part: &Part| {
            matches!(
                part,
                Part::Done(SmppPart::Answered {
                    status: status::OK,
                    ..
                })
            )
        };
        let goes_again = message.parts.iter().any(|(_, part)| is_slowed(part))
            && message.parts.iter().any(|(_, part)| is_accepted(part))
            && self.held_until.max(at) < message.until;
        if !goes_again {
            self.finish(ticket, FaultKind::Cut, "the part was not sent");
            return;
        }
        let mut again = Vec::new();
        for (place, (_, part)) in message.parts.iter_mut().enumerate() {
            if is_slowed(part) {
                *part = Part::Waiting;
                again.push((ticket, place));
            }
        }
        for entry in again.into_iter().rev() {
            self.queue.push_front(entry);
        }
    }

    /// Ends a message; parts without an answer end with a fault of this kind.
    fn finish(&mut self, ticket: Ticket, kind: FaultKind, detail: &str) {
        let Some(message) = self.messages.remove(&ticket) else {
            return;
        };
        self.overdue.remove(&(message.until, Due::Message(ticket)));
        let mut ends = Vec::with_capacity(message.parts.len());
        for (_, part) in message.parts {
            ends.push(match part {
                Part::Done(end) => end,
                Part::Slowed(status) => SmppPart::Answered {
                    status,
                    message_id: String::new(),
                },
                Part::Waiting => SmppPart::Missing(not_sent(kind, detail)),
                Part::Sent(sequence) => {
                    self.returned(sequence);
                    SmppPart::Missing(maybe_sent(kind, detail))
                }
            });
        }
        self.events.push_back(Event::Done(ticket, ends));
    }

    fn delivered(&mut self, sequence: u32, message: DeliverSm, data: bool) {
        // Sent again before our word: one answer will do for both.
        if self.owed.contains_key(&sequence) {
            return;
        }
        if self.owed.len() >= MOST_OWED {
            pdu::delivery_resp(&mut self.out, sequence, data, status::TEMPORARY);
            return;
        }
        self.owed.insert(sequence, data);
        self.events.push_back(Event::Arrived(sequence, message));
    }

    fn enquire(&mut self, at: Duration) {
        let sequence = self.sequence();
        pdu::enquire_link(&mut self.out, sequence);
        self.enquired_until = Some(at + self.response_timeout);
    }

    fn leave_when_idle(&mut self, at: Duration) {
        if !self.leaving || !self.is_idle() {
            return;
        }
        match self.phase {
            Phase::Open => {
                let sequence = self.sequence();
                pdu::unbind(&mut self.out, sequence);
                self.phase = Phase::Leaving {
                    until: at + self.response_timeout.min(GOODBYE),
                };
            }
            Phase::Binding { .. } => self.lost(FaultKind::Cut, "the session was ended"),
            Phase::Leaving { .. } | Phase::Closed => {}
        }
    }

    /// Closes; everything under way ends. What is written already still goes out.
    fn end(&mut self, why: Fault) {
        if self.phase == Phase::Closed {
            return;
        }
        self.phase = Phase::Closed;
        let mut tickets: Vec<Ticket> = self.messages.keys().copied().collect();
        tickets.sort_unstable();
        for ticket in tickets {
            self.finish(ticket, why.kind, &why.detail);
        }
        self.queue.clear();
        self.why = Some(why);
    }

    /// The next sequence number: 1 to 0x7fffffff (section 3.2).
    fn sequence(&mut self) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = if sequence >= LAST_SEQUENCE {
            1
        } else {
            sequence + 1
        };
        sequence
    }
}

const LAST_SEQUENCE: u32 = 0x7fff_ffff;
/// How long the first refusal for too much traffic holds submits back.
const FIRST_HOLD: Duration = Duration::from_millis(100);
/// No such refusal holds longer.
const LONGEST_HOLD: Duration = Duration::from_secs(5);
/// A centre that does not answer our goodbye is left all the same.
const GOODBYE: Duration = Duration::from_secs(2);
/// Most messages of a session under way.
const MOST_MESSAGES: usize = 10_000;
/// Most deliveries without our word; more are asked for again.
const MOST_OWED: usize = 1_000;
/// Most bytes for a centre that does not read: a full window of long parts fits many times.
const MOST_UNWRITTEN: usize = 4 << 20;

#[cfg(test)]
mod tests;
