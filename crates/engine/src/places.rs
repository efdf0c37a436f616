//! Places in the meter: taken before a message is accepted, bound when it is, freed when a delivery
//! ends without reaching its person, and found again at a start.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::{DeliveryId, State, TemplateId, Timestamp};
use austin_ports::catalog::Snapshot;
use austin_ports::ledger::{Accepted, Counted};
use austin_ports::meter::{Claim, Holder, Limit, Meter, Refusal as Stopped, Reserved, Slot, Token};
use futures_util::FutureExt;
use futures_util::future::join_all;
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::refusal::{Refusal, RefusalCode};
use crate::rulebook::Rulebook;
use crate::shared::Shared;

/// What became of a claim.
pub(crate) enum Place {
    /// It has a place.
    Taken(Slot),
    /// Something stands in the way: the index of the limit, and the delivery where it is known.
    Stopped(usize, Option<DeliveryId>),
}

impl Place {
    fn slot(self) -> Option<Slot> {
        match self {
            Self::Taken(slot) => Some(slot),
            Self::Stopped(..) => None,
        }
    }
}

/// The meter and what waits to be told to it.
pub(crate) struct Places {
    pub(crate) meter: Arc<dyn Meter>,
    undelivered: mpsc::Sender<DeliveryId>,
    waiting: Mutex<Option<mpsc::Receiver<DeliveryId>>>,
    /// From when on all deliveries of a template that count are in the meter.
    covered: Mutex<HashMap<TemplateId, Timestamp>>,
}

impl Places {
    pub(crate) fn new(meter: Arc<dyn Meter>) -> Self {
        let (undelivered, waiting) = mpsc::channel(MOST_UNDELIVERED);
        Self {
            meter,
            undelivered,
            waiting: Mutex::new(Some(waiting)),
            covered: Mutex::default(),
        }
    }

    /// A receipt says that a delivery did not reach its person. Its place is freed soon; where too
    /// many wait, at the next start.
    pub(crate) fn undelivered(&self, delivery: DeliveryId) {
        if self.undelivered.try_send(delivery).is_err() {
            tracing::debug!(%delivery, "its place is kept until the next start");
        }
    }
}

/// Whether a delivery that ends so has not reached its person, and counts no more.
pub(crate) const fn frees(state: State) -> bool {
    matches!(
        state,
        State::Suppressed | State::Failed | State::Expired | State::Recalled | State::Undelivered
    )
}

/// A delivery about to take its place.
pub(crate) struct Wanted<'a> {
    pub(crate) claim: Claim<'a>,
    pub(crate) limits: Vec<Limit>,
}

