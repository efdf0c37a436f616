//! The steps of a template's life, and who may take them.

use std::sync::Arc;

use austin_domain::template::{Ownership, Step, TemplateState, Version, VersionState};
use austin_ports::catalog::{CatalogChange, TemplateEntry};

use super::owned;
use crate::caller::Caller;
use crate::manage::approval::{Approval, approval};
use crate::manage::faults::Faults;
use crate::manage::{Registrar, missing};
use crate::refusal::{Refusal, RefusalCode};

/// A new owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Who answers for it from now on; the line of business stays when it is empty.
    pub owner: Ownership,
    /// Why, for people.
    pub reason: String,
}

type Answered = Result<Arc<TemplateEntry>, Refusal>;

impl Registrar<'_> {
    /// Submits a version, the newest draft when none is named. Where its author may publish, it
    /// goes live in the same step. What is submitted, live or in use already stays as it is.
    ///
    /// # Errors
    /// `not_found`; `conflict` when there is nothing to submit; the fields that ownership lacks.
    pub async fn submit_template(
        &self,
        caller: &Caller,
        key: &str,
        version: Option<u32>,
        reason: Option<String>,
    ) -> Answered {
        let entry = self.template(key)?;
        let life = entry.life();
        let Some(number) = version.or_else(|| life.newest(|state| state == VersionState::Draft))
        else {
            let waits = life
                .newest(|state| state == VersionState::Submitted)
                .is_some();
            if waits || life.state == TemplateState::Enabled {
                return Ok(entry);
            }
            let detail = format!(
                "the template is {} and has no draft to submit; enable it, or add a version",
                life.state
            );
            return Err(Refusal::new(RefusalCode::Conflict, detail));
        };
        let version = version_of(&entry, number)?;
        if matches!(
            version.standing.state,
            VersionState::Submitted | VersionState::Live
        ) {
            return Ok(entry);
        }
        let steps = match version.standing.state {
            VersionState::Draft => self.leading_to_live(&entry, version)?,
            // The table of steps says why not.
            _ => vec![Step::Submit(number)],
        };
        self.take(caller, key, steps, reason).await
    }

    /// Takes back a version that waits for approval or has it: the newest of those when none is
    /// named.
    ///
    /// # Errors
    /// `not_found`; `conflict` when none waits.
    pub async fn withdraw_template(
        &self,
        caller: &Caller,
        key: &str,
        version: Option<u32>,
        reason: Option<String>,
    ) -> Answered {
        let (_, number) = self.waiting(key, version, "withdraw")?;
        self.take(caller, key, vec![Step::Withdraw(number)], reason)
            .await
    }

    /// Sends a version that waits for approval, or has it, back to its author.
    ///
    /// # Errors
    /// `not_found`; `conflict` when none waits; a missing reason.
    pub async fn reject_template(
        &self,
        caller: &Caller,
        key: &str,
        version: Option<u32>,
        reason: Option<String>,
    ) -> Answered {
        let (_, number) = self.waiting(key, version, "reject")?;
        let mut faults = Faults::default();
        if reason.as_deref().unwrap_or_default().trim().is_empty() {
            faults.add(
                "/reason",
                "required",
                "must say what its author is to change",
            );
        }
        faults.into_result()?;
        self.take(caller, key, vec![Step::Reject(number)], reason)
            .await
    }

    /// Approves a version that waits for it, and makes it live as well when `publish` says so.
    ///
    /// # Errors
    /// `not_found`; `conflict` when none waits; `forbidden` for its author where another must
    /// approve.
    pub async fn approve_template(
        &self,
        caller: &Caller,
        key: &str,
        (version, publish): (Option<u32>, bool),
        reason: Option<String>,
    ) -> Answered {
        let (entry, number) = self.waiting(key, version, "approve")?;
        let version = version_of(&entry, number)?;
        let needed = approval(&self.catalog.snapshot(), &entry.template, version);
        if needed.required && !needed.self_allowed && caller.author() == version.author {
            return Err(not_oneself(version, &needed));
        }
        let mut steps = vec![Step::Approve(number)];
        steps.extend(publish.then_some(Step::Publish(number)));
        self.take(caller, key, steps, reason).await
    }

    /// Makes an approved version live: the newest approved when none is named.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it is not approved.
    pub async fn publish_template(
        &self,
        caller: &Caller,
        key: &str,
        version: Option<u32>,
        reason: Option<String>,
    ) -> Answered {
        let entry = self.template(key)?;
        let approved = || entry.life().newest(|state| state == VersionState::Approved);
        let number = version
            .or_else(approved)
            .ok_or_else(|| nothing("no version is approved and waits to be published"))?;
        if version_of(&entry, number)?.standing.state == VersionState::Live {
            return Ok(entry);
        }
        self.take(caller, key, vec![Step::Publish(number)], reason)
            .await
    }

    /// Makes a version that was live before live again: the one live last when none is named.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it was never live.
    pub async fn revert_template(
        &self,
        caller: &Caller,
        key: &str,
        version: Option<u32>,
        reason: Option<String>,
    ) -> Answered {
        let entry = self.template(key)?;
        let number = version
            .or_else(|| live_before(&entry))
            .ok_or_else(|| nothing("no earlier version was live"))?;
        let state = version_of(&entry, number)?.standing.state;
        if state != VersionState::Retired {
            let detail = format!("version {number} is {state}; revert takes one that was live");
            return Err(nothing(&detail));
        }
        self.take(caller, key, vec![Step::Publish(number)], reason)
            .await
    }

    /// Puts a template in use: one that was switched off, or a new one with the version that is
    /// named or approved last; a draft where its author may publish. With a version, that one is
    /// live afterwards. Doing it twice changes nothing.
    ///
    /// # Errors
    /// `not_found`; `conflict` when there is nothing that may be in use.
    pub async fn enable_template(
        &self,
        caller: &Caller,
        key: &str,
        version: Option<u32>,
        reason: Option<String>,
    ) -> Answered {
        let entry = self.template(key)?;
        let life = entry.life();
        let mut steps = Vec::new();
        if !life.was_live() && life.state != TemplateState::Archived {
            let number = version
                .or_else(|| life.newest(|state| state == VersionState::Approved))
                .unwrap_or(life.current);
            let version = version_of(&entry, number)?;
            steps = self.leading_to_live(&entry, version)?;
            if steps.last() != Some(&Step::Publish(number)) {
                let detail = format!(
                    "version {number} is {} and needs an approval first: submit it, and have \
                     somebody other than {} approve it",
                    version.standing.state, version.author
                );
                return Err(nothing(&detail));
            }
        } else if let Some(number) = version
            && version_of(&entry, number)?.standing.state != VersionState::Live
        {
            steps.push(Step::Publish(number));
        }
        if life.was_live() && life.state != TemplateState::Enabled {
            steps.push(Step::Enable);
        } else if life.state == TemplateState::Archived {
            let detail = "the template is archived; restore it first";
            return Err(nothing(detail));
        }
        if steps.is_empty() {
            return Ok(entry);
        }
        self.take(caller, key, steps, reason).await
    }

    /// Switches a template off: sends are refused and what waits is stopped, with the reason.
    /// Doing it twice changes nothing.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it is not in use.
    pub async fn disable_template(
        &self,
        caller: &Caller,
        key: &str,
        reason: Option<String>,
    ) -> Answered {
        let done = TemplateState::Disabled;
        self.switch(caller, key, (Step::Disable, done), reason)
            .await
    }

    /// Puts a template away. One that is in use must be switched off first. Its versions stay
    /// readable for ever, for the deliveries that name them. Doing it twice changes nothing.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it is in use.
    pub async fn archive_template(
        &self,
        caller: &Caller,
        key: &str,
        reason: Option<String>,
    ) -> Answered {
        let done = TemplateState::Archived;
        self.switch(caller, key, (Step::Archive, done), reason)
            .await
    }

    /// Takes an archived template out again; one that had been in use is switched off then.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it is not archived.
    pub async fn restore_template(
        &self,
        caller: &Caller,
        key: &str,
        reason: Option<String>,
    ) -> Answered {
        self.template(key)?;
        self.take(caller, key, vec![Step::Restore], reason).await
    }

    /// Gives a template to another team.
    ///
    /// # Errors
    /// `not_found`; every field at fault.
    pub async fn transfer_template(
        &self,
        caller: &Caller,
        key: &str,
        transfer: Transfer,
    ) -> Answered {
        let entry = self.template(key)?;
        let Transfer { mut owner, reason } = transfer;
        if owner.business.trim().is_empty() {
            owner.business.clone_from(&entry.template.owner.business);
        }
        let mut faults = Faults::default();
        owned(&mut faults, &owner);
        if owner.team == entry.template.owner.team {
            let detail = "owns it already; change the rest of its ownership with PUT";
            faults.add("/team", "unchanged", detail);
        }
        if reason.trim().is_empty() {
            faults.add("/reason", "required", "must say why it changes hands");
        }
        faults.line("/reason", &reason);
        faults.into_result()?;
        let change = CatalogChange::TransferTemplate {
            template: key.to_owned(),
            owner,
            reason,
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.template(key)
    }

    async fn switch(
        &self,
        caller: &Caller,
        key: &str,
        (step, done): (Step, TemplateState),
        reason: Option<String>,
    ) -> Answered {
        let entry = self.template(key)?;
        if entry.template.state == done {
            return Ok(entry);
        }
        self.take(caller, key, vec![step], reason).await
    }

    /// The steps that a version lacks until it is live, as far as they may be taken at once.
    fn leading_to_live(
        &self,
        entry: &TemplateEntry,
        version: &Version,
    ) -> Result<Vec<Step>, Refusal> {
        let mut faults = Faults::default();
        owned(&mut faults, &entry.template.owner);
        faults.into_result()?;
        let number = version.number;
        let at_once = approval(&self.catalog.snapshot(), &entry.template, version).in_one_step();
        Ok(match (version.standing.state, at_once) {
            (VersionState::Draft, true) => vec![
                Step::Submit(number),
                Step::Approve(number),
                Step::Publish(number),
            ],
            (VersionState::Draft, false) => vec![Step::Submit(number)],
            (VersionState::Submitted, true) => vec![Step::Approve(number), Step::Publish(number)],
            (VersionState::Submitted, false) => Vec::new(),
            (VersionState::Approved | VersionState::Retired, _) => vec![Step::Publish(number)],
            (VersionState::Live, _) => Vec::new(),
        })
    }

    /// The version that waits for approval or has it: the one named, else the newest.
    fn waiting(
        &self,
        key: &str,
        version: Option<u32>,
        step: &str,
    ) -> Result<(Arc<TemplateEntry>, u32), Refusal> {
        let entry = self.template(key)?;
        let life = entry.life();
        let number = version
            .or_else(|| life.newest(|state| state == VersionState::Submitted))
            .or_else(|| life.newest(|state| state == VersionState::Approved))
            .ok_or_else(|| nothing(&format!("no version is submitted; nothing to {step}")))?;
        Ok((entry, number))
    }

    async fn take(
        &self,
        caller: &Caller,
        key: &str,
        steps: Vec<Step>,
        reason: Option<String>,
    ) -> Answered {
        let mut faults = Faults::default();
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        faults.into_result()?;
        let change = CatalogChange::MoveTemplate {
            template: key.to_owned(),
            steps,
            reason: reason.filter(|reason| !reason.trim().is_empty()),
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.template(key)
    }
}

fn version_of(entry: &TemplateEntry, number: u32) -> Result<&Arc<Version>, Refusal> {
    let key = &entry.template.key;
    entry
        .version(number)
        .ok_or_else(|| missing(&format!("version {number} of template"), key))
}

/// The version that was live before the present one.
fn live_before(entry: &TemplateEntry) -> Option<u32> {
    let retired = entry
        .versions
        .iter()
        .filter(|version| version.standing.state == VersionState::Retired);
    retired
        .max_by_key(|version| {
            let since = version.standing.last.as_ref().map(|(_, mark)| mark.at);
            (since, version.number)
        })
        .map(|version| version.number)
}

fn not_oneself(version: &Version, needed: &Approval) -> Refusal {
    let detail = format!(
        "version {} was written by {}; the rule {} ({}) asks for an approver other than its author",
        version.number, version.author, needed.rule.part, needed.rule.name
    );
    Refusal::new(RefusalCode::Forbidden, detail)
}

fn nothing(detail: &str) -> Refusal {
    Refusal::new(RefusalCode::Conflict, detail)
}
