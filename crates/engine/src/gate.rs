//! The last look before a vendor is called: what held at intake may have changed since, and what was
//! scheduled or held takes its place among what goes out now.

use austin_domain::{State, Timestamp};
use austin_ports::catalog::Snapshot;
use austin_ports::ledger::{Change, WorkItem};
use austin_ports::meter::{Claim, Holder, Refusal as Stopped};
use futures_util::future::join_all;

use crate::judge::{self, Judge};
use crate::lane::Lane;
use crate::pauses;
use crate::rulebook::{Bound, Limits, Rulebook};
use crate::shared::Shared;

/// Lets through what may go now; the others are moved, with the rule.
pub(crate) async fn pass(
    shared: &Shared,
    lane: &Lane,
    (items, snapshot): (Vec<WorkItem>, &Snapshot),
    now: Timestamp,
) -> Vec<WorkItem> {
    let book = shared.rulebooks.current();
    let (mut passed, mut late, mut changes) =
        (Vec::with_capacity(items.len()), Vec::new(), Vec::new());
    for item in items {
        // What is paused is held by the next step, and counts when it is resumed.
        if pauses::holds(snapshot, &item, now).is_some() {
            passed.push(item);
            continue;
        }
        match look(shared, &book, &item, now) {
            Look::Passes => passed.push(item),
            Look::CountsNow => late.push(item),
            Look::Moves(change) => changes.push(change),
        }
    }
    if !late.is_empty() {
        let (counted, stopped) = promote(shared, &book, late, now).await;
        passed.extend(counted);
        changes.extend(stopped);
    }
    if !changes.is_empty() {
        shared.change(lane, changes, now).await;
    }
    passed
}

enum Look {
    Passes,
    /// It may go, and counts from now on where its caps let it.
    CountsNow,
    Moves(Change),
}

fn look(shared: &Shared, book: &Rulebook, item: &WorkItem, now: Timestamp) -> Look {
    let message = &item.message;
    // What has expired, and templates that are gone, are for the next step.
    let applied = book.of(message.template, message.version);
    let Some(applied) = applied.filter(|_| message.expires_at > now) else {
        return Look::Passes;
    };
    let judge = Judge {
        shared,
        applied,
        now,
    };
    if let Some(reason) = judge.reach(message.lane, &item.to) {
        return moves(item, State::Suppressed, None, reason);
    }
    if item.is_test() {
        return Look::Passes;
    }
    if !item.released && applied.quiet.is_some() {
        let zone = judge::zone(shared, item.facts.as_deref(), &item.to);
        if let Some((state, due_at, reason)) = judge.hours(zone, judge::spread_key(&item.to)) {
            return moves(item, state, due_at, reason);
        }
    }
    // Deliveries that came here straight from their acceptance are `accepted`, and so is, in memory,
    // what has passed once.
    let waited = item.attempts == 0 && item.state != State::Accepted;
    if waited
        && !item.released
        && let Some(moves) = words(&judge, item)
    {
        return moves;
    }
    if waited && applied.counted {
        Look::CountsNow
    } else {
        Look::Passes
    }
}

/// Whether its words hold it: what a pause had held is given back whatever else holds it.
fn words(judge: &Judge<'_>, item: &WorkItem) -> Option<Look> {
    judge.applied.content.as_ref()?;
    let (catalog, message) = (judge.shared.catalog.snapshot(), &item.message);
    let compilations = &judge.shared.means.compilations;
    let compiled = compilations.get(&catalog, message.template, message.version)?;
    let content = compiled.render_in(item.locale(), &item.vars).ok()?;
    let (state, due_at, reason) =
        judge.words(message.lane, &item.to, &content, message.expires_at)?;
    Some(moves(item, state, due_at, reason))
}

