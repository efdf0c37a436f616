//! The engine as its callers see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use austin_adapter_api::{Inbound, Receipts, Refused};
use austin_domain::{AppId, Lane, State, TemplateId, Timestamp};
use austin_ports::ledger::NewMessage;
use austin_ports::{Blobs, Catalog, Clock, Entropy, Ledger, Mailboxes, Meter, Suppressions, Wire};
use hashbrown::HashMap;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::adapters::{self, AdapterCheck, Adapters, LiveDraft};
use crate::aftermath::Aftermath;
use crate::asking::Desk;
use crate::attempt::Means;
use crate::caller::Caller;
use crate::config::Config;
use crate::directory::Directories;
use crate::intake::{self, Against, Checked};
use crate::lane::Lanes;
use crate::metrics::Metrics;
use crate::once::{Claims, Once};
use crate::outlives::Outlives;
use crate::places::Places;
use crate::quota::{Quotas, Taken};
use crate::receipt_counts::ReceiptHour;
use crate::refs::Refs;
use crate::refusal::{Refusal, RefusalCode};
use crate::rulebook::{CurrentLists, Rulebooks};
use crate::send::{SendAnswer, SendRequest, Wait};
use crate::settler::{Finished, Settler};
use crate::shared::Shared;
use crate::status::{self, AccountStatus, LaneStatus, Readiness};
use crate::suppress::Suppressing;
use crate::timers::Timers;
use crate::tokens::Tokens;
use crate::uses::Use;
use crate::{
    accept, aftermath, daybook, health, mailboxes, places, pulls, receipt_watch, receipts,
    reconcilers, recovery, release, sessions, settler, uses,
};

/// What the engine is made of.
#[expect(missing_debug_implementations, reason = "holds trait objects")]
#[derive(Clone)]
pub struct Parts {
    /// Durable deliveries.
    pub ledger: Arc<dyn Ledger>,
    /// Templates, accounts, routes, apps.
    pub catalog: Arc<dyn Catalog>,
    /// Uploaded files.
    pub blobs: Arc<dyn Blobs>,
    /// Who was sent what lately.
    pub meter: Arc<dyn Meter>,
    /// Who must not be messaged.
    pub suppressions: Arc<dyn Suppressions>,
    /// What policies name: lists of words, calendars.
    pub lists: CurrentLists,
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
    parts: Arc<Parts>,
    shared: Arc<Shared>,
    finished: Arc<Mutex<Option<mpsc::Receiver<Finished>>>>,
}

impl Engine {
    /// An engine that takes requests once [`Engine::start`] has recovered what was open.
    pub fn new(parts: Parts, registry: &mut Registry) -> Self {
        let (settler, finished) = Settler::new();
        let desk = Arc::new(Desk {
            wire: Arc::clone(&parts.wire),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            tokens: Tokens::default(),
            lease: parts.config.lease,
        });
        let suppressing = Suppressing::new(Arc::clone(&parts.suppressions));
        let shared = Shared {
            config: parts.config.clone(),
            ledger: Arc::clone(&parts.ledger),
            catalog: Arc::clone(&parts.catalog),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            means: Means {
                wire: Arc::clone(&parts.wire),
                blobs: Arc::clone(&parts.blobs),
                clock: Arc::clone(&parts.clock),
                entropy: Arc::clone(&parts.entropy),
                desk,
                compilations: crate::render::Compilations::default(),
                max_attachment_bytes: parts.config.max_attachment_bytes,
                links: suppressing.links(&parts.config),
                lease: parts.config.lease,
            },
            adapters: parts.adapters.clone(),
            directories: Directories::new(Arc::clone(&parts.catalog), parts.adapters.clone()),
            rulebooks: Rulebooks::new(Arc::clone(&parts.catalog), Arc::clone(&parts.lists)),
            places: Places::new(Arc::clone(&parts.meter)),
            refs: Refs::default(),
            lanes: Lanes::new(parts.config.lane_memory),
            quotas: Quotas::default(),
            uses: uses::Uses::default(),
            timers: Timers::default(),
            claims: Claims::default(),
            metrics: Metrics::new(registry),
            settler,
            suppressing,
            aftermath: Aftermath::new(&parts.config, Arc::clone(&parts.catalog), registry),
            tracker: TaskTracker::new(),
            stopping: CancellationToken::new(),
            phase: AtomicU8::new(STARTING),
        };
        Self {
            parts: Arc::new(parts),
            shared: Arc::new(shared),
            finished: Arc::new(Mutex::new(Some(finished))),
        }
    }

