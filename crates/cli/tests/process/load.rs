//! Clients that submit messages while the server comes and goes, and the account of what they
//! were promised.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use austin_testkit::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::rig::Rig;

/// How long deliveries may take to settle after the last start.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// A message that was answered with 202.
#[derive(Clone, Debug)]
struct Promise {
    message: String,
    class: &'static str,
    deliveries: Vec<String>,
}

/// Clients at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<Promise>>>,
}

struct Shared {
    address: SocketAddr,
    key: String,
    classes: Vec<&'static str>,
    // Deliveries that may still be submitted; negative when a message took more than was left.
    budget: AtomicI64,
    accepted: AtomicU64,
    people: AtomicU64,
    // Recipients of every message; `None` mixes crowds and singles.
    crowds_of: Option<i64>,
    finishing: tokio_util::sync::CancellationToken,
}

impl Load {
    /// Clients that submit nothing until [`Load::release`].
    pub(crate) fn start(
        address: SocketAddr,
        key: &str,
        classes: &[&'static str],
        clients: u64,
    ) -> Self {
        Self::with(address, key, classes, clients, None)
    }

    /// The same, but every message has so many recipients.
    pub(crate) fn of_crowds(
        address: SocketAddr,
        key: &str,
        classes: &[&'static str],
        clients: u64,
        people: i64,
    ) -> Self {
        Self::with(address, key, classes, clients, Some(people))
    }

    fn with(
        address: SocketAddr,
        key: &str,
        classes: &[&'static str],
        clients: u64,
        crowds_of: Option<i64>,
    ) -> Self {
        let shared = Arc::new(Shared {
            address,
            key: key.to_owned(),
            classes: classes.to_vec(),
            budget: AtomicI64::new(0),
            accepted: AtomicU64::new(0),
            people: AtomicU64::new(0),
            crowds_of,
            finishing: tokio_util::sync::CancellationToken::new(),
        });
        let clients = (0..clients)
            .map(|number| tokio::spawn(submit(shared.clone(), number)))
            .collect();
        Self { shared, clients }
    }

    /// Lets them submit so many deliveries more.
    pub(crate) fn release(&self, deliveries: u64) {
        let more = i64::try_from(deliveries).unwrap_or(0);
        self.shared.budget.fetch_add(more, Ordering::Relaxed);
    }

    /// Deliveries answered with 202 so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Waits until so many are accepted, or the time is over.
    pub(crate) async fn reached(&self, accepted: u64, within: Duration) {
        let end = Instant::now() + within;
        while self.accepted() < accepted && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until everything released is submitted; what was promised.
    pub(crate) async fn finish(self) -> Account {
        self.shared.finishing.cancel();
        let mut promises = Vec::new();
        for client in self.clients {
            promises.extend(client.await.expect("a client ended well"));
        }
        Account { promises }
    }
}

async fn submit(shared: Arc<Shared>, number: u64) -> Vec<Promise> {
    let mut client = Client::new(shared.address, shared.key.clone());
    let mut promises = Vec::new();
    for turn in number.. {
        // Singles outnumber crowds by requests, crowds outnumber singles by deliveries.
        let mixed = if turn % 3 == 0 { 100 } else { 1 };
        let people = shared.crowds_of.unwrap_or(mixed);
        while shared.budget.fetch_sub(people, Ordering::Relaxed) <= 0 {
            shared.budget.fetch_add(people, Ordering::Relaxed);
            if shared.finishing.is_cancelled() {
                return promises;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let class = shared.classes[usize::try_from(turn / 3).unwrap_or(0) % shared.classes.len()];
        let body = message(&shared, class, people);
        loop {
            // An error leaves open whether the message was taken: it is no promise, and the
            // next try is another message to the same people.
            match client.call("POST", "/v1/messages", Some(&body)).await {
                Ok(answer) if answer.status == 202 => {
                    let promise = promise(&answer.json, class);
                    assert_eq!(i64::try_from(promise.deliveries.len()), Ok(people));
                    let count = u64::try_from(people).unwrap_or(0);
                    shared.accepted.fetch_add(count, Ordering::Relaxed);
                    promises.push(promise);
                    break;
                }
                Ok(answer) if matches!(answer.status.as_u16(), 429 | 503) => {}
                Ok(answer) => panic!("{} {}", answer.status, answer.json),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    promises
}

fn message(shared: &Shared, class: &str, people: i64) -> Value {
    let count = u64::try_from(people).unwrap_or(0);
    let first = shared.people.fetch_add(count, Ordering::Relaxed);
    let to: Vec<String> = (first..first + count)
        .map(|person| format!("+86137{person:08}"))
        .collect();
    json!({"template": class, "to": to, "vars": {"code": "1234"}})
}

fn promise(answer: &Value, class: &'static str) -> Promise {
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    Promise {
        message: text(&answer["id"]),
        class,
        deliveries: answer["deliveries"]
            .as_array()
            .expect("deliveries")
            .iter()
            .map(|delivery| text(&delivery["id"]))
            .collect(),
    }
}

/// What was promised, to be compared with what became of it.
#[derive(Debug)]
pub(crate) struct Account {
    promises: Vec<Promise>,
}

/// Deliveries per state.
pub(crate) type States = BTreeMap<String, u64>;

impl Account {
    /// Deliveries promised.
    pub(crate) fn deliveries(&self) -> usize {
        self.promises
            .iter()
            .map(|promise| promise.deliveries.len())
            .sum()
    }

    /// Waits until everything has settled and holds it against the vendor's own ledger.
    ///
    /// # Panics
    /// When a delivery is missing, unexplained, or doubled against the policy of its class.
    pub(crate) async fn settle_up(&self, rig: &Rig) -> States {
        let states = self.settled(rig).await;
        self.hold_against_the_vendor(rig, &states).await;
        let mut totals: BTreeMap<&str, States> = BTreeMap::new();
        let mut all = States::new();
        for promise in &self.promises {
            for delivery in &promise.deliveries {
                let state = states[delivery].clone();
                *all.entry(state.clone()).or_default() += 1;
                *totals
                    .entry(promise.class)
                    .or_default()
                    .entry(state)
                    .or_default() += 1;
            }
        }
        println!("{} accepted: {totals:?}", self.deliveries());
        all
    }

    /// The state of every promised delivery, once none is open without an explanation.
    async fn settled(&self, rig: &Rig) -> HashMap<String, String> {
        let end = Instant::now() + SETTLED_WITHIN;
        let mut client = rig.client();
        let mut states = HashMap::new();
        for promise in &self.promises {
            loop {
                let found = deliveries(&mut client, &promise.message).await;
                let open = found.values().any(|(_, open)| *open);
                if open && Instant::now() < end {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
                for id in &promise.deliveries {
                    let (state, open) = found
                        .get(id)
                        .unwrap_or_else(|| panic!("{id} of {} is missing", promise.message));
                    assert!(!open, "{id} ({}) is still {state}", promise.class);
                    states.insert(id.clone(), state.clone());
                }
                break;
            }
        }
        states
    }

    async fn hold_against_the_vendor(&self, rig: &Rig, states: &HashMap<String, String>) {
        let summary = rig.accepted_by_vendor().await;
        let classes: HashMap<&str, &str> = self
            .promises
            .iter()
            .flat_map(|promise| {
                promise
                    .deliveries
                    .iter()
                    .map(|id| (id.as_str(), promise.class))
            })
            .collect();
        let mut resent = 0;
        for doubled in summary["doubled"].as_array().expect("a list of doubles") {
            let id = doubled["reference"].as_str().expect("a reference");
            // A message whose answer was lost is no promise, but its class counts all the same.
            let delivery = rig.client().get(&format!("/v1/deliveries/{id}")).await;
            let class = delivery["class"].as_str().unwrap_or_default();
            assert!(classes.get(id).is_none_or(|known| *known == class));
            assert_eq!(class, "verification", "sent twice: {delivery:#}");
            assert!(
                delivery["attempts"].to_string().contains("unknown"),
                "sent twice without saying that the first outcome is unknown: {delivery:#}"
            );
            resent += 1;
        }
        assert_eq!(
            summary["doubled_count"],
            json!(resent),
            "more doubles than the vendor lists"
        );
        let taken = |state: &str| matches!(state, "sent" | "delivered" | "undelivered");
        let sent = states.values().filter(|state| taken(state)).count();
        let distinct = summary["distinct_references"].as_u64().unwrap_or(0);
        assert!(
            u64::try_from(sent).unwrap_or(0) <= distinct,
            "{sent} deliveries say that the vendor took them, the vendor knows {distinct}"
        );
        // Evenly over the run, each delivery that says sent is known to the vendor.
        let mut control = rig.control();
        for (id, _) in states.iter().filter(|(_, state)| taken(state)).step_by(97) {
            let known = control
                .get(&format!("/control/ledger?reference={id}"))
                .await;
            assert!(known["count"].as_u64() >= Some(1), "{id}: {known}");
        }
        println!(
            "the vendor took {} messages, {resent} of them again after an unknown outcome",
            summary["accepted"]
        );
    }
}

/// State and openness of each delivery of a message.
async fn deliveries(client: &mut Client, message: &str) -> HashMap<String, (String, bool)> {
    let mut found = HashMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/messages/{message}/deliveries?limit=100{cursor}");
        let page = client.get(&path).await;
        for item in page["items"].as_array().expect("items") {
            let word = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let state = word("state");
            let open = matches!(
                state.as_str(),
                "accepted" | "scheduled" | "held" | "queued" | "sending"
            );
            found.insert(word("id"), (state, open));
        }
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}
