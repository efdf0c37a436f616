//! Sent deliveries whose receipt does not come: in lanes whose plan says so they go to another
//! account.
//!
//! The watch is in memory and found again at a start. A delivery with secret values is kept whole:
//! the ledger wipes those once it is sent, so after a crash it is not sent again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use austin_domain::route::plan::ReceiptTimeout;
use austin_domain::{AccountId, DeliveryId, Lane, Reason, State, Timestamp};
use austin_ports::ledger::{self, Change, Evidence, HandedOver, WorkItem};
use futures_util::StreamExt;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::shared::Shared;

/// All watches of this process.
#[derive(Default)]
pub(crate) struct Watches {
    inner: Mutex<Inner>,
    bell: Notify,
}

#[derive(Default)]
struct Inner {
    heap: BinaryHeap<Reverse<(Timestamp, DeliveryId)>>,
    waiting: HashMap<DeliveryId, Watch>,
}

/// One delivery that is watched.
struct Watch {
    due_at: Timestamp,
    /// Kept where the ledger could not give it back whole.
    item: Option<WorkItem>,
}

impl Watches {
    /// Ends the watch of a delivery.
    pub(crate) fn forget(&self, delivery: DeliveryId) {
        self.inner.lock().waiting.remove(&delivery);
    }

    /// `false` when there are too many already.
    fn add(&self, delivery: DeliveryId, watch: Watch) -> bool {
        let mut inner = self.inner.lock();
        if inner.waiting.len() >= MOST_WATCHES || inner.heap.len() >= 2 * MOST_WATCHES {
            return false;
        }
        let first = inner.heap.peek().map(|first| first.0.0);
        inner.heap.push(Reverse((watch.due_at, delivery)));
        if first.is_none_or(|first| first > watch.due_at) {
            self.bell.notify_one();
        }
        inner.waiting.insert(delivery, watch);
        true
    }

    fn next(&self) -> Option<Timestamp> {
        self.inner.lock().heap.peek().map(|first| first.0.0)
    }

    fn take_due(&self, now: Timestamp) -> Vec<(DeliveryId, Watch)> {
        let mut inner = self.inner.lock();
        let mut due = Vec::new();
        while due.len() < DUE_AT_A_TIME
            && let Some(Reverse((due_at, delivery))) = inner.heap.peek().copied()
            && due_at <= now
        {
            inner.heap.pop();
            let current = inner.waiting.get(&delivery).map(|watch| watch.due_at);
            if current == Some(due_at)
                && let Some(watch) = inner.waiting.remove(&delivery)
            {
                due.push((delivery, watch));
            }
        }
        due
    }
}

/// A delivery has just become sent: watches it, where its lane's plan says so.
pub(crate) fn begin(shared: &Shared, item: WorkItem, now: Timestamp) {
    let Some(timeout) = timeout(shared, item.message.lane) else {
        return;
    };
    let due_at = now.plus(timeout.after);
    let in_vain = item.message.account.is_some()
        || item.attempts >= timeout.most_attempts
        || due_at >= item.message.expires_at;
    if in_vain {
        return;
    }
    let delivery = item.id;
    let item = Some(item).filter(|item| !item.secret_names.is_empty());
    if !shared
        .aftermath
        .watches
        .add(delivery, Watch { due_at, item })
    {
        shared.aftermath.metrics.unwatched.inc();
    }
}

/// Watches a delivery that was sent before the start.
pub(crate) fn restore(shared: &Shared, one: &HandedOver) {
    let Some(timeout) = timeout(shared, one.lane) else {
        return;
    };
    let due_at = one.sent_at.plus(timeout.after);
    let in_vain = one.attempts >= timeout.most_attempts || shared.clock.now() >= one.expires_at;
    let watch = Watch { due_at, item: None };
    if !in_vain && !shared.aftermath.watches.add(one.delivery, watch) {
        shared.aftermath.metrics.unwatched.inc();
    }
}

/// Lets receipts time out until the engine stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let watches = &shared.aftermath.watches;
    loop {
        let bell = watches.bell.notified();
        let next = watches.next();
        let sleep = async {
            match next {
                Some(at) => shared.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = bell => continue,
            () = sleep => {}
        }
        let due = watches.take_due(shared.clock.now());
        futures_util::stream::iter(due)
            .for_each_concurrent(AT_A_TIME, |(delivery, watch)| {
                fire(&shared, delivery, watch)
            })
            .await;
        tokio::task::yield_now().await;
    }
}

