//! What happens at start: everything that was open takes its place again.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::policy::Overdue;
use austin_domain::{Reason, State, Verdict};
use austin_ports::ledger::{Change, Interrupted, Settlement, Timer};
use hashbrown::HashMap;

use crate::aftermath;
use crate::inquiry;
use crate::refusal::Refusal;
use crate::settler::{follow_up, follows};
use crate::shared::Shared;

/// Puts ready deliveries behind their lanes' cursors, sets timers, and decides about attempts
/// that were cut off.
pub(crate) async fn recover(shared: &Arc<Shared>) -> Result<(), Refusal> {
    let recovery = shared.ledger.recover().await?;
    let ready: u64 = recovery.ready.iter().map(|backlog| backlog.count).sum();
    tracing::info!(
        ready,
        timers = recovery.timers.len(),
        interrupted = recovery.interrupted.len(),
        "open deliveries recovered"
    );
    aftermath::recover(shared).await?;
    decide_interrupted(shared, recovery.interrupted).await?;
    expire_overdue(shared, &recovery.timers).await?;
    for timer in recovery.timers {
        let lane = shared.lane(timer.lane);
        shared.set_timers(&lane, [timer]);
    }
    for backlog in recovery.ready {
        let lane = shared.lane(backlog.lane);
        lane.with(|queue| queue.offer_backlog(backlog.first, backlog.last, backlog.count));
        lane.bell.notify_one();
    }
    Ok(())
}

/// Lets schedules expire that were missed while nobody was there to keep them, where a policy says
/// so. The others go out late, while they are valid.
async fn expire_overdue(shared: &Arc<Shared>, timers: &[Timer]) -> Result<(), Refusal> {
    let book = shared.rulebooks.current();
    let now = shared.clock.now();
    let missed = now.minus(ON_TIME);
    if !book.lets_overdue_expire() {
        return Ok(());
    }
    let late = timers.iter().filter(|timer| timer.due_at < missed);
    let late: Vec<&Timer> = late.collect();
    for chunk in late.chunks(CHUNK) {
        let due: HashMap<_, _> = chunk.iter().map(|t| (t.delivery, t.due_at)).collect();
        let items = shared.ledger.load(due.keys().copied().collect()).await?;
        let mut by_lane: HashMap<_, Vec<Change>> = HashMap::new();
        for item in items.iter().filter(|item| item.state == State::Scheduled) {
            let applied = book.of(item.message.template, item.message.version);
            let rule = applied.map(|applied| &applied.rules.overdue);
            let Some(rule) = rule.filter(|rule| rule.value == Overdue::Expire) else {
                continue;
            };
            let due_at = due.get(&item.id).copied().unwrap_or(now);
            let detail = format!("it was to go out at {due_at}, while austin was down");
            by_lane.entry(item.message.lane).or_default().push(Change {
                delivery: item.id,
                from: None,
                to: State::Expired,
                due_at: None,
                reason: Reason::new("overdue", detail).by(rule.rule.clone()),
            });
        }
        for (name, changes) in by_lane {
            let lane = shared.lane(name);
            shared.change(&lane, changes, now).await;
        }
    }
    Ok(())
}

/// A vendor may or may not have taken these: their outcome is unknown, and the policy of their
/// class says what follows.
async fn decide_interrupted(
    shared: &Arc<Shared>,
    interrupted: Vec<Interrupted>,
) -> Result<(), Refusal> {
    let interrupted = inquiry::divert_interrupted(shared, interrupted);
    let directory = shared.directories.current();
    let now = shared.clock.now();
    for chunk in interrupted.chunks(CHUNK) {
        let mut settlements = Vec::with_capacity(chunk.len());
        let mut follow_ups = Vec::with_capacity(chunk.len());
        for Interrupted {
            item,
            account,
            started_at,
        } in chunk
        {
            let verdict = Verdict::Unknown(inquiry::interrupted_cause(*started_at));
            let next = follows(shared, &directory, item, &verdict, *account, now);
            follow_ups.push((shared.lane(item.message.lane), item.clone(), next.clone()));
            settlements.push(Settlement {
                delivery: item.id,
                attempt: item.attempts,
                call: None,
                verdict,
                segments: None,
                next,
            });
        }
        let settled = shared.ledger.settle(Vec::new(), settlements, now).await?;
        for ((lane, item, next), settled) in follow_ups.into_iter().zip(settled) {
            follow_up(shared, &lane, item, &next, settled, now);
        }
    }
    Ok(())
}

const CHUNK: usize = 1_000;
/// What was due less long ago is on time: a restart takes that long.
const ON_TIME: Duration = Duration::from_secs(60);
