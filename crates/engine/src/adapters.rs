//! The adapters this process knows, by name: built-in ones, and uploaded ones as the catalog has
//! them.
//!
//! Invariant: nothing is loaded on the way of a delivery. Versions are loaded by [`Adapters::load`]
//! and put in place by [`Adapters::sync`]; a version that does not load never replaces one that
//! works. The delivery path takes a `Voice` for each call, and a call ends with the voice it
//! began with.

mod examine;
pub(crate) mod keeper;
mod live;
mod voice;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use austin_adapter_api::{Adapter, LoadFault, Loader, Source, Speaker};
use austin_domain::Timestamp;
use austin_domain::canary::{REMEMBERED, Tally};
use austin_ports::catalog::{AdapterEntry, Snapshot};
use hashbrown::HashMap;
use parking_lot::Mutex;

pub(crate) use examine::send_one;
pub use examine::{AdapterCheck, Examination, Examiner, ExampleFailure, LiveDraft, LiveReport};
pub(crate) use live::{Live, LiveAdapter};
pub(crate) use voice::{Loaded, Voices};

/// The adapters this process knows. Clones share one set.
#[derive(Clone, Default)]
pub struct Adapters(Arc<Inner>);

#[derive(Default)]
struct Inner {
    built_in: BTreeMap<String, Speaker>,
    workshop: Option<Workshop>,
    live: ArcSwap<Live>,
    /// Loaded versions that are in use or may be again.
    loaded: Mutex<HashMap<(String, u32), Arc<Loaded>>>,
    syncing: tokio::sync::Mutex<()>,
}

/// What uploaded adapters are made and examined with.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "holds trait objects")]
pub struct Workshop {
    /// Turns sources into speakers.
    pub loader: Arc<dyn Loader>,
    /// Runs examples.
    pub examiner: Arc<dyn Examiner>,
}

impl Adapters {
    /// These built-in adapters, by the names in their descriptors; none can be uploaded.
    pub fn new(adapters: impl IntoIterator<Item = Arc<dyn Adapter>>) -> Self {
        Self::build(adapters, None)
    }

    /// These built-in adapters, and what is uploaded.
    pub fn with_workshop(
        adapters: impl IntoIterator<Item = Arc<dyn Adapter>>,
        workshop: Workshop,
    ) -> Self {
        Self::build(adapters, Some(workshop))
    }

    fn build(
        adapters: impl IntoIterator<Item = Arc<dyn Adapter>>,
        workshop: Option<Workshop>,
    ) -> Self {
        let built_in = adapters
            .into_iter()
            .map(|adapter| (adapter.descriptor().name.clone(), Speaker::Here(adapter)))
            .collect();
        Self(Arc::new(Inner {
            built_in,
            workshop,
            ..Inner::default()
        }))
    }

    /// The adapter with this name; of an uploaded one the active version.
    pub fn get(&self, name: &str) -> Option<Speaker> {
        if let Some(speaker) = self.0.built_in.get(name) {
            return Some(speaker.clone());
        }
        let live = self.0.live.load();
        Some(live.get(name)?.active()?.speaker.clone())
    }

    /// Why [`Adapters::get`] has no adapter with this name.
    pub fn why_not(&self, name: &str) -> String {
        match self.0.live.load().get(name) {
            Some(live) => live.why_not().to_owned(),
            None => format!("there is no adapter {name}"),
        }
    }

    /// All that can be used now, by name.
    pub fn all(&self) -> Vec<Speaker> {
        let live = self.0.live.load();
        let uploaded = live.iter().filter_map(|(name, live)| {
            let speaker = live.active()?.speaker.clone();
            Some((name.clone(), speaker))
        });
        let mut all: BTreeMap<String, Speaker> = self.0.built_in.clone();
        all.extend(uploaded);
        all.into_values().collect()
    }

    /// The built-in adapter with this name.
    pub fn built_in(&self, name: &str) -> Option<&Speaker> {
        self.0.built_in.get(name)
    }

    /// All built-in adapters, by name.
    pub fn all_built_in(&self) -> impl Iterator<Item = &Speaker> {
        self.0.built_in.values()
    }

    pub(crate) fn workshop(&self) -> Option<&Workshop> {
        self.0.workshop.as_ref()
    }

    /// What is in place now; the same pointer until something else is.
    pub(crate) fn live(&self) -> Arc<Live> {
        self.0.live.load_full()
    }

