//! The only loop that leases. One per lane, with permits of its own, so that no lane waits for
//! another.
//!
//! A turn: wait for a free permit and a ready delivery, take as many as the permits can carry,
//! plan calls, mark them `sending` durably, hand each to a task of its own. The permit comes back
//! when the outcome is recorded, so that memory is bounded by permits. Calls to an account with a
//! rate are planned a little ahead of their time ([`Lookahead`]), so that a slow disk does not
//! hold them back; until they leave they have a permit of another kind.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use austin_domain::{State, Timestamp};
use austin_ports::ledger::{AttemptStart, Change, Timer, WorkItem};
use futures_util::FutureExt;
use hashbrown::HashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::assemble::{Plan, Room, assemble};
use crate::attempt::{Outcome, ReadyBatch, attempt};
use crate::directory::Directory;
use crate::gate;
use crate::lane::Lane;
use crate::lane::queue::Refill;
use crate::lookahead::Lookahead;
use crate::pauses;
use crate::places;
use crate::routing::Wheels;
use crate::settler::{Finished, Settling};
use crate::shared::Shared;

/// Runs one lane until the engine stops; comes back when all its calls are settled.
pub(crate) async fn run(shared: Arc<Shared>, lane: Arc<Lane>) {
    let permits = Arc::new(Semaphore::new(shared.config.lane_calls));
    let booked = Arc::new(Semaphore::new(shared.config.lane_calls * BOOKED));
    let mut turn = Turn {
        shared,
        lane,
        permits,
        booked,
        lookahead: Lookahead::default(),
        wheels: Wheels::default(),
        per_call: 1,
        reach: MOST_A_TURN,
    };
    let stopping = turn.shared.stopping.clone();
    loop {
        let next = tokio::select! {
            () = stopping.cancelled() => break,
            next = turn.take() => next,
        };
        // From here to the hand-over nothing may be dropped half-way.
        if let Some((permit, items)) = next {
            let rest = turn.dispatch(permit, items).await;
            if let Some(until) = rest {
                tokio::select! {
                    () = stopping.cancelled() => break,
                    () = turn.shared.clock.sleep_until(until) => {}
                    () = turn.shared.catalog_changed() => {}
                    () = turn.something_new() => {}
                }
            }
        }
    }
    let all = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let calls = turn.shared.config.lane_calls;
    // Every permit back means that every call is recorded. Never closed, so never an error.
    let _ = turn.booked.acquire_many(all(calls * BOOKED)).await;
    let _ = turn.permits.acquire_many(all(calls)).await;
}

struct Turn {
    shared: Arc<Shared>,
    lane: Arc<Lane>,
    permits: Arc<Semaphore>,
    /// For calls whose time has not come.
    booked: Arc<Semaphore>,
    lookahead: Lookahead,
    wheels: Wheels,
    /// Deliveries a call carried lately: how many to take per free permit.
    per_call: usize,
    /// Most deliveries worth taking: few while the lane's accounts let few through, more again
    /// where none of those could travel, since others may.
    reach: usize,
}

