//! What is paused: a lane stands, deliveries of a paused template or team are held.
//!
//! Invariant: while a pause lasts, no delivery it is about begins an attempt; when it ends, they
//! go back to their lane in the order of their ids.

use std::sync::Arc;

use austin_domain::{DeliveryId, Lane, Reason, RuleRef, State, TemplateId, Timestamp};
use austin_ports::catalog::{CatalogChange, Pause, PauseOf, Snapshot};
use austin_ports::ledger::{Change, WorkItem};
use hashbrown::HashMap;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::refusal::{FieldFault, Refusal};
use crate::shared::Shared;

/// Why a delivery of a paused template or team is held, and until when at most.
pub(crate) fn holds(
    snapshot: &Snapshot,
    item: &WorkItem,
    now: Timestamp,
) -> Option<(Timestamp, Reason)> {
    if snapshot.pauses.is_empty() {
        return None;
    }
    let template = &snapshot.templates.get(&item.message.template)?.template;
    let (of, pause) = snapshot.paused(template, now)?;
    let (name, what) = match &of {
        PauseOf::Template(_) => (
            format!("template/{}", template.key),
            "its template is paused",
        ),
        PauseOf::Team(team) => (format!("team/{team}"), "its team is paused"),
        PauseOf::Lane(lane) => (format!("lane/{lane}"), "its lane is paused"),
    };
    let rule = RuleRef {
        name,
        version: 0,
        part: "pause".into(),
    };
    let due_at = pause.until.unwrap_or(item.message.expires_at);
    let reason = Reason::new(CODE, words(what, pause)).by(rule);
    Some((due_at.min(item.message.expires_at), reason))
}

/// Why a lane stands, and until when.
pub(crate) fn stands(
    snapshot: &Snapshot,
    lane: Lane,
    now: Timestamp,
) -> Option<(Option<Timestamp>, String)> {
    if snapshot.pauses.is_empty() {
        return None;
    }
    let pause = snapshot.pause(&PauseOf::Lane(lane), now)?;
    Some((pause.until, words("the lane is paused", pause)))
}

/// The deliveries that these changes hold for a pause.
pub(crate) fn held_by(changes: &[Change]) -> Vec<DeliveryId> {
    let held = changes.iter().filter(|change| change.reason.code == CODE);
    held.map(|change| change.delivery).collect()
}

/// Gives deliveries back to their lane that were held while what is paused changed.
pub(crate) async fn look_again(shared: &Arc<Shared>, lane: Lane, held: Vec<DeliveryId>) {
    let reason = Reason::new("resumed", "what is paused changed while it was held");
    if let Err(refusal) = release_these(shared, lane, held, &reason).await {
        // They wait for the end of the pause as it was.
        tracing::warn!(
            error = refusal.detail,
            "held deliveries could not be looked at again"
        );
    }
}

fn words(what: &str, pause: &Pause) -> String {
    let mut words = format!("{what} since {} by {}", pause.at, pause.author);
    if let Some(until) = pause.until {
        words = format!("{words} until {until}");
    }
    match &pause.reason {
        Some(reason) => format!("{words}: {reason}"),
        None => words,
    }
}

impl Engine {
    /// Pauses: nothing of it goes out until it is resumed, or until `until`.
    ///
    /// # Errors
    /// The fields at fault; a template that is gone.
    pub async fn pause(
        &self,
        caller: &Caller,
        of: PauseOf,
        (reason, until): (Option<String>, Option<Timestamp>),
    ) -> Result<(), Refusal> {
        let shared = self.shared();
        let now = shared.clock.now();
        let mut faults = Vec::new();
        if until.is_some_and(|until| until <= now) {
            let detail = "must lie in the future";
            faults.push(FieldFault::new("/until", "already_past", detail));
        }
        if let Some(fault) = reason.as_deref().and_then(reason_fault) {
            faults.push(fault);
        }
        if !faults.is_empty() {
            return Err(Refusal::fields(faults));
        }
        let pause = Some(Pause {
            at: now,
            until,
            author: caller.author(),
            reason,
        });
        let change = CatalogChange::Pause { of, pause };
        shared.catalog.change(change, &caller.author(), now).await?;
        Ok(())
    }