/// Takes places for all that keep their limits. Who meets a place that is not settled yet waits for
/// it, at most [`PATIENCE`]; who has taken some itself waits only for what is before those, so that
/// no two wait for each other.
pub(crate) async fn take(shared: &Shared, wanted: &[Wanted<'_>]) -> Result<Vec<Place>, Refusal> {
    let meter = &shared.places.meter;
    let mut found: Vec<Option<Place>> = wanted.iter().map(|_| None).collect();
    let mut open: Vec<usize> = (0..wanted.len()).collect();
    let mut own = HashSet::new();
    let until = shared.clock.now().plus(PATIENCE);
    while !open.is_empty() {
        let claims: Vec<Claim<'_>> = open
            .iter()
            .map(|index| Claim {
                limits: &wanted[*index].limits,
                ..wanted[*index].claim
            })
            .collect();
        let answers = match meter.reserve(&claims).await {
            Ok(answers) => answers,
            Err(error) => {
                let taken = found.into_iter().flatten().filter_map(Place::slot);
                give_back(shared, taken).await;
                return Err(Refusal::new(RefusalCode::Unavailable, error.to_string()));
            }
        };
        let late = shared.clock.now() >= until;
        let (mut again, mut awaited) = (Vec::new(), Vec::new());
        for (index, answer) in std::mem::take(&mut open).into_iter().zip(answers) {
            let stopped = match answer {
                Reserved::Taken(slot) => {
                    own.insert(slot.token());
                    found[index] = Some(Place::Taken(slot));
                    continue;
                }
                Reserved::Refused(stopped) => stopped,
            };
            match stopped.holder {
                Some(Holder::Pending(token)) if !late && may_await(token, &own) => {
                    again.push(index);
                    awaited.push(token);
                }
                _ => found[index] = Some(Place::Stopped(stopped.limit, known(stopped))),
            }
        }
        settle(shared, awaited, until).await;
        open = again;
    }
    Ok(found.into_iter().flatten().collect())
}

/// Who holds places waits only for smaller tokens than all of its own: then nobody waits in a
/// circle.
fn may_await(token: Token, own: &HashSet<Token>) -> bool {
    own.iter().all(|mine| token < *mine)
}

fn known(stopped: Stopped) -> Option<DeliveryId> {
    match stopped.holder {
        Some(Holder::Delivery(delivery)) => Some(delivery),
        Some(Holder::Pending(_)) | None => None,
    }
}

/// Waits until these are settled, or until then.
async fn settle(shared: &Shared, mut tokens: Vec<Token>, until: Timestamp) {
    tokens.sort_unstable();
    tokens.dedup();
    if tokens.is_empty() {
        return;
    }
    let settled = join_all(
        tokens
            .iter()
            .map(|token| shared.places.meter.settled(*token)),
    );
    tokio::select! {
        _ = settled => {}
        () = shared.clock.sleep_until(until) => {}
    }
}

/// Frees places of which nothing came.
pub(crate) async fn give_back(shared: &Shared, slots: impl Iterator<Item = Slot>) {
    let slots: Vec<Slot> = slots.collect();
    if slots.is_empty() {
        return;
    }
    if let Err(error) = shared.places.meter.give_back(slots).await {
        tracing::warn!(%error, "places could not be given back");
    }
}

/// Places that were taken for deliveries of messages: the message's and the delivery's index, and the
/// place.
pub(crate) type Held = Vec<(usize, u32, Slot)>;

/// Gives taken places to the deliveries they became.
pub(crate) async fn bind(shared: &Shared, held: Held, accepted: &[Accepted]) {
    if held.is_empty() {
        return;
    }
    let bound = held.into_iter().filter_map(|(message, index, slot)| {
        let message = accepted.get(message)?;
        Some((slot, message.message.id.delivery(index)))
    });
    if let Err(error) = shared.places.meter.bind(bound.collect()).await {
        tracing::warn!(%error, "places could not be bound");
    }
}

impl Shared {
    /// Frees the places of deliveries that ended without reaching their people.
    pub(crate) fn free(&self, ended: Vec<(String, DeliveryId)>) {
        if ended.is_empty() {
            return;
        }
        let meter = Arc::clone(&self.places.meter);
        let mut freeing = Box::pin(async move {
            let ended: Vec<(&str, DeliveryId)> =
                ended.iter().map(|(to, id)| (to.as_str(), *id)).collect();
            if let Err(error) = meter.release(&ended).await {
                tracing::warn!(%error, "places could not be freed");
            }
        });
        // The embedded meter is done at once.
        if freeing.as_mut().now_or_never().is_none() {
            self.tracker.spawn(freeing);
        }
    }

    /// The addresses of waiting deliveries.
    pub(crate) async fn people(&self, ids: Vec<DeliveryId>) -> Vec<(String, DeliveryId)> {
        if ids.is_empty() || self.places.meter.size().keys == 0 {
            return Vec::new();
        }
        let loaded = self.ledger.load(ids).await.unwrap_or_default();
        loaded.into_iter().map(|item| (item.to, item.id)).collect()
    }
}

/// Frees the places of what receipts say did not arrive, until the engine stops.
pub(crate) async fn undelivered(shared: Arc<Shared>) {
    let Some(mut waiting) = shared.places.waiting.lock().take() else {
        return;
    };
    loop {
        let delivery = tokio::select! {
            () = shared.stopping.cancelled() => return,
            delivery = waiting.recv() => delivery,
        };
        let Some(delivery) = delivery else { return };
        match shared.ledger.evidence(delivery).await {
            // It may have arrived after all in the meantime.
            Ok(Some(evidence)) if frees(evidence.delivery.state) => {
                shared.free(vec![(evidence.delivery.to, delivery)]);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%delivery, %error, "its place is kept"),
        }
    }
}

/// Fills the meter with what the ledger knows, where a rule looks further back than the meter does.
/// Called before anything is sent, and again when the rules have changed.
pub(crate) async fn restore(shared: &Shared) -> austin_ports::ledger::Result<u64> {
    let book = shared.rulebooks.current();
    let snapshot = shared.catalog.snapshot();
    let now = shared.clock.now();
    let Some(since) = shared.places.reach(&book, &snapshot, now) else {
        return Ok(0);
    };
    let (mut after, mut restored) = (DeliveryId::from_u64(0), 0);
    loop {
        let (rows, next) = shared.ledger.counted(since, after, ROWS_A_READ).await?;
        let team = |row: &Counted| {
            let entry = snapshot.templates.get(&row.template);
            entry.map_or("", |entry| entry.template.owner.team.as_str())
        };
        let places: Vec<(DeliveryId, Claim<'_>)> = rows
            .iter()
            .map(|row| {
                let claim = Claim {
                    to: &row.to,
                    at: row.at,
                    template: row.template,
                    lane: row.lane,
                    team: team(row),
                    content: row.content,
                    counts: row.counts,
                    limits: &[],
                };
                (row.delivery, claim)
            })
            .collect();
        if let Err(error) = shared.places.meter.restore(&places).await {
            return Err(austin_ports::ledger::Error::Refusing(error.to_string()));
        }
        restored += places.len() as u64;
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    shared.places.reached(&snapshot, since);
    Ok(restored)
}

impl Places {
    /// From when on deliveries must be read again, where a rule looks further back than the meter
    /// goes for some template.
    fn reach(&self, book: &Rulebook, snapshot: &Snapshot, now: Timestamp) -> Option<Timestamp> {
        let mut covered = self.covered.lock();
        // At a start the meter is empty; what is made later has all its deliveries in it.
        let starting = covered.is_empty();
        let mut since = None;
        for (id, entry) in &snapshot.templates {
            let matters = book.matters(*id);
            let wanted = now.minus(matters);
            let usual = if starting {
                now
            } else {
                entry.template.created_at
            };
            let known = covered.entry(*id).or_insert(usual);
            if matters.is_zero() {
                // Its deliveries take no places: from here on back nothing is known.
                *known = now;
            } else if wanted < *known && entry.template.created_at < *known {
                since = Some(since.map_or(wanted, |since: Timestamp| since.min(wanted)));
            } else {
                *known = (*known).max(wanted);
            }
        }
        since
    }

    fn reached(&self, snapshot: &Snapshot, since: Timestamp) {
        let mut covered = self.covered.lock();
        covered.retain(|id, _| snapshot.templates.contains_key(id));
        for known in covered.values_mut() {
            *known = (*known).min(since);
        }
    }
}

/// Drops places that matter to no rule any more, and looks further back where a rule does.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut changed = shared.catalog.changed();
    loop {
        let until = shared.clock.now().plus(KEEP_EVERY);
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.clock.sleep_until(until) => forget(&shared).await,
            alive = changed.changed() => if alive.is_err() { return },
        }
        match restore(&shared).await {
            Ok(0) => {}
            Ok(restored) => tracing::info!(restored, "a rule looks further back: places restored"),
            Err(error) => {
                shared.metrics.ledger_faults.inc();
                tracing::warn!(%error, "places could not be restored");
            }
        }
    }
}

async fn forget(shared: &Shared) {
    let (book, now) = (shared.rulebooks.current(), shared.clock.now());
    let keep = |traffic: austin_ports::meter::Traffic<'_>| {
        now.minus(book.matters(traffic.template).saturating_add(MARGIN))
    };
    if let Err(error) = shared.places.meter.forget(&keep).await {
        tracing::warn!(%error, "old places could not be dropped");
    }
}

/// How long a claim waits for those before it to be accepted. A commit takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
const MOST_UNDELIVERED: usize = 65_536;
const ROWS_A_READ: usize = 20_000;
const KEEP_EVERY: Duration = Duration::from_secs(60);
const MARGIN: Duration = Duration::from_secs(60);
