//! Suppressions as clients see them.

use austin_domain::{Timestamp, mask};
use austin_engine::Caller;
use austin_ports::catalog::Role;
use austin_ports::suppressions::{Event, Suppression};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::ALL;
use crate::instant::Instant;

/// Somebody who must not be messaged.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(super) struct SuppressionView {
    #[schema(example = "sup_04hmasw9nf6yg")]
    id: String,
    /// A channel, or `all`.
    channel: &'static str,
    /// The address; masked for readers.
    to: String,
    reason: &'static str,
    /// When it ends by itself.
    until: Option<Instant>,
    /// Whether it is in force.
    active: bool,
    /// How it came about.
    source: &'static str,
    /// The delivery that made it come about.
    #[schema(example = "dlv_04hmasw9nf6yg")]
    cause: Option<String>,
    note: Option<String>,
    /// `app/name`, or the source for what came by itself.
    author: String,
    created_at: Instant,
    lifted_at: Option<Instant>,
}

impl SuppressionView {
    pub(super) fn of(entry: &Suppression, caller: &Caller, now: Timestamp) -> Self {
        Self {
            id: entry.id.to_string(),
            channel: entry.channel.map_or(ALL, |channel| channel.as_str()),
            to: match caller.role {
                Role::Admin => entry.to.clone(),
                Role::Sender | Role::Reader => mask::address(&entry.to),
            },
            reason: entry.reason.as_str(),
            until: entry.until.map(Instant),
            active: entry.is_active(now),
            source: entry.source.as_str(),
            cause: entry.cause.map(|id| id.to_string()),
            note: entry.note.clone(),
            author: entry.author.clone(),
            created_at: entry.created_at.into(),
            lifted_at: entry.lifted_at.map(Instant),
        }
    }
}

/// One page of suppressions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuppressionPage {
    /// Newest first.
    pub(super) items: Vec<SuppressionView>,
    /// Give it as `cursor` for the next page; `null` at the end.
    pub(super) cursor: Option<String>,
}

/// A suppression and what happened to its address.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuppressionWithHistory {
    #[serde(flatten)]
    suppression: SuppressionView,
    /// Oldest first.
    history: Vec<EventView>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SuppressionEvent)]
struct EventView {
    at: Instant,
    /// The suppression.
    id: String,
    /// `created`, `changed` or `lifted`.
    event: &'static str,
    author: String,
    source: &'static str,
    /// When it ended by itself, after this.
    until: Option<Instant>,
    /// Its note after this; why it was lifted.
    note: Option<String>,
    cause: Option<String>,
}

impl SuppressionWithHistory {
    pub(super) fn of(suppression: SuppressionView, history: &[Event]) -> Self {
        let history = history.iter().map(|event| EventView {
            at: event.at.into(),
            id: event.id.to_string(),
            event: event.step.as_str(),
            author: event.author.clone(),
            source: event.source.as_str(),
            until: event.until.map(Instant),
            note: event.note.clone(),
            cause: event.cause.map(|id| id.to_string()),
        });
        Self {
            suppression,
            history: history.collect(),
        }
    }
}
