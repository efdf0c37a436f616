//! A send request as the engine takes it, and its answer.

use austin_domain::{DeliveryId, MessageId, Reason, State, Timestamp};
use austin_ports::ledger::AttachmentRef;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One message to send: a template and its recipients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SendRequest {
    /// The template's key.
    pub template: String,
    /// 1 to 1,000 recipients.
    pub to: Vec<Recipient>,
    /// Values shared by all recipients.
    pub vars: Map<String, Value>,
    /// The caller's own name for the message, at most 128 characters.
    pub reference: Option<String>,
    /// Not before this.
    pub send_at: Option<Timestamp>,
    /// Not after this.
    pub expires_at: Option<Timestamp>,
    /// The key of the only account that may send it.
    pub account: Option<String>,
    /// Files that go with it (e-mail).
    pub attachments: Vec<AttachmentRef>,
    /// The version that is tried out, whether it is live or not; `None` for what is not a test.
    /// Whoever sets it has made sure that all recipients agreed to be tested on.
    pub test: Option<u32>,
}

/// One recipient of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipient {
    /// The address as the caller wrote it.
    pub to: String,
    /// Values for this recipient, over the shared ones.
    pub vars: Map<String, Value>,
    /// The caller's own name for this delivery, at most 128 characters.
    pub reference: Option<String>,
    /// BCP 47 language of the recipient, kept for template locales.
    pub locale: Option<String>,
    /// IANA time zone of the recipient, kept for quiet hours.
    pub time_zone: Option<String>,
}

/// What became of a send request.
#[derive(Clone, Debug, PartialEq)]
pub struct SendAnswer {
    /// The message.
    pub id: MessageId,
    /// The template's key.
    pub template: String,
    /// The version that is sent.
    pub version: u32,
    /// How many recipients were accepted.
    pub accepted: u32,
    /// Recipients that were not, by their index in the request.
    pub rejected: Vec<Rejected>,
    /// The accepted ones in the order of the request.
    pub deliveries: Vec<DeliveryAnswer>,
    /// What stands before it.
    pub wait: Wait,
}

/// A recipient that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Index in the request's `to`.
    pub index: u32,
    /// The address as the caller wrote it.
    pub to: String,
    /// Stable code: `invalid_recipient`, `duplicate_recipient`, `missing_variable`, ….
    pub code: String,
    /// One sentence.
    pub detail: String,
}

/// A delivery as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAnswer {
    /// Its id.
    pub id: DeliveryId,
    /// Canonical address.
    pub to: String,
    /// `accepted`, `scheduled`, `held` or `suppressed`.
    pub state: State,
    /// Why it is not simply accepted.
    pub reason: Option<Reason>,
}

/// What stands before a delivery.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// Deliveries ahead of it in its lane.
    pub ahead: u64,
    /// Seconds until its turn, estimated from the lane's present rate.
    pub seconds: u64,
    /// Why it waits; `None` when it does not.
    pub reason: Option<String>,
}
