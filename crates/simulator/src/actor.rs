//! Behaviours in force: each with its counters, its rules' state and its courier.
//!
//! Invariant: replacing a behaviour is one atomic exchange; calls under way finish by the old one,
//! and what the old one promised is still posted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::behaviour::{Behaviour, valid_name};
use crate::clock::Clock;
use crate::ledger::{Ledger, Mode};
use crate::questions::Issued;
use crate::rates::{Kind, Rates};
use crate::receipts::Courier;
use crate::rules::Engine;

/// What was counted under a name, whatever behaviour was in force.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) name: Arc<str>,
    pub(crate) rates: Rates,
    pub(crate) accepted: AtomicU64,
    pub(crate) calls: AtomicU64,
}

impl Tally {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            rates: Rates::default(),
            accepted: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        }
    }

    /// Counts a call of `messages` messages.
    pub(crate) fn called(&self, now_ms: i64, messages: usize) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.rates.add(now_ms, Kind::Calls, 1);
        self.rates.add(now_ms, Kind::Messages, messages as u64);
    }

    /// Counts accepted messages.
    pub(crate) fn accepted(&self, now_ms: i64, messages: u64) {
        self.accepted.fetch_add(messages, Ordering::Relaxed);
        self.rates.add(now_ms, Kind::Accepted, messages);
    }

    fn clear(&self) {
        self.accepted.store(0, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
        self.rates.clear();
    }
}

/// A behaviour in force.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) behaviour: Behaviour,
    pub(crate) tally: Arc<Tally>,
    pub(crate) rules: Engine,
    pub(crate) courier: Option<Arc<Courier>>,
    pub(crate) nonces: Nonces,
    pub(crate) issued: Issued,
    set_ms: i64,
}

impl Actor {
    /// Milliseconds since the behaviour was set.
    pub(crate) fn elapsed_ms(&self, now_ms: i64) -> u64 {
        u64::try_from(now_ms - self.set_ms).unwrap_or(0)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        if let Some(courier) = &self.courier {
            courier.retire();
        }
    }
}

/// The newest nonces of signed calls, to refuse a second use.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    seen: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashSet<Box<str>>,
    old: HashSet<Box<str>>,
}

impl Nonces {
    /// Whether `nonce` is new. Of the last 100,000 to 200,000 each is remembered.
    pub(crate) fn fresh(&self, nonce: &str) -> bool {
        let mut seen = self.seen.lock();
        let Generations { young, old } = &mut *seen;
        if old.contains(nonce) || !young.insert(nonce.into()) {
            return false;
        }
        if young.len() >= NONCES {
            *old = std::mem::take(young);
        }
        true
    }
}

/// Why a behaviour was not put in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The name cannot name a behaviour.
    #[error("`{0}` is no name: 1 to 64 letters, digits, `.`, `_` or `-`")]
    Name(String),
    /// The behaviour cannot be obeyed.
    #[error("{0}")]
    Behaviour(String),
    /// Too many names.
    #[error("there are already {NAMES_MOST} behaviours")]
    TooMany,
}

/// All behaviours in force, by name.
#[derive(Debug)]
pub(crate) struct Registry {
    actors: ArcSwap<HashMap<Box<str>, Arc<Actor>>>,
    default: ArcSwap<Actor>,
    tallies: Mutex<BTreeMap<Box<str>, Arc<Tally>>>,
    seed: u64,
    clock: Clock,
    ledger: Arc<Ledger>,
    stop: CancellationToken,
    receipts_waiting: usize,
}

/// What every actor needs from its simulator.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) stop: CancellationToken,
    pub(crate) receipts_waiting: usize,
}

