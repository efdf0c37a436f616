//! Uploaded adapters: versions go in as drafts, are checked, tried and put in place.
//!
//! A version is loaded before the catalog says that it is used, so that nothing that does not
//! load ever replaces what works.

use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{Descriptor, LoadFault, Source, Speaker, validate};
use austin_domain::{Verdict, span};
use austin_ports::catalog::adapter::MAX_CANARY_PERCENT;
use austin_ports::catalog::{
    AdapterEntry, AdapterMove, AdapterVersion, CatalogChange, VersionState,
};
use serde_json::Value;

use super::faults::Faults;
use super::{Registrar, missing, vanished};
use crate::adapters::{AdapterCheck, Examination, LiveReport, Workshop};
use crate::caller::Caller;
use crate::refusal::{FieldFault, Refusal, RefusalCode};

/// Most versions of one adapter.
const MAX_VERSIONS: usize = 100;
/// Most uploaded adapters.
const MAX_ADAPTERS: usize = 200;
/// Most bytes of a definition, a script, and examples.
const MAX_BYTES: usize = 1 << 20;
/// Longest trial that completes by itself, in seconds.
const MOST_TRIAL: u64 = 31 * 86_400;
/// Failures that are kept with a version; the answer has them all.
const NOTED: usize = 3;

/// A version as somebody wrote it.
#[derive(Clone, Debug)]
pub struct AdapterUpload {
    /// Descriptor and, without a script, everything else.
    pub definition: Value,
    /// JavaScript.
    pub script: Option<String>,
    /// Recorded requests and answers.
    pub examples: Value,
    /// Why.
    pub reason: Option<String>,
}

/// A trial as somebody asked for it.
#[derive(Clone, Debug)]
pub struct CanaryDraft {
    /// Which version.
    pub version: u32,
    /// Its share of the calls.
    pub percent: u8,
    /// When it becomes active by itself, e.g. `10m`.
    pub promote_after: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl Registrar<'_> {
    /// Takes a version as a draft. The same definition, script and examples as the newest
    /// version's make no new one.
    ///
    /// # Errors
    /// Every field at fault; `conflict` for the name of a built-in adapter.
    pub async fn upload_adapter(
        &self,
        caller: &Caller,
        name: &str,
        upload: AdapterUpload,
    ) -> Result<Arc<AdapterVersion>, Refusal> {
        let workshop = self.workshop()?;
        if self.adapters.built_in(name).is_some() {
            let detail = format!("{name} is a built-in adapter; give yours another name");
            return Err(Refusal::new(RefusalCode::Conflict, detail));
        }
        let mut faults = Faults::default();
        faults.key("/name", name);
        faults.line("/reason", upload.reason.as_deref().unwrap_or_default());
        sizes(&mut faults, &upload);
        faults.into_result()?;
        let stored = self.catalog.snapshot().adapters.get(name).map(Arc::clone);
        if let Some(newest) = stored.as_deref().and_then(AdapterEntry::newest)
            && newest.definition == upload.definition
            && newest.script == upload.script
            && newest.examples == upload.examples
        {
            return Ok(Arc::clone(newest));
        }
        self.has_room(stored.as_deref())?;
        let mut wrong = workshop.examiner.faults(&upload.examples);
        let source = Source {
            name: name.to_owned(),
            version: stored.map_or(1, |entry| entry.next),
            definition: upload.definition.clone(),
            script: upload.script.clone(),
        };
        if let Err(more) = self.adapters.read(&source).await {
            wrong.extend(more);
        }
        if !wrong.is_empty() {
            return Err(Refusal::fields(fields(wrong)));
        }
        let version = AdapterVersion {
            number: 0,
            definition: upload.definition,
            script: upload.script,
            examples: upload.examples,
            state: VersionState::Draft,
            author: caller.author(),
            reason: upload.reason,
            created_at: self.now(),
            checked_at: None,
            note: None,
        };
        let change = CatalogChange::AddAdapterVersion {
            adapter: name.to_owned(),
            version: Box::new(version),
        };
        let number = self
            .catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.adapter_version(name, u32::try_from(number).unwrap_or(0))
    }

