//! Adapters that people upload: their versions, and which of them is used.
//!
//! The moves of a version are decided here, in plain data, so that every backend allows the same
//! ones: draft → checked → (canary) → active → retired; quarantined from anywhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use austin_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::CatalogError;

/// Greatest share of the traffic a canary may have, in per cent: the rest is what it is compared
/// with.
pub const MAX_CANARY_PERCENT: u8 = 50;

/// An adapter and all its versions.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterEntry {
    /// Its name.
    pub name: String,
    /// Versions that are not deleted, by number.
    pub versions: BTreeMap<u32, Arc<AdapterVersion>>,
    /// The number the next version gets; numbers are never used again.
    pub next: u32,
    /// The version that is used.
    pub active: Option<u32>,
    /// The version that was used before: where a rollback leads.
    pub former: Option<u32>,
    /// A version on trial.
    pub canary: Option<Canary>,
    /// When the active version last changed.
    pub switched_at: Timestamp,
}

/// A version on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Which.
    pub version: u32,
    /// Its share of the calls, 1 to [`MAX_CANARY_PERCENT`].
    pub percent: u8,
    /// Since when.
    pub since: Timestamp,
    /// When it becomes active by itself, if it does no worse until then.
    pub promote_after: Option<Duration>,
}

/// One version of an adapter. Its definition, script and examples never change.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterVersion {
    /// Counts from 1.
    pub number: u32,
    /// Descriptor and, without a script, everything else.
    pub definition: Value,
    /// JavaScript, where there is one.
    pub script: Option<String>,
    /// Recorded requests and answers it is checked against.
    pub examples: Value,
    /// What may be done with it.
    pub state: VersionState,
    /// Who uploaded it.
    pub author: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// When it last passed its check.
    pub checked_at: Option<Timestamp>,
    /// What was last found about it.
    pub note: Option<String>,
}

/// What may be done with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// Uploaded; not checked, or its check failed.
    Draft,
    /// Passed its check.
    Checked,
    /// On trial.
    Canary,
    /// Used.
    Active,
    /// Was used or on trial.
    Retired,
    /// Was stopped too often to be trusted; never used again.
    Quarantined,
}

impl VersionState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Draft,
        Self::Checked,
        Self::Canary,
        Self::Active,
        Self::Retired,
        Self::Quarantined,
    ];

    /// The word used in the API and in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Checked => "checked",
            Self::Canary => "canary",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Quarantined => "quarantined",
        }
    }

    /// The state with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What happens to versions of an adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdapterMove {
    /// A version was checked.
    Check {
        /// Which.
        version: u32,
        /// Whether it passed.
        passed: bool,
    },
    /// A checked version gets a share of the traffic.
    Canary {
        /// Which.
        version: u32,
        /// Its share, 1 to [`MAX_CANARY_PERCENT`].
        percent: u8,
        /// When it becomes active by itself.
        promote_after: Option<Duration>,
    },
    /// A checked version gets all the traffic.
    Activate {
        /// Which.
        version: u32,
    },
    /// The canary ends; without one the former version is active again.
    Rollback {
        /// Refused unless it is this version that loses its traffic.
        of: Option<u32>,
    },
    /// A version is not to be used any more. When it was active, the former one is again.
    Quarantine {
        /// Which.
        version: u32,
    },
}

impl AdapterMove {
    /// The word of the audit trail.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Check { .. } => "check",
            Self::Canary { .. } => "canary",
            Self::Activate { .. } => "activate",
            Self::Rollback { .. } => "rollback",
            Self::Quarantine { .. } => "quarantine",
        }
    }

    fn detail(&self) -> Value {
        match self {
            Self::Check { version, passed } => json!({ "version": version, "passed": passed }),
            Self::Canary {
                version,
                percent,
                promote_after,
            } => json!({
                "version": version, "percent": percent,
                "promote_after_seconds": promote_after.map(|after| after.as_secs()),
            }),
            Self::Activate { version } | Self::Quarantine { version } => {
                json!({ "version": version })
            }
            Self::Rollback { .. } => json!({}),
        }
    }
}

