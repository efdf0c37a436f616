//! Protocol data units (SMPP 3.4 section 3.2), written strictly and read tolerantly.
//!
//! Centres leave out bodies of refusals, forget closing zeros, exceed lengths and add parameters of
//! their own. What a reader needs is taken from such units all the same; only a length that
//! cannot be believed is an error, because behind it nothing can be found again.

use austin_adapter_api::{DeliverSm, SmppAddress, SmppBind, SmppTlv, SubmitSm};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use secrecy::ExposeSecret;

/// Bytes of a header.
const HEADER: usize = 16;
/// Longest unit read; a `message_payload` may have 64 KiB.
pub(super) const LONGEST: usize = 72 * 1024;
/// Longest content that stands in `short_message`.
const SHORT_MESSAGE: usize = 254;
/// The optional parameter that stands in for `short_message`.
const MESSAGE_PAYLOAD: u16 = 0x0424;
/// What a response's command id has more than its request's.
const RESPONSE: u32 = 0x8000_0000;
/// The version we speak.
const VERSION: u8 = 0x34;

const GENERIC_NACK: u32 = RESPONSE;
const BIND_RECEIVER: u32 = 0x01;
const BIND_TRANSMITTER: u32 = 0x02;
const SUBMIT_SM: u32 = 0x04;
const DELIVER_SM: u32 = 0x05;
const UNBIND: u32 = 0x06;
const BIND_TRANSCEIVER: u32 = 0x09;
const ENQUIRE_LINK: u32 = 0x15;
const ALERT_NOTIFICATION: u32 = 0x102;
const DATA_SM: u32 = 0x103;

/// `command_status` values that the session itself says or understands.
pub(super) mod status {
    /// No error.
    pub(crate) const OK: u32 = 0;
    /// Invalid command id.
    pub(crate) const INVALID_COMMAND: u32 = 0x03;
    /// Message queue full.
    pub(crate) const QUEUE_FULL: u32 = 0x14;
    /// Throttled.
    pub(crate) const THROTTLED: u32 = 0x58;
    /// Receiver's temporary error: send it again.
    pub(crate) const TEMPORARY: u32 = 0x64;
    /// Receiver rejects the message.
    pub(crate) const REJECTED: u32 = 0x66;
}

/// What one connection is bound for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// Sending and receiving.
    Transceiver,
    /// Sending.
    Transmitter,
    /// Receiving.
    Receiver,
}

impl Role {
    /// Whether submits may go over it.
    pub(super) fn sends(self) -> bool {
        self != Self::Receiver
    }
}

/// A unit that came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pdu {
    pub(super) status: u32,
    pub(super) sequence: u32,
    pub(super) body: Body,
}

/// What a unit says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    BindResp,
    SubmitResp {
        message_id: String,
    },
    Deliver(DeliverSm),
    Data(DeliverSm),
    /// A delivery whose addresses and content cannot be told apart.
    Unreadable {
        data: bool,
    },
    EnquireLink,
    EnquireLinkResp,
    Unbind,
    UnbindResp,
    GenericNack,
    /// Nothing to answer to.
    Notice,
    /// A request we do not know.
    Unknown,
    /// A response to something we never ask.
    UnknownResp,
}

/// A length that cannot be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a unit of {0} bytes")]
pub(super) struct BadLength(pub(super) u32);

/// Takes the next whole unit out of `buffer`; `None` while more of it is to come.
///
/// # Errors
/// [`BadLength`] when the bytes are no SMPP.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Pdu>, BadLength> {
    let Some(prefix) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*prefix);
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if !(HEADER..=LONGEST).contains(&size) {
        return Err(BadLength(length));
    }
    if buffer.len() < size {
        return Ok(None);
    }
    let mut unit = buffer.split_to(size).freeze();
    unit.advance(4);
    let (command, status, sequence) = (unit.get_u32(), unit.get_u32(), unit.get_u32());
    let body = read(command, unit);
    Ok(Some(Pdu {
        status,
        sequence,
        body,
    }))
}

fn read(command: u32, mut body: Bytes) -> Body {
    match command {
        GENERIC_NACK => Body::GenericNack,
        SUBMIT_SM_RESP => Body::SubmitResp {
            message_id: cstring(&mut body).unwrap_or_else(|| lossy(&body)),
        },
        DELIVER_SM => deliver(body).map_or(Body::Unreadable { data: false }, Body::Deliver),
        DATA_SM => data(body).map_or(Body::Unreadable { data: true }, Body::Data),
        ENQUIRE_LINK => Body::EnquireLink,
        ENQUIRE_LINK_RESP => Body::EnquireLinkResp,
        UNBIND => Body::Unbind,
        UNBIND_RESP => Body::UnbindResp,
        ALERT_NOTIFICATION => Body::Notice,
        BIND_RECEIVER_RESP | BIND_TRANSMITTER_RESP | BIND_TRANSCEIVER_RESP => Body::BindResp,
        _ if command & RESPONSE != 0 => Body::UnknownResp,
        _ => Body::Unknown,
    }
}

