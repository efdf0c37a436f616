//! Operations as frames of version 1 hold them: reasons named no rule, deliveries had no facts.

use austin_domain::{AccountId, AppId, DeliveryId, Lane, MessageId, State, TemplateId, Timestamp};
use austin_domain::{Reason as Reason2, Verdict};
use austin_ports::ledger::{self, AttemptStart, CallRecord, NewReceipt};
use serde::Deserialize;

use super::Bytes;

/// The version of such frames.
pub(crate) const VERSION: u8 = 1;

/// One operation.
#[derive(Deserialize)]
pub(super) enum Op {
    Accept(Accept),
    Begin {
        now: Timestamp,
        starts: Vec<AttemptStart>,
    },
    Settle {
        now: Timestamp,
        calls: Vec<CallRecord>,
        settlements: Vec<Settlement>,
    },
    Change {
        now: Timestamp,
        changes: Vec<Change>,
    },
    Receive {
        now: Timestamp,
        receipts: Vec<(DeliveryId, NewReceipt)>,
    },
    Park {
        now: Timestamp,
        id: u64,
        receipt: NewReceipt,
    },
    Unpark {
        now: Timestamp,
        id: u64,
        received_at: Timestamp,
        delivery: DeliveryId,
        receipt: NewReceipt,
    },
    Retire {
        segments: Vec<u32>,
        successor: Option<(u32, u64)>,
    },
}

#[derive(Deserialize)]
pub(super) struct Accept {
    segment: u32,
    now: Timestamp,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    id: MessageId,
    app: AppId,
    template: TemplateId,
    version: u32,
    lane: Lane,
    request_id: String,
    reference: Option<String>,
    vars: Bytes,
    attachments: Option<Bytes>,
    account: Option<AccountId>,
    expires_at: Timestamp,
    deliveries: Vec<Delivery>,
}

#[derive(Deserialize)]
struct Delivery {
    to: String,
    vars: Option<Bytes>,
    secret: Option<Bytes>,
    reference: Option<String>,
    state: State,
    due_at: Option<Timestamp>,
    reason: Option<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
    detail: String,
}

#[derive(Deserialize)]
pub(super) struct Settlement {
    delivery: DeliveryId,
    attempt: u16,
    call: Option<u32>,
    verdict: Verdict,
    segments: Option<u16>,
    next: Next,
}

#[derive(Deserialize)]
enum Next {
    End {
        state: State,
        reason: Option<Reason>,
    },
    Wait {
        state: State,
        due_at: Option<Timestamp>,
        reason: Reason,
    },
}

#[derive(Deserialize)]
pub(super) struct Change {
    delivery: DeliveryId,
    from: Option<State>,
    to: State,
    due_at: Option<Timestamp>,
    reason: Reason,
}

impl From<Op> for super::Op {
    fn from(op: Op) -> Self {
        match op {
            Op::Accept(accept) => Self::Accept(accept.into()),
            Op::Begin { now, starts } => Self::Begin { now, starts },
            Op::Settle {
                now,
                calls,
                settlements,
            } => Self::Settle {
                now,
                calls,
                settlements: settlements.into_iter().map(Into::into).collect(),
            },
            Op::Change { now, changes } => Self::Change {
                now,
                changes: changes.into_iter().map(Into::into).collect(),
            },
            Op::Receive { now, receipts } => Self::Receive { now, receipts },
            Op::Park { now, id, receipt } => Self::Park { now, id, receipt },
            Op::Unpark {
                now,
                id,
                received_at,
                delivery,
                receipt,
            } => Self::Unpark {
                now,
                id,
                received_at,
                delivery,
                receipt,
            },
            Op::Retire {
                segments,
                successor,
            } => Self::Retire {
                segments,
                successor,
            },
        }
    }
}

impl From<Accept> for super::Accept {
    fn from(old: Accept) -> Self {
        Self {
            segment: old.segment,
            now: old.now,
            messages: old.messages.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Message> for super::Message {
    fn from(old: Message) -> Self {
        Self {
            id: old.id,
            app: old.app,
            template: old.template,
            version: old.version,
            lane: old.lane,
            request_id: old.request_id,
            reference: old.reference,
            vars: old.vars,
            attachments: old.attachments,
            account: old.account,
            expires_at: old.expires_at,
            deliveries: old.deliveries.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Delivery> for super::Delivery {
    fn from(old: Delivery) -> Self {
        Self {
            to: old.to,
            vars: old.vars,
            secret: old.secret,
            reference: old.reference,
            state: old.state,
            due_at: old.due_at,
            reason: old.reason.map(Into::into),
            facts: None,
        }
    }
}

impl From<Reason> for Reason2 {
    fn from(old: Reason) -> Self {
        Self::new(old.code, old.detail)
    }
}

impl From<Settlement> for ledger::Settlement {
    fn from(old: Settlement) -> Self {
        Self {
            delivery: old.delivery,
            attempt: old.attempt,
            call: old.call,
            verdict: old.verdict,
            segments: old.segments,
            next: old.next.into(),
        }
    }
}

impl From<Next> for ledger::Next {
    fn from(old: Next) -> Self {
        match old {
            Next::End { state, reason } => Self::End {
                state,
                reason: reason.map(Into::into),
            },
            Next::Wait {
                state,
                due_at,
                reason,
            } => Self::Wait {
                state,
                due_at,
                reason: reason.into(),
            },
        }
    }
}

impl From<Change> for ledger::Change {
    fn from(old: Change) -> Self {
        Self {
            delivery: old.delivery,
            from: old.from,
            to: old.to,
            due_at: old.due_at,
            reason: old.reason.into(),
        }
    }
}
