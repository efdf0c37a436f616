//! Receipts that are fetched: one puller per account whose vendor keeps them for us, also a
//! disabled one, until the account is deleted.
//!
//! Invariant: the place where the next pull goes on is remembered only once everything before it
//! is durable. A vendor that hands a receipt out once and has no such place can lose those of a
//! pull that a crash cut off; what became of their deliveries then shows as missing.

use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{Answer, Pulled, Question, State};
use austin_domain::verdict::Cause;
use austin_domain::{AccountId, Verdict};
use austin_ports::catalog::CatalogChange;
use austin_ports::ledger;
use hashbrown::HashSet;
use serde_json::json;

use crate::asking::Party;
use crate::receipts;
use crate::shared::Shared;

/// Keeps a puller for every account that wants one, until the engine stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut begun: HashSet<AccountId> = HashSet::new();
    let mut changed = shared.catalog.changed();
    loop {
        for id in shared.catalog.snapshot().accounts.keys().copied() {
            let wants = !begun.contains(&id)
                && shared
                    .directories
                    .party(id)
                    .is_some_and(|party| pulls(&party));
            if wants {
                begun.insert(id);
                shared.tracker.spawn(pull(Arc::clone(&shared), id));
            }
        }
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            changed = changed.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

fn pulls(party: &Party) -> bool {
    party.adapter.descriptor().capabilities.pull
}

/// What came of one pull.
enum Turn {
    /// Receipts, and more wait.
    More,
    /// Receipts.
    Some,
    Empty,
    /// This account has none to fetch.
    Unsupported,
    Failed(Cause),
    Stopped,
}

/// The only puller of an account.
async fn pull(shared: Arc<Shared>, id: AccountId) {
    let (mut pause, mut failing) = (FIRST_PAUSE, false);
    while !shared.stopping.is_cancelled() {
        let deleted = |snapshot: &austin_ports::catalog::Snapshot| {
            let record = snapshot.accounts.get(&id);
            record.is_none_or(|record| record.deleted_at.is_some())
        };
        if deleted(&shared.catalog.snapshot()) {
            return;
        }
        let party = shared.directories.party(id).filter(pulls).map(Arc::new);
        let uses = shared.aftermath.counts.uses(id);
        let turn = match &party {
            None => Turn::Unsupported,
            Some(_) if !shared.aftermath.counts.is_expecting(id, shared.clock.now()) => {
                rest(&shared, id, uses, IDLE_RECHECK).await;
                continue;
            }
            Some(party) => once(&shared, party, id).await,
        };
        if let Some(party) = &party {
            shared.aftermath.metrics.pulled(&party.key, word(&turn));
            note(&shared, party, &turn, &mut failing).await;
        }
        pause = match turn {
            Turn::Stopped => return,
            Turn::More => {
                tokio::task::yield_now().await;
                continue;
            }
            Turn::Unsupported => {
                tokio::select! {
                    () = shared.stopping.cancelled() => return,
                    () = shared.catalog_changed() => continue,
                }
            }
            Turn::Some => FIRST_PAUSE,
            Turn::Empty | Turn::Failed(_) => (pause * 2).min(LONGEST_PAUSE),
        };
        if rest(&shared, id, uses, pause).await {
            pause = FIRST_PAUSE;
        }
    }
}

/// Waits; a shorter while when the account sends something, which is then said.
async fn rest(shared: &Shared, id: AccountId, uses: u64, pause: Duration) -> bool {
    let counts = &shared.aftermath.counts;
    let mut until = shared.clock.now().plus(pause);
    let mut woken = false;
    loop {
        let bell = counts.bell.notified();
        if !woken && counts.uses(id) > uses {
            woken = true;
            until = until.min(shared.clock.now().plus(FIRST_PAUSE));
        }
        tokio::select! {
            () = shared.stopping.cancelled() => return woken,
            () = shared.clock.sleep_until(until) => return woken,
            () = bell => {}
        }
    }
}

/// One pull: fetched, made durable, and only then remembered.
async fn once(shared: &Arc<Shared>, party: &Arc<Party>, id: AccountId) -> Turn {
    let name = format!("pull/{id}");
    let cursor = match shared.catalog.remembered(&name).await {
        Ok(cursor) => State(cursor.unwrap_or_default()),
        Err(error) => return Turn::Failed(Cause::new("cursor_unreadable", &error.to_string())),
    };
    let question = Question::Pull {
        cursor: cursor.clone(),
    };
    let asked = shared.means.desk.ask(party, &question).await;
    let pulled = match asked.answer {
        Answer::Receipts(pulled) => pulled,
        Answer::Failed(verdict) => return Turn::Failed(cause(&verdict)),
        Answer::Unsupported
        | Answer::Token(_)
        | Answer::Found(_)
        | Answer::Recalled
        | Answer::NotRecalled(_)
        | Answer::Balance(_) => return Turn::Unsupported,
    };
    if !keep(shared, party, id, &pulled).await {
        return Turn::Stopped;
    }
    let moved = pulled.cursor != cursor;
    if moved {
        let place = Some(pulled.cursor.0).filter(|place| !place.is_null());
        if let Err(error) = shared.catalog.remember(&name, place).await {
            // The next pull brings the same receipts again, which changes nothing.
            return Turn::Failed(Cause::new("cursor_not_kept", &error.to_string()));
        }
    }
    match (pulled.receipts.is_empty(), pulled.more) {
        (true, true) if moved => Turn::More,
        (true, _) => Turn::Empty,
        (false, true) => Turn::More,
        (false, false) => Turn::Some,
    }
}

/// Makes receipts durable, however long that takes; `false` when austin stops before.
async fn keep(shared: &Shared, party: &Party, id: AccountId, pulled: &Pulled) -> bool {
    loop {
        let now = shared.clock.now();
        match receipts::record(shared, (id, &*party.key), &pulled.receipts, now).await {
            Ok(()) => return true,
            Err(ledger::Error::Stopping) => return false,
            Err(error) => {
                shared.metrics.ledger_faults.inc();
                tracing::warn!(account = %party.key, %error, "fetched receipts wait to be recorded");
                tokio::select! {
                    () = shared.stopping.cancelled() => return false,
                    () = shared.clock.sleep_until(now.plus(FIRST_PAUSE)) => {}
                }
            }
        }
    }
}

/// Notes in the audit trail when fetching begins to fail and when it works again.
async fn note(shared: &Shared, party: &Party, turn: &Turn, failing: &mut bool) {
    let (action, detail) = match turn {
        Turn::Failed(cause) if !*failing => {
            *failing = true;
            (
                "pull_failed",
                json!({"code": cause.code, "detail": cause.detail}),
            )
        }
        Turn::More | Turn::Some | Turn::Empty if *failing => {
            *failing = false;
            ("pull_recovered", json!({}))
        }
        _ => return,
    };
    let change = CatalogChange::Note {
        subject: format!("account/{}", party.key),
        action,
        detail,
    };
    let now = shared.clock.now();
    if let Err(error) = shared.catalog.change(change, "austin", now).await {
        tracing::warn!(account = %party.key, %error, "a note could not be taken");
    }
}

fn cause(verdict: &Verdict) -> Cause {
    let none = || Cause::new("no_answer", "the adapter gave no receipts and no reason");
    verdict.cause().cloned().unwrap_or_else(none)
}

fn word(turn: &Turn) -> &'static str {
    match turn {
        Turn::More | Turn::Some => "receipts",
        Turn::Empty => "empty",
        Turn::Unsupported => "unsupported",
        Turn::Failed(_) => "failed",
        Turn::Stopped => "stopped",
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const IDLE_RECHECK: Duration = Duration::from_secs(600);
