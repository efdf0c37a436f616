//! The engine as its callers see it.

use std::sync::Arc;

use austin_adapter_api::{Inbound, Receipts, Refused};
use austin_ports::{Blobs, Catalog, Clock, Entropy, Ledger, Wire};
use prometheus_client::registry::Registry;

use crate::adapters::Adapters;
use crate::caller::Caller;
use crate::config::Config;
use crate::refusal::Refusal;
use crate::send::{SendAnswer, SendRequest, Wait};
use crate::status::{LaneStatus, Readiness};

/// What the engine is made of.
#[expect(missing_debug_implementations, reason = "holds trait objects")]
pub struct Parts {
    /// Durable deliveries.
    pub ledger: Arc<dyn Ledger>,
    /// Templates, accounts, routes, apps.
    pub catalog: Arc<dyn Catalog>,
    /// Uploaded files.
    pub blobs: Arc<dyn Blobs>,
    /// The way out.
    pub wire: Arc<dyn Wire>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Vendor protocols.
    pub adapters: Adapters,
    /// Settings.
    pub config: Config,
}

/// The engine. Cheap to clone; all clones are one engine.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "holds trait objects")]
pub struct Engine {
    pub(crate) parts: Arc<Parts>,
}

impl Engine {
    /// An engine that takes requests once [`Engine::start`] has recovered what was open.
    pub fn new(parts: Parts, registry: &mut Registry) -> Self {
        let _ = registry;
        Self {
            parts: Arc::new(parts),
        }
    }

    /// Recovers what was open and starts working.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn start(&self) -> Result<(), Refusal> {
        unimplemented!()
    }

    /// Stops: no new leases, calls in flight finish (at most `config.stop_within`), the rest
    /// stays in the ledger for the next start.
    pub async fn stop(&self) {
        unimplemented!()
    }

    /// Takes messages; answers in order, and one refused message does not touch another.
    pub async fn send(
        &self,
        caller: &Caller,
        requests: Vec<SendRequest>,
    ) -> Vec<Result<SendAnswer, Refusal>> {
        let _ = (caller, requests);
        unimplemented!()
    }

    /// Takes receipts that a vendor posted for the account `key`; `token` is the secret part of
    /// the receipt URL. Answers what the vendor expects, once they are durable.
    ///
    /// # Errors
    /// [`Refused`], with the status to answer.
    pub async fn receive(
        &self,
        key: &str,
        token: Option<&str>,
        request: Inbound,
    ) -> Result<Receipts, Refused> {
        let _ = (key, token, request);
        unimplemented!()
    }

    /// What stands before a new delivery of this lane.
    pub fn wait(&self, lane: austin_domain::Lane) -> Wait {
        let _ = lane;
        unimplemented!()
    }

    /// How the lanes are doing; only those that have or had traffic.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        unimplemented!()
    }

    /// Whether it takes work.
    pub fn readiness(&self) -> Readiness {
        unimplemented!()
    }

    /// What it is made of.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }
}
