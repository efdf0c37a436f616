//! What every handler can reach.

use std::ops::Deref;
use std::sync::Arc;

use austin_engine::Engine;
use austin_engine::manage::Registrar;
use austin_ports::catalog::Snapshot;
use prometheus_client::registry::Registry;

use crate::metrics::Metrics;
use crate::options::Options;
use crate::request_id::RequestIds;

/// What every handler can reach; a pointer to one shared value.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) options: Options,
    pub(crate) registry: Registry,
    pub(crate) metrics: Metrics,
    pub(crate) request_ids: RequestIds,
}

impl App {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Checked configuration.
    pub(crate) fn registrar(&self) -> Registrar<'_> {
        self.engine.parts().registrar()
    }

    /// What is configured now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.engine.parts().catalog.snapshot()
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
