//! What people ask for: entries added and lifted, files taken.

use std::sync::Arc;

use austin_domain::suppression::{Reason, Source};
use austin_domain::{ImportId, SuppressionId};
use austin_ports::catalog::CatalogChange;
use austin_ports::suppressions::{Fate, ImportState, Lift, NewImport, NewSuppression, Suppression};
use serde_json::{Value, json};

use super::fields::{self, Ground, Written};
use super::import;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::refusal::{FieldFault, Refusal, RefusalCode};

/// Most characters of why an entry is lifted.
const MOST_WHY: usize = 500;

/// An entry as it is asked for. Its fields are named as in requests.
#[derive(Clone, Default)]
#[expect(missing_debug_implementations, reason = "holds an address")]
pub struct SuppressionDraft {
    /// A channel, or `all`.
    pub channel: Option<String>,
    /// The address, however it is written.
    pub to: String,
    /// Why; `manual` when it is not said.
    pub reason: Option<String>,
    /// When it ends, RFC 3339.
    pub until: Option<String>,
    /// For people.
    pub note: Option<String>,
}

/// A file as it is asked for.
#[derive(Clone, Debug, Default)]
pub struct ImportDraft {
    /// The channel of rows that name none, or `all`.
    pub channel: Option<String>,
    /// The reason of rows that name none; `manual` when it is not said.
    pub reason: Option<String>,
}

impl Engine {
    /// Puts an entry in force; one that is in force is changed. Whether it is new.
    ///
    /// # Errors
    /// Every field at fault; when the store fails.
    pub async fn suppress(
        &self,
        caller: &Caller,
        draft: &SuppressionDraft,
    ) -> Result<(Suppression, bool), Refusal> {
        let shared = self.shared();
        let now = shared.clock.now();
        let ground = Ground {
            channel: None,
            reason: Reason::Manual,
            region: shared.config.default_region.as_deref(),
            now,
        };
        let written = Written {
            channel: draft.channel.as_deref(),
            to: &draft.to,
            reason: draft.reason.as_deref(),
            until: draft.until.as_deref(),
            note: draft.note.as_deref().filter(|note| !note.is_empty()),
        };
        let checked = fields::check(written, &ground).map_err(|faults| {
            let faults = faults.into_iter();
            let faults = faults
                .map(|(name, code, detail)| FieldFault::new(format!("/{name}"), code, detail));
            Refusal::fields(faults.collect())
        })?;
        let entry = NewSuppression {
            channel: checked.channel,
            to: checked.to,
            reason: checked.reason,
            until: checked.until,
            source: Source::Api,
            cause: None,
            note: checked.note,
            author: caller.author(),
        };
        let store = &shared.suppressing.store;
        let put = store.put(vec![entry], now).await?;
        let put = put.first().copied().ok_or_else(vanished)?;
        let entry = store.get(put.id).await?.ok_or_else(vanished)?;
        let action = match put.fate {
            Fate::Created => Some("create"),
            Fate::Changed => Some("change"),
            Fate::Unchanged => None,
        };
        if let Some(action) = action {
            self.note(caller, &entry, action, None).await;
        }
        Ok((entry, put.fate == Fate::Created))
    }

    /// Lifts an entry; lifting it again changes nothing.
    ///
    /// # Errors
    /// `not_found`; the field at fault; when the store fails.
    pub async fn lift_suppression(
        &self,
        caller: &Caller,
        id: SuppressionId,
        why: Option<&str>,
    ) -> Result<Suppression, Refusal> {
        let why = why.map(str::trim).unwrap_or_default();
        let fault = if why.is_empty() {
            Some(("required", "say why it is lifted".to_owned()))
        } else if why.chars().count() > MOST_WHY {
            Some(("too_long", format!("must be at most {MOST_WHY} characters")))
        } else if why.chars().any(char::is_control) {
            let detail = "must not contain control characters".to_owned();
            Some(("control_character", detail))
        } else {
            None
        };
        if let Some((code, detail)) = fault {
            return Err(Refusal::fields(vec![FieldFault::new(
                "/reason", code, detail,
            )]));
        }
        let lift = Lift {
            author: caller.author(),
            source: Source::Api,
            why: Some(why.to_owned()),
        };
        let shared = self.shared();
        let store = &shared.suppressing.store;
        let (entry, ended) = store
            .lift(id, lift, shared.clock.now())
            .await?
            .ok_or_else(|| Refusal::new(RefusalCode::NotFound, "there is no such suppression"))?;
        if ended {
            self.note(caller, &entry, "lift", Some(why)).await;
        }
        Ok(entry)
    }