    /// An uploaded adapter.
    ///
    /// # Errors
    /// `not_found`, also for built-in ones, which have no versions.
    pub fn adapter(&self, name: &str) -> Result<Arc<AdapterEntry>, Refusal> {
        let snapshot = self.catalog.snapshot();
        let stored = snapshot.adapters.get(name).map(Arc::clone);
        stored.ok_or_else(|| match self.adapters.built_in(name) {
            Some(_) => {
                let detail = format!("{name} is built in and has no versions");
                Refusal::new(RefusalCode::NotFound, detail)
            }
            None => missing("adapter", name),
        })
    }

    /// A version of an uploaded adapter.
    ///
    /// # Errors
    /// `not_found`.
    pub fn adapter_version(&self, name: &str, number: u32) -> Result<Arc<AdapterVersion>, Refusal> {
        let entry = self.adapter(name)?;
        entry.version(number).map(Arc::clone).ok_or_else(|| {
            let detail = format!("adapter {name} has no version {number}");
            Refusal::new(RefusalCode::NotFound, detail)
        })
    }

    /// A speaker of a version, for a check.
    pub(crate) async fn speaker_of(&self, name: &str, number: u32) -> Result<Speaker, Refusal> {
        let version = self.adapter_version(name, number)?;
        let source = Source {
            name: name.to_owned(),
            version: number,
            definition: version.definition.clone(),
            script: version.script.clone(),
        };
        let read = self.adapters.read(&source).await;
        read.map_err(|faults| Refusal::fields(fields(faults)))
    }

    /// What the accounts of a version need.
    ///
    /// # Errors
    /// `not_found`; what keeps it from loading.
    pub async fn adapter_descriptor(&self, name: &str, number: u32) -> Result<Descriptor, Refusal> {
        let speaker = self.speaker_of(name, number).await?;
        Ok(speaker.descriptor().clone())
    }

    /// Runs a version's examples and notes what they and `live` came to.
    pub(crate) async fn check_adapter(
        &self,
        caller: &Caller,
        name: &str,
        number: u32,
        speaker: &Speaker,
        live: Option<LiveReport>,
    ) -> Result<AdapterCheck, Refusal> {
        let version = self.adapter_version(name, number)?;
        let examiner = &self.workshop()?.examiner;
        let examples = examiner.examine(speaker, &version.examples).await;
        if examples.examples == 0 {
            let detail = format!(
                "version {number} of adapter {name} has no examples to check it by; upload it \
                 with at least one"
            );
            return Err(Refusal::new(RefusalCode::Conflict, detail));
        }
        let arrived = live
            .as_ref()
            .is_none_or(|live| matches!(live.verdict, Verdict::Accepted(_)));
        let passed = examples.failures.is_empty() && arrived;
        let note = said(&examples, live.as_ref());
        let step = AdapterMove::Check {
            version: number,
            passed,
        };
        self.move_adapter(caller, name, step, Some(note)).await?;
        Ok(AdapterCheck {
            passed,
            examples,
            live,
        })
    }

