//! What happens at start: everything that was open takes its place again.

use std::sync::Arc;

use austin_domain::Verdict;
use austin_ports::ledger::{Interrupted, Settlement};

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
            follow_up(shared, &lane, Some(item), &next, settled, now);
        }
    }
    Ok(())
}

const CHUNK: usize = 1_000;