/// Takes the places of what was scheduled or held, where its caps let it.
async fn promote(
    shared: &Shared,
    book: &Rulebook,
    items: Vec<WorkItem>,
    now: Timestamp,
) -> (Vec<WorkItem>, Vec<Change>) {
    let (mut open, mut counted, mut changes) = (items, Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let stopped = ask(shared, book, &open, now).await;
        let mut again = Vec::new();
        let mut awaited = Vec::new();
        for (mut item, stopped) in std::mem::take(&mut open).into_iter().zip(stopped) {
            let Some(stopped) = stopped else {
                item.state = State::Accepted;
                counted.push(item);
                continue;
            };
            match stopped.holder {
                Some(Holder::Pending(token)) if round + 1 < ROUNDS => {
                    awaited.push(token);
                    again.push(item);
                }
                _ => changes.extend(end(shared, book, &item, stopped, now)),
            }
        }
        if again.is_empty() {
            break;
        }
        // A commit takes milliseconds.
        let settled = join_all(
            awaited
                .into_iter()
                .map(|token| shared.places.meter.settled(token)),
        );
        let _ = tokio::time::timeout(std::time::Duration::from_millis(500), settled).await;
        open = again;
    }
    (counted, changes)
}

async fn ask(
    shared: &Shared,
    book: &Rulebook,
    items: &[WorkItem],
    now: Timestamp,
) -> Vec<Option<Stopped>> {
    let limits: Vec<_> = items
        .iter()
        .map(|item| limits(shared, book, item, now).map(|found| found.limits))
        .collect();
    let team = |item: &WorkItem| {
        let applied = book.of(item.message.template, item.message.version);
        applied.map_or("", |applied| applied.team.as_str())
    };
    let claims: Vec<_> = items
        .iter()
        .zip(&limits)
        .map(|(item, limits)| {
            let claim = Claim {
                to: &item.to,
                at: now,
                template: item.message.template,
                lane: item.message.lane,
                team: team(item),
                content: item.facts.as_ref().and_then(|facts| facts.content),
                counts: true,
                limits: limits.as_deref().unwrap_or_default(),
            };
            (item.id, claim)
        })
        .collect();
    match shared.places.meter.promote(&claims).await {
        Ok(answers) => answers.into_iter().map(Result::err).collect(),
        Err(error) => {
            // Rather once too often than never.
            tracing::warn!(%error, "caps could not be checked before sending");
            items.iter().map(|_| None).collect()
        }
    }
}

fn limits<'a>(
    shared: &Shared,
    book: &'a Rulebook,
    item: &WorkItem,
    now: Timestamp,
) -> Option<Limits<'a>> {
    let applied = book.of(item.message.template, item.message.version)?;
    let zone = judge::zone(shared, item.facts.as_deref(), &item.to);
    Some(applied.limits((false, true), zone, now))
}

fn end(
    shared: &Shared,
    book: &Rulebook,
    item: &WorkItem,
    stopped: Stopped,
    now: Timestamp,
) -> Option<Change> {
    let applied = book.of(item.message.template, item.message.version)?;
    let limits = limits(shared, book, item, now)?;
    let bound: Bound<'_> = *limits.rules.get(stopped.limit)?;
    let cause = match stopped.holder {
        Some(Holder::Delivery(delivery)) => Some(delivery),
        Some(Holder::Pending(_)) | None => None,
    };
    let judge = Judge {
        shared,
        applied,
        now,
    };
    let zone = judge::zone(shared, item.facts.as_deref(), &item.to);
    let reason = judge.stopped(bound, cause, zone);
    Some(Change {
        delivery: item.id,
        from: None,
        to: State::Suppressed,
        due_at: None,
        reason,
    })
}

fn moves(
    item: &WorkItem,
    to: State,
    due_at: Option<Timestamp>,
    reason: austin_domain::Reason,
) -> Look {
    Look::Moves(Change {
        delivery: item.id,
        from: None,
        to,
        due_at,
        reason,
    })
}

const ROUNDS: usize = 8;
