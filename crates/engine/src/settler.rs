//! Records what attempts came to, many in one commit, and follows up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use austin_domain::canary::is_error;
use austin_domain::policy::ClassPolicy;
use austin_domain::verdict::Cause;
use austin_domain::{AccountId, State, Timestamp, Verdict};
use austin_ports::ledger::{self, CallRecord, Next, Settled, Settlement, Timer, WorkItem};
use hashbrown::HashMap;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::attempt::{Outcome, ReadyBatch};
use crate::decide::{self, Situation};
use crate::directory::Directory;
use crate::inquiry;
use crate::lane::Lane;
use crate::pace::Ended;
use crate::places;
use crate::receipt_watch;
use crate::shared::Shared;
use crate::suppress::{self, BadAddress};

/// What a batch holds until its outcome is recorded: its permit and its place in the count.
pub(crate) struct Settling {
    pub(crate) lane: Arc<Lane>,
    pub(crate) count: u32,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.lane.in_flight.fetch_sub(self.count, Ordering::Relaxed);
        drop(self.permit.take());
    }
}

/// A batch whose attempt is over.
pub(crate) struct Finished {
    pub(crate) batch: ReadyBatch,
    pub(crate) outcome: Outcome,
    pub(crate) held: Settling,
}

/// The way to the settler.
pub(crate) struct Settler(mpsc::Sender<Finished>);

impl Settler {
    /// The way in and what [`run`] reads from.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Finished>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Hands a finished batch over; waits while the settler is behind.
    pub(crate) async fn submit(&self, finished: Finished) {
        if self.0.send(finished).await.is_err() {
            // Only when the engine is gone: the next start finds the attempts interrupted.
            tracing::error!("an outcome could not be recorded: the engine has stopped");
        }
    }
}

/// Settles until the engine has stopped and nothing is left.
pub(crate) async fn run(shared: Arc<Shared>, mut finished: mpsc::Receiver<Finished>) {
    let mut waiting = Vec::new();
    while finished.recv_many(&mut waiting, MOST_A_COMMIT).await > 0 {
        let batches = std::mem::take(&mut waiting);
        record(&shared, batches).await;
    }
}

async fn record(shared: &Arc<Shared>, batches: Vec<Finished>) {
    let directory = shared.directories.current();
    let now = shared.clock.now();
    let mut calls: Vec<CallRecord> = Vec::with_capacity(batches.len());
    let mut settlements = Vec::with_capacity(batches.len());
    let mut follow_ups = Vec::with_capacity(batches.len());
    let mut bad: HashMap<Arc<str>, Vec<BadAddress>> = HashMap::new();
    let mut holds = Vec::with_capacity(batches.len());
    for Finished {
        batch,
        outcome,
        mut held,
    } in batches
    {
        let (account, usable) = (batch.usable.record.id, &batch.usable);
        let ended = Ended {
            items: &batch.items,
            verdicts: &outcome.verdicts,
            took: outcome.call.as_ref().map(|call| call.took),
            receipts: usable.receipts,
            // What a version on trial fails is held against the version, not the account.
            judged: !(outcome.on_trial && outcome.verdicts.iter().all(is_error)),
        };
        usable.pace.close(&usable.bounds, batch.permit, &ended, now);
        count(shared, &batch, &outcome);
        let (batch, outcome) = inquiry::divert(shared, batch, outcome, &mut held);
        let call = outcome.call.map(|call| {
            calls.push(call);
            u32::try_from(calls.len() - 1).unwrap_or(u32::MAX)
        });
        let judged = batch
            .items
            .into_iter()
            .zip(outcome.verdicts)
            .zip(outcome.segments);
        for ((item, verdict), segments) in judged {
            if let Verdict::BadRecipient(cause) = &verdict {
                let found = bad.entry(Arc::clone(&batch.usable.key)).or_default();
                found.push(bad_address(&item, cause));
            }
            let next = follows(shared, &directory, &item, &verdict, account, now);
            let outcome = (verdict.clone(), account, item.id);
            settlements.push(Settlement {
                delivery: item.id,
                attempt: item.attempts,
                call,
                verdict,
                segments,
                next: next.clone(),
            });
            let item = retry_of(item, &next, account);
            follow_ups.push((Arc::clone(&held.lane), item, next, outcome));
        }
        holds.push(held);
    }
    let Some(settled) = persist(shared, calls, settlements).await else {
        return;
    };
    for ((lane, item, next, (verdict, account, id)), settled) in follow_ups.into_iter().zip(settled)
    {
        shared
            .aftermath
            .accepted(&verdict, account, id, settled, now);
        follow_up(shared, &lane, item, &next, settled, now);
    }
    drop(holds);
    // A crash before this is done makes an address one failure short of being blocked.
    if !bad.is_empty() {
        let counted = strike(Arc::clone(shared), bad, now);
        shared.tracker.spawn(counted);
    }
}

