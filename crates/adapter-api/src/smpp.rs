//! SMPP 3.4 as adapters and the host speak of it: the session of an account, what is submitted
//! over it, and what the centre sends unasked.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use crate::call::Fault;

/// How an account's session with its centre is opened and kept.
#[derive(Clone)]
pub struct SmppBind {
    /// Name or address of the centre.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS is spoken from the first byte.
    pub tls: bool,
    /// Which binds are made.
    pub mode: SmppMode,
    /// Who we are.
    pub system_id: String,
    /// Proof of it; empty for none.
    pub password: SecretString,
    /// What kind of system we are, where the centre asks for it.
    pub system_type: String,
    /// The addresses served, where the centre asks for them.
    pub address_range: String,
    /// Most submits without a response; at least 1.
    pub window: u16,
    /// How long the link may be silent before it is tested.
    pub enquire_link: Duration,
    /// How long a response may take.
    pub response_timeout: Duration,
}

/// Two binds are the same when one session can stand for both.
impl PartialEq for SmppBind {
    fn eq(&self, other: &Self) -> bool {
        let own = |bind: &Self| {
            (
                (bind.host.clone(), bind.port, bind.tls, bind.mode),
                (bind.system_id.clone(), bind.system_type.clone()),
                bind.address_range.clone(),
                (bind.window, bind.enquire_link, bind.response_timeout),
            )
        };
        own(self) == own(other) && self.password.expose_secret() == other.password.expose_secret()
    }
}

impl Eq for SmppBind {}

/// Shows no password.
impl fmt::Debug for SmppBind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmppBind")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("mode", &self.mode)
            .field("system_id", &self.system_id)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// Which binds a session consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SmppMode {
    /// One bind that sends and receives.
    Transceiver,
    /// One connection that sends and another that receives.
    Pair,
    /// Sending only: no receipts.
    Transmitter,
}

/// One message to one recipient, as the parts it travels in.
pub struct SmppRequest {
    /// The account's session.
    pub bind: SmppBind,
    /// The parts in their order; at least one.
    pub parts: Vec<SubmitSm>,
    /// Total time for all of them, from waiting for the session to the last response.
    pub deadline: Duration,
}

/// Shows no address or content.
impl fmt::Debug for SmppRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmppRequest")
            .field("bind", &self.bind)
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}

/// One `submit_sm` (SMPP 3.4 section 4.4.1) without its header.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SubmitSm {
    /// `service_type`, at most 5 bytes.
    pub service_type: String,
    /// The sender.
    pub source: SmppAddress,
    /// The recipient.
    pub destination: SmppAddress,
    /// `esm_class`: 0x40 when the content begins with a user data header.
    pub esm_class: u8,
    /// `protocol_id`.
    pub protocol_id: u8,
    /// `priority_flag`.
    pub priority: u8,
    /// `validity_period` as on the wire; empty for the centre's own.
    pub validity_period: String,
    /// `registered_delivery`: 1 final outcome, 2 failures only.
    pub registered_delivery: u8,
    /// `data_coding`.
    pub data_coding: u8,
    /// `short_message`, at most 254 bytes.
    pub short_message: Bytes,
    /// Optional parameters.
    pub tlvs: Vec<SmppTlv>,
}

/// Shows no address or content.
impl fmt::Debug for SubmitSm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitSm")
            .field("esm_class", &self.esm_class)
            .field("data_coding", &self.data_coding)
            .field("short_message_bytes", &self.short_message.len())
            .finish_non_exhaustive()
    }
}

/// A party of a message.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SmppAddress {
    /// Type of number.
    pub ton: u8,
    /// Numbering plan.
    pub npi: u8,
    /// Digits or letters, at most 20 bytes.
    pub address: String,
}

/// Shows no address.
impl fmt::Debug for SmppAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmppAddress({}/{})", self.ton, self.npi)
    }
}

/// An optional parameter.
#[derive(Clone, PartialEq, Eq)]
pub struct SmppTlv {
    /// Its tag.
    pub tag: u16,
    /// Its value.
    pub value: Bytes,
}

/// Shows no value.
impl fmt::Debug for SmppTlv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmppTlv({:#06x}, {} bytes)", self.tag, self.value.len())
    }
}

/// What the centre answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmppReply {
    /// It refused the bind with this `command_status`: nothing was submitted.
    NotBound(u32),
    /// At least one part has its response; one entry per part, in their order.
    Submitted(Vec<SmppPart>),
}

/// What became of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmppPart {
    /// The centre answered.
    Answered {
        /// `command_status`; 0 is acceptance.
        status: u32,
        /// `message_id`; empty on refusals.
        message_id: String,
    },
    /// It did not.
    Missing(Fault),
}

/// A `deliver_sm` or `data_sm`: a receipt, or a message from a person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DeliverSm {
    /// Who it is from.
    pub source: SmppAddress,
    /// Who it is to.
    pub destination: SmppAddress,
    /// `esm_class`.
    pub esm_class: u8,
    /// `data_coding`.
    pub data_coding: u8,
    /// The content: `short_message`, or `message_payload` where that is empty.
    pub content: Bytes,
    /// Optional parameters, as far as they could be read.
    pub tlvs: Vec<SmppTlv>,
}

impl DeliverSm {
    /// The value of an optional parameter.
    pub fn tlv(&self, tag: u16) -> Option<&[u8]> {
        let found = self.tlvs.iter().find(|tlv| tlv.tag == tag)?;
        Some(&found.value)
    }
}

/// Shows no address or content.
impl fmt::Debug for DeliverSm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliverSm")
            .field("esm_class", &self.esm_class)
            .field("data_coding", &self.data_coding)
            .field("content_bytes", &self.content.len())
            .field("tlvs", &self.tlvs)
            .finish_non_exhaustive()
    }
}
