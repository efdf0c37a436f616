//! What a centre delivers to us: receipts, and messages from people.
//!
//! Receipts come as text (`id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`,
//! spelled in as many ways as there are centres), as optional parameters, or as both; then the
//! parameters are believed. What is no receipt, or none that can be matched, becomes one that
//! matches nothing, so that it is on record.

use austin_adapter_api::{Account, DeliverSm, Outcome, Receipt};
use austin_domain::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::ids::Format;
use super::text::Alphabet;

const RECEIPTED_MESSAGE_ID: u16 = 0x001e;
const NETWORK_ERROR_CODE: u16 = 0x0423;
const MESSAGE_STATE: u16 = 0x0427;
/// The bits of `esm_class` that say what a delivery is.
const KIND: u8 = 0b0011_1100;
const IS_RECEIPT: u8 = 0b0000_0100;
const IS_INTERMEDIATE: u8 = 0b0010_0000;
/// Most characters kept of what came.
const RAW_CHARS: usize = 2_000;

/// Reads what came.
pub(super) fn read(account: &Account, message: &DeliverSm) -> Receipt {
    let text = words(message);
    let mode = account.text("dlr_text").unwrap_or("auto");
    let fields = if mode == "never" {
        Fields::default()
    } else {
        Fields::parse(&text)
    };
    let kind = message.esm_class & KIND;
    let parameter = message.tlv(RECEIPTED_MESSAGE_ID).map(cstring);
    let is_receipt = matches!(kind, IS_RECEIPT | IS_INTERMEDIATE)
        || parameter.is_some()
        || (mode == "always" && fields.id.is_some());
    if !is_receipt {
        return from_a_person(message, &text);
    }
    let key = match (&parameter, fields.id) {
        (Some(id), _) => Format::of_answers(account).spell(id),
        (None, Some(id)) => Format::of_receipts(account).spell(id),
        (None, None) => None,
    };
    let state = message.tlv(MESSAGE_STATE).and_then(|value| value.first());
    let stat = fields.stat.unwrap_or_default();
    let (outcome, name) = match state {
        Some(state) => of_state(*state),
        None => (of_word(stat), stat),
    };
    let code = match (key.is_some(), name) {
        (false, _) => "malformed",
        (true, "") => "unknown",
        (true, name) => name,
    };
    let offset = account.integer("utc_offset_minutes").unwrap_or(0);
    Receipt {
        outcome: if kind == IS_INTERMEDIATE || key.is_none() {
            Outcome::Pending
        } else {
            outcome
        },
        code: bounded(code, 80),
        detail: detail(message, &fields, key.is_some()),
        at: fields.done.and_then(|text| instant(text, offset)),
        raw: raw(message, fields.without_text(&text)),
        key,
        reference: None,
        segments: None,
        mark: None,
    }
}

/// A message that somebody sent us. Kept as evidence.
fn from_a_person(message: &DeliverSm, text: &str) -> Receipt {
    let (from, to) = (&message.source.address, &message.destination.address);
    Receipt {
        key: None,
        reference: None,
        outcome: Outcome::Pending,
        code: "mobile_originated".into(),
        detail: "a message from a person".into(),
        at: None,
        segments: None,
        raw: raw(message, &format!("from {from} to {to}\n{text}")),
        mark: None,
    }
}

fn detail(message: &DeliverSm, fields: &Fields<'_>, matches: bool) -> String {
    let mut detail = String::new();
    if !matches {
        detail.push_str("a receipt without a message id");
    }
    if let Some(error) = fields.error.filter(|error| !error.is_empty()) {
        detail.push_str(&format!(" err {}", bounded(error, 40)));
    }
    if let Some([network, high, low]) = message.tlv(NETWORK_ERROR_CODE) {
        let code = u16::from_be_bytes([*high, *low]);
        detail.push_str(&format!(" network error {network}/{code}"));
    }
    detail.trim_start().to_owned()
}

/// As it came, but for the words of the message itself: they may hold a secret.
fn raw(message: &DeliverSm, text: &str) -> String {
    let mut raw = format!(
        "esm_class {:#04x}, data_coding {:#04x}\n{}",
        message.esm_class,
        message.data_coding,
        bounded(text, RAW_CHARS)
    );
    let known = [RECEIPTED_MESSAGE_ID, NETWORK_ERROR_CODE, MESSAGE_STATE];
    for tlv in message.tlvs.iter().filter(|tlv| known.contains(&tlv.tag)) {
        let value: String = tlv
            .value
            .iter()
            .take(64)
            .map(|b| format!("{b:02x}"))
            .collect();
        raw.push_str(&format!("\n{:#06x}: {value}", tlv.tag));
    }
    raw
}

fn bounded(text: &str, most: usize) -> String {
    let clean = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    text.chars().map(clean).take(most).collect()
}