    /// Recovers what was open and starts working. Called once.
    ///
    /// # Errors
    /// When the ledger cannot be read, or on a second call.
    pub async fn start(&self) -> Result<(), Refusal> {
        let finished = self.finished.lock().take().ok_or_else(|| {
            Refusal::new(RefusalCode::Conflict, "the engine has been started already")
        })?;
        // Every active version is loaded before anything is sent; one that fails keeps its own
        // accounts from being used, and says why.
        let snapshot = self.shared.catalog.snapshot();
        let now = self.shared.clock.now();
        self.parts.adapters.sync(&snapshot, now).await;
        daybook::open(&self.shared).await?;
        let restored = places::restore(&self.shared).await?;
        tracing::info!(restored, "places of the limits were restored");
        let (through, newest) = uses::open(&self.shared).await?;
        recovery::recover(&self.shared).await?;
        tokio::spawn(settler::run(Arc::clone(&self.shared), finished));
        let tracker = &self.shared.tracker;
        tracker.spawn(reconcilers::due(Arc::clone(&self.shared)));
        tracker.spawn(reconcilers::expiry(Arc::clone(&self.shared)));
        tracker.spawn(reconcilers::parked(Arc::clone(&self.shared)));
        tracker.spawn(reconcilers::kept_secrets(Arc::clone(&self.shared)));
        tracker.spawn(reconcilers::retention(Arc::clone(&self.shared)));
        tracker.spawn(sessions::keep(Arc::clone(&self.shared)));
        tracker.spawn(sessions::arrivals(Arc::clone(&self.shared)));
        tracker.spawn(reconcilers::gauges(Arc::clone(&self.shared)));
        tracker.spawn(places::keep(Arc::clone(&self.shared)));
        tracker.spawn(places::undelivered(Arc::clone(&self.shared)));
        tracker.spawn(receipt_watch::run(Arc::clone(&self.shared)));
        tracker.spawn(aftermath::write_off(Arc::clone(&self.shared)));
        tracker.spawn(pulls::run(Arc::clone(&self.shared)));
        tracker.spawn(adapters::keeper::run(Arc::clone(&self.shared)));
        tracker.spawn(health::warden::run(Arc::clone(&self.shared)));
        tracker.spawn(daybook::keep(Arc::clone(&self.shared)));
        tracker.spawn(uses::keep(Arc::clone(&self.shared)));
        tracker.spawn(uses::recount(Arc::clone(&self.shared), through, newest));
        self.shared.phase.store(READY, Ordering::Release);
        Ok(())
    }

    /// Also reads these mailboxes from now on, until it stops. Called once, after
    /// [`Engine::start`].
    pub fn read_mailboxes(&self, mailboxes: Arc<dyn Mailboxes>) {
        let adapters = self.parts.adapters.clone();
        let reading = mailboxes::read(Arc::clone(&self.shared), adapters, mailboxes);
        self.shared.tracker.spawn(reading);
    }

    /// Stops: no new leases, calls under way finish (at most `config.stop_within`), the rest
    /// stays in the ledger for the next start. Says whether everything under way finished.
    pub async fn stop(&self) -> bool {
        self.shared.phase.store(STOPPING, Ordering::Release);
        self.shared.stopping.cancel();
        self.shared.tracker.close();
        let done = tokio::time::timeout(self.shared.config.stop_within, self.shared.tracker.wait());
        let finished = done.await.is_ok();
        if !finished {
            tracing::warn!(
                tasks = self.shared.tracker.len(),
                "calls were still under way at the deadline; the next start finds their outcome unknown"
            );
        }
        finished
    }