    /// Resumes: what was held goes back to its lane. Resuming what is not paused changes nothing.
    ///
    /// # Errors
    /// A template that is gone; a store that fails.
    pub async fn resume(&self, caller: &Caller, of: PauseOf) -> Result<(), Refusal> {
        let shared = Arc::clone(self.shared());
        let now = shared.clock.now();
        let change = CatalogChange::Pause {
            of: of.clone(),
            pause: None,
        };
        shared.catalog.change(change, &caller.author(), now).await?;
        let Some(templates) = templates(&shared.catalog.snapshot(), &of) else {
            return Ok(());
        };
        let sweep = Arc::clone(&shared);
        shared.tracker.spawn(async move {
            let reason = Reason::new("resumed", "what had paused it was resumed");
            let held = release(&sweep, reason, |item| {
                templates.contains(&item.message.template)
            });
            match held.await {
                Ok(0) => {}
                Ok(released) => tracing::info!(released, "held deliveries were released"),
                // What is left is released at its due time.
                Err(refusal) => tracing::warn!(
                    error = refusal.detail,
                    "not all held deliveries could be released"
                ),
            }
        });
        Ok(())
    }
}

fn reason_fault(reason: &str) -> Option<FieldFault> {
    let long = reason.chars().count() > LONGEST_REASON;
    let detail = format!("must be one line of at most {LONGEST_REASON} characters");
    (long || reason.chars().any(char::is_control))
        .then(|| FieldFault::new("/reason", "invalid_text", detail))
}

/// The templates whose deliveries a pause holds; `None` for a lane, which holds none.
fn templates(snapshot: &Snapshot, of: &PauseOf) -> Option<Vec<TemplateId>> {
    match of {
        PauseOf::Lane(_) => None,
        PauseOf::Template(id) => Some(vec![*id]),
        PauseOf::Team(team) => Some(
            snapshot
                .templates
                .values()
                .filter(|entry| entry.template.owner.team == *team)
                .map(|entry| entry.template.id)
                .collect(),
        ),
    }
}

/// Gives held deliveries that are `wanted` back to their lanes, oldest first; how many. Whatever
/// else holds them holds them again when they are looked at next.
pub(crate) async fn release(
    shared: &Arc<Shared>,
    reason: Reason,
    wanted: impl Fn(&WorkItem) -> bool,
) -> Result<u64, Refusal> {
    let mut released = 0;
    for chunk in shared.timers.ids().chunks(CHUNK) {
        let ids = chunk.iter().map(|(_, id)| *id).collect();
        let items = shared.ledger.load(ids).await?;
        let mut by_lane: HashMap<Lane, Vec<DeliveryId>> = HashMap::new();
        for item in items {
            if item.state == State::Held && wanted(&item) {
                by_lane.entry(item.message.lane).or_default().push(item.id);
            }
        }
        for (name, ids) in by_lane {
            released += release_these(shared, name, ids, &reason).await?;
        }
        // Others get their turn between two handfuls.
        tokio::task::yield_now().await;
    }
    Ok(released)
}

async fn release_these(
    shared: &Arc<Shared>,
    name: Lane,
    ids: Vec<DeliveryId>,
    reason: &Reason,
) -> Result<u64, Refusal> {
    let now = shared.clock.now();
    let changes = ids.iter().map(|id| Change {
        delivery: *id,
        from: Some(State::Held),
        to: State::Queued,
        due_at: None,
        reason: reason.clone(),
    });
    let moved = shared.ledger.change(changes.collect(), now).await?;
    let ready: Vec<_> = ids
        .into_iter()
        .zip(moved)
        .filter_map(|(id, moved)| moved.then_some(id))
        .collect();
    let count = ready.len() as u64;
    shared.lane(name).offer_due(ready);
    Ok(count)
}

const LONGEST_REASON: usize = 200;
const CODE: &str = "paused";
const CHUNK: usize = 1_000;