impl Turn {
    /// A permit and the deliveries for a turn; `None` when there was nothing after all. Dropping
    /// this future loses nothing: it takes from the queue in its last step.
    async fn take(&mut self) -> Option<(OwnedSemaphorePermit, Vec<WorkItem>)> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        loop {
            self.refill();
            if !self.lane.with(|queue| queue.is_dry()) {
                break;
            }
            self.lane.bell.notified().await;
        }
        let free = self.permits.available_permits() + 1;
        // Twice what calls carried lately, so that they can grow with the backlog.
        let most = free.saturating_mul(self.per_call * 2).clamp(1, self.reach);
        let items = self.lane.with(|queue| queue.take(most));
        (!items.is_empty()).then_some((permit, items))
    }

    /// Plans, begins and hands over. The instant to sleep until when the lane stands.
    async fn dispatch(
        &mut self,
        permit: OwnedSemaphorePermit,
        items: Vec<WorkItem>,
    ) -> Option<Timestamp> {
        let now = self.shared.clock.now();
        let directory = self.shared.directories.current();
        if let Some((until, why)) = pauses::stands(&directory.snapshot, self.lane.name, now) {
            self.lane.with(|queue| queue.put_back(items));
            self.lane.set_blocked(Some(why));
            let longest = now.plus(LONGEST_STAND);
            return Some(until.unwrap_or(longest).min(longest));
        }
        let room = self.room();
        let taken = items.len();
        let items = gate::pass(&self.shared, &self.lane, (items, &directory.snapshot), now).await;
        let Plan {
            batches,
            put_back,
            changes,
            blocked,
        } = assemble(items, &directory, &mut self.wheels, room, now);
        let travelling: usize = batches.iter().map(|batch| batch.items.len()).sum();
        if !batches.is_empty() {
            self.per_call = (travelling.div_ceil(batches.len()) + self.per_call).div_ceil(2);
        }
        self.reach = match (&blocked, travelling) {
            (None, _) => MOST_A_TURN,
            (Some(_), 0) => (self.reach * 2).min(MOST_A_TURN),
            (Some(_), some) => (some * 8).clamp(LEAST_REACH, MOST_A_TURN),
        };
        self.lane.with(|queue| queue.put_back(put_back));
        self.lane
            .set_blocked(blocked.as_ref().map(|blocked| blocked.why.clone()));
        if !changes.is_empty() {
            let held = pauses::held_by(&changes);
            self.shared.change(&self.lane, changes, now).await;
            // Whoever resumes looks for what is held; what came to be held meanwhile is ours to see.
            let same = Arc::ptr_eq(&directory.snapshot, &self.shared.catalog.snapshot());
            if !held.is_empty() && !same {
                pauses::look_again(&self.shared, self.lane.name, held).await;
            }
        }
        if let Err(why) = self.begin(batches, permit, &directory, now).await {
            self.lane.set_blocked(Some(why));
            return Some(now.plus(LEDGER_RECHECK));
        }
        // Sleep only when nothing moved: otherwise the next turn finds out by itself.
        blocked
            .filter(|_| travelling < taken)
            .map(|blocked| blocked.until.min(now.plus(LONGEST_STAND)))
    }

    /// What may be planned. Nothing ahead while permits are scarce: they are for calls.
    fn room(&self) -> Room {
        let calls = self.permits.available_permits() + 1;
        let scarce = calls * SCARCE <= self.shared.config.lane_calls;
        Room {
            calls,
            booked: self.booked.available_permits(),
            ahead: if scarce {
                Duration::ZERO
            } else {
                self.lookahead.reach()
            },
        }
    }

    /// Deliveries have come that may fare better than those the lane stands for. Not at once:
    /// each look costs a turn.
    async fn something_new(&self) {
        let until = self.shared.clock.now().plus(STAND);
        self.shared.clock.sleep_until(until).await;
        self.lane.bell.notified().await;
    }

    /// Marks the batches `sending` and starts their calls. On a ledger fault everything goes
    /// back to its place.
    async fn begin(
        &mut self,
        batches: Vec<ReadyBatch>,
        permit: OwnedSemaphorePermit,
        directory: &Arc<Directory>,
        now: Timestamp,
    ) -> Result<(), String> {
        if batches.is_empty() {
            return Ok(());
        }
        let lease_until = now.plus(self.shared.config.lease);
        let starts = batches
            .iter()
            .flat_map(|batch| {
                batch.items.iter().map(|item| AttemptStart {
                    delivery: item.id,
                    attempt: item.attempts + 1,
                    account: batch.usable.record.id,
                    lease_until,
                })
            })
            .collect();
        let began = self.shared.ledger.begin(starts, now).await;
        self.lookahead.took(now, self.shared.clock.now());
        let began = match began {
            Ok(began) => began,
            Err(error) => {
                self.shared.metrics.ledger_faults.inc();
                tracing::warn!(lane = %self.lane.name, %error, "cannot begin attempts");
                for batch in &batches {
                    batch.abandon(&batch.items);
                }
                let items: Vec<_> = batches.into_iter().flat_map(|batch| batch.items).collect();
                self.lane.with(|queue| queue.put_back(items));
                return Err(error.to_string());
            }
        };
        let mut began = began.into_iter();
        let mut permit = Some(permit);
        for mut batch in batches {
            let (items, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut batch.items)
                .into_iter()
                .partition(|_| began.next().unwrap_or(false));
            if items.is_empty() {
                batch.abandon(&gone);
                continue;
            }
            let usable = &batch.usable;
            usable.pace.leave(&usable.bounds, batch.permit, &gone);
            batch.items = items;
            for item in &mut batch.items {
                item.attempts += 1;
            }
            let waiting = || Arc::clone(&self.booked).try_acquire_owned().ok();
            let place = match batch.permit.paced.then(waiting).flatten() {
                Some(waiting) => Place::Booked(waiting),
                None => Place::Called(match permit.take() {
                    Some(permit) => Some(permit),
                    None => Arc::clone(&self.permits).acquire_owned().await.ok(),
                }),
            };
            self.spawn(batch, place, Arc::clone(directory));
        }
        Ok(())
    }

    fn spawn(&self, batch: ReadyBatch, place: Place, directory: Arc<Directory>) {
        let permits = Arc::clone(&self.permits);
        let shared = Arc::clone(&self.shared);
        let lane = Arc::clone(&self.lane);
        let count = u32::try_from(batch.items.len()).unwrap_or(u32::MAX);
        lane.in_flight.fetch_add(count, Ordering::Relaxed);
        let mut held = Settling {
            lane,
            count,
            permit: None,
        };
        self.shared.tracker.spawn(async move {
            held.permit = departure(&shared, &batch, place, &permits).await;
            let attempt = attempt(&shared.means, &directory.snapshot, &batch);
            // A panic in an adapter is this batch's affair only.
            let outcome = AssertUnwindSafe(attempt)
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Outcome::died(batch.items.len()));
            let finished = Finished {
                batch,
                outcome,
                held,
            };
            shared.settler.submit(finished).await;
        });
    }

    /// Starts reading ahead when memory runs low.
    fn refill(&self) {
        if !self.lane.begin_refill() {
            return;
        }
        let Some(refill) = self.lane.with(|queue| queue.wants(REFILL)) else {
            self.lane.end_refill_quietly();
            return;
        };
        let (shared, lane) = (Arc::clone(&self.shared), Arc::clone(&self.lane));
        self.shared.tracker.spawn(async move {
            if let Err(error) = read_ahead(&shared, &lane, refill).await {
                shared.metrics.ledger_faults.inc();
                tracing::warn!(lane = %lane.name, %error, "cannot read waiting deliveries");
                let until = shared.clock.now().plus(LEDGER_RECHECK);
                tokio::select! {
                    () = shared.stopping.cancelled() => {}
                    () = shared.clock.sleep_until(until) => {}
                }
            }
            lane.end_refill();
        });
    }
}

