//! One delivery of the model: what is known of it, and how it moves.

use std::sync::Arc;

use austin_domain::{AccountId, Reason, State, Timestamp, Vars, Verdict};
use austin_ports::ledger::counted;
use austin_ports::ledger::{
    AttemptRow, Counted, DeliveryRow, Event, Filter, HandedOver, Next, RELEASED, ReceiptRow,
    WorkItem,
};

#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) row: DeliveryRow,
    pub(super) all_vars: Arc<Vars>,
    pub(super) secret_names: Arc<[String]>,
    pub(super) kept_until: Option<Timestamp>,
    pub(super) started_at: Timestamp,
    /// When it went out, where it had waited for that.
    pub(super) late: Option<Timestamp>,
    pub(super) attempts: Vec<AttemptRow>,
    pub(super) receipts: Vec<ReceiptRow>,
    pub(super) events: Vec<Event>,
}

impl Delivery {
    pub(super) fn item(&self) -> WorkItem {
        WorkItem {
            id: self.row.id,
            message: Arc::clone(&self.row.message),
            to: self.row.to.clone(),
            vars: Arc::clone(&self.all_vars),
            secret_names: Arc::clone(&self.secret_names),
            state: self.row.state,
            attempts: self.row.attempts,
            last_account: self.row.account,
            spent: self.spent(),
            moves: false,
            facts: self.row.facts.clone(),
            released: self.row.state == State::Queued
                && (self.row.reason.as_ref()).is_some_and(|reason| reason.code == RELEASED),
        }
    }

    /// Who took it although it waits again: no receipt came.
    pub(super) fn spent(&self) -> Arc<[AccountId]> {
        let taken = |row: &&AttemptRow| matches!(row.verdict, Verdict::Accepted(_));
        let attempts = self.attempts.iter().filter(taken);
        attempts.map(|row| row.account).collect()
    }

    pub(super) fn row(&self) -> DeliveryRow {
        DeliveryRow {
            secrets_kept: !self.secret_names.is_empty(),
            ..self.row.clone()
        }
    }

    pub(super) fn wipe(&mut self) {
        self.all_vars = Arc::clone(&self.row.vars);
        self.secret_names = Arc::from([]);
    }

    pub(super) fn moves_to(&mut self, state: State, now: Timestamp) -> bool {
        if !self.row.state.may_become(state) {
            return false;
        }
        self.row.state = state;
        self.row.updated_at = now;
        if !state.is_open() {
            self.wipe();
            self.row.due_at = None;
        }
        true
    }

    pub(super) fn handed_over(&self) -> Option<HandedOver> {
        let row = &self.row;
        let sent_at = match row.state {
            State::Sent => row.updated_at,
            State::Delivered | State::Undelivered => self
                .attempts
                .last()
                .filter(|attempt| attempt.attempt == row.attempts)
                .map_or(self.started_at, |attempt| attempt.started_at),
            _ => return None,
        };
        Some(HandedOver {
            delivery: row.id,
            lane: row.message.lane,
            state: row.state,
            account: row.account?,
            sent_at,
            attempts: row.attempts,
            expires_at: row.message.expires_at,
        })
    }

    pub(super) fn now_waits(&self) -> bool {
        counted::waits_for_its_time(self.row.state, self.row.attempts)
    }

    pub(super) fn counted(&self) -> Counted {
        let row = &self.row;
        let waits = self.now_waits();
        Counted {
            delivery: row.id,
            to: row.to.clone(),
            template: row.message.template,
            lane: row.message.lane,
            content: row.facts.as_ref().and_then(|facts| facts.content),
            state: row.state,
            at: self
                .late
                .filter(|_| !waits)
                .unwrap_or(row.message.accepted_at),
            counts: !waits,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.row.state.is_waiting() && self.row.due_at.is_none()
    }
}

/// Where a settled delivery goes, and until when its secret values are kept.
pub(super) fn target(next: Next) -> (State, Option<Timestamp>, Option<Reason>, Option<Timestamp>) {
    match next {
        Next::End { state, reason } => (state, None, reason, None),
        Next::Wait {
            state,
            due_at,
            reason,
        } => (state, due_at, Some(reason), None),
        Next::Watched { until } => (State::Sent, None, None, Some(until)),
    }
}

/// Whether a delivery is one that is looked for.
pub(super) fn fits(row: &DeliveryRow, filter: &Filter) -> bool {
    fn is<T: PartialEq>(wanted: &Option<T>, found: &T) -> bool {
        wanted.as_ref().is_none_or(|wanted| wanted == found)
    }
    let head = &row.message;
    let of_reference = |wanted: &String| {
        row.reference.as_ref() == Some(wanted) || head.reference.as_ref() == Some(wanted)
    };
    is(&filter.to, &row.to)
        && filter.reference.as_ref().is_none_or(of_reference)
        && is(&filter.message, &head.id)
        && filter
            .templates
            .as_ref()
            .is_none_or(|wanted| wanted.contains(&head.template))
        && is(&filter.app, &head.app)
        && filter
            .account
            .is_none_or(|wanted| row.account == Some(wanted))
        && filter
            .vendor_id
            .as_ref()
            .is_none_or(|wanted| row.vendor_id.as_ref() == Some(wanted))
        && is(&filter.state, &row.state)
        && is(&filter.channel, &head.lane.channel)
        && filter.from.is_none_or(|from| head.accepted_at >= from)
        && filter.until.is_none_or(|until| head.accepted_at < until)
        && filter.before.is_none_or(|before| row.id < before)
}
