//! Sessions that stay open while nothing is sent: which accounts want one, and what comes by them.
//!
//! Whoever sent an arrival hears that we have it only once it is recorded; otherwise it is sent
//! again, now or over the next session.

use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::Context;
use austin_ports::ledger::NewReceipt;
use austin_ports::wire::{Ack, Arrival, KeptSession};

use crate::directory;
use crate::receipts::{for_ledger, recorded};
use crate::shared::Shared;

/// Tells the wire which sessions to keep: those that the adapters of enabled accounts want.
pub(crate) async fn keep(shared: Arc<Shared>) {
    loop {
        // Before the snapshot is read, so that no change falls in between.
        let mut changed = shared.catalog.changed();
        shared.means.wire.keep(wanted(&shared));
        tokio::select! {
            () = shared.stopping.cancelled() => break,
            changed = changed.changed() => if changed.is_err() {
                shared.stopping.cancelled().await;
                break;
            },
            // A session may have ended between two words on it.
            () = shared.clock.sleep_until(shared.clock.now().plus(AGAIN)) => {}
        }
    }
    shared.means.wire.keep(Vec::new());
}

fn wanted(shared: &Shared) -> Vec<KeptSession> {
    let directory = shared.directories.current();
    let usable = directory.all();
    usable
        .filter_map(|usable| {
            Some(KeptSession {
                account: Arc::clone(&usable.key),
                bind: usable.adapter.session(&usable.account)?,
            })
        })
        .collect()
}

/// Records what comes, and then says so to the sender.
pub(crate) async fn arrivals(shared: Arc<Shared>) {
    loop {
        let arrived = tokio::select! {
            () = shared.stopping.cancelled() => return,
            arrived = shared.means.wire.arrivals(AT_A_TIME) => arrived,
        };
        if arrived.is_empty() {
            return;
        }
        record(&shared, arrived).await;
    }
}

async fn record(shared: &Shared, arrived: Vec<Arrival>) {
    let now = shared.clock.now();
    let mut new: Vec<NewReceipt> = Vec::with_capacity(arrived.len());
    let mut keys: Vec<Arc<str>> = Vec::with_capacity(arrived.len());
    let mut acks: Vec<Ack> = Vec::with_capacity(arrived.len());
    for arrival in arrived {
        let Some(receipts) = read(shared, &arrival, now) else {
            // Dropping it asks the sender to come again.
            tracing::warn!(account = %arrival.account, "something came for an account that is gone");
            continue;
        };
        keys.extend(receipts.iter().map(|_| Arc::clone(&arrival.account)));
        new.extend(receipts);
        acks.push(arrival.ack);
    }
    match shared.ledger.receipts(new.clone(), now).await {
        Ok(fates) => {
            acks.into_iter().for_each(Ack::taken);
            for ((key, receipt), fate) in keys.iter().zip(&new).zip(fates) {
                recorded(shared, key, receipt, fate, now);
            }
        }
        Err(error) => {
            tracing::warn!(%error, count = keys.len(), "receipts could not be recorded");
        }
    }
}

/// What an arrival says, by its account's adapter.
fn read(
    shared: &Shared,
    arrival: &Arrival,
    now: austin_domain::Timestamp,
) -> Option<Vec<NewReceipt>> {
    let snapshot = shared.catalog.snapshot();
    let record = snapshot.account(&arrival.account)?;
    // The directory's adapter speaks for enabled accounts; a disabled one still gets what it
    // asked for before.
    let adapter = shared.directories.adapter(&record.adapter)?;
    let context = Context {
        now,
        nonce: shared.entropy.next(),
    };
    let receipts = adapter.arrival(&directory::view(record), &arrival.message, &context);
    let receipts = receipts.iter().map(|one| for_ledger(record.id, one));
    Some(receipts.collect())
}

/// Most arrivals recorded in one commit.
const AT_A_TIME: usize = 256;
/// How often the wire is told again what it should know.
const AGAIN: Duration = Duration::from_secs(15);
