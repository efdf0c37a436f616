//! Sent deliveries whose receipt does not come: in lanes whose plan says so they go to another
//! account.
//!
//! The watch is in memory and found again at a start. The ledger keeps secret values for as long as
//! a delivery may be sent again for this; a watch that was not foreseen when it was sent (its lane's
//! plan did not say so yet) finds them wiped, and such a delivery is not sent again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use austin_domain::route::plan::ReceiptTimeout;
use austin_domain::{AccountId, DeliveryId, Lane, Reason, State, Timestamp, Verdict};
use austin_ports::ledger::{self, AttemptRow, Change, Evidence, HandedOver, Next, WorkItem};
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
    /// When each is due.
    waiting: HashMap<DeliveryId, Timestamp>,
}

impl Watches {
    /// Ends the watch of a delivery.
    pub(crate) fn forget(&self, delivery: DeliveryId) {
        self.inner.lock().waiting.remove(&delivery);
    }

    /// `false` when there are too many already.
    fn add(&self, delivery: DeliveryId, due_at: Timestamp) -> bool {
        let mut inner = self.inner.lock();
        if inner.waiting.len() >= MOST_WATCHES || inner.heap.len() >= 2 * MOST_WATCHES {
            return false;
        }
        let first = inner.heap.peek().map(|first| first.0.0);
        inner.heap.push(Reverse((due_at, delivery)));
        if first.is_none_or(|first| first > due_at) {
            self.bell.notify_one();
        }
        inner.waiting.insert(delivery, due_at);
        true
    }

    fn next(&self) -> Option<Timestamp> {
        self.inner.lock().heap.peek().map(|first| first.0.0)
    }

    fn take_due(&self, now: Timestamp) -> Vec<DeliveryId> {
        let mut inner = self.inner.lock();
        let mut due = Vec::new();
        while due.len() < DUE_AT_A_TIME
            && let Some(Reverse((due_at, delivery))) = inner.heap.peek().copied()
            && due_at <= now
        {
            inner.heap.pop();
            if inner.waiting.get(&delivery) == Some(&due_at) {
                inner.waiting.remove(&delivery);
                due.push(delivery);
            }
        }
        due
    }
}

/// A delivery has just become sent: watches it, where its lane's plan says so.
pub(crate) fn begin(shared: &Shared, item: &WorkItem, now: Timestamp) {
    if let Some(due_at) = due(shared, item, now) {
        watch(shared, item.id, due_at);
    }
}

/// When the receipt of a delivery that becomes sent now times out, where it may be sent again then.
fn due(shared: &Shared, item: &WorkItem, now: Timestamp) -> Option<Timestamp> {
    let timeout = timeout(shared, item.message.lane)?;
    let due_at = now.plus(timeout.after);
    let in_vain = item.message.account.is_some()
        || item.attempts >= timeout.most_attempts
        || due_at >= item.message.expires_at;
    (!in_vain).then_some(due_at)
}

/// What follows an attempt, with the secret values kept where the delivery may be sent again.
pub(crate) fn keeping(shared: &Shared, item: &WorkItem, next: Next, now: Timestamp) -> Next {
    let keeps = next.state() == State::Sent
        && !item.secret_names.is_empty()
        && due(shared, item, now).is_some();
    if keeps {
        let until = item.message.expires_at;
        return Next::Watched { until };
    }
    next
}

fn watch(shared: &Shared, delivery: DeliveryId, due_at: Timestamp) {
    if !shared.aftermath.watches.add(delivery, due_at) {
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
    if !in_vain {
        watch(shared, one.delivery, due_at);
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
            .for_each_concurrent(AT_A_TIME, |delivery| fire(&shared, delivery))
            .await;
        tokio::task::yield_now().await;
    }
}

async fn fire(shared: &Arc<Shared>, delivery: DeliveryId) {
    if let Err(error) = time_out(shared, delivery).await {
        shared.metrics.ledger_faults.inc();
        tracing::warn!(%delivery, %error, "a receipt could not time out");
        watch(shared, delivery, shared.clock.now().plus(AGAIN));
    }
}

/// Sends the delivery by another account, if it still may.
async fn time_out(shared: &Arc<Shared>, delivery: DeliveryId) -> ledger::Result<()> {
    let Some(evidence) = shared.ledger.evidence(delivery).await? else {
        return Ok(());
    };
    let (row, now) = (&evidence.delivery, shared.clock.now());
    let lane = row.message.lane;
    let Some(timeout) = timeout(shared, lane) else {
        return Ok(());
    };
    let whole = row.secrets_kept || !has_secrets(shared, &evidence);
    let may = row.state == State::Sent
        && row.attempts < timeout.most_attempts
        && row.message.expires_at > now
        && whole
        && has_unused(shared, &evidence, now);
    if !may {
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
        // Whole, with all that its attempts say. Where that cannot be read now, the lane does.
        match shared.ledger.load(vec![delivery]).await {
            Ok(items) => {
                for item in items {
                    lane.with(|queue| queue.again(item));
                }
                lane.bell.notify_one();
            }
            Err(_) => lane.offer_due([delivery]),
        }
    }
    Ok(())
}

/// Whether an account may take the delivery that did not take it before.
fn has_unused(shared: &Shared, evidence: &Evidence, now: Timestamp) -> bool {
    let row = &evidence.delivery;
    let taken = |attempt: &&AttemptRow| matches!(attempt.verdict, Verdict::Accepted(_));
    let attempts = evidence.attempts.iter().filter(taken);
    let item = WorkItem {
        id: row.id,
        message: Arc::clone(&row.message),
        to: row.to.clone(),
        vars: Arc::clone(&row.vars),
        secret_names: Arc::from([]),
        state: State::Queued,
        attempts: row.attempts,
        last_account: row.account,
        spent: attempts.map(|attempt| attempt.account).collect(),
        moves: false,
        facts: row.facts.clone(),
        released: false,
    };
    let directory = shared.directories.current();
    directory.has_other_than(&item, &[], now)
}

/// Whether the message may have had values that the ledger has wiped.
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