async fn fire(shared: &Arc<Shared>, delivery: DeliveryId, watch: Watch) {
    let item = watch.item.clone();
    if let Err(error) = time_out(shared, delivery, watch.item).await {
        shared.metrics.ledger_faults.inc();
        tracing::warn!(%delivery, %error, "a receipt could not time out");
        let due_at = shared.clock.now().plus(AGAIN);
        let watch = Watch { due_at, item };
        if !shared.aftermath.watches.add(delivery, watch) {
            shared.aftermath.metrics.unwatched.inc();
        }
    }
}

/// Sends the delivery by another account, if it still may.
async fn time_out(
    shared: &Arc<Shared>,
    delivery: DeliveryId,
    item: Option<WorkItem>,
) -> ledger::Result<()> {
    let Some(evidence) = shared.ledger.evidence(delivery).await? else {
        return Ok(());
    };
    let (row, now) = (&evidence.delivery, shared.clock.now());
    let lane = row.message.lane;
    let Some(timeout) = timeout(shared, lane) else {
        return Ok(());
    };
    let may = row.state == State::Sent
        && row.attempts < timeout.most_attempts
        && row.message.expires_at > now
        && (item.is_some() || !has_secrets(shared, &evidence));
    let item = match item {
        Some(item) => WorkItem {
            moves: true,
            ..item
        },
        None => item_of(&evidence),
    };
    if !may || !has_unused(shared, &evidence, &item, now) {
        return Ok(());
    }
    let from = row
        .account
        .map_or_else(|| "its account".into(), |id| key(shared, id));
    let detail = format!(
        "no delivered receipt from {from} within {} s: goes to another account",
        timeout.after.as_secs()
    );
    let change = Change {
        delivery,
        from: Some(State::Sent),
        to: State::Queued,
        due_at: None,
        reason: Reason::new("receipt_timeout", detail),
    };
    let held = shared.ledger.change(vec![change], now).await?;
    if held.first() == Some(&true) {
        shared.aftermath.metrics.timed_out(from);
        let lane = shared.lane(lane);
        lane.with(|queue| queue.again(item));
        lane.bell.notify_one();
    }
    Ok(())
}

/// Whether an account that has not had the delivery may take it.
fn has_unused(shared: &Shared, evidence: &Evidence, item: &WorkItem, now: Timestamp) -> bool {
    let used: Vec<AccountId> = evidence.attempts.iter().map(|row| row.account).collect();
    let directory = shared.directories.current();
    directory.has_other_than(item, &used, now)
}

/// The delivery as it would be sent again; it had no secret values.
fn item_of(evidence: &Evidence) -> WorkItem {
    let row = &evidence.delivery;
    WorkItem {
        id: row.id,
        message: Arc::clone(&row.message),
        to: row.to.clone(),
        vars: Arc::clone(&row.vars),
        secret_names: Arc::from([]),
        state: State::Queued,
        attempts: row.attempts,
        last_account: row.account,
        moves: true,
        facts: row.facts.clone(),
        released: false,
    }
}

/// Whether the message had values that the ledger has wiped.
fn has_secrets(shared: &Shared, evidence: &Evidence) -> bool {
    let head = &evidence.delivery.message;
    shared
        .catalog
        .snapshot()
        .templates
        .get(&head.template)
        .and_then(|entry| entry.version(head.version))
        .is_none_or(|version| version.variables.values().any(|variable| variable.secret))
}

fn timeout(shared: &Shared, lane: Lane) -> Option<ReceiptTimeout> {
    shared
        .catalog
        .snapshot()
        .routes
        .get(&lane)?
        .plan
        .receipt_timeout
}

fn key(shared: &Shared, account: AccountId) -> String {
    let snapshot = shared.catalog.snapshot();
    let record = snapshot.accounts.get(&account);
    record.map_or_else(|| account.to_string(), |record| record.key.clone())
}

const MOST_WATCHES: usize = 200_000;
const DUE_AT_A_TIME: usize = 1_000;
const AT_A_TIME: usize = 32;
const AGAIN: Duration = Duration::from_secs(1);