/// The content as text. A user data header before it is passed over.
fn words(message: &DeliverSm) -> String {
    let mut content = &message.content[..];
    if message.esm_class & 0x40 != 0 {
        let header = content.first().map_or(0, |length| usize::from(*length) + 1);
        content = content.get(header..).unwrap_or_default();
    }
    let is_receipt = message.esm_class & KIND == IS_RECEIPT;
    let alphabet = match message.data_coding {
        8 => Alphabet::Ucs2,
        // Receipts are ASCII whatever the centre's alphabet is; only in it an `_` is another byte.
        0 if !is_receipt => Alphabet::Gsm7,
        _ => Alphabet::Latin1,
    };
    alphabet.read(content)
}

/// `message_state` (SMPP 3.4 section 5.2.28).
const fn of_state(state: u8) -> (Outcome, &'static str) {
    match state {
        1 => (Outcome::Pending, "ENROUTE"),
        2 => (Outcome::Delivered, "DELIVRD"),
        3 => (Outcome::Undelivered, "EXPIRED"),
        4 => (Outcome::Undelivered, "DELETED"),
        5 => (Outcome::Undelivered, "UNDELIV"),
        6 => (Outcome::Pending, "ACCEPTD"),
        7 => (Outcome::Pending, "UNKNOWN"),
        8 => (Outcome::Undelivered, "REJECTD"),
        _ => (Outcome::Pending, "unknown"),
    }
}

/// The word behind `stat:`, as the specification or as centres have it.
fn of_word(word: &str) -> Outcome {
    let word = word.to_ascii_uppercase();
    let is = |prefix: &str| word.starts_with(prefix);
    if is("DELIV") {
        Outcome::Delivered
    } else if ["UNDELIV", "EXPIR", "DELET", "REJ", "FAIL"]
        .into_iter()
        .any(is)
    {
        Outcome::Undelivered
    } else {
        Outcome::Pending
    }
}

/// `YYMMDDhhmm` or `YYMMDDhhmmss`, as many minutes ahead of UTC.
fn instant(text: &str, minutes: i64) -> Option<Timestamp> {
    if !matches!(text.len(), 10 | 12) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| {
        text.get(at..at + 2)
            .and_then(|pair| pair.parse::<i8>().ok())
    };
    let second = if text.len() == 12 { two(10)? } else { 0 };
    let year = 2000 + i16::from(two(0)?);
    let local = DateTime::new(year, two(2)?, two(4)?, two(6)?, two(8)?, second, 0).ok()?;
    let offset = Offset::from_seconds(i32::try_from(minutes * 60).ok()?).ok()?;
    let zoned = local.to_zoned(TimeZone::fixed(offset)).ok()?;
    Some(zoned.timestamp().into())
}

fn cstring(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&value[..end.unwrap_or(value.len())]).into_owned()
}

/// The fields of a receipt's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fields<'t> {
    id: Option<&'t str>,
    stat: Option<&'t str>,
    error: Option<&'t str>,
    done: Option<&'t str>,
    /// Where the words of the message begin.
    words_at: Option<usize>,
}

/// Names before a colon; of two that fit the longer stands first.
const NAMES: [&str; 12] = [
    "submit date",
    "submit_date",
    "submitdate",
    "done date",
    "done_date",
    "donedate",
    "dlvrd",
    "sub",
    "stat",
    "text",
    "err",
    "id",
];

impl<'t> Fields<'t> {
    /// Reads `name:value` pairs in any order and case, with spaces around the colon or without.
    /// Behind `text:` nothing is a name any more.
    fn parse(text: &'t str) -> Self {
        let mut fields = Self::default();
        let mut at = 0;
        while at < text.len() {
            let Some((name, start)) = name_at(text, at) else {
                at = next_word(text, at);
                continue;
            };
            if name == "text" {
                fields.words_at = Some(start);
                break;
            }
            let rest = &text[start..];
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            // An empty value is followed by the next name, not by a word of its own.
            let value = &rest[..end];
            let is_name = name_at(text, start).is_some();
            at = if is_name { start } else { start + end };
            if is_name {
                continue;
            }
            let place = match name {
                "id" => &mut fields.id,
                "stat" => &mut fields.stat,
                "err" => &mut fields.error,
                "done date" | "done_date" | "donedate" => &mut fields.done,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        fields
    }

    /// The receipt's text without the words of the message.
    fn without_text(&self, text: &'t str) -> &'t str {
        self.words_at.map_or(text, |at| &text[..at])
    }
}

/// The name that stands at `at`, and where its value begins.
fn name_at(text: &str, at: usize) -> Option<(&'static str, usize)> {
    let rest = text.get(at..)?;
    NAMES.into_iter().find_map(|name| {
        let head = rest.get(..name.len())?;
        let tail = rest.get(name.len()..)?;
        let colon = tail.trim_start_matches(' ').strip_prefix(':')?;
        let value = colon.trim_start_matches(' ');
        head.eq_ignore_ascii_case(name)
            .then(|| (name, text.len() - value.len()))
    })
}

/// Where the next word begins.
fn next_word(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let space = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let word = rest[space..].find(|c: char| !c.is_whitespace());
    word.map_or(text.len(), |word| at + space + word)
}

#[cfg(test)]
mod tests;
