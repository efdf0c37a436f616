//! The ledger's contract as plain maps: the model real backends are compared with, and a fast
//! stand-in where a test is about the engine. A crash is a new engine over the same ledger.

mod delivery;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use austin_domain::id::Sequence;
use austin_domain::{
    AccountId, AppId, DeliveryId, Lane, MessageId, State, Timestamp, Vars, Verdict,
};
use austin_ports::BoxFuture;
use austin_ports::ledger::counted::{self, AT_ONCE};
use austin_ports::ledger::{
    Accepted, AttemptRow, AttemptStart, Backlog, CallRecord, Change, Counted, Counts, DeliveryRow,
    Error, Event, Evidence, Filter, Found, HandedOvers, Interrupted, Ledger, Mark, MessageHead,
    MessageSummary, NewMessage, NewReceipt, Overdue, ParkedReceipt, ReceiptFate, ReceiptRow,
    Recovery, Remembered, Result, Settled, Settlement, Timer, WorkItem,
};
use parking_lot::Mutex;

use delivery::{Delivery, fits, target};

/// A ledger in memory.
#[derive(Debug)]
pub struct MemoryLedger(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    sequence: Sequence,
    messages: BTreeMap<MessageId, (Arc<MessageHead>, Arc<Vars>)>,
    deliveries: BTreeMap<DeliveryId, Delivery>,
    keys: HashMap<(u64, String), Vec<DeliveryId>>,
    parked: Vec<ParkedReceipt>,
    remembered: HashMap<(u64, String), Remembered>,
    refusing: Option<String>,
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self(Mutex::new(Inner {
            sequence: Sequence::new(0, 0),
            messages: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            keys: HashMap::new(),
            parked: Vec::new(),
            remembered: HashMap::new(),
            refusing: None,
        }))
    }
}

impl MemoryLedger {
    /// From now on every write is refused with this reason; `None` ends that.
    pub fn refuse(&self, reason: Option<&str>) {
        self.0.lock().refusing = reason.map(str::to_owned);
    }

    /// How many deliveries are in each state.
    pub fn states(&self) -> BTreeMap<State, usize> {
        let mut states = BTreeMap::new();
        for delivery in self.0.lock().deliveries.values() {
            *states.entry(delivery.row.state).or_default() += 1;
        }
        states
    }

    fn write<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> BoxFuture<'_, Result<T>>
    where
        T: Send + 'static,
    {
        let mut inner = self.0.lock();
        let result = match &inner.refusing {
            Some(reason) => Err(Error::Refusing(reason.clone())),
            None => Ok(act(&mut inner)),
        };
        Box::pin(async move { result })
    }

    fn read<T>(&self, act: impl FnOnce(&Inner) -> T) -> BoxFuture<'_, Result<T>>
    where
        T: Send + 'static,
    {
        let result = act(&self.0.lock());
        Box::pin(async move { Ok(result) })
    }
}

