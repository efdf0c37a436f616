//! A `ref` that stands for one delivery, where a rule says so: who comes with it again is stopped.
//!
//! Invariant: between the look into the ledger and the commit nobody else looks for the same `ref` of
//! the same template.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use austin_domain::{DeliveryId, Reason, State, TemplateId, Timestamp, span};
use austin_ports::ledger::{Filter, NewDelivery, NewMessage};
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::places;
use crate::refusal::Refusal;
use crate::rulebook::Applied;
use crate::shared::Shared;

type Place = (TemplateId, String);
type Locks = HashMap<Place, Arc<tokio::sync::Mutex<()>>>;

/// The `ref`s that are being looked for.
#[derive(Default)]
pub(crate) struct Refs(Arc<Mutex<Locks>>);

/// The right to accept messages with some `ref`s.
#[derive(Default)]
pub(crate) struct Held {
    locks: Arc<Mutex<Locks>>,
    held: Vec<(Place, OwnedMutexGuard<()>)>,
}

impl Drop for Held {
    fn drop(&mut self) {
        for (place, guard) in self.held.drain(..) {
            drop(guard);
            let mut locks = self.locks.lock();
            // Whoever waits has a hand on it.
            let idle = |lock: &Arc<_>| Arc::strong_count(lock) == 1;
            if locks.get(&place).is_some_and(idle) {
                locks.remove(&place);
            }
        }
    }
}

impl Refs {
    /// Waits for the right to all of these, in an order that is the same for everybody.
    async fn hold(&self, places: BTreeSet<Place>) -> Held {
        let mut held = Held {
            locks: Arc::clone(&self.0),
            held: Vec::with_capacity(places.len()),
        };
        for place in places {
            let lock = Arc::clone(self.0.lock().entry(place.clone()).or_default());
            held.held.push((place, lock.lock_owned().await));
        }
        held
    }
}

/// Stops the deliveries whose `ref` stands for another one already. What comes back is to be kept
/// until the others are durable.
pub(crate) async fn keep(
    shared: &Shared,
    messages: &mut [NewMessage],
    now: Timestamp,
) -> Result<Held, Refusal> {
    let book = shared.rulebooks.current();
    let ruled: Vec<Option<(Arc<Applied>, Duration)>> = messages
        .iter()
        .map(|message| {
            let applied = book.of(message.template, message.version)?;
            let window = applied.rules.ref_unique.value.length()?;
            Some((Arc::clone(applied), window))
        })
        .collect();
    if ruled.iter().all(Option::is_none) {
        return Ok(Held::default());
    }
    let mut wanted = BTreeSet::new();
    for (message, _) in messages
        .iter()
        .zip(&ruled)
        .filter(|(_, ruled)| ruled.is_some())
    {
        let own = message.deliveries.iter().map(|one| &one.reference);
        let all = own.chain([&message.reference]).flatten();
        wanted.extend(all.map(|reference| (message.template, reference.clone())));
    }
    let held = shared.refs.hold(wanted).await;
    let mut seen = HashSet::new();
    for (message, ruled) in messages.iter_mut().zip(&ruled) {
        let Some((applied, window)) = ruled else {
            continue;
        };
        let stop = |cause: Option<DeliveryId>| {
            let detail = format!(
                "this ref came less than {} ago and stands for that one",
                span::text(*window)
            );
            let rule = applied.rules.ref_unique.rule.clone();
            Reason::new("duplicate_ref", detail)
                .by(rule)
                .because_of(cause)
        };
        let (template, since) = (message.template, now.minus(*window));
        if let Some(reference) = message.reference.clone()
            && let Some(cause) = used(shared, &mut seen, (template, reference), since).await?
        {
            for delivery in &mut message.deliveries {
                suppress(delivery, stop(cause));
            }
            continue;
        }
        for delivery in &mut message.deliveries {
            let own = delivery.reference.clone();
            if let Some(reference) = own.filter(|own| message.reference.as_ref() != Some(own))
                && let Some(cause) = used(shared, &mut seen, (template, reference), since).await?
            {
                suppress(delivery, stop(cause));
            }
        }
    }
    Ok(held)
}

fn suppress(delivery: &mut NewDelivery, reason: Reason) {
    (delivery.state, delivery.due_at) = (State::Suppressed, None);
    delivery.reason = Some(reason);
}

/// Whether a `ref` stands for a delivery already: in this request (then it has no id yet) or in the
/// ledger.
async fn used(
    shared: &Shared,
    seen: &mut HashSet<Place>,
    place: Place,
    since: Timestamp,
) -> Result<Option<Option<DeliveryId>>, Refusal> {
    if seen.contains(&place) {
        return Ok(Some(None));
    }
    let mut filter = Filter {
        reference: Some(place.1.clone()),
        templates: Some(vec![place.0]),
        from: Some(since),
        limit: PAGE,
        ..Filter::default()
    };
    loop {
        let found = shared.ledger.find(filter.clone()).await?;
        let standing = found.rows.iter().find(|row| !places::frees(row.state));
        if let Some(row) = standing {
            return Ok(Some(Some(row.id)));
        }
        match found.next {
            Some(next) => filter.before = Some(next),
            None => {
                seen.insert(place);
                return Ok(None);
            }
        }
    }
}

const PAGE: usize = 100;
