//! The world the engine lives in during a test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::sign::{hex, hmac_sha256};
use austin_adapter_api::{Adapter, Inbound};
use austin_adapters::simulator::Simulator;
use austin_adapters::smtp::Smtp;
use austin_domain::{AccountId, AppId, Class, DeliveryId, Reason, State, TemplateId, Timestamp};
use austin_engine::send::{Recipient, SendAnswer, SendRequest};
use austin_engine::status::AccountStatus;
use austin_engine::{Adapters, Caller, Config, Engine, Parts, Refusal};
use austin_ports::catalog::{Catalog, Role, Route, Snapshot, TemplateEntry};
use austin_ports::ledger::Change;
use austin_ports::{Blobs, BoxFuture, Clock, Ledger, Mailboxes, Wire};
use austin_testkit::builders::{self, NOW};
use austin_testkit::{
    GivenCatalog, ManualClock, MemoryLedger, MemoryMailboxes, MemoryMeter, SeededEntropy,
};
use bytes::Bytes;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::runtime::Runtime;

pub(crate) use crate::vendor::Behaviour;
use crate::vendor::{Taken, Vendor};

struct NoBlobs;

impl Blobs for NoBlobs {
    fn put(&self, _: Bytes) -> BoxFuture<'_, Result<String, austin_ports::blobs::BlobError>> {
        Box::pin(async { panic!("nothing is uploaded") })
    }

    fn get(&self, _: &str) -> BoxFuture<'_, Result<Option<Bytes>, austin_ports::blobs::BlobError>> {
        Box::pin(async { Ok(None) })
    }
}

fn catalog(change: impl FnOnce(&mut Snapshot)) -> Arc<dyn Catalog> {
    let mut snapshot = Snapshot::default();
    for id in 1..=2 {
        let mut account = builders::account(&format!("sim-{id}"));
        account.id = AccountId::from_u64(id);
        account
            .settings
            .insert("endpoint".into(), json!("http://vendor.example"));
        account.secrets.insert("token".into(), TOKEN.into());
        account.limits.recipients_per_call = Some(10);
        snapshot.account_ids.insert(account.key.clone(), account.id);
        snapshot.accounts.insert(account.id, Arc::new(account));
    }
    let mut mail = builders::account("mail");
    mail.id = AccountId::from_u64(3);
    mail.adapter = "smtp".into();
    snapshot.account_ids.insert(mail.key.clone(), mail.id);
    snapshot.accounts.insert(mail.id, Arc::new(mail));
    for (id, class) in (1u64..).zip(Class::ALL) {
        let mut template = builders::template(class.as_str());
        (template.id, template.class) = (TemplateId::from_u64(id), *class);
        let lane = template.lane();
        snapshot
            .template_ids
            .insert(template.key.clone(), template.id);
        let versions = vec![Arc::new(builders::version("hello"))];
        snapshot
            .templates
            .insert(template.id, Arc::new(TemplateEntry { template, versions }));
        let route = Route {
            lane,
            plan: builders::plan(&[(1, 1), (2, 1)]),
            shift: None,
            version: 1,
            author: "tests".into(),
            reason: None,
            updated_at: NOW,
        };
        snapshot.routes.insert(lane, Arc::new(route));
    }
    change(&mut snapshot);
    Arc::new(GivenCatalog::new(snapshot))
}

/// The world.
pub(crate) struct World {
    runtime: Option<Runtime>,
    engine: Engine,
    ledger: Arc<MemoryLedger>,
    clock: Arc<ManualClock>,
    vendor: Arc<Vendor>,
    catalog: Arc<dyn Catalog>,
    seed: u64,
    accepted: Vec<DeliveryId>,
    next_phone: u64,
}

impl World {
    pub(crate) fn new(seed: u64, behaviour: Behaviour) -> Self {
        Self::with(seed, behaviour, |_| {})
    }