impl Inner {
    fn accept(&mut self, message: NewMessage, now: Timestamp) -> Accepted {
        let count = message.deliveries.len() as u64;
        let id = MessageId::from_u64(self.sequence.block(now, count + 1));
        let shared = Arc::new(message.vars);
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
            recipients: u32::try_from(count).unwrap_or(u32::MAX),
        });
        self.messages
            .insert(id, (Arc::clone(&head), Arc::clone(&shared)));
        let mut ready = Vec::new();
        for (index, new) in (0u32..).zip(message.deliveries) {
            let vars = new.vars.map_or_else(|| Arc::clone(&shared), Arc::new);
            let secret = new.secret_vars.unwrap_or_default();
            let mut all = Vars::clone(&vars);
            all.extend(secret.clone());
            let delivery = Delivery {
                row: DeliveryRow {
                    id: id.delivery(index),
                    message: Arc::clone(&head),
                    to: new.to,
                    vars,
                    reference: new.reference.or_else(|| head.reference.clone()),
                    state: new.state,
                    reason: new.reason,
                    due_at: new.due_at,
                    attempts: 0,
                    account: None,
                    vendor_id: None,
                    segments: None,
                    cost: None,
                    updated_at: now,
                    secrets_kept: false,
                    facts: new.facts,
                },
                all_vars: Arc::new(all),
                secret_names: secret.into_keys().collect(),
                kept_until: None,
                started_at: now,
                late: None,
                attempts: Vec::new(),
                receipts: Vec::new(),
                events: Vec::new(),
            };
            if delivery.is_ready() {
                ready.push(delivery.item());
            }
            self.deliveries.insert(delivery.row.id, delivery);
        }
        Accepted {
            message: head,
            ready,
        }
    }

    fn recall(&self, place: &(u64, String), now: Timestamp) -> Option<&Remembered> {
        let found = self.remembered.get(place)?;
        (found.at >= now.minus(REMEMBERED_FOR)).then_some(found)
    }

    fn begin(&mut self, start: &AttemptStart, now: Timestamp) -> bool {
        let Some(delivery) = self.deliveries.get_mut(&start.delivery) else {
            return false;
        };
        if delivery.row.attempts + 1 != start.attempt || !delivery.row.state.is_waiting() {
            return false;
        }
        if delivery.now_waits() && now.since(delivery.row.id.at()) >= AT_ONCE {
            delivery.late = Some(now);
        }
        delivery.moves_to(State::Sending, now);
        delivery.row.attempts = start.attempt;
        delivery.row.account = Some(start.account);
        delivery.row.due_at = None;
        delivery.started_at = now;
        true
    }

    fn settle(&mut self, calls: &[CallRecord], settlement: Settlement, now: Timestamp) -> Settled {
        let Some(delivery) = self.deliveries.get_mut(&settlement.delivery) else {
            return Settled::Ignored;
        };
        let known = delivery
            .attempts
            .iter()
            .any(|row| row.attempt == settlement.attempt);
        if known || delivery.row.attempts != settlement.attempt {
            return Settled::Ignored;
        }
        let call = settlement
            .call
            .and_then(|index| calls.get(usize::try_from(index).ok()?));
        delivery.attempts.push(AttemptRow {
            attempt: settlement.attempt,
            account: delivery.row.account.unwrap_or(AccountId::from_u64(0)),
            started_at: call.map_or(delivery.started_at, |call| call.started_at),
            took: call.map(|call| call.took),
            verdict: settlement.verdict.clone(),
            recipients: call.map_or(1, |call| call.recipients),
            request: call.map(|call| call.request.clone()).unwrap_or_default(),
            answer: call.map(|call| call.answer.clone()).unwrap_or_default(),
        });
        if let Verdict::Accepted(acceptance) = &settlement.verdict {
            delivery.row.vendor_id.clone_from(&acceptance.vendor_id);
            delivery.row.cost = acceptance.cost;
        }
        delivery.row.segments = match &settlement.verdict {
            Verdict::Accepted(acceptance) => acceptance.segments.or(settlement.segments),
            _ => settlement.segments,
        }
        .or(delivery.row.segments);
        let whole = (
            Arc::clone(&delivery.all_vars),
            Arc::clone(&delivery.secret_names),
        );
        let (state, due_at, reason, kept_until) = target(settlement.next);
        let was_sending = delivery.row.state == State::Sending;
        let moved = was_sending && delivery.moves_to(state, now);
        if moved {
            delivery.row.due_at = due_at;
            delivery.row.reason = reason;
            if kept_until.is_some() {
                delivery.kept_until = kept_until;
                (delivery.all_vars, delivery.secret_names) = whole;
            }
        }
        let settled = if moved {
            Settled::Moved
        } else {
            Settled::Kept(delivery.row.state)
        };
        if let Verdict::Accepted(acceptance) = settlement.verdict
            && let Some(account) = delivery.row.account
        {
            for key in acceptance.receipt_keys() {
                let key = (account.as_u64(), key.to_owned());
                self.keys.entry(key).or_default().push(settlement.delivery);
            }
        }
        settled
    }

    fn change(&mut self, change: Change, now: Timestamp) -> bool {
        let Some(delivery) = self.deliveries.get_mut(&change.delivery) else {
            return false;
        };
        let from = delivery.row.state;
        let from_fits = change.from.is_none_or(|wanted| wanted == from);
        let may_leave = from.is_waiting() || change.leaves_sent(from);
        let released = delivery.now_waits() && change.to == State::Queued;
        if !from_fits || !may_leave || !delivery.moves_to(change.to, now) {
            return false;
        }
        if released {
            delivery.late = Some(now);
        }
        delivery.row.due_at = change.due_at;
        delivery.row.reason = Some(change.reason.clone());
        delivery.events.push(Event {
            at: now,
            state: change.to,
            reason: change.reason,
            due_at: change.due_at,
        });
        true
    }

    fn match_receipt(&self, receipt: &NewReceipt) -> Option<DeliveryId> {
        let named = receipt.delivery.filter(|id| {
            self.deliveries
                .get(id)
                .is_some_and(|delivery| delivery.row.attempts > 0)
        });
        named.or_else(|| {
            let key = (receipt.account.as_u64(), receipt.key.clone()?);
            self.keys.get(&key)?.last().copied()
        })
    }

    fn receive(
        &mut self,
        receipt: NewReceipt,
        received_at: Timestamp,
        now: Timestamp,
    ) -> ReceiptFate {
        let Some(id) = self.match_receipt(&receipt) else {
            if !self.parked.iter().any(|parked| parked.receipt == receipt) {
                self.parked.push(ParkedReceipt {
                    received_at,
                    receipt,
                });
            }
            return ReceiptFate::Parked;
        };
        let Some(delivery) = self.deliveries.get_mut(&id) else {
            return ReceiptFate::Parked;
        };
        if delivery.receipts.iter().any(|row| row.receipt == receipt) {
            return ReceiptFate::Repeated(id);
        }
        let from = delivery.row.state;
        let sent_at = (from == State::Sent).then_some(delivery.row.updated_at);
        let moved = receipt
            .state
            .is_some_and(|state| !state.is_open() && delivery.moves_to(state, now));
        delivery.row.segments = receipt.segments.or(delivery.row.segments);
        delivery.receipts.push(ReceiptRow {
            received_at,
            receipt,
        });
        let state = delivery.row.state;
        if moved {
            ReceiptFate::Moved {
                delivery: id,
                from,
                to: state,
                sent_at,
            }
        } else {
            ReceiptFate::Kept {
                delivery: id,
                state,
                sent_at,
            }
        }
    }

    fn rematch(&mut self, now: Timestamp) -> usize {
        let parked = std::mem::take(&mut self.parked);
        let before = parked.len();
        for ParkedReceipt {
            received_at,
            receipt,
        } in parked
        {
            self.receive(receipt, received_at, now);
        }
        before - self.parked.len()
    }

    fn recover(&self) -> Recovery {
        let mut ready: BTreeMap<Lane, Backlog> = BTreeMap::new();
        let mut recovery = Recovery::default();
        for delivery in self.deliveries.values() {
            let (id, lane) = (delivery.row.id, delivery.row.message.lane);
            if delivery.row.state == State::Sending {
                recovery.interrupted.push(Interrupted {
                    item: delivery.item(),
                    account: delivery.row.account.unwrap_or(AccountId::from_u64(0)),
                    started_at: delivery.started_at,
                });
            } else if delivery.is_ready() {
                let backlog = ready.entry(lane).or_insert(Backlog {
                    lane,
                    count: 0,
                    first: id,
                    last: id,
                });
                backlog.count += 1;
                backlog.last = id;
            } else if let Some(due_at) = delivery
                .row
                .due_at
                .filter(|_| delivery.row.state.is_waiting())
            {
                recovery.timers.push(Timer {
                    due_at,
                    delivery: id,
                    lane,
                });
            }
        }
        recovery.ready = ready.into_values().collect();
        recovery
    }

    fn handed_over(&self, before: DeliveryId, rows: usize) -> HandedOvers {
        let read: Vec<&Delivery> = self
            .deliveries
            .range(..before)
            .rev()
            .map(|(_, delivery)| delivery)
            .take(rows)
            .collect();
        let stopped = read
            .last()
            .filter(|_| read.len() >= rows)
            .map(|delivery| delivery.row.id);
        let found = read.into_iter().filter_map(Delivery::handed_over).collect();
        (found, stopped)
    }

    fn find(&self, filter: &Filter) -> Found {
        let limit = filter.limit.max(1);
        let mut rows: Vec<DeliveryRow> = self
            .deliveries
            .values()
            .rev()
            .filter(|delivery| fits(&delivery.row, filter))
            .take(limit + 1)
            .map(Delivery::row)
            .collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.id);
        Found { rows, next }
    }
}