    /// Takes messages; answers in order, and one refused message does not touch another.
    pub async fn send(
        &self,
        caller: &Caller,
        requests: Vec<SendRequest>,
    ) -> Vec<Result<SendAnswer, Refusal>> {
        self.send_marked(caller, requests, None).await
    }

    /// The same; the request is remembered by `once` in the commit that makes it durable.
    pub(crate) async fn send_marked(
        &self,
        caller: &Caller,
        requests: Vec<SendRequest>,
        once: Option<Once>,
    ) -> Vec<Result<SendAnswer, Refusal>> {
        let catalog = self.shared.catalog.snapshot();
        let now = self.shared.clock.now();
        let against = Against {
            catalog: &catalog,
            config: &self.shared.config,
            caller,
            now,
        };
        let mut offered: HashMap<Lane, u64> = HashMap::new();
        let mut taken: Vec<Option<Taken>> = Vec::with_capacity(requests.len());
        let checked: Vec<_> = requests
            .into_iter()
            .map(|request| {
                taken.push(None);
                self.takes_work()?;
                let checked = intake::check(request, &against)?;
                let quota = self.shared.quotas.take(&catalog, &checked.message, now)?;
                if let Err(full) = self.has_room(&checked.message, &mut offered) {
                    self.shared.quotas.give_back(quota);
                    return Err(full);
                }
                taken.pop();
                taken.push(Some(quota));
                Ok(checked)
            })
            .collect();
        let answers = self.accept(caller, checked, once).await;
        for (answer, taken) in answers.iter().zip(taken) {
            if let (Err(_), Some(taken)) = (answer, taken) {
                self.shared.quotas.give_back(taken);
            }
        }
        answers
    }

    /// Makes what passed durable, in one go, and answers for each.
    async fn accept(
        &self,
        caller: &Caller,
        checked: Vec<Result<Checked, Refusal>>,
        once: Option<Once>,
    ) -> Vec<Result<SendAnswer, Refusal>> {
        if checked.iter().all(Result::is_err) {
            let refused = checked.into_iter().filter_map(Result::err);
            return refused.map(Err).collect();
        }
        let (shared, caller) = (Arc::clone(&self.shared), caller.clone());
        // A caller that hangs up between the commit and the offer must not leave durable
        // deliveries that no lane knows, nor places that nobody gives back.
        Outlives::new(async move { accept::accept(&shared, &caller, checked, once).await }).await
    }

    /// Who calls a template, how much and since when, by app; and whether the counts are complete:
    /// for a moment after a start they may not be.
    pub fn callers(&self, template: TemplateId) -> (Vec<(AppId, Use)>, bool) {
        let uses = &self.shared.uses;
        (uses.of(template), !uses.recounting())
    }

    /// When a template was used last; tests do not count.
    pub fn last_used(&self, template: TemplateId) -> Option<Timestamp> {
        self.shared.uses.last(template)
    }

    fn takes_work(&self) -> Result<(), Refusal> {
        match self.shared.phase.load(Ordering::Acquire) {
            READY => Ok(()),
            STARTING => Err(Refusal::new(RefusalCode::Unavailable, "austin is starting")),
            _ => Err(Refusal::new(RefusalCode::Unavailable, "austin is stopping")),
        }
    }

