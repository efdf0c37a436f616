//! Who speaks in one call, and what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use austin_adapter_api::{Batching, Speaker};
use austin_domain::canary::{Tally, Window, is_canarys_turn};
use austin_domain::{Timestamp, Verdict};
use parking_lot::Mutex;

use super::LiveAdapter;

/// A loaded version of an uploaded adapter.
pub(crate) struct Loaded {
    pub(crate) number: u32,
    pub(crate) speaker: Speaker,
    window: Mutex<Window>,
    under_way: AtomicU64,
}

impl Loaded {
    pub(crate) fn new(number: u32, speaker: Speaker) -> Self {
        Self {
            number,
            speaker,
            window: Mutex::default(),
            under_way: AtomicU64::new(0),
        }
    }

    /// What its attempts came to since then, at most five minutes back.
    pub(crate) fn since(&self, since: Timestamp, now: Timestamp) -> Tally {
        self.window.lock().since(since, now)
    }

    /// Its calls under way.
    pub(crate) fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Acquire)
    }
}

/// Who may speak for an account.
pub(crate) enum Voices {
    /// An adapter of this program.
    BuiltIn(Speaker),
    /// The versions of an uploaded one.
    Uploaded(Arc<LiveAdapter>),
}

impl Voices {
    pub(crate) const fn built_in(speaker: Speaker) -> Self {
        Self::BuiltIn(speaker)
    }

    pub(crate) const fn uploaded(live: Arc<LiveAdapter>) -> Self {
        Self::Uploaded(live)
    }

    /// What a call may carry, whoever speaks in it.
    pub(crate) fn batching(&self) -> Option<Batching> {
        match self {
            Self::BuiltIn(speaker) => Some(speaker.descriptor().batching),
            Self::Uploaded(live) => live.batching(),
        }
    }

    /// Who answers for the account besides sending: receipts and questions.
    pub(crate) fn answering(&self) -> Option<&Speaker> {
        match self {
            Self::BuiltIn(speaker) => Some(speaker),
            Self::Uploaded(live) => live.active().map(|loaded| &loaded.speaker),
        }
    }

    /// Who speaks in the next call: `usual`, but while a canary is on trial every so many calls
    /// are its own.
    pub(crate) fn next(&self, usual: &Speaker, now: Timestamp) -> Voice {
        let alone = || Voice::of(usual.clone(), None, false, now);
        let Self::Uploaded(live) = self else {
            return alone();
        };
        let Some(active) = live.active() else {
            return alone();
        };
        if let Some(trial) = live.trial() {
            let turn = trial.turns.fetch_add(1, Ordering::Relaxed);
            if is_canarys_turn(turn, trial.percent) {
                return Voice::loaded(&trial.loaded, true, now);
            }
        }
        Voice::loaded(active, live.is_on_probation(now), now)
    }
}

/// Who speaks in one call. Dropped without a record it counts as failed.
pub(crate) struct Voice {
    pub(crate) speaker: Speaker,
    /// Whether its failures may be its own rather than the account's.
    pub(crate) on_trial: bool,
    version: Option<Arc<Loaded>>,
    began: Timestamp,
    recorded: bool,
}

impl Voice {
    fn of(
        speaker: Speaker,
        version: Option<Arc<Loaded>>,
        on_trial: bool,
        began: Timestamp,
    ) -> Self {
        Self {
            speaker,
            on_trial,
            version,
            began,
            recorded: false,
        }
    }

    fn loaded(loaded: &Arc<Loaded>, on_trial: bool, now: Timestamp) -> Self {
        loaded.under_way.fetch_add(1, Ordering::AcqRel);
        let version = Some(Arc::clone(loaded));
        Self::of(loaded.speaker.clone(), version, on_trial, now)
    }

    /// The version that speaks, of an uploaded adapter.
    #[cfg(test)]
    pub(super) fn version(&self) -> Option<u32> {
        Some(self.version.as_ref()?.number)
    }

    /// The call is over.
    pub(crate) fn record(mut self, verdicts: &[Verdict], now: Timestamp) {
        self.recorded = true;
        if let Some(version) = &self.version {
            version.window.lock().add(now, Tally::of(verdicts));
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        let Some(version) = &self.version else {
            return;
        };
        version.under_way.fetch_sub(1, Ordering::AcqRel);
        if !self.recorded {
            let failed = Tally {
                calls: 1,
                attempts: 1,
                errors: 1,
                refused: 0,
            };
            version.window.lock().add(self.began, failed);
        }
    }
}