/// The permit that a call has or will have.
enum Place {
    /// It leaves now.
    Called(Option<OwnedSemaphorePermit>),
    /// It leaves at its time, and has a permit for waiting until then.
    Booked(OwnedSemaphorePermit),
}

/// Waits until the call leaves; its permit.
async fn departure(
    shared: &Shared,
    batch: &ReadyBatch,
    place: Place,
    permits: &Arc<Semaphore>,
) -> Option<OwnedSemaphorePermit> {
    if batch.permit.paced {
        shared.clock.sleep_until(batch.permit.leaves_at).await;
        gate(shared, batch).await;
    }
    // Kept until the other is there: whoever stops waits for one of the two.
    let _waiting = match place {
        Place::Called(permit) => return permit,
        Place::Booked(waiting) => waiting,
    };
    if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        return Some(permit);
    }
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    // Its place at the gate has passed, as may have those of others that waited with it.
    gate(shared, batch).await;
    permit
}

/// Waits for the call's place at the gate of its account.
async fn gate(shared: &Shared, batch: &ReadyBatch) {
    let (usable, recipients) = (&batch.usable, batch.items.len());
    let now = shared.clock.now();
    let leaves_at = usable
        .pace
        .depart(&usable.bounds, batch.permit, recipients, now);
    if leaves_at > now {
        shared.clock.sleep_until(leaves_at).await;
    }
}

