//! The units that a centre reads and writes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

pub(super) const GENERIC_NACK: u32 = 0x8000_0000;
pub(super) const BIND_RECEIVER: u32 = 1;
pub(super) const BIND_TRANSMITTER: u32 = 2;
pub(super) const SUBMIT_SM: u32 = 4;
pub(super) const DELIVER_SM: u32 = 5;
pub(super) const UNBIND: u32 = 6;
pub(super) const BIND_TRANSCEIVER: u32 = 9;
pub(super) const ENQUIRE_LINK: u32 = 0x15;
pub(super) const RESPONSE: u32 = 0x8000_0000;

/// A unit with its body unread.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) command: u32,
    pub(super) status: u32,
    pub(super) sequence: u32,
    pub(super) body: Bytes,
}

/// Takes the next unit; `Err` when the bytes are none.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Unit>, ()> {
    let Some(prefix) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*prefix) as usize;
    if !(16..=LONGEST).contains(&length) {
        return Err(());
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let mut body = buffer.split_to(length).freeze();
    body.advance(4);
    Ok(Some(Unit {
        command: body.get_u32(),
        status: body.get_u32(),
        sequence: body.get_u32(),
        body,
    }))
}

/// Who binds: system id and password.
pub(super) fn bind(mut body: Bytes) -> Option<(String, String)> {
    Some((cstring(&mut body)?, cstring(&mut body)?))
}

/// A submit as understood.
#[derive(Debug)]
pub(super) struct Submit {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) registered: u8,
    pub(super) text: String,
    /// Reference, how many parts, which one; where it is one of several.
    pub(super) place: Option<(u16, u8, u8)>,
    international: bool,
}

impl Submit {
    /// Reads a submit; `None` when its fields cannot be told apart.
    pub(super) fn read(mut body: Bytes) -> Option<Self> {
        cstring(&mut body)?;
        let _source_type = two(&mut body)?;
        let source = cstring(&mut body)?;
        let international = two(&mut body)?.0 == 1;
        let destination = cstring(&mut body)?;
        let esm_class = byte(&mut body)?;
        let _protocol_and_priority = two(&mut body)?;
        let _schedule_and_validity = (cstring(&mut body)?, cstring(&mut body)?);
        let (registered, _replace) = two(&mut body)?;
        let (data_coding, _canned) = two(&mut body)?;
        let length = usize::from(byte(&mut body)?);
        let mut content = (body.len() >= length).then(|| body.split_to(length))?;
        let mut place = None;
        if esm_class & 0x40 != 0 {
            let header = usize::from(*content.first()?) + 1;
            let header = (content.len() >= header).then(|| content.split_to(header))?;
            place = concatenation(&header);
        }
        let (mut reference, mut total, mut number) = (None, None, None);
        while body.len() >= 4 {
            let (tag, length) = (body.get_u16(), usize::from(body.get_u16()));
            let value = (body.len() >= length).then(|| body.split_to(length))?;
            match (tag, &value[..]) {
                (0x020c, [high, low]) => reference = Some(u16::from_be_bytes([*high, *low])),
                (0x020e, [value]) => total = Some(*value),
                (0x020f, [value]) => number = Some(*value),
                (0x0424, _) => content = value,
                _ => {}
            }
        }
        if let (Some(reference), Some(total), Some(number)) = (reference, total, number) {
            place = Some((reference, total, number));
        }
        Some(Self {
            source,
            destination,
            registered,
            text: text(data_coding, &content),
            place: place.filter(|(_, total, _)| *total > 1),
            international,
        })
    }

    /// The recipient as other vendors' callers write it.
    pub(super) fn to(&self) -> String {
        if self.international {
            format!("+{}", self.destination)
        } else {
            self.destination.clone()
        }
    }
}

fn concatenation(header: &[u8]) -> Option<(u16, u8, u8)> {
    match header {
        [5, 0, 3, reference, total, number] => Some((u16::from(*reference), *total, *number)),
        [6, 8, 4, high, low, total, number] => {
            Some((u16::from_be_bytes([*high, *low]), *total, *number))
        }
        _ => None,
    }
}

fn text(data_coding: u8, content: &[u8]) -> String {
    match data_coding {
        8 => {
            let units = content
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units)
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        0 => gsm(content),
        _ => content.iter().copied().map(char::from).collect(),
    }
}

/// The default alphabet as far as it is ASCII, with the extension table.
fn gsm(content: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = content.iter().copied();
    while let Some(byte) = rest.next() {
        text.push(match byte {
            0 => '@',
            1 => '£',
            2 => '$',
            3 => '¥',
            0x11 => '_',
            0x1b => match rest.next() {
                Some(0x14) => '^',
                Some(0x28) => '{',
                Some(0x29) => '}',
                Some(0x2f) => '\\',
                Some(0x3c) => '[',
                Some(0x3d) => '~',
                Some(0x3e) => ']',
                Some(0x40) => '|',
                Some(0x65) => '€',
                _ => char::REPLACEMENT_CHARACTER,
            },
            b'\n' | b'\r' | b' '..=b'~' => char::from(byte),
            _ => char::REPLACEMENT_CHARACTER,
        });
    }
    text
}

/// Writes a unit.
pub(super) fn unit(command: u32, status: u32, sequence: u32, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(16 + body.len());
    out.put_u32(u32::try_from(16 + body.len()).unwrap_or(u32::MAX));
    out.put_u32(command);
    out.put_u32(status);
    out.put_u32(sequence);
    out.put_slice(body);
    out.freeze()
}

fn byte(body: &mut Bytes) -> Option<u8> {
    body.has_remaining().then(|| body.get_u8())
}

fn two(body: &mut Bytes) -> Option<(u8, u8)> {
    Some((byte(body)?, byte(body)?))
}

fn cstring(body: &mut Bytes) -> Option<String> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let text = String::from_utf8_lossy(&body.split_to(end)).into_owned();
    body.advance(1);
    Some(text)
}

const LONGEST: usize = 72 * 1024;