    /// Gives a checked version a share of the traffic.
    ///
    /// # Errors
    /// The fields at fault; `not_found`; `conflict` when it is not in a state for it.
    pub async fn try_adapter(
        &self,
        caller: &Caller,
        name: &str,
        draft: CanaryDraft,
    ) -> Result<Arc<AdapterEntry>, Refusal> {
        let mut faults = Faults::default();
        faults.line("/reason", draft.reason.as_deref().unwrap_or_default());
        if !(1..=MAX_CANARY_PERCENT).contains(&draft.percent) {
            let detail = format!(
                "must be from 1 to {MAX_CANARY_PERCENT}: the rest is what it is compared with"
            );
            faults.add("/percent", "out_of_range", detail);
        }
        let promote_after = draft.promote_after.as_deref().map(|text| {
            let seconds = span::parse(text).map(|span| span.as_secs());
            let seconds = seconds.filter(|seconds| (1..=MOST_TRIAL).contains(seconds));
            if seconds.is_none() {
                let detail = "must be a duration such as \"10m\" or \"2h\", at most 31 days";
                faults.add("/promote_after", "invalid_duration", detail);
            }
            Duration::from_secs(seconds.unwrap_or_default())
        });
        faults.into_result()?;
        self.loads(name, draft.version).await?;
        let step = AdapterMove::Canary {
            version: draft.version,
            percent: draft.percent,
            promote_after,
        };
        self.move_adapter(caller, name, step, draft.reason).await
    }

    /// Gives a checked version all the traffic. In force when this returns.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it is not in a state for it; what keeps it from loading.
    pub async fn activate_adapter(
        &self,
        caller: &Caller,
        name: &str,
        version: u32,
        reason: Option<String>,
    ) -> Result<Arc<AdapterEntry>, Refusal> {
        let mut faults = Faults::default();
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        faults.into_result()?;
        self.loads(name, version).await?;
        let step = AdapterMove::Activate { version };
        self.move_adapter(caller, name, step, reason).await
    }

    /// Ends the canary; without one, goes back to the former version.
    ///
    /// # Errors
    /// `not_found`; `conflict` when there is nothing to go back to.
    pub async fn roll_adapter_back(
        &self,
        caller: &Caller,
        name: &str,
        reason: Option<String>,
    ) -> Result<Arc<AdapterEntry>, Refusal> {
        let mut faults = Faults::default();
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        faults.into_result()?;
        let entry = self.adapter(name)?;
        // Accounts are not asked: a way back must not depend on what was configured since.
        if let (None, Some(former)) = (&entry.canary, entry.former) {
            let loaded = self.adapters.load(&entry, former).await;
            loaded.map_err(|faults| Refusal::fields(fields(faults)))?;
        }
        let step = AdapterMove::Rollback { of: None };
        self.move_adapter(caller, name, step, reason).await
    }

    /// Deletes a version.
    ///
    /// # Errors
    /// `not_found`; `conflict` while it is needed or calls of it are under way.
    pub async fn delete_adapter_version(
        &self,
        caller: &Caller,
        name: &str,
        version: u32,
    ) -> Result<(), Refusal> {
        self.adapter_version(name, version)?;
        let under_way = self.adapters.under_way(name, version);
        if under_way > 0 {
            let detail =
                format!("{under_way} calls of version {version} of adapter {name} are under way");
            return Err(Refusal::new(RefusalCode::Conflict, detail));
        }
        let change = CatalogChange::DeleteAdapterVersion {
            adapter: name.to_owned(),
            version,
        };
        self.make(caller, change).await
    }

    /// Deletes an adapter with all its versions.
    ///
    /// # Errors
    /// `not_found`; `conflict` while an account uses it: its receipts are still taken.
    pub async fn delete_adapter(&self, caller: &Caller, name: &str) -> Result<(), Refusal> {
        self.adapter(name)?;
        let change = CatalogChange::DeleteAdapter {
            adapter: name.to_owned(),
        };
        self.make(caller, change).await
    }

    async fn move_adapter(
        &self,
        caller: &Caller,
        name: &str,
        step: AdapterMove,
        note: Option<String>,
    ) -> Result<Arc<AdapterEntry>, Refusal> {
        let change = CatalogChange::MoveAdapter {
            adapter: name.to_owned(),
            step,
            note,
            figures: None,
        };
        self.make(caller, change).await?;
        self.adapter(name).map_err(|_| vanished("adapter"))
    }

    /// Makes a change and puts in place what it wants, so that the answer is the truth.
    async fn make(&self, caller: &Caller, change: CatalogChange) -> Result<(), Refusal> {
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.adapters
            .sync(&self.catalog.snapshot(), self.now())
            .await;
        Ok(())
    }