    /// Begins to take a file; its content follows by
    /// [`Imports::append_import`](austin_ports::suppressions::Imports::append_import).
    ///
    /// # Errors
    /// Every field at fault; when the store fails.
    pub async fn open_import(
        &self,
        caller: &Caller,
        draft: &ImportDraft,
    ) -> Result<ImportId, Refusal> {
        let mut faults = Vec::new();
        let mut wrong = |(name, code, detail): fields::Fault| {
            faults.push(FieldFault::new(format!("/{name}"), code, detail));
        };
        let channel = draft.channel.as_deref().map(fields::channel).transpose();
        let channel = channel.map_err(&mut wrong).ok();
        let reason = draft.reason.as_deref();
        let reason = reason.map_or(Ok(Reason::Manual), fields::reason);
        let reason = reason.map_err(&mut wrong).ok();
        let (Some(channel), Some(reason)) = (channel, reason) else {
            return Err(Refusal::fields(faults));
        };
        let asked = NewImport {
            channel,
            reason,
            author: caller.author(),
        };
        let shared = self.shared();
        let store = &shared.suppressing.store;
        Ok(store.open_import(asked, shared.clock.now()).await?)
    }

    /// Begins to read a file that has come completely.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start_import(&self, id: ImportId) -> Result<(), Refusal> {
        let shared = Arc::clone(self.shared());
        let store = &shared.suppressing.store;
        let row = store.import(id).await?.ok_or_else(vanished)?;
        let now = shared.clock.now();
        store
            .move_import(id, ImportState::Waiting, None, now)
            .await?;
        let tracker = shared.tracker.clone();
        tracker.spawn(import::run(shared, id, row.asked));
        Ok(())
    }

    /// Gives up a file that did not come completely.
    pub async fn abandon_import(&self, id: ImportId) {
        let shared = self.shared();
        let now = shared.clock.now();
        let fault = austin_ports::suppressions::RowFault {
            line: 0,
            column: String::new(),
            code: "incomplete".into(),
            detail: "the file did not come completely".into(),
        };
        let store = &shared.suppressing.store;
        let moved = store.move_import(id, ImportState::Failed, Some(fault), now);
        if let Err(error) = moved.await {
            tracing::warn!(%id, %error, "an incomplete import could not be ended");
        }
    }

    /// An entry in the audit trail; without its address.
    async fn note(
        &self,
        caller: &Caller,
        entry: &Suppression,
        action: &'static str,
        why: Option<&str>,
    ) {
        let shared = self.shared();
        let mut detail = json!({
            "channel": entry.channel.map_or(fields::ALL, |channel| channel.as_str()),
            "reason": entry.reason.as_str(),
            "until": entry.until.map(|until| until.to_string()),
        });
        if let Some(why) = why {
            detail["why"] = Value::from(why);
        }
        let change = CatalogChange::Note {
            subject: format!("suppression/{}", entry.id),
            action,
            detail,
        };
        let now = shared.clock.now();
        if let Err(error) = shared.catalog.change(change, &caller.author(), now).await {
            tracing::warn!(id = %entry.id, %error, "a suppression is not in the audit trail");
        }
    }
}

fn vanished() -> Refusal {
    let detail = "it was stored but cannot be read back";
    Refusal::new(RefusalCode::Unavailable, detail)
}