impl Ledger for MemoryLedger {
    fn accept(
        &self,
        messages: Vec<NewMessage>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Accepted>>> {
        self.write(|inner| {
            messages
                .into_iter()
                .map(|message| inner.accept(message, now))
                .collect()
        })
    }

    fn accept_once(
        &self,
        messages: Vec<NewMessage>,
        mark: Mark,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Accepted>>> {
        let taken = self.write(|inner| {
            let place = (mark.app.as_u64(), mark.key);
            if inner.recall(&place, now).is_some() {
                return Err(Error::Repeated);
            }
            let accepted: Vec<_> = messages
                .into_iter()
                .map(|message| inner.accept(message, now))
                .collect();
            let remembered = Remembered {
                request: mark.request,
                answer: mark.answer,
                messages: accepted.iter().map(|one| one.message.id).collect(),
                at: now,
            };
            inner.remembered.insert(place, remembered);
            Ok(accepted)
        });
        Box::pin(async move { taken.await? })
    }

    fn remembered<'a>(
        &'a self,
        app: AppId,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Remembered>>> {
        let place = (app.as_u64(), key.to_owned());
        self.read(|inner| inner.recall(&place, now).cloned())
    }

    fn begin(&self, starts: Vec<AttemptStart>, now: Timestamp) -> BoxFuture<'_, Result<Vec<bool>>> {
        self.write(|inner| starts.iter().map(|start| inner.begin(start, now)).collect())
    }

    fn settle(
        &self,
        calls: Vec<CallRecord>,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Settled>>> {
        self.write(|inner| {
            let settled = settlements
                .into_iter()
                .map(|settlement| inner.settle(&calls, settlement, now))
                .collect();
            inner.rematch(now);
            settled
        })
    }

    fn change(&self, changes: Vec<Change>, now: Timestamp) -> BoxFuture<'_, Result<Vec<bool>>> {
        self.write(|inner| {
            changes
                .into_iter()
                .map(|change| inner.change(change, now))
                .collect()
        })
    }

    fn receipts(
        &self,
        receipts: Vec<NewReceipt>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<ReceiptFate>>> {
        self.write(|inner| {
            receipts
                .into_iter()
                .map(|receipt| inner.receive(receipt, now, now))
                .collect()
        })
    }

    fn rematch(&self, now: Timestamp) -> BoxFuture<'_, Result<usize>> {
        self.write(|inner| inner.rematch(now))
    }

    fn recover(&self) -> BoxFuture<'_, Result<Recovery>> {
        self.read(Inner::recover)
    }