    /// Whether the lane's backlog has room, counting what this request has offered before.
    fn has_room(
        &self,
        message: &NewMessage,
        offered: &mut HashMap<Lane, u64>,
    ) -> Result<(), Refusal> {
        let most = self.shared.config.max_lane_backlog;
        let offered = offered.entry(message.lane).or_default();
        let count = message.deliveries.len() as u64;
        let waiting = self
            .shared
            .lanes
            .peek(message.lane)
            .map_or(0, |lane| lane.waiting());
        if waiting + *offered + count <= most {
            *offered += count;
            return Ok(());
        }
        let wait = status::wait(&self.shared, message.lane);
        let detail = format!(
            "lane {} has {waiting} deliveries waiting and takes at most {most}{}",
            message.lane,
            wait.reason
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default()
        );
        let mut refusal = Refusal::new(RefusalCode::Busy, detail);
        refusal.retry_after = Some(std::time::Duration::from_secs(
            wait.seconds.clamp(1, 300) / 10 + 1,
        ));
        Err(refusal)
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
        receipts::receive(&self.shared, &self.parts.adapters, key, token, request).await
    }

    /// The sender's word that a delivery reached its person (a code was used, an order was
    /// confirmed): recorded like a receipt. Where the delivery stands then.
    ///
    /// # Errors
    /// When the caller may not see it, no vendor was called for it, or the ledger does not take it.
    pub async fn succeeded(
        &self,
        caller: &Caller,
        delivery: austin_domain::DeliveryId,
    ) -> Result<State, Refusal> {
        receipts::succeeded(&self.shared, caller, delivery).await
    }

    /// Lets a held delivery go now. Quiet hours and the check of its words do not hold it again;
    /// caps and suppressions still count.
    ///
    /// # Errors
    /// `not_found`; `conflict` where it is not held.
    pub async fn release(
        &self,
        caller: &Caller,
        delivery: austin_domain::DeliveryId,
        why: Option<String>,
    ) -> Result<State, Refusal> {
        release::release(&self.shared, caller, delivery, why).await
    }

    /// What became of the receipts of an account, per hour of sending, oldest first. At a start
    /// the hours are counted anew from the newest 200,000 deliveries.
    pub fn receipt_counts(&self, account: austin_domain::AccountId) -> Vec<ReceiptHour> {
        if aftermath::takes_receipts(&self.shared, account).is_none() {
            return Vec::new();
        }
        let now = self.shared.clock.now();
        self.shared.aftermath.counts.of(account, now)
    }

    /// Checks a version of an uploaded adapter: runs its examples and, when `live` is given, sends
    /// one message through a throw-away account. Notes the outcome with the version.
    ///
    /// # Errors
    /// `not_found`; the fields at fault; `conflict` when there is nothing to check it by.
    pub async fn check_adapter(
        &self,
        caller: &Caller,
        name: &str,
        version: u32,
        live: Option<&LiveDraft>,
    ) -> Result<AdapterCheck, Refusal> {
        let registrar = self.parts.registrar();
        let speaker = registrar.speaker_of(name, version).await?;
        let live = match live {
            Some(draft) => Some(adapters::send_one(&self.shared.means, &speaker, draft).await?),
            None => None,
        };
        registrar
            .check_adapter(caller, name, version, &speaker, live)
            .await
    }

    /// What stands before a new delivery of this lane.
    pub fn wait(&self, lane: Lane) -> Wait {
        status::wait(&self.shared, lane)
    }

    /// How the lanes are doing; only those that have or had traffic.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        status::lanes(&self.shared)
    }

    /// Why an account is not called at present, and until when.
    pub fn resting(&self, account: austin_domain::AccountId) -> Option<(Timestamp, String)> {
        self.shared
            .directories
            .pace(account)
            .resting(self.shared.clock.now())
    }

    /// How an account does; `None` where there is none by that key.
    pub fn account_status(&self, key: &str) -> Option<AccountStatus> {
        status::account(&self.shared, key)
    }

    /// Whether it takes work.
    pub fn readiness(&self) -> Readiness {
        match self.shared.phase.load(Ordering::Acquire) {
            READY => match self.shared.ledger.health() {
                Ok(()) => Readiness::Ready,
                Err(error) => Readiness::Refusing(error.to_string()),
            },
            STARTING => Readiness::Starting,
            _ => Readiness::Stopping,
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What it is made of.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }
}

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;
