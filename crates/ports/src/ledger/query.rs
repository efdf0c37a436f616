//! How deliveries are looked up.

use std::sync::Arc;

use austin_domain::{
    AccountId, AppId, Channel, DeliveryId, MessageId, State, TemplateId, Timestamp, Vars,
};

use crate::ledger::evidence::DeliveryRow;
use crate::ledger::write::MessageHead;

/// What deliveries are wanted; every given field must fit. Newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Canonical address.
    pub to: Option<String>,
    /// The caller's own name, of the delivery or its message.
    pub reference: Option<String>,
    /// The message.
    pub message: Option<MessageId>,
    /// Any of these templates.
    pub templates: Option<Vec<TemplateId>>,
    /// The calling app.
    pub app: Option<AppId>,
    /// The account of the last attempt.
    pub account: Option<AccountId>,
    /// The vendor's id.
    pub vendor_id: Option<String>,
    /// The state.
    pub state: Option<State>,
    /// The channel.
    pub channel: Option<Channel>,
    /// Accepted at or after this.
    pub from: Option<Timestamp>,
    /// Accepted before this.
    pub until: Option<Timestamp>,
    /// Only ids below this: where the last page stopped.
    pub before: Option<DeliveryId>,
    /// Most rows wanted.
    pub limit: usize,
}

/// One page.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The rows, newest first. May be fewer than asked for, even none, while `next` is set: a
    /// scan without an index stops after a bounded amount of work.
    pub rows: Vec<DeliveryRow>,
    /// Give this as `before` for the next page; `None` at the end.
    pub next: Option<DeliveryId>,
}

/// A message and how its deliveries stand.
#[derive(Clone, Debug)]
pub struct MessageSummary {
    /// The message.
    pub message: Arc<MessageHead>,
    /// Shared values without secret ones.
    pub vars: Arc<Vars>,
    /// How many deliveries are in each state.
    pub states: Vec<(State, u32)>,
}
