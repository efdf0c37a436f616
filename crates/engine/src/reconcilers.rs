//! Work that follows from state alone: it takes no input and may run twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use austin_domain::{DeliveryId, Reason, State};
use austin_ports::ledger::Change;
use hashbrown::HashMap;

use crate::shared::Shared;
use crate::status;

/// Hands deliveries whose time has come to their lanes.
pub(crate) async fn due(shared: Arc<Shared>) {
    loop {
        let bell = shared.timers.bell.notified();
        let next = shared.timers.next();
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
        release_due(&shared);
        // Others get their turn between two handfuls of a large release.
        tokio::task::yield_now().await;
    }
}

fn release_due(shared: &Arc<Shared>) {
    let due = shared.timers.take_due(shared.clock.now(), DUE_AT_A_TIME);
    let mut by_lane: HashMap<_, Vec<DeliveryId>> = HashMap::new();
    for (lane, delivery) in due {
        by_lane.entry(lane).or_default().push(delivery);
    }
    for (name, deliveries) in by_lane {
        let lane = shared.lane(name);
        let count = deliveries.len() as u64;
        // Saturating: a timer that was set twice is counted once too often, never below zero.
        let _ = lane
            .later
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |later| {
                Some(later.saturating_sub(count))
            });
        lane.offer_due(deliveries);
    }
}

/// Ends waiting deliveries whose time has run out although their lane stands.
pub(crate) async fn expiry(shared: Arc<Shared>) {
    every(&shared, EXPIRY_EVERY, |shared: Arc<Shared>| async move {
        let mut after = DeliveryId::from_u64(0);
        loop {
            let now = shared.clock.now();
            let (overdue, next) = shared.ledger.overdue(now, after).await?;
            let mut by_lane: HashMap<_, Vec<Change>> = HashMap::new();
            for (delivery, lane) in overdue {
                by_lane.entry(lane).or_default().push(Change {
                    delivery,
                    from: None,
                    to: State::Expired,
                    due_at: None,
                    reason: Reason::new("expired", "its time ran out before a vendor took it"),
                });
            }
            for (name, changes) in by_lane {
                let lane = shared.lane(name);
                shared.change(&lane, changes, now).await;
            }
            match next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    })
    .await;
}

/// Tries parked receipts again.
pub(crate) async fn parked(shared: Arc<Shared>) {
    every(&shared, PARKED_EVERY, |shared: Arc<Shared>| async move {
        let found = shared.ledger.rematch(shared.clock.now()).await?;
        shared.metrics.rematched.inc_by(found as u64);
        Ok(())
    })
    .await;
}

/// Wipes secret values that were kept for another attempt in vain.
pub(crate) async fn kept_secrets(shared: Arc<Shared>) {
    every(&shared, WIPE_EVERY, |shared: Arc<Shared>| async move {
        shared.ledger.wipe(shared.clock.now()).await
    })
    .await;
}

/// Removes deliveries that are older than they must be kept.
pub(crate) async fn retention(shared: Arc<Shared>) {
    let Some(retain_for) = shared.config.retain_for else {
        return;
    };
    every(&shared, RETENTION_EVERY, |shared: Arc<Shared>| async move {
        let before = shared.clock.now().minus(retain_for);
        let removed = shared.ledger.retain(before).await?;
        if removed > 0 {
            tracing::info!(removed, %before, "settled deliveries were removed");
        }
        Ok(())
    })
    .await;
}

/// Brings the gauges up to date.
pub(crate) async fn gauges(shared: Arc<Shared>) {
    every(&shared, GAUGES_EVERY, |shared: Arc<Shared>| async move {
        let now = shared.clock.now();
        for status in status::lanes(&shared) {
            let age = status
                .oldest
                .map_or(Duration::ZERO, |oldest| now.since(oldest));
            shared.metrics.lane(&status, age.as_secs_f64());
        }
        shared.metrics.suppressions(shared.suppressing.store.size());
        for account in shared.catalog.snapshot().accounts.values() {
            let resting = shared.directories.pace(account.id).resting(now).is_some();
            shared.metrics.resting(&account.key, resting);
            if account.deleted_at.is_none()
                && let Some(status) = status::account(&shared, &account.key)
            {
                shared.metrics.health(&account.key, &status);
            }
        }
        Ok(())
    })
    .await;
}

/// Runs `act` now and then until the engine stops; faults are logged and tried again next time.
pub(crate) async fn every<F>(shared: &Arc<Shared>, pause: Duration, act: impl Fn(Arc<Shared>) -> F)
where
    F: Future<Output = austin_ports::ledger::Result<()>>,
{
    loop {
        let until = shared.clock.now().plus(pause);
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.clock.sleep_until(until) => {}
        }
        if let Err(error) = act(Arc::clone(shared)).await {
            shared.metrics.ledger_faults.inc();
            tracing::warn!(%error, "a reconciler could not finish");
        }
    }
}

const DUE_AT_A_TIME: usize = 10_000;
const EXPIRY_EVERY: Duration = Duration::from_secs(15);
const PARKED_EVERY: Duration = Duration::from_secs(10);
const WIPE_EVERY: Duration = Duration::from_secs(60);
const RETENTION_EVERY: Duration = Duration::from_secs(600);
const GAUGES_EVERY: Duration = Duration::from_secs(1);
