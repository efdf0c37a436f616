//! A lane's planning by itself: which deliveries travel where and when, with neither ledger nor
//! vendor. It is what the dispatcher does, for measuring it; nothing is sent.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::verdict::Acceptance;
use austin_domain::{Timestamp, Verdict};
use austin_ports::Catalog;
use austin_ports::ledger::WorkItem;

use crate::adapters::Adapters;
use crate::assemble::{Room, assemble};
use crate::attempt::ReadyBatch;
use crate::directory::Directories;
use crate::pace::Ended;
use crate::routing::Wheels;

/// The planning of one lane.
#[expect(missing_debug_implementations, reason = "holds trait objects")]
pub struct Planning {
    directories: Arc<Directories>,
    wheels: Wheels,
}

/// What was planned.
#[expect(missing_debug_implementations, reason = "holds trait objects")]
pub struct Planned {
    calls: Vec<ReadyBatch>,
    rest: Vec<WorkItem>,
    verdicts: Vec<Verdict>,
}

impl Planning {
    /// Over the accounts and routes of a catalog.
    pub fn new(catalog: Arc<dyn Catalog>, adapters: Adapters) -> Self {
        Self {
            directories: Arc::new(Directories::new(catalog, adapters)),
            wheels: Wheels::default(),
        }
    }

    /// Another lane with the same accounts.
    pub fn beside(&self) -> Self {
        Self {
            directories: Arc::clone(&self.directories),
            wheels: Wheels::default(),
        }
    }

    /// Plans at most `calls` calls for these deliveries and gives each its instant.
    pub fn plan(&mut self, items: Vec<WorkItem>, calls: usize, now: Timestamp) -> Planned {
        let room = Room {
            calls,
            booked: calls,
            ahead: AHEAD,
        };
        let directory = self.directories.current();
        let plan = assemble(items, &directory, &mut self.wheels, room, now);
        for call in &plan.batches {
            let (usable, ready) = (&call.usable, call.permit.leaves_at);
            let pace = &usable.pace;
            pace.depart(&usable.bounds, call.permit, call.items.len(), ready);
        }
        Planned {
            calls: plan.batches,
            rest: plan.put_back,
            verdicts: Vec::new(),
        }
    }

    /// Tells the accounts that their vendors took everything.
    pub fn accepted(&self, planned: &mut Planned, now: Timestamp) {
        for call in &planned.calls {
            let accepted = || Verdict::Accepted(Acceptance::default());
            planned.verdicts.resize_with(call.items.len(), accepted);
            let usable = &call.usable;
            let ended = Ended {
                items: &call.items,
                verdicts: &planned.verdicts,
                took: Some(TOOK),
                receipts: usable.receipts,
                judged: true,
            };
            usable.pace.close(&usable.bounds, call.permit, &ended, now);
        }
    }
}

impl Planned {
    /// How many calls.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// How many deliveries travel, and how many do not.
    pub fn deliveries(&self) -> (usize, usize) {
        let travel = self.calls.iter().map(|call| call.items.len()).sum();
        (travel, self.rest.len())
    }
}

const AHEAD: Duration = Duration::from_millis(50);
const TOOK: Duration = Duration::from_millis(40);