async fn read_ahead(
    shared: &Shared,
    lane: &Lane,
    refill: Refill,
) -> austin_ports::ledger::Result<()> {
    match refill {
        Refill::Due(ids) => match shared.ledger.load(ids.clone()).await {
            Ok(items) => {
                lane.with(|queue| queue.refilled_due(items));
                Ok(())
            }
            Err(error) => {
                lane.with(|queue| queue.refill_failed(Refill::Due(ids)));
                Err(error)
            }
        },
        Refill::Listed(app, ids) => match shared.ledger.load(ids.clone()).await {
            Ok(items) => {
                lane.with(|queue| queue.refilled_listed(app, items));
                Ok(())
            }
            Err(error) => {
                lane.with(|queue| queue.refill_failed(Refill::Listed(app, ids)));
                Err(error)
            }
        },
        Refill::After(after, asked) => {
            let items = shared.ledger.ready(lane.name, after, asked).await?;
            lane.with(|queue| queue.refilled(after, asked, items));
            Ok(())
        }
    }
}

impl Shared {
    /// Moves waiting deliveries and follows up: counts the ends, sets timers for the waits. On a
    /// ledger fault the moves are left to the reconcilers, which find the same reasons again.
    pub(crate) async fn change(&self, lane: &Lane, changes: Vec<Change>, now: Timestamp) -> u64 {
        let moves: Vec<_> = changes
            .iter()
            .map(|change| (change.delivery, change.due_at))
            .collect();
        match self.change_each(lane, changes, now).await {
            Ok(applied) => applied.into_iter().filter(|applied| *applied).count() as u64,
            Err(error) => {
                self.metrics.ledger_faults.inc();
                tracing::warn!(lane = %lane.name, %error, "cannot move deliveries");
                let retry = now.plus(LEDGER_RECHECK);
                self.set_timers(
                    lane,
                    moves.iter().map(|(delivery, due_at)| Timer {
                        due_at: due_at.unwrap_or(retry),
                        delivery: *delivery,
                        lane: lane.name,
                    }),
                );
                0
            }
        }
    }

    /// Moves waiting deliveries and follows up; whose guard held.
    pub(crate) async fn change_each(
        &self,
        lane: &Lane,
        changes: Vec<Change>,
        now: Timestamp,
    ) -> austin_ports::ledger::Result<Vec<bool>> {
        let moves: Vec<_> = changes
            .iter()
            .map(|change| (change.delivery, change.to, change.due_at))
            .collect();
        // Read while they wait: what has ended is not looked up.
        let ending = moves.iter().filter(|(_, to, _)| places::frees(*to));
        let people = self.people(ending.map(|(id, ..)| *id).collect()).await;
        let applied = self.ledger.change(changes, now).await?;
        let mut people: HashMap<_, _> = people.into_iter().map(|(to, id)| (id, to)).collect();
        let (mut ended, mut freed) = (0, Vec::new());
        for ((delivery, to, due_at), applied) in moves.into_iter().zip(&applied) {
            if !applied {
                continue;
            }
            if places::frees(to)
                && let Some(person) = people.remove(&delivery)
            {
                freed.push((person, delivery));
            }
            if to != State::Queued {
                self.metrics.reached(lane.name, to, 1);
            }
            match due_at {
                Some(due_at) => {
                    self.set_timers(
                        lane,
                        [Timer {
                            due_at,
                            delivery,
                            lane: lane.name,
                        }],
                    );
                }
                None => ended += 1,
            }
        }
        self.free(freed);
        lane.settled.add(now, ended);
        Ok(applied)
    }

    /// Adds timers and counts them for their lane.
    pub(crate) fn set_timers(&self, lane: &Lane, timers: impl IntoIterator<Item = Timer>) {
        let timers: Vec<_> = timers.into_iter().collect();
        lane.later.fetch_add(timers.len() as u64, Ordering::Relaxed);
        self.timers.add(timers);
    }
}

const MOST_A_TURN: usize = 2048;
const LEAST_REACH: usize = 64;
const REFILL: usize = 4096;
const LEDGER_RECHECK: Duration = Duration::from_secs(1);
/// So many calls may wait for their time for each that may be under way.
const BOOKED: usize = 4;
/// Permits are scarce when only one in so many is free.
const SCARCE: usize = 8;
/// A lane stands at least and at most so long before it looks again.
const STAND: Duration = Duration::from_millis(25);
const LONGEST_STAND: Duration = Duration::from_secs(1);