fn deliver(mut body: Bytes) -> Option<DeliverSm> {
    cstring(&mut body)?;
    let source = address(&mut body)?;
    let destination = address(&mut body)?;
    let esm_class = byte(&mut body)?;
    let _protocol_and_priority = (byte(&mut body)?, byte(&mut body)?);
    let _schedule_and_validity = (cstring(&mut body)?, cstring(&mut body)?);
    let _registered_and_replace = (byte(&mut body)?, byte(&mut body)?);
    let data_coding = byte(&mut body)?;
    let _canned = byte(&mut body)?;
    let length = usize::from(byte(&mut body)?);
    let content = (body.len() >= length).then(|| body.split_to(length))?;
    let tlvs = tlvs(body);
    Some(DeliverSm {
        source,
        destination,
        esm_class,
        data_coding,
        content: or_payload(content, &tlvs),
        tlvs,
    })
}

fn data(mut body: Bytes) -> Option<DeliverSm> {
    cstring(&mut body)?;
    let source = address(&mut body)?;
    let destination = address(&mut body)?;
    let esm_class = byte(&mut body)?;
    let _registered = byte(&mut body)?;
    let data_coding = byte(&mut body)?;
    let tlvs = tlvs(body);
    Some(DeliverSm {
        source,
        destination,
        esm_class,
        data_coding,
        content: or_payload(Bytes::new(), &tlvs),
        tlvs,
    })
}

fn or_payload(content: Bytes, tlvs: &[SmppTlv]) -> Bytes {
    if !content.is_empty() {
        return content;
    }
    let payload = tlvs.iter().find(|tlv| tlv.tag == MESSAGE_PAYLOAD);
    payload.map_or(content, |payload| payload.value.clone())
}

/// The optional parameters up to the first that is cut short.
fn tlvs(mut body: Bytes) -> Vec<SmppTlv> {
    let mut found = Vec::new();
    while body.len() >= 4 {
        let (tag, length) = (body.get_u16(), usize::from(body.get_u16()));
        if body.len() < length {
            break;
        }
        let value = body.split_to(length);
        found.push(SmppTlv { tag, value });
    }
    found
}

fn address(body: &mut Bytes) -> Option<SmppAddress> {
    let (ton, npi) = (byte(body)?, byte(body)?);
    let address = cstring(body)?;
    Some(SmppAddress { ton, npi, address })
}

fn byte(body: &mut Bytes) -> Option<u8> {
    body.has_remaining().then(|| body.get_u8())
}

/// The text up to the next zero.
fn cstring(body: &mut Bytes) -> Option<String> {
    let end = memchr::memchr(0, body)?;
    let text = lossy(&body[..end]);
    body.advance(end + 1);
    Some(text)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What makes a bind impossible to write.
pub(super) fn check_bind(bind: &SmppBind) -> Result<(), &'static str> {
    fits(
        &bind.system_id,
        15,
        "the system_id is too long or holds a zero byte",
    )?;
    // The specification allows 8 bytes; centres take longer ones and hand them out.
    fits(
        bind.password.expose_secret(),
        64,
        "the password is too long or holds a zero byte",
    )?;
    fits(
        &bind.system_type,
        12,
        "the system_type is too long or holds a zero byte",
    )?;
    fits(
        &bind.address_range,
        40,
        "the address_range is too long or holds a zero byte",
    )?;
    if bind.port == 0 {
        return Err("the port is no port");
    }
    if bind.window == 0 {
        return Err("the window is empty");
    }
    Ok(())
}

/// What makes a part impossible to write.
pub(super) fn check_submit(part: &SubmitSm) -> Result<(), &'static str> {
    fits(
        &part.service_type,
        5,
        "the service_type is too long or holds a zero byte",
    )?;
    fits(
        &part.source.address,
        20,
        "the sender is too long or holds a zero byte",
    )?;
    fits(
        &part.destination.address,
        20,
        "the recipient is too long or holds a zero byte",
    )?;
    fits(
        &part.validity_period,
        16,
        "the validity_period is too long or holds a zero byte",
    )?;
    if part.short_message.len() > SHORT_MESSAGE {
        return Err("a part has more than 254 bytes");
    }
    if part
        .tlvs
        .iter()
        .any(|tlv| u16::try_from(tlv.value.len()).is_err())
    {
        return Err("an optional parameter has more than 65,535 bytes");
    }
    Ok(())
}

