//! Taking messages back.
//!
//! What no vendor has is withdrawn: the move is guarded, so a delivery is either recalled or sent,
//! never both. What a vendor took is taken back there, where its adapter can. Nobody can recall an
//! attempt that is under way.

use std::sync::Arc;

use austin_adapter_api::{Answer, Question, Subject};
use austin_domain::{DeliveryId, Lane, MessageId, Reason, State, Timestamp};
use austin_ports::catalog::{Role, TemplateEntry};
use austin_ports::ledger::{Change, DeliveryRow, Filter};
use futures_util::StreamExt;
use hashbrown::HashMap;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::refusal::{FieldFault, Refusal, RefusalCode};
use crate::shared::Shared;

/// What is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecallOf {
    /// One delivery.
    Delivery(DeliveryId),
    /// All deliveries of a message.
    Message(MessageId),
}

/// What a recall came to, delivery by delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recalled {
    /// Withdrawn before any vendor had it.
    pub withdrawn: u64,
    /// Taken back by the vendor that had it.
    pub taken_back: u64,
    /// A vendor has it and cannot or would not take it back.
    pub not_taken_back: u64,
    /// In the hands of a vendor just now: too late to withdraw.
    pub under_way: u64,
    /// Settled before: delivered, failed, stopped by a rule, recalled earlier, ….
    pub settled: u64,
}

impl Engine {
    /// Takes a delivery or a message back. Senders may recall what their own app sent.
    ///
    /// # Errors
    /// `not_found`; a reason that is no line; a ledger that fails, where some may be recalled
    /// already and asking again goes on.
    pub async fn recall(
        &self,
        caller: &Caller,
        of: RecallOf,
        reason: Option<&str>,
    ) -> Result<Recalled, Refusal> {
        let shared = self.shared();
        let reason = why(caller, reason)?;
        let rows = match of {
            RecallOf::Delivery(id) => {
                let evidence = shared.ledger.evidence(id).await?;
                evidence.map(|found| found.delivery).into_iter().collect()
            }
            RecallOf::Message(id) => rows_of(shared, id).await?,
        };
        let seen = |row: &DeliveryRow| match caller.role {
            Role::Sender => row.message.app == caller.app,
            _ => true,
        };
        if rows.is_empty() || !rows.iter().all(seen) {
            return Err(Refusal::new(
                RefusalCode::NotFound,
                "there is no such thing",
            ));
        }
        recall_rows(shared, rows, &reason).await
    }

    /// Takes back what waits of a template, and asks vendors for what was sent of it since
    /// `sent_since`.
    ///
    /// # Errors
    /// As [`Engine::recall`].
    pub async fn recall_template(
        &self,
        caller: &Caller,
        template: &TemplateEntry,
        (reason, sent_since): (Option<&str>, Option<Timestamp>),
    ) -> Result<Recalled, Refusal> {
        let shared = self.shared();
        let reason = why(caller, reason)?;
        let template = &template.template;
        let mut total = withdraw_waiting(shared, template.id, template.lane(), &reason).await?;
        let Some(since) = sent_since else {
            return Ok(total);
        };
        let mut filter = Filter {
            templates: Some(vec![template.id]),
            state: Some(State::Sent),
            from: Some(since),
            limit: PAGE,
            ..Filter::default()
        };
        loop {
            let found = shared.ledger.find(filter.clone()).await?;
            total.add(&recall_rows(shared, found.rows, &reason).await?);
            match found.next {
                Some(next) => filter.before = Some(next),
                None => return Ok(total),
            }
        }
    }
}

impl Recalled {
    fn add(&mut self, more: &Self) {
        self.withdrawn += more.withdrawn;
        self.taken_back += more.taken_back;
        self.not_taken_back += more.not_taken_back;
        self.under_way += more.under_way;
        self.settled += more.settled;
    }

    fn count(&mut self, state: State) {
        match state {
            State::Sending => self.under_way += 1,
            // Waiting again: another attempt began and ended in between. Asking again helps.
            state if state.is_open() => self.under_way += 1,
            State::Sent | State::Unknown => self.not_taken_back += 1,
            _ => self.settled += 1,
        }
    }
}

fn why(caller: &Caller, reason: Option<&str>) -> Result<Reason, Refusal> {
    let author = caller.author();
    let Some(given) = reason else {
        return Ok(Reason::new("recalled", format!("recalled by {author}")));
    };
    if given.chars().count() > LONGEST_REASON || given.chars().any(char::is_control) {
        let detail = format!("must be one line of at most {LONGEST_REASON} characters");
        let fault = FieldFault::new("/reason", "invalid_text", detail);
        return Err(Refusal::fields(vec![fault]));
    }
    Ok(Reason::new(
        "recalled",
        format!("recalled by {author}: {given}"),
    ))
}

async fn rows_of(shared: &Shared, message: MessageId) -> Result<Vec<DeliveryRow>, Refusal> {
    let mut filter = Filter {
        message: Some(message),
        limit: PAGE,
        ..Filter::default()
    };
    let mut rows = Vec::new();
    loop {
        let found = shared.ledger.find(filter.clone()).await?;
        rows.extend(found.rows);
        match found.next {
            Some(next) => filter.before = Some(next),
            None => return Ok(rows),
        }
    }
}

