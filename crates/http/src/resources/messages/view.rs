//! A message as clients see it later.

use std::collections::BTreeMap;

use austin_domain::State;
use austin_ports::ledger::{AttachmentSource, MessageSummary};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{TemplateRef, WaitView};
use crate::access::Sight;
use crate::app::App;
use crate::instant::Instant;

/// A message and how its deliveries stand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageView {
    #[schema(example = "msg_04hmasw9nf6yf")]
    id: String,
    /// Name of the app that sent it.
    app: String,
    template: TemplateRef,
    channel: &'static str,
    class: &'static str,
    #[serde(rename = "ref")]
    reference: Option<String>,
    request_id: String,
    /// The only account that may send it.
    account: Option<String>,
    /// How many recipients were accepted.
    recipients: u32,
    /// How many deliveries are in each state.
    states: BTreeMap<&'static str, u32>,
    /// Values shared by all recipients, without secret ones; only for those who may see personal
    /// data.
    #[serde(skip_serializing_if = "Option::is_none")]
    vars: Option<BTreeMap<String, String>>,
    attachments: Vec<AttachmentView>,
    accepted_at: Instant,
    expires_at: Instant,
    /// What stands before a delivery that joins its lane now: at most this before those of the
    /// message that still wait to be sent. `null` when none does.
    wait: Option<WaitView>,
}

/// A file that goes with a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttachmentView)]
struct AttachmentView {
    name: String,
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl MessageView {
    pub(super) fn of(app: &App, summary: &MessageSummary, sight: Sight) -> Self {
        let snapshot = app.snapshot();
        let head = &summary.message;
        Self {
            id: head.id.to_string(),
            app: snapshot
                .apps
                .get(&head.app)
                .map_or_else(|| head.app.to_string(), |app| app.name.clone()),
            template: TemplateRef {
                key: crate::resources::deliveries::template_key(&snapshot, head.template),
                version: head.version,
            },
            channel: head.lane.channel.as_str(),
            class: head.lane.class.as_str(),
            reference: head.reference.clone(),
            request_id: head.request_id.clone(),
            account: head
                .account
                .map(|id| crate::resources::deliveries::account_key(&snapshot, id)),
            recipients: head.recipients,
            states: summary
                .states
                .iter()
                .map(|(state, count)| (state.as_str(), *count))
                .collect(),
            vars: sight.is_personal().then(|| summary.vars.as_ref().clone()),
            attachments: head
                .attachments
                .iter()
                .map(|attachment| {
                    let (upload, url) = match &attachment.source {
                        AttachmentSource::Upload(id) => (Some(id.clone()), None),
                        // A URL may carry a token.
                        AttachmentSource::Url(url) => (None, Some(sight.address(url))),
                    };
                    AttachmentView {
                        name: attachment.name.clone(),
                        content_type: attachment.content_type.clone(),
                        upload,
                        url,
                    }
                })
                .collect(),
            accepted_at: head.accepted_at.into(),
            expires_at: head.expires_at.into(),
            wait: summary
                .states
                .iter()
                .any(|(state, count)| *count > 0 && is_ready(*state))
                .then(|| app.engine.wait(head.lane).into()),
        }
    }
}

/// Whether a delivery in this state waits for its turn, not for a time.
fn is_ready(state: State) -> bool {
    matches!(state, State::Accepted | State::Queued)
}
