//! An uploaded adapter as it is in place: its active version, a canary, and a probation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use austin_adapter_api::{Batching, LoadFault};
use austin_domain::Timestamp;
use austin_domain::canary::{REMEMBERED, Tally};
use austin_ports::catalog::{AdapterEntry, Canary};

use super::{Adapters, Loaded};

/// Everything uploaded, by name.
pub(crate) type Live = BTreeMap<String, Arc<LiveAdapter>>;

/// How long a version that took over at once is compared with what it took over from.
const PROBATION: Duration = Duration::from_secs(600);
/// When a version that did not load is tried again.
const LOAD_AGAIN: Duration = Duration::from_secs(10);

/// An uploaded adapter as it is in place.
pub(crate) struct LiveAdapter {
    entry: Arc<AdapterEntry>,
    /// The active version, or why there is none.
    active: Result<Arc<Loaded>, String>,
    trial: Option<Trial>,
    probation: Option<Probation>,
    /// When something did not load.
    failed_at: Option<Timestamp>,
}

/// A version on trial.
pub(crate) struct Trial {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) percent: u8,
    pub(crate) since: Timestamp,
    pub(crate) promote_after: Option<Duration>,
    /// Calls so far, the active version's included.
    pub(crate) turns: Arc<AtomicU64>,
}

/// The first while of a version that took over from another.
#[derive(Clone)]
pub(crate) struct Probation {
    pub(crate) since: Timestamp,
    pub(crate) former: u32,
    /// What the former version did just before.
    pub(crate) former_tally: Tally,
}

impl LiveAdapter {
    /// The adapter as `entry` wants it, as far as its versions load.
    pub(super) async fn renew(
        adapters: &Adapters,
        entry: &Arc<AdapterEntry>,
        before: Option<&Arc<Self>>,
        now: Timestamp,
    ) -> Self {
        let mut failed_at = None;
        let worked = before.and_then(|before| before.active.as_ref().ok());
        let active = match entry.active {
            None => Err(no_version(entry)),
            Some(number) => adapters.load(entry, number).await.or_else(|faults| {
                failed_at = Some(now);
                let why = not_loaded(entry, number, &faults);
                tracing::error!(adapter = %entry.name, version = number, "{why}");
                worked.map(Arc::clone).ok_or(why)
            }),
        };
        let trial = match &entry.canary {
            None => None,
            Some(canary) => match adapters.load(entry, canary.version).await {
                Ok(loaded) => Some(Trial::renew(canary, loaded, before)),
                Err(faults) => {
                    failed_at = Some(now);
                    let why = not_loaded(entry, canary.version, &faults);
                    tracing::error!(adapter = %entry.name, version = canary.version, "{why}");
                    None
                }
            },
        };
        let probation = active
            .as_ref()
            .ok()
            .and_then(|active| Probation::renew(active, entry, before, now));
        Self {
            entry: Arc::clone(entry),
            active,
            trial,
            probation,
            failed_at,
        }
    }

    /// Whether it is still what `entry` wants.
    pub(super) fn stands(&self, entry: &Arc<AdapterEntry>, now: Timestamp) -> bool {
        let again = |at: Timestamp| now >= at.plus(LOAD_AGAIN);
        Arc::ptr_eq(&self.entry, entry) && !self.failed_at.is_some_and(again)
    }

    pub(crate) const fn entry(&self) -> &Arc<AdapterEntry> {
        &self.entry
    }

    pub(crate) const fn active(&self) -> Option<&Arc<Loaded>> {
        match &self.active {
            Ok(loaded) => Some(loaded),
            Err(_) => None,
        }
    }

    /// Why there is no active version.
    pub(crate) fn why_not(&self) -> &str {
        match &self.active {
            Ok(_) => "",
            Err(why) => why,
        }
    }

    pub(crate) const fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    /// The probation of the active version, while it lasts and there is something to compare with.
    pub(crate) fn probation(&self, now: Timestamp) -> Option<&Probation> {
        self.probation
            .as_ref()
            .filter(|probation| now < probation.since.plus(PROBATION))
    }

    pub(crate) fn is_on_probation(&self, now: Timestamp) -> bool {
        self.probation(now).is_some()
    }

    /// What a call may carry, whichever version speaks in it.
    pub(super) fn batching(&self) -> Option<Batching> {
        let active = self.active()?.speaker.descriptor().batching;
        let Some(trial) = &self.trial else {
            return Some(active);
        };
        let canary = trial.loaded.speaker.descriptor().batching;
        Some(Batching {
            max_recipients: active.max_recipients.min(canary.max_recipients),
            same_content: active.same_content || canary.same_content,
        })
    }
}

impl Trial {
    fn renew(canary: &Canary, loaded: Arc<Loaded>, before: Option<&Arc<LiveAdapter>>) -> Self {
        let turns = before
            .and_then(|before| before.trial.as_ref())
            .filter(|trial| trial.loaded.number == canary.version)
            .map_or_else(Arc::default, |trial| Arc::clone(&trial.turns));
        Self {
            loaded,
            percent: canary.percent,
            since: canary.since,
            promote_after: canary.promote_after,
            turns,
        }
    }
}

impl Probation {
    fn renew(
        active: &Loaded,
        entry: &AdapterEntry,
        before: Option<&Arc<LiveAdapter>>,
        now: Timestamp,
    ) -> Option<Self> {
        let before = before?;
        let worked = before.active()?;
        if worked.number == active.number {
            return before.probation.clone();
        }
        // A rollback leads to what is known already.
        if entry.former != Some(worked.number) {
            return None;
        }
        let former_tally = worked.since(now.minus(REMEMBERED), now);
        former_tally.is_enough().then_some(Self {
            since: now,
            former: worked.number,
            former_tally,
        })
    }
}

fn no_version(entry: &AdapterEntry) -> String {
    let name = &entry.name;
    let quarantined = entry
        .versions
        .values()
        .rev()
        .find(|version| version.state == austin_ports::catalog::VersionState::Quarantined);
    match quarantined {
        Some(version) => format!(
            "adapter {name} has no active version: version {} was quarantined: {}",
            version.number,
            version
                .note
                .as_deref()
                .unwrap_or("it was stopped too often")
        ),
        None => format!("adapter {name} has no active version"),
    }
}

fn not_loaded(entry: &AdapterEntry, number: u32, faults: &[LoadFault]) -> String {
    let first = faults.first().map(ToString::to_string).unwrap_or_default();
    format!(
        "version {number} of adapter {} does not load: {first}",
        entry.name
    )
}
