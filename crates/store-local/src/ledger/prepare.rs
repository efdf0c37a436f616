//! The caller's half of accepting: encoding before the writer's turn, work items after it.

use std::sync::Arc;

use austin_domain::{MessageId, State, Timestamp, Vars};
use austin_ports::ledger::{Accepted, Mark, MessageHead, NewMessage, WorkItem};

use super::op::{self, Bytes};

/// Messages encoded for the journal, without ids and unsealed.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The messages; ids are 0, secrets not sealed.
    pub(crate) messages: Vec<op::Message>,
    /// The secrets, by place of message and delivery, encoded.
    pub(crate) secrets: Vec<(usize, u32, zeroize::Zeroizing<Vec<u8>>)>,
    /// Rows it makes.
    pub(crate) rows: usize,
    /// Marks the request.
    pub(crate) mark: Option<Mark>,
}

/// Encodes messages.
pub(crate) fn prepare(messages: &[NewMessage]) -> Prepared {
    let mut secrets = Vec::new();
    let mut rows = 0;
    let prepared = messages.iter().enumerate().map(|(at, message)| {
        rows += 1 + message.deliveries.len();
        for (place, delivery) in (0u32..).zip(&message.deliveries) {
            if let Some(vars) = delivery
                .secret_vars
                .as_ref()
                .filter(|vars| !vars.is_empty())
            {
                secrets.push((at, place, zeroize::Zeroizing::new(op::encode(vars))));
            }
        }
        message_of(message)
    });
    Prepared {
        messages: prepared.collect(),
        secrets,
        rows,
        mark: None,
    }
}

fn message_of(message: &NewMessage) -> op::Message {
    let deliveries = message.deliveries.iter().map(|delivery| op::Delivery {
        to: delivery.to.clone(),
        vars: delivery.vars.as_ref().map(|vars| Bytes(op::encode(vars))),
        secret: None,
        reference: delivery.reference.clone(),
        state: delivery.state,
        due_at: delivery.due_at,
        reason: delivery.reason.clone(),
        facts: delivery
            .facts
            .as_ref()
            .map(|facts| Bytes(op::encode(&**facts))),
    });
    op::Message {
        id: MessageId::from_u64(0),
        app: message.app,
        template: message.template,
        version: message.version,
        lane: message.lane,
        request_id: message.request_id.clone(),
        reference: message.reference.clone(),
        vars: Bytes(op::encode(&message.vars)),
        attachments: (!message.attachments.is_empty())
            .then(|| Bytes(op::encode(&message.attachments))),
        account: message.account,
        expires_at: message.expires_at,
        deliveries: deliveries.collect(),
    }
}

/// What the caller gets for durable messages.
pub(crate) fn accepted(
    messages: Vec<NewMessage>,
    ids: &[MessageId],
    now: Timestamp,
) -> Vec<Accepted> {
    messages
        .into_iter()
        .zip(ids)
        .map(|(message, id)| accepted_one(message, *id, now))
        .collect()
}

fn accepted_one(message: NewMessage, id: MessageId, now: Timestamp) -> Accepted {
    let head = Arc::new(MessageHead {
        id,
        app: message.app,
        template: message.template,
        version: message.version,
        lane: message.lane,
        request_id: message.request_id,
        reference: message.reference,
        attachments: message.attachments,
        account: message.account,
        accepted_at: now,
        expires_at: message.expires_at,
        recipients: u32::try_from(message.deliveries.len()).unwrap_or(u32::MAX),
    });
    let shared = Arc::new(message.vars);
    let nothing: Arc<[String]> = Arc::new([]);
    let mut ready = Vec::with_capacity(message.deliveries.len());
    for (place, delivery) in (0u32..).zip(message.deliveries) {
        if delivery.state != State::Accepted {
            continue;
        }
        let own = delivery.vars.map_or_else(|| Arc::clone(&shared), Arc::new);
        let (vars, secret_names) = with_secrets(own, delivery.secret_vars, &nothing);
        ready.push(WorkItem {
            id: id.delivery(place),
            message: Arc::clone(&head),
            to: delivery.to,
            vars,
            secret_names,
            state: State::Accepted,
            attempts: 0,
            last_account: None,
            spent: Arc::from([]),
            moves: false,
            facts: delivery.facts,
            released: false,
        });
    }
    Accepted {
        message: head,
        ready,
    }
}

/// All values of a delivery, and which of them are secret.
pub(crate) fn with_secrets(
    vars: Arc<Vars>,
    secrets: Option<Vars>,
    nothing: &Arc<[String]>,
) -> (Arc<Vars>, Arc<[String]>) {
    let Some(secrets) = secrets.filter(|secrets| !secrets.is_empty()) else {
        return (vars, Arc::clone(nothing));
    };
    let names = secrets.keys().cloned().collect();
    let mut all = Arc::unwrap_or_clone(vars);
    all.extend(secrets);
    (Arc::new(all), names)
}
