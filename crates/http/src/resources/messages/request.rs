//! A message as clients send it.

use austin_engine::send::SendRequest;
use austin_engine::{Refusal, RefusalCode};
use austin_ports::ledger::{AttachmentRef, AttachmentSource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Vars;
use super::recipients::{Recipients, ToSchemaDoc};
use crate::faults::Faults;
use crate::instant::Instant;
use crate::problem::Problem;

/// Most characters of an attachment's name and media type.
const MAX_NAME: usize = 255;

/// A message to send.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "template": "order-shipped",
    "to": ["+8613711112201", {"to": "+8613711112202", "vars": {"order": "B2"}}],
    "vars": {"order": "A1"}, "ref": "order-8812",
}))]
pub(super) struct MessageRequest {
    /// The template's key.
    template: String,
    #[schema(value_type = ToSchemaDoc)]
    to: Recipients,
    /// Values shared by all recipients.
    #[serde(default)]
    vars: Vars,
    /// Your own name for the message, at most 128 characters.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// Not before this.
    send_at: Option<Instant>,
    /// Not after this; else the class decides (verification 10 minutes, others 24 hours).
    expires_at: Option<Instant>,
    /// The key of the only account that may send it.
    account: Option<String>,
    /// Files that go with it; e-mail only, at most 10.
    #[serde(default)]
    attachments: Vec<AttachmentBody>,
}

/// A file that goes with a message: an upload or an https URL.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Attachment)]
pub(super) struct AttachmentBody {
    /// File name.
    #[schema(example = "invoice.pdf")]
    name: String,
    /// Media type; else what the URL's server states.
    content_type: Option<String>,
    /// Id of an upload, `upl_…`.
    upload: Option<String>,
    /// An https URL, fetched when the message is sent.
    url: Option<String>,
}

impl MessageRequest {
    /// The request as the engine takes it.
    pub(super) fn into_engine(self) -> Result<SendRequest, Problem> {
        if self.to.count > self.to.kept.len() {
            return Err(too_many(self.to.count));
        }
        let mut faults = Faults::default();
        let attachments = self
            .attachments
            .into_iter()
            .enumerate()
            .filter_map(|(index, attachment)| attachment.into_engine(&mut faults, index))
            .collect();
        faults.into_result()?;
        Ok(SendRequest {
            test: None,
            template: self.template,
            to: self.to.kept,
            vars: self.vars.into(),
            reference: self.reference,
            send_at: self.send_at.map(|at| at.0),
            expires_at: self.expires_at.map(|at| at.0),
            account: self.account,
            attachments,
        })
    }
}

impl AttachmentBody {
    fn into_engine(self, faults: &mut Faults, index: usize) -> Option<AttachmentRef> {
        let base = format!("/attachments/{index}");
        for (field, text) in [
            ("name", self.name.as_str()),
            ("content_type", self.content_type.as_deref().unwrap_or("-")),
        ] {
            if text.is_empty() || text.chars().count() > MAX_NAME {
                let detail = format!("must have 1 to {MAX_NAME} characters");
                faults.add(format!("{base}/{field}"), "invalid_length", detail);
            } else if text.chars().any(char::is_control) {
                let detail = "must not contain control characters";
                faults.add(format!("{base}/{field}"), "control_character", detail);
            }
        }
        let source = match (self.upload, self.url) {
            (Some(upload), None) if is_upload_id(&upload) => AttachmentSource::Upload(upload),
            (Some(_), None) => {
                let detail = "must be the id of an upload, upl_ and 64 hexadecimal digits";
                faults.add(format!("{base}/upload"), "invalid", detail);
                return None;
            }
            (None, Some(url)) if is_web_url(&url) => AttachmentSource::Url(url),
            (None, Some(_)) => {
                let detail = "must be an absolute https URL without user and password";
                faults.add(format!("{base}/url"), "bad_url", detail);
                return None;
            }
            (Some(_), Some(_)) | (None, None) => {
                faults.add(base, "required", "must have upload or url, one of them");
                return None;
            }
        };
        Some(AttachmentRef {
            name: self.name,
            content_type: self.content_type,
            source,
        })
    }
}

fn is_upload_id(text: &str) -> bool {
    text.strip_prefix("upl_").is_some_and(|digits| {
        digits.len() == 64
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// http is left to the wire, which allows it only where private targets are allowed.
fn is_web_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

#[cold]
fn too_many(count: usize) -> Problem {
    let detail = format!("{count} recipients; a message takes at most 1000");
    Problem::from(Refusal::new(RefusalCode::TooLarge, detail.clone())).with_error(
        "/to",
        "too_many_recipients",
        &detail,
    )
}