impl AdapterEntry {
    /// An adapter without a version.
    pub fn new(name: &str, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            versions: BTreeMap::new(),
            next: 1,
            active: None,
            former: None,
            canary: None,
            switched_at: now,
        }
    }

    /// The version with this number.
    pub fn version(&self, number: u32) -> Option<&Arc<AdapterVersion>> {
        self.versions.get(&number)
    }

    /// The newest version.
    pub fn newest(&self) -> Option<&Arc<AdapterVersion>> {
        self.versions.values().next_back()
    }

    /// Adds a version as a draft; its number.
    pub fn add(&mut self, version: AdapterVersion) -> u32 {
        let number = self.next;
        let version = AdapterVersion {
            number,
            state: VersionState::Draft,
            checked_at: None,
            ..version
        };
        self.versions.insert(number, Arc::new(version));
        self.next += 1;
        number
    }

    /// Makes a move; answers what the audit trail says of it. On an error nothing has changed.
    ///
    /// # Errors
    /// [`CatalogError::Missing`] without that version; [`CatalogError::InUse`] when the versions
    /// are not in a state for it.
    pub fn make(
        &mut self,
        step: &AdapterMove,
        note: Option<String>,
        now: Timestamp,
    ) -> Result<Value, CatalogError> {
        let mut detail = step.detail();
        match *step {
            AdapterMove::Check { version, passed } => self.check(version, passed, note, now)?,
            AdapterMove::Canary {
                version,
                percent,
                promote_after,
            } => self.try_out(version, percent, promote_after, note, now)?,
            AdapterMove::Activate { version } => self.activate(version, note, now)?,
            AdapterMove::Rollback { of } => {
                self.would_lose(of)?;
                let (from, to) = self.roll_back(note, now)?;
                detail["version"] = from.into();
                detail["to"] = to.into();
            }
            AdapterMove::Quarantine { version } => {
                detail["to"] = self.quarantine(version, note, now)?.into();
            }
        }
        Ok(detail)
    }

    /// Takes a version away.
    ///
    /// # Errors
    /// [`CatalogError::Missing`]; [`CatalogError::InUse`] while it is active, on trial or where a
    /// rollback leads.
    pub fn remove(&mut self, number: u32) -> Result<(), CatalogError> {
        self.known(number)?;
        let name = &self.name;
        let held = if self.active == Some(number) {
            Some("is active; activate another version first")
        } else if self.canary.as_ref().map(|canary| canary.version) == Some(number) {
            Some("is on trial; roll it back first")
        } else if self.former == Some(number) {
            Some("is what a rollback would lead to; activate another version first")
        } else {
            None
        };
        if let Some(why) = held {
            let detail = format!("version {number} of adapter {name} {why}");
            return Err(CatalogError::InUse(detail));
        }
        self.versions.remove(&number);
        Ok(())
    }

    fn check(
        &mut self,
        number: u32,
        passed: bool,
        note: Option<String>,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let version = self.known(number)?;
        let state = match (version.state, passed) {
            (VersionState::Draft, true) => VersionState::Checked,
            (VersionState::Checked, false) => VersionState::Draft,
            (state, _) => state,
        };
        let checked_at = if passed {
            Some(now)
        } else {
            version.checked_at
        };
        let version = AdapterVersion {
            checked_at,
            ..version
        };
        self.put(version, state, note);
        Ok(())
    }

    fn try_out(
        &mut self,
        number: u32,
        percent: u8,
        promote_after: Option<Duration>,
        note: Option<String>,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let version = self.known(number)?;
        let name = &self.name;
        let Some(active) = self.active else {
            let detail =
                format!("adapter {name} has no active version to compare with; activate one");
            return Err(CatalogError::InUse(detail));
        };
        if active == number {
            let detail = format!("version {number} of adapter {name} is active already");
            return Err(CatalogError::InUse(detail));
        }
        if !(1..=MAX_CANARY_PERCENT).contains(&percent) {
            let detail = format!("a canary has 1 to {MAX_CANARY_PERCENT} per cent of the traffic");
            return Err(CatalogError::InUse(detail));
        }
        let since = match &self.canary {
            Some(canary) if canary.version != number => {
                let detail = format!(
                    "version {} of adapter {name} is on trial already; roll it back first",
                    canary.version
                );
                return Err(CatalogError::InUse(detail));
            }
            Some(canary) => canary.since,
            None => now,
        };
        self.may_carry(&version)?;
        self.canary = Some(Canary {
            version: number,
            percent,
            since,
            promote_after,
        });
        self.put(version, VersionState::Canary, note);
        Ok(())
    }

    fn activate(
        &mut self,
        number: u32,
        note: Option<String>,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let version = self.known(number)?;
        if self.active == Some(number) {
            let detail = format!(
                "version {number} of adapter {} is active already",
                self.name
            );
            return Err(CatalogError::InUse(detail));
        }
        self.may_carry(&version)?;
        self.end_canary(None);
        let before = self.active;
        self.retire(before, None);
        self.former = before;
        self.active = Some(number);
        self.switched_at = now;
        self.put(version, VersionState::Active, note);
        Ok(())
    }

    fn would_lose(&self, of: Option<u32>) -> Result<(), CatalogError> {
        let loses = match &self.canary {
            Some(canary) => Some(canary.version),
            None => self.active,
        };
        match of {
            Some(of) if loses != Some(of) => Err(CatalogError::InUse(format!(
                "version {of} of adapter {} carries no traffic any more",
                self.name
            ))),
            _ => Ok(()),
        }
    }

    /// Where from and where to.
    fn roll_back(
        &mut self,
        note: Option<String>,
        now: Timestamp,
    ) -> Result<(Option<u32>, Option<u32>), CatalogError> {
        if let Some(canary) = self.canary.clone() {
            self.end_canary(note);
            return Ok((Some(canary.version), self.active));
        }
        let Some(former) = self.former else {
            let detail = format!(
                "adapter {} has no former version to roll back to",
                self.name
            );
            return Err(CatalogError::InUse(detail));
        };
        let from = self.active;
        self.retire(from, note);
        self.restore(former, now)?;
        Ok((from, Some(former)))
    }

    /// The version that is active instead, when the quarantined one was.
    fn quarantine(
        &mut self,
        number: u32,
        note: Option<String>,
        now: Timestamp,
    ) -> Result<Option<u32>, CatalogError> {
        let version = self.known(number)?;
        if self.canary.as_ref().map(|canary| canary.version) == Some(number) {
            self.canary = None;
        }
        if self.former == Some(number) {
            self.former = None;
        }
        self.put(version, VersionState::Quarantined, note);
        if self.active != Some(number) {
            return Ok(self.active);
        }
        match self.former {
            Some(former) => self.restore(former, now)?,
            None => {
                self.active = None;
                self.switched_at = now;
            }
        }
        Ok(self.active)
    }

    fn restore(&mut self, former: u32, now: Timestamp) -> Result<(), CatalogError> {
        let version = self.known(former)?;
        let note = version.note.clone();
        self.active = Some(former);
        self.former = None;
        self.switched_at = now;
        self.put(version, VersionState::Active, note);
        Ok(())
    }

    fn end_canary(&mut self, note: Option<String>) {
        if let Some(canary) = self.canary.take() {
            self.retire(Some(canary.version), note);
        }
    }

    fn retire(&mut self, number: Option<u32>, note: Option<String>) {
        let version = number.and_then(|number| self.versions.get(&number).cloned());
        if let Some(version) = version {
            let note = note.or_else(|| version.note.clone());
            self.put(AdapterVersion::clone(&version), VersionState::Retired, note);
        }
    }

    fn may_carry(&self, version: &AdapterVersion) -> Result<(), CatalogError> {
        let why = match version.state {
            VersionState::Draft => "has not passed its check",
            VersionState::Quarantined => "was quarantined; upload a mended one",
            VersionState::Checked
            | VersionState::Canary
            | VersionState::Active
            | VersionState::Retired => return Ok(()),
        };
        let (number, name) = (version.number, &self.name);
        let detail = format!("version {number} of adapter {name} {why}");
        Err(CatalogError::InUse(detail))
    }

    fn known(&self, number: u32) -> Result<AdapterVersion, CatalogError> {
        self.version(number)
            .map(|version| AdapterVersion::clone(version))
            .ok_or_else(|| {
                CatalogError::Missing(format!("version {number} of adapter {}", self.name))
            })
    }

    fn put(&mut self, version: AdapterVersion, state: VersionState, note: Option<String>) {
        let version = AdapterVersion {
            state,
            note,
            ..version
        };
        self.versions.insert(version.number, Arc::new(version));
    }
}

#[cfg(test)]
mod tests;