fn fits(text: &str, most: usize, fault: &'static str) -> Result<(), &'static str> {
    let is_clean = text.len() <= most && !text.contains('\0');
    is_clean.then_some(()).ok_or(fault)
}

/// Writes a bind.
pub(super) fn bind(out: &mut BytesMut, sequence: u32, role: Role, bind: &SmppBind) {
    let command = match role {
        Role::Transceiver => BIND_TRANSCEIVER,
        Role::Transmitter => BIND_TRANSMITTER,
        Role::Receiver => BIND_RECEIVER,
    };
    unit(out, command, status::OK, sequence, |out| {
        put_cstring(out, &bind.system_id);
        put_cstring(out, bind.password.expose_secret());
        put_cstring(out, &bind.system_type);
        out.put_u8(VERSION);
        out.put_slice(&[0, 0]);
        put_cstring(out, &bind.address_range);
    });
}

/// Writes a submit, which [`check_submit`] has passed.
pub(super) fn submit(out: &mut BytesMut, sequence: u32, part: &SubmitSm) {
    unit(out, SUBMIT_SM, status::OK, sequence, |out| {
        put_cstring(out, &part.service_type);
        put_address(out, &part.source);
        put_address(out, &part.destination);
        out.put_slice(&[part.esm_class, part.protocol_id, part.priority]);
        out.put_u8(0); // schedule_delivery_time: at once
        put_cstring(out, &part.validity_period);
        // replace_if_present_flag: no; sm_default_msg_id: none.
        out.put_slice(&[part.registered_delivery, 0, part.data_coding, 0]);
        let content = &part.short_message[..part.short_message.len().min(SHORT_MESSAGE)];
        out.put_u8(u8::try_from(content.len()).unwrap_or(u8::MAX));
        out.put_slice(content);
        for tlv in &part.tlvs {
            out.put_u16(tlv.tag);
            out.put_u16(u16::try_from(tlv.value.len()).unwrap_or(u16::MAX));
            out.put_slice(&tlv.value);
        }
    });
}

/// Writes the answer to a delivery.
pub(super) fn delivery_resp(out: &mut BytesMut, sequence: u32, data: bool, status: u32) {
    let command = if data { DATA_SM } else { DELIVER_SM };
    unit(out, command | RESPONSE, status, sequence, |out| {
        out.put_u8(0); // message_id: unused
    });
}

/// Writes a test of the link.
pub(super) fn enquire_link(out: &mut BytesMut, sequence: u32) {
    unit(out, ENQUIRE_LINK, status::OK, sequence, |_| {});
}

/// Writes the answer to one.
pub(super) fn enquire_link_resp(out: &mut BytesMut, sequence: u32) {
    unit(out, ENQUIRE_LINK_RESP, status::OK, sequence, |_| {});
}

/// Writes a goodbye.
pub(super) fn unbind(out: &mut BytesMut, sequence: u32) {
    unit(out, UNBIND, status::OK, sequence, |_| {});
}

/// Writes the answer to one.
pub(super) fn unbind_resp(out: &mut BytesMut, sequence: u32) {
    unit(out, UNBIND_RESP, status::OK, sequence, |_| {});
}

/// Writes that a request is not understood.
pub(super) fn generic_nack(out: &mut BytesMut, sequence: u32) {
    unit(out, GENERIC_NACK, status::INVALID_COMMAND, sequence, |_| {});
}

fn unit(
    out: &mut BytesMut,
    command: u32,
    status: u32,
    sequence: u32,
    body: impl FnOnce(&mut BytesMut),
) {
    let start = out.len();
    out.put_u32(0);
    out.put_u32(command);
    out.put_u32(status);
    out.put_u32(sequence);
    body(out);
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_cstring(out: &mut BytesMut, text: &str) {
    out.put_slice(text.as_bytes());
    out.put_u8(0);
}

fn put_address(out: &mut BytesMut, address: &SmppAddress) {
    out.put_slice(&[address.ton, address.npi]);
    put_cstring(out, &address.address);
}

const SUBMIT_SM_RESP: u32 = SUBMIT_SM | RESPONSE;
const ENQUIRE_LINK_RESP: u32 = ENQUIRE_LINK | RESPONSE;
const UNBIND_RESP: u32 = UNBIND | RESPONSE;
const BIND_RECEIVER_RESP: u32 = BIND_RECEIVER | RESPONSE;
const BIND_TRANSMITTER_RESP: u32 = BIND_TRANSMITTER | RESPONSE;
const BIND_TRANSCEIVER_RESP: u32 = BIND_TRANSCEIVER | RESPONSE;

#[cfg(test)]
mod tests;