/// Withdraws what waits of these and asks the vendors for what they have.
async fn recall_rows(
    shared: &Arc<Shared>,
    rows: Vec<DeliveryRow>,
    reason: &Reason,
) -> Result<Recalled, Refusal> {
    let (waiting, others): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.state.is_waiting());
    let mut by_lane: HashMap<Lane, Vec<DeliveryId>> = HashMap::new();
    for row in waiting {
        by_lane.entry(row.message.lane).or_default().push(row.id);
    }
    let mut total = Recalled::default();
    let mut sent = Vec::new();
    for (lane, ids) in by_lane {
        let (withdrawn, missed) = withdraw(shared, lane, ids, reason).await?;
        total.withdrawn += withdrawn;
        for id in missed {
            // It moved on between the look and the move.
            if let Some(found) = shared.ledger.evidence(id).await? {
                sent.push(found.delivery);
            }
        }
    }
    let asked = others
        .into_iter()
        .chain(sent)
        .map(|row| take_back(shared, row, reason));
    let mut asked = futures_util::stream::iter(asked).buffer_unordered(AT_A_TIME);
    while let Some(outcome) = asked.next().await {
        match outcome? {
            None => total.taken_back += 1,
            Some(state) => total.count(state),
        }
    }
    Ok(total)
}

/// Withdraws waiting deliveries; how many, and those that do not wait any more.
async fn withdraw(
    shared: &Arc<Shared>,
    lane: Lane,
    ids: Vec<DeliveryId>,
    reason: &Reason,
) -> Result<(u64, Vec<DeliveryId>), Refusal> {
    let now = shared.clock.now();
    let changes = ids.iter().map(|id| Change {
        delivery: *id,
        from: None,
        to: State::Recalled,
        due_at: None,
        reason: reason.clone(),
    });
    let lane = shared.lane(lane);
    let moved = shared.change_each(&lane, changes.collect(), now).await?;
    let mut missed = Vec::new();
    let mut withdrawn = 0;
    for (id, moved) in ids.into_iter().zip(moved) {
        if moved {
            withdrawn += 1;
        } else {
            missed.push(id);
        }
    }
    Ok((withdrawn, missed))
}

/// Asks the vendor that has a delivery to take it back; where it stands if that was in vain.
async fn take_back(
    shared: &Arc<Shared>,
    row: DeliveryRow,
    reason: &Reason,
) -> Result<Option<State>, Refusal> {
    if row.state != State::Sent {
        return Ok(Some(row.state));
    }
    let party = row.account.and_then(|id| shared.directories.party(id));
    let Some(party) = party.filter(|party| party.adapter.descriptor().capabilities.recall) else {
        return Ok(Some(row.state));
    };
    let key = Arc::clone(&party.key);
    let question = Question::Recall(Subject {
        reference: row.id.to_string(),
        to: row.to.clone(),
        vendor_id: row.vendor_id.clone(),
        sent_at: row.updated_at,
    });
    let asked = shared.means.desk.ask(&Arc::new(party), &question).await;
    if !matches!(asked.answer, Answer::Recalled) {
        tracing::info!(delivery = %row.id, account = %key, "a sent message was not taken back");
        return Ok(Some(row.state));
    }
    let change = Change {
        delivery: row.id,
        from: Some(State::Sent),
        to: State::Recalled,
        due_at: None,
        reason: Reason {
            detail: format!("{}; {key} took it back", reason.detail),
            ..reason.clone()
        },
    };
    let now = shared.clock.now();
    let moved = shared.ledger.change(vec![change], now).await?;
    if moved == [true] {
        shared.free(vec![(row.to, row.id)]);
    }
    // A receipt may have come first: the person has it.
    Ok((moved != [true]).then_some(State::Delivered))
}

/// Withdraws what waits of a template, in its lane and for a time.
async fn withdraw_waiting(
    shared: &Arc<Shared>,
    template: austin_domain::TemplateId,
    lane: Lane,
    reason: &Reason,
) -> Result<Recalled, Refusal> {
    let mut total = Recalled::default();
    let later: Vec<DeliveryId> = shared
        .timers
        .ids()
        .into_iter()
        .filter_map(|(name, id)| (name == lane).then_some(id))
        .collect();
    for chunk in later.chunks(PAGE) {
        let items = shared.ledger.load(chunk.to_vec()).await?;
        let ids = items
            .iter()
            .filter(|item| item.message.template == template)
            .map(|item| item.id);
        let (withdrawn, missed) = withdraw(shared, lane, ids.collect(), reason).await?;
        total.withdrawn += withdrawn;
        total.under_way += missed.len() as u64;
    }
    let mut after = DeliveryId::from_u64(0);
    loop {
        let items = shared.ledger.ready(lane, after, PAGE).await?;
        let Some(last) = items.last() else {
            return Ok(total);
        };
        after = last.id;
        let ids = items
            .iter()
            .filter(|item| item.message.template == template)
            .map(|item| item.id);
        let (withdrawn, missed) = withdraw(shared, lane, ids.collect(), reason).await?;
        total.withdrawn += withdrawn;
        total.under_way += missed.len() as u64;
    }
}

const PAGE: usize = 1_000;
const AT_A_TIME: usize = 16;
const LONGEST_REASON: usize = 200;
