//! From checked messages to durable ones: judged by the rules, accepted in one commit, offered to
//! their lanes, answered for.
//!
//! Invariant: places that were taken are bound to deliveries before any of them can go out, or given
//! back; run to its end whoever hangs up.

use std::sync::Arc;

use austin_domain::{Lane, MessageId, State, Timestamp};
use austin_ports::ledger::{Accepted, Mark, MessageHead, NewMessage, WorkItem};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::intake::Checked;
use crate::once::{self, Once};
use crate::refusal::{Refusal, RefusalCode};
use crate::send::{DeliveryAnswer, SendAnswer, Wait};
use crate::shared::Shared;
use crate::{places, planner, refs, status, uses};

/// Judges by the rules, makes durable, and answers for each.
pub(crate) async fn accept(
    shared: &Arc<Shared>,
    caller: &Caller,
    checked: Vec<Result<Checked, Refusal>>,
    once: Option<Once>,
) -> Vec<Result<SendAnswer, Refusal>> {
    let mut messages = Vec::with_capacity(checked.len());
    let mut drafts: Vec<Result<Draft, Refusal>> = checked
        .into_iter()
        .map(|one| {
            one.map(|checked| {
                let wait = status::wait(shared, checked.message.lane);
                let draft = Draft::new(&checked, wait);
                messages.push(checked.message);
                draft
            })
        })
        .collect();
    let (catalog, now) = (shared.catalog.snapshot(), shared.clock.now());
    // Until they are durable nobody else looks for the same refs.
    let _refs = match refs::keep(shared, &mut messages, now).await {
        Ok(refs) => refs,
        Err(refusal) => return refused(drafts, &refusal),
    };
    let held = match planner::decide(shared, &catalog, &mut messages, now).await {
        Ok(held) => held,
        Err(refusal) => return refused(drafts, &refusal),
    };
    let passed = drafts.iter_mut().filter_map(|draft| draft.as_mut().ok());
    for (draft, message) in passed.zip(&messages) {
        draft.judged(message);
    }
    let mark = once.map(|once| once::mark(caller, once, &drafts));
    let mut accepted = match accept_and_offer(shared, messages, held, mark).await {
        Ok(accepted) => accepted.into_iter(),
        Err(refusal) => return refused(drafts, &refusal),
    };
    drafts
        .into_iter()
        .map(|draft| {
            let draft = draft?;
            let head = accepted.next().ok_or_else(|| {
                Refusal::new(RefusalCode::Unavailable, "the ledger answered for too few")
            })?;
            Ok(draft.answer(head.message.id))
        })
        .collect()
}

/// Makes messages durable and gives their ready deliveries to the lanes.
async fn accept_and_offer(
    shared: &Arc<Shared>,
    messages: Vec<NewMessage>,
    held: places::Held,
    mark: Option<Mark>,
) -> Result<Vec<Accepted>, Refusal> {
    let timers: Vec<_> = messages.iter().map(due_times).collect();
    // Tests stand by themselves: a message is one as a whole.
    let test = |message: &NewMessage| {
        let facts = message
            .deliveries
            .first()
            .and_then(|one| one.facts.as_ref());
        facts.is_some_and(|facts| facts.test)
    };
    let tests: Vec<bool> = messages.iter().map(test).collect();
    let accepting = shared.uses.accepting();
    let now = shared.clock.now();
    let accepted = match mark {
        Some(mark) => shared.ledger.accept_once(messages, mark, now).await,
        None => shared.ledger.accept(messages, now).await,
    };
    let mut accepted = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            places::give_back(shared, held.into_iter().map(|(_, _, slot)| slot)).await;
            return Err(error.into());
        }
    };
    // Before any of them can go out, or end.
    places::bind(shared, held, &accepted).await;
    let counted = accepted.iter().zip(tests).filter(|(_, test)| !test);
    accepting.came_to(counted.map(|(accepted, _)| seen(&accepted.message)));
    let mut ready: HashMap<Lane, Vec<WorkItem>> = HashMap::new();
    for (accepted, timers) in accepted.iter_mut().zip(timers) {
        let name = accepted.message.lane;
        let items = std::mem::take(&mut accepted.ready);
        shared.metrics.reached(
            name,
            State::Accepted,
            u64::from(accepted.message.recipients),
        );
        if !items.is_empty() {
            ready.entry(name).or_default().extend(items);
        }
        if !timers.is_empty() {
            let lane = shared.lane(name);
            let message = accepted.message.id;
            shared.set_timers(
                &lane,
                timers
                    .into_iter()
                    .map(|(index, due_at)| austin_ports::ledger::Timer {
                        due_at,
                        delivery: message.delivery(index),
                        lane: name,
                    }),
            );
        }
    }
    for (name, items) in ready {
        shared.lane(name).offer(items);
    }
    Ok(accepted)
}

fn seen(head: &MessageHead) -> uses::Seen {
    uses::Seen {
        id: head.id.as_u64(),
        pair: (head.template, head.app),
        people: head.recipients,
        at: head.accepted_at,
    }
}

/// The deliveries of a message that wait for a time, by index.
fn due_times(message: &NewMessage) -> Vec<(u32, Timestamp)> {
    (0u32..)
        .zip(&message.deliveries)
        .filter_map(|(index, delivery)| Some((index, delivery.due_at?)))
        .collect()
}

/// An answer that only lacks its ids.
#[derive(Deserialize, Serialize)]
pub(crate) struct Draft {
    template: String,
    version: u32,
    rejected: Vec<crate::send::Rejected>,
    deliveries: Vec<(String, State, Option<austin_domain::Reason>)>,
    wait: Wait,
}

impl Draft {
    fn new(checked: &Checked, wait: Wait) -> Self {
        Self {
            template: checked.template.clone(),
            version: checked.message.version,
            rejected: checked.rejected.clone(),
            deliveries: checked
                .message
                .deliveries
                .iter()
                .map(|delivery| (delivery.to.clone(), delivery.state, delivery.reason.clone()))
                .collect(),
            wait,
        }
    }

    /// Takes over what the rules decided.
    fn judged(&mut self, message: &NewMessage) {
        for (draft, delivery) in self.deliveries.iter_mut().zip(&message.deliveries) {
            if draft.1 != delivery.state {
                (draft.1, draft.2) = (delivery.state, delivery.reason.clone());
            }
        }
    }

    pub(crate) fn answer(self, id: MessageId) -> SendAnswer {
        SendAnswer {
            id,
            template: self.template,
            version: self.version,
            accepted: u32::try_from(self.deliveries.len()).unwrap_or(u32::MAX),
            rejected: self.rejected,
            deliveries: (0u32..)
                .zip(self.deliveries)
                .map(|(index, (to, state, reason))| DeliveryAnswer {
                    id: id.delivery(index),
                    to,
                    state,
                    reason,
                })
                .collect(),
            wait: self.wait,
        }
    }
}

/// The same refusal for everything that had passed.
fn refused(
    drafts: Vec<Result<Draft, Refusal>>,
    refusal: &Refusal,
) -> Vec<Result<SendAnswer, Refusal>> {
    drafts
        .into_iter()
        .map(|draft| draft.and(Err(refusal.clone())))
        .collect()
}
