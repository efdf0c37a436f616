//! Held deliveries that somebody lets go before their time.

use std::sync::Arc;

use austin_domain::{DeliveryId, Reason, State};
use austin_ports::ledger::{Change, RELEASED};

use crate::caller::Caller;
use crate::outlives::Outlives;
use crate::refusal::{FieldFault, Refusal, RefusalCode};
use crate::shared::Shared;

/// Lets a held delivery go now: quiet hours and the check of its words do not hold it again; caps and
/// suppressions still count. Where it stands then.
pub(crate) async fn release(
    shared: &Arc<Shared>,
    caller: &Caller,
    delivery: DeliveryId,
    why: Option<String>,
) -> Result<State, Refusal> {
    if let Some(fault) = why.as_deref().and_then(fault) {
        return Err(Refusal::fields(vec![fault]));
    }
    let missing = || Refusal::new(RefusalCode::NotFound, "there is no such delivery");
    let evidence = shared
        .ledger
        .evidence(delivery)
        .await?
        .ok_or_else(missing)?;
    let row = evidence.delivery;
    let not_held = |state: State| {
        let detail = format!("only a held delivery can be released; this one is {state}");
        Refusal::new(RefusalCode::Conflict, detail)
    };
    if row.state != State::Held {
        return Err(not_held(row.state));
    }
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let change = Change {
        delivery,
        from: Some(State::Held),
        to: State::Queued,
        due_at: None,
        reason: Reason::new(RELEASED, format!("released by {}{why}", caller.author())),
    };
    let shared = Arc::clone(shared);
    let lane = row.message.lane;
    // What is moved must reach its lane, whoever hangs up.
    let moved = Outlives::new(async move {
        let now = shared.clock.now();
        let moved = shared.ledger.change(vec![change], now).await?;
        if moved.first() != Some(&true) {
            return Ok::<bool, Refusal>(false);
        }
        let items = shared.ledger.load(vec![delivery]).await?;
        shared.lane(lane).offer(items);
        Ok(true)
    });
    if moved.await? {
        Ok(State::Queued)
    } else {
        Err(not_held(row.state))
    }
}

fn fault(why: &str) -> Option<FieldFault> {
    let fits = why.chars().count() <= LONGEST && !why.chars().any(char::is_control);
    let detail = format!("must be one line of at most {LONGEST} characters");
    (!fits).then(|| FieldFault::new("/reason", "invalid_text", detail))
}

const LONGEST: usize = 128;