    /// A world whose catalog is a little different.
    pub(crate) fn with(
        seed: u64,
        behaviour: Behaviour,
        change: impl FnOnce(&mut Snapshot),
    ) -> Self {
        let ledger = Arc::new(MemoryLedger::default());
        let clock = Arc::new(ManualClock::default());
        let vendor = Arc::new(Vendor {
            behaviour: Mutex::new(behaviour),
            random: SeededEntropy::new(seed),
            taken: Mutex::default(),
            calls: Mutex::default(),
            shelf: Mutex::default(),
            log: Mutex::default(),
            weary: Mutex::default(),
            mute: Mutex::new(false),
            asked: Mutex::default(),
        });
        let catalog = catalog(change);
        let (runtime, engine) = start(&ledger, &clock, &vendor, &catalog, seed);
        Self {
            runtime: Some(runtime),
            engine,
            ledger,
            clock,
            vendor,
            catalog,
            seed,
            accepted: Vec::new(),
            next_phone: 0,
        }
    }

    /// The process dies where it stands and starts again over the same ledger.
    pub(crate) fn crash(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
        *self.vendor.calls.lock() = (0, 0);
        self.seed = self.seed.wrapping_add(1);
        let (runtime, engine) = start(
            &self.ledger,
            &self.clock,
            &self.vendor,
            &self.catalog,
            self.seed,
        );
        (self.runtime, self.engine) = (Some(runtime), engine);
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.vendor.behaviour.lock() = behaviour;
    }

    /// The vendor answers no question from now on, or again.
    pub(crate) fn mute(&self, mute: bool) {
        *self.vendor.mute.lock() = mute;
    }

    /// The vendor keeps a delivered receipt for everything it took and has none for yet.
    pub(crate) fn shelve_receipts(&self) {
        let mut shelf = self.vendor.shelf.lock();
        let known: Vec<_> = shelf.iter().map(|one| one["reference"].clone()).collect();
        let taken = self.vendor.taken.lock();
        let fresh = taken
            .keys()
            .filter(|reference| !known.contains(&json!(reference)));
        let receipts: Vec<_> = fresh
            .map(|reference| {
                json!({"id": format!("sim-{reference}"), "reference": reference,
                    "status": "delivered"})
            })
            .collect();
        shelf.extend(receipts);
    }

    /// From now on this host refuses every number, or none does.
    pub(crate) fn weary(&self, host: Option<&str>) {
        *self.vendor.weary.lock() = host.map(str::to_owned);
    }

    /// What the vendor's hosts took since the last look.
    pub(crate) fn fresh(&self) -> Vec<Taken> {
        std::mem::take(&mut *self.vendor.log.lock())
    }

    /// Sends a code, a value that must not be shown.
    pub(crate) fn send_code(&mut self, code: &str) -> DeliveryId {
        self.next_phone += 1;
        let vars = json!({"code": code}).as_object().unwrap().clone();
        let request = SendRequest {
            template: Class::Verification.as_str().into(),
            to: vec![Recipient {
                to: format!("+86137{:08}", self.next_phone),
                vars,
                ..Recipient::default()
            }],
            ..SendRequest::default()
        };
        self.ask(request).unwrap().deliveries[0].id
    }

    /// The account's vendor posts that these were delivered.
    pub(crate) fn report(&self, account: &str, references: &[String]) {
        let receipts: Vec<_> = references
            .iter()
            .map(|reference| {
                json!({"id": format!("sim-{reference}"), "reference": reference,
                    "status": "delivered"})
            })
            .collect();
        let body = Bytes::from(json!({"receipts": receipts}).to_string());
        let signature = hex(&hmac_sha256(TOKEN.as_bytes(), &body));
        let request = Inbound {
            method: http::Method::POST,
            url: String::new(),
            headers: [(
                "x-sim-signature".parse().unwrap(),
                signature.parse().unwrap(),
            )]
            .into_iter()
            .collect(),
            body,
        };
        let token = format!("token-of-{account}");
        let runtime = self.runtime.as_ref().unwrap();
        let taken = runtime.block_on(self.engine.receive(account, Some(&token), request));
        assert_eq!(taken.unwrap().receipts.len(), references.len());
    }

