//! Reads from the ledger what was accepted since the counts were written down.

use std::sync::Arc;

use austin_domain::{DeliveryId, MessageId};
use austin_ports::ledger::{DeliveryRow, Filter};

use super::{Seen, Sums, add};
use crate::refusal::Refusal;
use crate::shared::Shared;

/// The number of the newest message in the ledger; 0 when there is none.
pub(super) async fn newest(shared: &Shared) -> Result<u64, Refusal> {
    let mut before = None;
    loop {
        let filter = Filter {
            before,
            limit: 1,
            ..Filter::default()
        };
        let found = shared.ledger.find(filter).await?;
        match (found.rows.first(), found.next) {
            (Some(row), _) => return Ok(row.message.id.as_u64()),
            (None, Some(next)) => before = Some(next),
            (None, None) => return Ok(0),
        }
    }
}

/// Counts the messages with numbers above `through`, up to `newest`. Tried again until the
/// ledger answers or the engine stops.
pub(crate) async fn recount(shared: Arc<Shared>, through: u64, newest: u64) {
    if newest <= through {
        return;
    }
    loop {
        match read(&shared, through, newest).await {
            Ok(found) => {
                tracing::info!(pairs = found.len(), "uses of templates counted again");
                return shared.uses.recounted(found);
            }
            Err(error) => tracing::warn!(detail = %error.detail, "uses cannot be counted yet"),
        }
        let until = shared.clock.now().plus(super::EVERY);
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.clock.sleep_until(until) => {}
        }
    }
}

async fn read(shared: &Shared, through: u64, newest: u64) -> Result<Sums, Refusal> {
    let (mut sums, mut message) = (Sums::new(), 0);
    // Above every delivery of the newest message, below those of any later one.
    let last = MessageId::from_u64(newest);
    let mut before = Some(DeliveryId::from_u64(newest + MOST_RECIPIENTS));
    let from = (through > 0).then(|| MessageId::from_u64(through).at());
    while let Some(id) = before {
        if shared.stopping.is_cancelled() {
            return Ok(sums);
        }
        let filter = Filter {
            before: Some(id),
            from,
            limit: PAGE,
            ..Filter::default()
        };
        let found = shared.ledger.find(filter).await?;
        for row in found.rows {
            let id = row.message.id;
            if id > last {
                continue;
            }
            if id.as_u64() <= through {
                return Ok(sums);
            }
            // Rows of a message come one after the other: the first stands for all of them.
            if id.as_u64() != message {
                message = id.as_u64();
                note(&mut sums, &row);
            }
        }
        before = found.next;
    }
    Ok(sums)
}

fn note(sums: &mut Sums, row: &DeliveryRow) {
    if row.facts.as_ref().is_some_and(|facts| facts.test) {
        return;
    }
    let head = &row.message;
    let seen = Seen {
        id: head.id.as_u64(),
        pair: (head.template, head.app),
        people: head.recipients,
        at: head.accepted_at,
    };
    add(sums, seen.pair, seen.as_use());
}

/// Rows read at a time.
const PAGE: usize = 1_000;
/// Numbers that the deliveries of one message may take.
const MOST_RECIPIENTS: u64 = 1 << 16;