    fn ready(
        &self,
        lane: Lane,
        after: DeliveryId,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WorkItem>>> {
        self.read(|inner| {
            inner
                .deliveries
                .range(DeliveryId::from_u64(after.as_u64() + 1)..)
                .map(|(_, delivery)| delivery)
                .filter(|delivery| delivery.is_ready() && delivery.row.message.lane == lane)
                .take(limit)
                .map(Delivery::item)
                .collect()
        })
    }

    fn load(&self, ids: Vec<DeliveryId>) -> BoxFuture<'_, Result<Vec<WorkItem>>> {
        self.read(|inner| {
            ids.iter()
                .filter_map(|id| inner.deliveries.get(id))
                .filter(|delivery| delivery.row.state.is_waiting())
                .map(Delivery::item)
                .collect()
        })
    }

    fn overdue(&self, now: Timestamp, after: DeliveryId) -> BoxFuture<'_, Result<Overdue>> {
        self.read(|inner| {
            let overdue = inner
                .deliveries
                .values()
                .filter(|delivery| delivery.row.id > after && delivery.row.state.is_waiting())
                .filter(|delivery| delivery.row.message.expires_at <= now)
                .map(|delivery| (delivery.row.id, delivery.row.message.lane))
                .collect();
            (overdue, None)
        })
    }

    fn handed_over(&self, before: DeliveryId, rows: usize) -> BoxFuture<'_, Result<HandedOvers>> {
        self.read(|inner| inner.handed_over(before, rows))
    }

    fn counted(
        &self,
        from: Timestamp,
        after: DeliveryId,
        rows: usize,
    ) -> BoxFuture<'_, Result<Counts>> {
        self.read(|inner| {
            let counted = inner
                .deliveries
                .values()
                .filter(|delivery| delivery.row.id > after && counted::counts(delivery.row.state));
            let mut found: Vec<Counted> = counted
                .map(Delivery::counted)
                .filter(|counted| counted.at >= from)
                .collect();
            let more = found.len() > rows;
            found.truncate(rows);
            let stopped = found.last().filter(|_| more).map(|last| last.delivery);
            (found, stopped)
        })
    }

    fn find(&self, filter: Filter) -> BoxFuture<'_, Result<Found>> {
        self.read(|inner| inner.find(&filter))
    }

    fn evidence(&self, id: DeliveryId) -> BoxFuture<'_, Result<Option<Evidence>>> {
        self.read(|inner| {
            inner.deliveries.get(&id).map(|delivery| Evidence {
                delivery: delivery.row(),
                attempts: delivery.attempts.clone(),
                receipts: delivery.receipts.clone(),
                events: delivery.events.clone(),
            })
        })
    }

    fn message(&self, id: MessageId) -> BoxFuture<'_, Result<Option<MessageSummary>>> {
        self.read(|inner| {
            let (message, vars) = inner.messages.get(&id)?;
            let mut states: BTreeMap<State, u32> = BTreeMap::new();
            let last = id.delivery(message.recipients.saturating_sub(1));
            for (_, delivery) in inner.deliveries.range(id.delivery(0)..=last) {
                *states.entry(delivery.row.state).or_default() += 1;
            }
            Some(MessageSummary {
                message: Arc::clone(message),
                vars: Arc::clone(vars),
                states: states.into_iter().collect(),
            })
        })
    }

    fn parked(&self, limit: usize) -> BoxFuture<'_, Result<Vec<ParkedReceipt>>> {
        self.read(|inner| inner.parked.iter().take(limit).cloned().collect())
    }

    fn wipe(&self, now: Timestamp) -> BoxFuture<'_, Result<()>> {
        self.write(|inner| {
            let over = |delivery: &&mut Delivery| delivery.kept_until.is_some_and(|at| at <= now);
            for delivery in inner.deliveries.values_mut().filter(over) {
                delivery.kept_until = None;
                if !delivery.row.state.is_open() {
                    delivery.wipe();
                }
            }
        })
    }

    fn retain(&self, before: Timestamp) -> BoxFuture<'_, Result<u64>> {
        self.write(|inner| {
            let count = inner.deliveries.len();
            inner.deliveries.retain(|_, delivery| {
                delivery.row.state.is_open() || delivery.row.message.accepted_at >= before
            });
            (count - inner.deliveries.len()) as u64
        })
    }

    fn health(&self) -> Result<()> {
        match &self.0.lock().refusing {
            Some(reason) => Err(Error::Refusing(reason.clone())),
            None => Ok(()),
        }
    }
}

/// As long as a real backend does unless told otherwise.
const REMEMBERED_FOR: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