    /// How often the vendor was asked: `query` or `receipts`.
    pub(crate) fn asked(&self, path: &str) -> u32 {
        self.vendor.asked.lock().get(path).copied().unwrap_or(0)
    }

    /// Everything accepted so far.
    pub(crate) fn accepted(&self) -> &[DeliveryId] {
        &self.accepted
    }

    /// Stops the engine; whether everything under way finished.
    pub(crate) fn stop(&self) -> bool {
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(self.engine.stop())
    }

    /// The sender says that it arrived.
    pub(crate) fn succeed(&self, id: DeliveryId) -> Result<State, Refusal> {
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(self.engine.succeeded(&caller(), id))
    }

    /// Counts of receipts of both accounts together.
    pub(crate) fn receipt_counts(&self) -> (u64, u64, u64, u64) {
        let hours = (1..=2).flat_map(|id| self.engine.receipt_counts(AccountId::from_u64(id)));
        hours.fold((0, 0, 0, 0), |(sent, delivered, missing, pending), hour| {
            (
                sent + hour.sent,
                delivered + hour.delivered,
                missing + hour.missing,
                pending + hour.pending,
            )
        })
    }

    pub(crate) fn refuse_writes(&self, reason: Option<&str>) {
        self.ledger.refuse(reason);
    }

    /// Mailboxes that the engine reads from now on.
    pub(crate) fn mailboxes(&self) -> Arc<MemoryMailboxes> {
        let mailboxes = Arc::new(MemoryMailboxes::default());
        let _entered = self.runtime.as_ref().unwrap().enter();
        self.engine
            .read_mailboxes(Arc::clone(&mailboxes) as Arc<dyn Mailboxes>);
        mailboxes
    }