    /// Whether a version loads and every account of the adapter is what it asks for.
    async fn loads(&self, name: &str, number: u32) -> Result<(), Refusal> {
        let entry = self.adapter(name)?;
        let version = self.adapter_version(name, number)?;
        if matches!(
            version.state,
            VersionState::Draft | VersionState::Quarantined
        ) {
            // The store refuses it in its own words; there is nothing to load.
            return Ok(());
        }
        let loaded = self.adapters.load(&entry, number).await;
        let loaded = loaded.map_err(|faults| Refusal::fields(fields(faults)))?;
        let descriptor = loaded.speaker.descriptor();
        let snapshot = self.catalog.snapshot();
        let accounts = snapshot.accounts.values();
        for account in accounts.filter(|one| one.adapter == name && one.deleted_at.is_none()) {
            let faults = validate(descriptor, &account.settings, &account.secrets);
            let carries = descriptor.channels.contains(&account.channel);
            let why = match faults.first() {
                Some(fault) => format!("{} {}", fault.pointer, fault.detail),
                None if !carries => format!("it does not carry {}", account.channel),
                None => continue,
            };
            let detail = format!(
                "version {number} does not fit account {}: {why}",
                account.key
            );
            return Err(Refusal::new(RefusalCode::Conflict, detail));
        }
        Ok(())
    }

    fn has_room(&self, stored: Option<&AdapterEntry>) -> Result<(), Refusal> {
        let detail = match stored {
            Some(entry) if entry.versions.len() >= MAX_VERSIONS => {
                format!("an adapter has at most {MAX_VERSIONS} versions; delete old ones")
            }
            None if self.catalog.snapshot().adapters.len() >= MAX_ADAPTERS => {
                format!("there are at most {MAX_ADAPTERS} uploaded adapters; delete old ones")
            }
            _ => return Ok(()),
        };
        Err(Refusal::new(RefusalCode::Conflict, detail))
    }

    fn workshop(&self) -> Result<&Workshop, Refusal> {
        self.adapters.workshop().ok_or_else(|| {
            let detail = "this program takes no uploaded adapters";
            Refusal::new(RefusalCode::Conflict, detail)
        })
    }
}

fn sizes(faults: &mut Faults, upload: &AdapterUpload) {
    let script = upload.script.as_ref().map_or(0, String::len);
    for (pointer, bytes) in [
        ("/definition", upload.definition.to_string().len()),
        ("/script", script),
        ("/examples", upload.examples.to_string().len()),
    ] {
        if bytes > MAX_BYTES {
            faults.add(
                pointer,
                "too_long",
                format!("must be at most {MAX_BYTES} bytes"),
            );
        }
    }
}

/// What a check came to, in one line.
fn said(examples: &Examination, live: Option<&LiveReport>) -> String {
    let wrong: std::collections::BTreeSet<&str> = examples
        .failures
        .iter()
        .map(|failure| failure.example.as_str())
        .collect();
    let mut said = format!(
        "{} of {} examples as recorded",
        examples.examples - wrong.len().min(examples.examples),
        examples.examples
    );
    for failure in examples.failures.iter().take(NOTED) {
        said.push_str(&format!(
            "; {} {}: {}",
            failure.example, failure.pointer, failure.detail
        ));
    }
    if let Some(live) = live {
        let cause = live.verdict.cause();
        let cause = cause.map(|cause| format!(" ({}: {})", cause.code, cause.detail));
        said.push_str(&format!(
            "; live: {}{}",
            live.verdict.as_str(),
            cause.unwrap_or_default()
        ));
    }
    said.chars().take(2_000).collect()
}

fn fields(faults: Vec<LoadFault>) -> Vec<FieldFault> {
    faults
        .into_iter()
        .map(|fault| FieldFault::new(fault.pointer, fault.code, fault.detail))
        .collect()
}
