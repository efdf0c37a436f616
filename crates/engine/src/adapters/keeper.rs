//! Watches uploaded adapters: puts in place what the catalog wants, takes back what does worse
//! than what it replaced, completes a canary that was told to, stops using what is quarantined.
//! Every move it makes is in the audit trail with its figures.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::Timestamp;
use austin_domain::canary::{Judgement, Tally, Worse, judge};
use austin_ports::catalog::{AdapterMove, CatalogChange};
use serde_json::{Value, json};

use super::LiveAdapter;
use crate::shared::Shared;

const EVERY: Duration = Duration::from_secs(1);
/// Who makes these moves, in the audit trail.
const AUTHOR: &str = "austin";

/// A move that should be made, and why.
#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) step: AdapterMove,
    pub(super) note: String,
    pub(super) figures: Value,
}

/// Watches until the engine stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        let until = shared.clock.now().plus(EVERY);
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.clock.sleep_until(until) => {}
            () = shared.catalog_changed() => {}
        }
        turn(&shared).await;
    }
}

async fn turn(shared: &Shared) {
    let adapters = &shared.adapters;
    adapters
        .sync(&shared.catalog.snapshot(), shared.clock.now())
        .await;
    let now = shared.clock.now();
    let live = adapters.live();
    let found: Vec<(&String, Finding)> = live
        .iter()
        .filter_map(|(name, live)| Some((name, review(live, now)?)))
        .collect();
    if found.is_empty() {
        return;
    }
    for (name, finding) in found {
        act(shared, name, finding, now).await;
    }
    adapters
        .sync(&shared.catalog.snapshot(), shared.clock.now())
        .await;
}

async fn act(shared: &Shared, name: &str, finding: Finding, now: Timestamp) {
    let Finding {
        step,
        note,
        figures,
    } = finding;
    tracing::warn!(adapter = name, action = step.action(), "{note}");
    let stopped = matches!(step, AdapterMove::Quarantine { .. });
    let change = CatalogChange::MoveAdapter {
        adapter: name.to_owned(),
        step,
        note: Some(note.clone()),
        figures: Some(figures),
    };
    if let Err(error) = shared.catalog.change(change, AUTHOR, now).await {
        // Somebody else was faster, or the store is down: the next turn looks again.
        tracing::warn!(adapter = name, %error, "the move could not be made");
        return;
    }
    let snapshot = shared.catalog.snapshot();
    let left = snapshot
        .adapters
        .get(name)
        .is_some_and(|entry| entry.active.is_none());
    if !(stopped && left) {
        return;
    }
    let accounts = snapshot.accounts.values();
    for account in accounts.filter(|account| account.adapter == name) {
        let change = CatalogChange::Note {
            subject: format!("account/{}", account.key),
            action: "adapter_quarantined",
            detail: json!({ "adapter": name, "why": note }),
        };
        if let Err(error) = shared.catalog.change(change, AUTHOR, now).await {
            tracing::warn!(account = account.key, %error, "a note could not be made");
        }
    }
}

/// What should be done about an adapter now.
pub(super) fn review(live: &LiveAdapter, now: Timestamp) -> Option<Finding> {
    quarantined(live)
        .or_else(|| on_trial(live, now))
        .or_else(|| on_probation(live, now))
}

fn quarantined(live: &LiveAdapter) -> Option<Finding> {
    let trial = live.trial().map(|trial| &trial.loaded);
    let stopped = trial
        .into_iter()
        .chain(live.active())
        .find_map(|loaded| Some((loaded.number, loaded.speaker.quarantined()?)))?;
    // The catalog may know already, and only what is in place lags behind.
    let known = live.entry().version(stopped.0)?.state;
    if known == austin_ports::catalog::VersionState::Quarantined {
        return None;
    }
    Some(Finding {
        step: AdapterMove::Quarantine { version: stopped.0 },
        note: stopped.1,
        figures: json!({}),
    })
}

fn on_trial(live: &LiveAdapter, now: Timestamp) -> Option<Finding> {
    let (trial, active) = (live.trial()?, live.active()?);
    let canary = trial.loaded.since(trial.since, now);
    let former = active.since(trial.since, now);
    let figures = figures(canary, former);
    let version = trial.loaded.number;
    match judge(canary, former) {
        Judgement::Worse(worse) => Some(Finding {
            step: AdapterMove::Rollback { of: Some(version) },
            note: because(version, active.number, worse),
            figures,
        }),
        Judgement::AsGood => {
            let after = trial.promote_after?;
            (now >= trial.since.plus(after)).then(|| Finding {
                step: AdapterMove::Activate { version },
                note: format!(
                    "version {version} did as well as version {} for {} s",
                    active.number,
                    after.as_secs()
                ),
                figures,
            })
        }
        Judgement::Undecided => None,
    }
}

fn on_probation(live: &LiveAdapter, now: Timestamp) -> Option<Finding> {
    let (probation, active) = (live.probation(now)?, live.active()?);
    let new = active.since(probation.since, now);
    let Judgement::Worse(worse) = judge(new, probation.former_tally) else {
        return None;
    };
    Some(Finding {
        step: AdapterMove::Rollback {
            of: Some(active.number),
        },
        note: because(active.number, probation.former, worse),
        figures: figures(new, probation.former_tally),
    })
}

fn because(version: u32, former: u32, worse: Worse) -> String {
    let of = match worse.of {
        "errors" => "failed",
        _ => "was not accepted",
    };
    format!(
        "{:.1} % of the attempts of version {version} {of}, {:.1} % of version {former}",
        worse.share * 100.0,
        worse.former_share * 100.0
    )
}

fn figures(new: Tally, former: Tally) -> Value {
    json!({ "new": new, "former": former })
}