    /// How many receipts a delivery has.
    pub(crate) fn receipts(&self, id: DeliveryId) -> usize {
        self.evidence(id).receipts.len()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn send(&mut self, class: Class, recipients: u32) {
        self.try_send(class, recipients).unwrap();
    }

    pub(crate) fn try_send(
        &mut self,
        class: Class,
        recipients: u32,
    ) -> Result<SendAnswer, Refusal> {
        self.request(class, recipients, None)
    }

    pub(crate) fn send_at(&mut self, class: Class, recipients: u32, at: Timestamp) {
        self.request(class, recipients, Some(at)).unwrap();
    }

    fn request(
        &mut self,
        class: Class,
        recipients: u32,
        send_at: Option<Timestamp>,
    ) -> Result<SendAnswer, Refusal> {
        let to = (0..recipients)
            .map(|_| {
                self.next_phone += 1;
                Recipient {
                    to: format!("+86137{:08}", self.next_phone),
                    ..Recipient::default()
                }
            })
            .collect();
        let request = SendRequest {
            template: class.as_str().into(),
            to,
            send_at,
            ..SendRequest::default()
        };
        self.ask(request)
    }

    fn ask(&mut self, request: SendRequest) -> Result<SendAnswer, Refusal> {
        let caller = caller();
        let runtime = self.runtime.as_ref().unwrap();
        let mut answers = runtime.block_on(self.engine.send(&caller, vec![request]));
        let answer = answers.remove(0)?;
        self.accepted
            .extend(answer.deliveries.iter().map(|delivery| delivery.id));
        Ok(answer)
    }

    /// Time passes, in steps that let everything that is due happen.
    pub(crate) fn pass(&self, time: Duration) {
        let end = self.clock.now().plus(time);
        let step = (time / 200).max(Duration::from_millis(10));
        while self.clock.now() < end {
            self.clock.advance(step.min(end.since(self.clock.now())));
            self.breathe();
        }
    }

    /// Lets the engine's tasks run until they have nothing to do at this moment.
    fn breathe(&self) {
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(async {
            for _ in 0..40 {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Passes time until nothing is open.
    pub(crate) fn settle_all(&self) {
        for _ in 0..5_000 {
            self.breathe();
            if self.states().keys().all(|state| !state.is_open()) {
                return;
            }
            self.clock.advance(Duration::from_secs(1));
        }
        panic!(
            "still open: {:?}; lanes: {:?}",
            self.states(),
            self.engine.lanes()
        );
    }

    pub(crate) fn states(&self) -> BTreeMap<State, usize> {
        self.ledger.states()
    }

    /// Sends to one number, however often it was written to before.
    pub(crate) fn send_to(&mut self, class: Class, to: &str) -> Result<DeliveryId, Refusal> {
        let request = SendRequest {
            template: class.as_str().into(),
            to: vec![Recipient {
                to: to.into(),
                ..Recipient::default()
            }],
            ..SendRequest::default()
        };
        Ok(self.ask(request)?.deliveries[0].id)
    }

    /// Sends to one number, not before `at`.
    pub(crate) fn schedule_to(
        &mut self,
        class: Class,
        to: &str,
        at: Timestamp,
    ) -> Result<DeliveryId, Refusal> {
        let request = SendRequest {
            template: class.as_str().into(),
            to: vec![Recipient {
                to: to.into(),
                ..Recipient::default()
            }],
            send_at: Some(at),
            ..SendRequest::default()
        };
        Ok(self.ask(request)?.deliveries[0].id)
    }

    /// Lets a held delivery go.
    pub(crate) fn release(&self, id: DeliveryId) -> Result<State, Refusal> {
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(self.engine.release(&caller(), id, None))
    }

    /// The process dies, and starts again this much later.
    pub(crate) fn outage(&mut self, time: Duration) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
        self.clock.advance(time);
        self.crash();
    }

    /// How a delivery stands, and the code of the reason it has.
    pub(crate) fn stands(&self, id: DeliveryId) -> (State, Option<String>) {
        let row = self.evidence(id).delivery;
        (row.state, row.reason.map(|reason| reason.code))
    }

    /// What was changed by itself at an account, oldest first.
    pub(crate) fn changes_of(&self, account: &str) -> Vec<String> {
        let subject = format!("account/{account}");
        let runtime = self.runtime.as_ref().unwrap();
        let entries = runtime.block_on(self.catalog.history(Some(&subject), 100));
        let entries = entries.unwrap().into_iter().rev();
        entries.map(|entry| entry.action).collect()
    }

    /// How an account does.
    pub(crate) fn account(&self, key: &str) -> AccountStatus {
        self.engine.account_status(key).unwrap()
    }

    /// Why a class waits.
    pub(crate) fn why_waits(&self, class: Class) -> Option<String> {
        let lanes = self.engine.lanes();
        let lane = lanes
            .into_iter()
            .find(|status| status.lane.class == class)?;
        lane.wait.reason
    }

    /// Messages the vendor took, doubles included.
    pub(crate) fn taken(&self) -> u32 {
        self.vendor.taken.lock().values().sum()
    }

    /// How often the vendor took this delivery.
    pub(crate) fn taken_of(&self, id: DeliveryId) -> u32 {
        self.vendor
            .taken
            .lock()
            .get(&id.to_string())
            .copied()
            .unwrap_or(0)
    }

    /// Recalls up to `most` waiting deliveries in the ledger, without the engine's knowledge.
    pub(crate) fn withdraw_waiting(&self, most: usize) -> Vec<DeliveryId> {
        let changes: Vec<_> = self
            .accepted
            .iter()
            .rev()
            .filter(|id| self.evidence(**id).delivery.state.is_waiting())
            .take(most)
            .map(|id| Change {
                delivery: *id,
                from: None,
                to: State::Recalled,
                due_at: None,
                reason: Reason::new("recalled", "by the test"),
            })
            .collect();
        let ids: Vec<_> = changes.iter().map(|change| change.delivery).collect();
        let runtime = self.runtime.as_ref().unwrap();
        let applied = runtime
            .block_on(self.ledger.change(changes, self.now()))
            .unwrap();
        assert!(applied.iter().all(|applied| *applied) && !ids.is_empty());
        ids
    }

    /// The most often the vendor took one delivery of this class.
    pub(crate) fn most_taken(&self, class: Class) -> u32 {
        let taken = self.vendor.taken.lock();
        self.accepted
            .iter()
            .filter(|id| self.evidence(**id).delivery.message.lane.class == class)
            .filter_map(|id| taken.get(&id.to_string()))
            .copied()
            .max()
            .unwrap_or(0)
    }

    pub(crate) fn evidence(&self, id: DeliveryId) -> austin_ports::ledger::Evidence {
        let runtime = self.runtime.as_ref().unwrap();
        runtime
            .block_on(self.ledger.evidence(id))
            .unwrap()
            .expect("accepted means durable")
    }

    /// Compares every delivery with what the vendor saw.
    pub(crate) fn audit(&self) {
        let taken = self.vendor.taken.lock().clone();
        for id in &self.accepted {
            let evidence = self.evidence(*id);
            let row = &evidence.delivery;
            let took = taken.get(&id.to_string()).copied().unwrap_or(0);
            let unknown = evidence
                .attempts
                .iter()
                .filter(|attempt| matches!(attempt.verdict, austin_domain::Verdict::Unknown(_)))
                .count();
            let story = || format!("{id} {:?} taken {took}: {:?}", row.state, evidence.attempts);
            assert!(!row.state.is_open(), "{}", story());
            assert_eq!(
                usize::from(row.attempts),
                evidence.attempts.len(),
                "{}",
                story()
            );
            if row.message.lane.class == Class::Verification {
                assert!(
                    took as usize <= 1 + unknown,
                    "a double without its reason: {}",
                    story()
                );
            } else {
                assert!(took <= 1, "sent twice: {}", story());
            }
            match row.state {
                State::Sent => assert!(took >= 1, "sent by nobody: {}", story()),
                State::Unknown => assert!(unknown >= 1, "{}", story()),
                State::Suppressed => {
                    assert!(took == 0 && row.reason.is_some(), "{}", story());
                }
                State::Failed | State::Expired => {
                    assert!(
                        took as usize <= unknown,
                        "taken and called failed: {}",
                        story()
                    );
                    assert!(row.reason.is_some(), "{}", story());
                }
                other => panic!("unexpected end {other}: {}", story()),
            }
        }
        let most_calls = self.vendor.calls.lock().1;
        let lanes = u32::try_from(Class::ALL.len()).unwrap();
        assert!(most_calls <= CALLS * lanes, "{most_calls} calls at a time");
    }
}

fn caller() -> Caller {
    Caller {
        app: AppId::from_u64(1),
        name: "shop".into(),
        team: "shop".into(),
        key: None,
        role: Role::Sender,
        request_id: "req_1".into(),
    }
}

const CALLS: u32 = 4;
/// What receipts of all accounts are signed with.
const TOKEN: &str = "test-token";

fn start(
    ledger: &Arc<MemoryLedger>,
    clock: &Arc<ManualClock>,
    vendor: &Arc<Vendor>,
    catalog: &Arc<dyn Catalog>,
    seed: u64,
) -> (Runtime, Engine) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let simulator: Arc<dyn Adapter> = Arc::new(Simulator::default());
    let parts = Parts {
        ledger: Arc::clone(ledger) as Arc<dyn Ledger>,
        catalog: Arc::clone(catalog),
        blobs: Arc::new(NoBlobs),
        meter: Arc::new(MemoryMeter::default()),
        lists: Arc::default(),
        suppressions: Arc::new(austin_testkit::MemorySuppressions::default()),
        wire: Arc::clone(vendor) as Arc<dyn Wire>,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::new(SeededEntropy::new(seed)),
        adapters: Adapters::new([simulator, Arc::new(Smtp::default()) as Arc<dyn Adapter>]),
        config: Config {
            lane_memory: 64,
            lane_calls: CALLS as usize,
            ..Config::default()
        },
    };
    let engine = Engine::new(parts, &mut Registry::default());
    runtime.block_on(engine.start()).unwrap();
    (runtime, engine)
}
