//! What the engine's parts share.

use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use austin_ports::{Catalog, Clock, Entropy, Ledger};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::adapters::Adapters;
use crate::aftermath::Aftermath;
use crate::attempt::Means;
use crate::config::Config;
use crate::directory::Directories;
use crate::lane::{Lane, Lanes};
use crate::metrics::Metrics;
use crate::once::Claims;
use crate::places::Places;
use crate::quota::Quotas;
use crate::refs::Refs;
use crate::rulebook::Rulebooks;
use crate::settler::Settler;
use crate::suppress::Suppressing;
use crate::timers::Timers;
use crate::uses::Uses;

/// What the engine's parts share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) means: Means,
    pub(crate) adapters: Adapters,
    pub(crate) directories: Directories,
    pub(crate) rulebooks: Rulebooks,
    pub(crate) places: Places,
    pub(crate) refs: Refs,
    pub(crate) lanes: Lanes,
    pub(crate) quotas: Quotas,
    /// Who uses which template.
    pub(crate) uses: Uses,
    pub(crate) timers: Timers,
    /// Requests that may come again and are being carried out.
    pub(crate) claims: Claims,
    pub(crate) metrics: Metrics,
    pub(crate) settler: Settler,
    pub(crate) suppressing: Suppressing,
    /// What is kept about deliveries that a vendor has taken or may have taken.
    pub(crate) aftermath: Aftermath,
    /// Tasks that must end before the engine has stopped.
    pub(crate) tracker: TaskTracker,
    /// No new leases once cancelled.
    pub(crate) stopping: CancellationToken,
    pub(crate) phase: AtomicU8,
}

impl Shared {
    /// The lane; starts its dispatcher with its first delivery.
    pub(crate) fn lane(self: &Arc<Self>, name: austin_domain::Lane) -> Arc<Lane> {
        let (lane, fresh) = self.lanes.get(name);
        if fresh {
            self.tracker
                .spawn(crate::dispatcher::run(Arc::clone(self), Arc::clone(&lane)));
        }
        lane
    }

    /// Ends when the catalog has changed since the last call of this future's poll.
    pub(crate) async fn catalog_changed(&self) {
        let mut changed = self.catalog.changed();
        if changed.changed().await.is_err() {
            // The catalog is gone: nothing will change any more.
            std::future::pending::<()>().await;
        }
    }

    /// A draw for jitter.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "any 32 of the random bits will do"
    )]
    pub(crate) fn random(&self) -> u32 {
        self.entropy.next() as u32
    }
}