impl Registry {
    /// A registry in which only the default behaviour acts, accepting everything.
    pub(crate) fn new(around: Surroundings) -> Self {
        let tally = Arc::new(Tally::new(DEFAULT));
        let default = Actor {
            behaviour: Behaviour::default(),
            tally: Arc::clone(&tally),
            rules: Engine::new(&[], around.seed),
            courier: None,
            nonces: Nonces::default(),
            issued: Issued::default(),
            set_ms: around.clock.now_ms(),
        };
        Self {
            actors: ArcSwap::default(),
            default: ArcSwap::from_pointee(default),
            tallies: Mutex::new(BTreeMap::from([(DEFAULT.into(), tally)])),
            seed: around.seed,
            clock: around.clock,
            ledger: around.ledger,
            stop: around.stop,
            receipts_waiting: around.receipts_waiting,
        }
    }

    /// The behaviour for calls that name none.
    pub(crate) fn default_actor(&self) -> Arc<Actor> {
        self.default.load_full()
    }

    /// The behaviour of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Actor>> {
        if name == DEFAULT {
            return Some(self.default_actor());
        }
        self.actors.load().get(name).map(Arc::clone)
    }

    /// Names in force, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.actors.load().keys().map(ToString::to_string).collect();
        names.push(DEFAULT.into());
        names.sort();
        names
    }

    /// Puts a behaviour in force; the counters of the name go on.
    pub(crate) fn set(&self, name: &str, behaviour: Behaviour) -> Result<Arc<Actor>, Refused> {
        if !valid_name(name) {
            return Err(Refused::Name(name.into()));
        }
        behaviour.check().map_err(Refused::Behaviour)?;
        let mut tallies = self.tallies.lock();
        if tallies.len() >= NAMES_MOST && !tallies.contains_key(name) {
            return Err(Refused::TooMany);
        }
        let tally = tallies
            .entry(name.into())
            .or_insert_with(|| Arc::new(Tally::new(name)));
        let actor = Arc::new(self.actor(behaviour, Arc::clone(tally)));
        if name == DEFAULT {
            self.default.store(Arc::clone(&actor));
        } else {
            let mut actors = HashMap::clone(&self.actors.load());
            actors.insert(name.into(), Arc::clone(&actor));
            self.actors.store(Arc::new(actors));
        }
        Ok(actor)
    }

    /// Takes a behaviour out of force; `default` goes back to accepting everything. False where
    /// there is none of that name.
    pub(crate) fn remove(&self, name: &str) -> bool {
        if name == DEFAULT {
            return self.set(DEFAULT, Behaviour::default()).is_ok();
        }
        // Held so that two changes cannot undo each other.
        let _tallies = self.tallies.lock();
        let mut actors = HashMap::clone(&self.actors.load());
        let known = actors.remove(name).is_some();
        self.actors.store(Arc::new(actors));
        known
    }

    /// Everything counted, by name, also of names no longer in force.
    pub(crate) fn tallies(&self) -> Vec<Arc<Tally>> {
        self.tallies.lock().values().map(Arc::clone).collect()
    }

    /// Sets all counters back.
    pub(crate) fn clear_counts(&self) {
        for tally in self.tallies() {
            tally.clear();
        }
    }

    /// Whether accepted messages are counted at all.
    pub(crate) fn counting(&self) -> bool {
        self.ledger.mode() != Mode::Off
    }

    fn actor(&self, behaviour: Behaviour, tally: Arc<Tally>) -> Actor {
        let seed = behaviour.seed.unwrap_or(self.seed);
        Actor {
            rules: Engine::new(&behaviour.rules, seed),
            courier: behaviour.receipts.clone().map(|plan| {
                Courier::start(
                    plan,
                    seed,
                    Arc::clone(&self.ledger),
                    self.stop.clone(),
                    self.receipts_waiting,
                )
            }),
            behaviour,
            tally,
            nonces: Nonces::default(),
            issued: Issued::default(),
            set_ms: self.clock.now_ms(),
        }
    }
}

/// The behaviour of calls that name none.
pub(crate) const DEFAULT: &str = "default";
const NAMES_MOST: usize = 1_000;
const NONCES: usize = 100_000;