fn bad_address(item: &WorkItem, cause: &Cause) -> BadAddress {
    BadAddress {
        delivery: item.id,
        channel: item.message.lane.channel,
        to: item.to.clone(),
        code: cause.code.clone(),
    }
}

async fn strike(shared: Arc<Shared>, bad: HashMap<Arc<str>, Vec<BadAddress>>, now: Timestamp) {
    for (account, bad) in bad {
        if let Err(error) = suppress::strike(&shared, &account, bad, now).await {
            tracing::warn!(%account, %error, "bad addresses could not be counted");
        }
    }
}

/// What follows a verdict on this delivery.
pub(crate) fn follows(
    shared: &Shared,
    directory: &Directory,
    item: &WorkItem,
    verdict: &Verdict,
    account: AccountId,
    now: Timestamp,
) -> Next {
    let situation = Situation {
        policy: ClassPolicy::of(item.message.lane.class),
        attempts: item.attempts,
        has_other_account: directory.has_other(item, account, now),
        expires_at: item.message.expires_at,
        now,
        random: shared.random(),
    };
    receipt_watch::keeping(shared, item, decide::next(verdict, &situation), now)
}

/// Writes until it is written: the calls have been made, and only their record says so. `None`
/// when the ledger stopped first; the next start then finds these attempts interrupted.
pub(crate) async fn persist(
    shared: &Shared,
    calls: Vec<CallRecord>,
    settlements: Vec<Settlement>,
) -> Option<Vec<Settled>> {
    loop {
        let now = shared.clock.now();
        match shared
            .ledger
            .settle(calls.clone(), settlements.clone(), now)
            .await
        {
            Ok(settled) => return Some(settled),
            Err(ledger::Error::Stopping) => {
                tracing::error!(
                    count = settlements.len(),
                    "outcomes could not be recorded before the ledger stopped"
                );
                return None;
            }
            Err(error) => {
                shared.metrics.ledger_faults.inc();
                tracing::warn!(%error, count = settlements.len(), "outcomes wait to be recorded");
                tokio::time::sleep(PERSIST_AGAIN).await;
            }
        }
    }
}

/// Puts a delivery where its settlement left it.
pub(crate) fn follow_up(
    shared: &Shared,
    lane: &Arc<Lane>,
    item: WorkItem,
    next: &Next,
    settled: Settled,
    now: Timestamp,
) {
    match (settled, next) {
        (Settled::Moved, Next::End { .. } | Next::Watched { .. }) => {
            shared.metrics.reached(lane.name, next.state(), 1);
            lane.settled.add(now, 1);
            if places::frees(next.state()) {
                shared.free(vec![(item.to, item.id)]);
            } else if next.state() == State::Sent {
                receipt_watch::begin(shared, &item, now);
            }
        }
        (Settled::Moved, Next::Wait { due_at: None, .. }) => {
            lane.with(|queue| queue.again(item));
            lane.bell.notify_one();
        }
        (
            Settled::Moved,
            Next::Wait {
                due_at: Some(due_at),
                ..
            },
        ) => {
            let timer = Timer {
                due_at: *due_at,
                delivery: item.id,
                lane: lane.name,
            };
            shared.set_timers(lane, [timer]);
        }
        (Settled::Kept(_), _) => lane.settled.add(now, 1),
        (Settled::Ignored, _) => {
            tracing::error!(lane = %lane.name, "an outcome had no open attempt");
        }
    }
}

fn count(shared: &Shared, batch: &ReadyBatch, outcome: &Outcome) {
    let Some(head) = batch.items.first().map(|item| &item.message) else {
        return;
    };
    let lane = head.lane;
    if let Some(call) = &outcome.call {
        shared.metrics.took(lane, call.took.as_secs_f64());
        let at = call.started_at.plus(call.took);
        for (item, verdict) in batch.items.iter().zip(&outcome.verdicts) {
            if matches!(verdict, Verdict::Accepted(_)) {
                let waited = at.since(item.message.accepted_at);
                shared.metrics.waited(lane, waited.as_secs_f64());
            }
        }
    }
    let mut verdicts: Vec<(&'static str, u64)> = Vec::with_capacity(1);
    for verdict in &outcome.verdicts {
        match verdicts
            .iter_mut()
            .find(|(word, _)| *word == verdict.as_str())
        {
            Some((_, count)) => *count += 1,
            None => verdicts.push((verdict.as_str(), 1)),
        }
    }
    for (word, count) in verdicts {
        shared
            .metrics
            .attempted(lane, &batch.usable.key, word, count);
    }
}

/// The delivery as it would be tried again, where it may be: also a sent one, whose receipt may
/// not come.
pub(crate) fn retry_of(item: WorkItem, next: &Next, account: AccountId) -> WorkItem {
    WorkItem {
        state: State::Queued,
        last_account: Some(account),
        moves: matches!(next, Next::Wait { due_at: None, .. }),
        ..item
    }
}

const QUEUE: usize = 1024;
const MOST_A_COMMIT: usize = 512;
const PERSIST_AGAIN: Duration = Duration::from_millis(500);