    /// Who speaks for accounts of the adapter `name`.
    pub(crate) fn voices(&self, live: &Live, name: &str) -> Result<Voices, String> {
        if let Some(speaker) = self.0.built_in.get(name) {
            return Ok(Voices::built_in(speaker.clone()));
        }
        let live = live.get(name);
        let live = live.ok_or_else(|| format!("there is no adapter {name}"))?;
        match live.active() {
            Some(_) => Ok(Voices::uploaded(Arc::clone(live))),
            None => Err(live.why_not().to_owned()),
        }
    }

    /// What a version's attempts came to in the last five minutes; `None` when it is not loaded.
    pub fn tally(&self, name: &str, version: u32, now: Timestamp) -> Option<Tally> {
        let loaded = self.0.loaded.lock();
        let loaded = loaded.get(&(name.to_owned(), version))?;
        Some(loaded.since(now.minus(REMEMBERED), now))
    }

    /// Calls of a version that are under way.
    pub fn under_way(&self, name: &str, version: u32) -> u64 {
        let loaded = self.0.loaded.lock();
        let loaded = loaded.get(&(name.to_owned(), version));
        loaded.map_or(0, |loaded| loaded.under_way())
    }

    /// Why an uploaded adapter cannot be used, when it cannot.
    pub fn fault(&self, name: &str) -> Option<String> {
        let live = self.0.live.load();
        let live = live.get(name)?;
        live.active().is_none().then(|| live.why_not().to_owned())
    }

    /// The version of an adapter that sends go to now; `None` for a built-in one.
    pub fn in_place(&self, name: &str) -> Option<u32> {
        Some(self.0.live.load().get(name)?.active()?.number)
    }

    /// Loads a version, unless it is loaded.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) async fn load(
        &self,
        entry: &AdapterEntry,
        number: u32,
    ) -> Result<Arc<Loaded>, Vec<LoadFault>> {
        let key = (entry.name.clone(), number);
        if let Some(loaded) = self.0.loaded.lock().get(&key) {
            return Ok(Arc::clone(loaded));
        }
        let version = entry
            .version(number)
            .ok_or_else(|| fault("/version", "not_found", "there is no such version"))?;
        let speaker = self
            .read(&Source {
                name: entry.name.clone(),
                version: number,
                definition: version.definition.clone(),
                script: version.script.clone(),
            })
            .await?;
        let fresh = Arc::new(Loaded::new(number, speaker));
        let mut loaded = self.0.loaded.lock();
        Ok(Arc::clone(loaded.entry(key).or_insert(fresh)))
    }

    /// A speaker of a source, kept nowhere.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) async fn read(&self, source: &Source) -> Result<Speaker, Vec<LoadFault>> {
        match &self.0.workshop {
            Some(workshop) => workshop.loader.load(source).await,
            None => Err(fault(
                "/definition",
                "not_supported",
                "this program takes no uploaded adapters",
            )),
        }
    }

    /// Puts in place what the catalog wants: loads what is missing, then swaps. What does not
    /// load leaves in place what works. Safe to run twice; runs one at a time.
    pub(crate) async fn sync(&self, snapshot: &Snapshot, now: Timestamp) {
        let _one = self.0.syncing.lock().await;
        let old = self.0.live.load_full();
        let mut next = Live::new();
        for (name, entry) in &snapshot.adapters {
            let before = old.get(name);
            let live = match before {
                Some(before) if before.stands(entry, now) => Arc::clone(before),
                _ => Arc::new(LiveAdapter::renew(self, entry, before, now).await),
            };
            next.insert(name.clone(), live);
        }
        let same = |(name, live): (&String, &Arc<LiveAdapter>)| {
            old.get(name).is_some_and(|old| Arc::ptr_eq(old, live))
        };
        if next.len() != old.len() || !next.iter().all(same) {
            self.0.live.store(Arc::new(next));
        }
        self.forget(snapshot);
    }

    /// Lets go of versions nobody may need soon; calls under way keep theirs.
    fn forget(&self, snapshot: &Snapshot) {
        self.0.loaded.lock().retain(|(name, number), loaded| {
            let Some(entry) = snapshot.adapters.get(name) else {
                return false;
            };
            let canary = entry.canary.as_ref().map(|canary| canary.version);
            [entry.active, entry.former, canary].contains(&Some(*number))
                || loaded.under_way() > 0
                || self.in_place(name) == Some(*number)
        });
    }
}

fn fault(pointer: &str, code: &'static str, detail: &str) -> Vec<LoadFault> {
    vec![LoadFault {
        pointer: pointer.into(),
        code,
        detail: detail.into(),
    }]
}

impl fmt::Debug for Adapters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.built_in.keys())
            .entries(self.0.live.load().keys())
            .finish()
    }
}

#[cfg(test)]
mod tests;
