//! The session of an account and the parts of a message.

use std::time::Duration;

use austin_adapter_api::{
    Account, Item, SmppAddress, SmppBind, SmppMode, SmppRequest, SmppTlv, SubmitSm,
};
use austin_domain::verdict::Cause;
use austin_domain::{Content, Verdict};
use bytes::Bytes;

use super::parts::{self, Concatenation, Parted};
use super::text::Alphabet;
use crate::post::{secret, setting};
use crate::rounds::Job;

/// The content begins with a user data header.
const UDH_INDICATOR: u8 = 0x40;
const MESSAGE_PAYLOAD: u16 = 0x0424;
const SAR_REFERENCE: u16 = 0x020c;
const SAR_TOTAL: u16 = 0x020e;
const SAR_NUMBER: u16 = 0x020f;
/// Waiting for the session and its window, beside the response itself.
const QUEUEING: Duration = Duration::from_secs(10);

/// The session that an account keeps.
///
/// # Errors
/// [`Verdict::Misconfigured`] when the account is not whole.
pub(super) fn bind(account: &Account) -> Result<SmppBind, Verdict> {
    let mode = match account.text("bind_mode").unwrap_or("transceiver") {
        "transceiver" => SmppMode::Transceiver,
        "pair" => SmppMode::Pair,
        "transmitter" => SmppMode::Transmitter,
        _ => {
            return Err(misconfigured(
                "bad_bind_mode",
                "bind_mode is none of transceiver, pair, transmitter",
            ));
        }
    };
    let text = |name: &str| account.text(name).unwrap_or_default().to_owned();
    Ok(SmppBind {
        host: setting(account, "host")?.to_owned(),
        port: number(account, "port", 2_775)?,
        tls: account.flag("tls").unwrap_or(false),
        mode,
        system_id: setting(account, "system_id")?.to_owned(),
        password: secret(account, "password")?.to_owned().into(),
        system_type: text("system_type"),
        address_range: text("address_range"),
        window: number(account, "window", 10)?,
        enquire_link: Duration::from_secs(number(account, "enquire_link_seconds", 30)?),
        response_timeout: Duration::from_secs(number(account, "response_seconds", 10)?),
    })
}

/// The message of one recipient.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<SmppRequest, Verdict> {
    let Some(item) = job.items(round).next() else {
        return Err(Verdict::Unknown(Cause::new(
            "empty_round",
            "a call without recipients",
        )));
    };
    let account = job.account;
    let bind = bind(account)?;
    let parted = parted(job, item)?;
    if parted.parts.len() > usize::from(u8::MAX) {
        let detail = format!(
            "the text needs {} parts; 255 are possible",
            parted.parts.len()
        );
        return Err(Verdict::BadContent(Cause::new("too_long", &detail)));
    }
    let head = head(account, item, parted.alphabet)?;
    let concatenation = concatenation(account)?;
    let parts = compose(&head, &parted, concatenation, job.context.nonce, account)?;
    Ok(SmppRequest {
        deadline: bind.response_timeout + QUEUEING,
        bind,
        parts,
    })
}

/// The text of an item in its parts.
pub(super) fn parted(job: &Job<'_>, item: &Item) -> Result<Parted, Verdict> {
    let Content::Text { text } = item.content.as_ref() else {
        return Err(Verdict::BadContent(Cause::new(
            "not_text",
            "an SMS is made of text",
        )));
    };
    let account = job.account;
    let own = job.batch.vendor_template.as_ref();
    let sign = own
        .and_then(|template| template.sign.as_deref())
        .or_else(|| account.text("sign_name"))
        .filter(|sign| !sign.is_empty());
    let signed = sign.map(|sign| format!("【{sign}】{text}"));
    let text = signed.as_deref().unwrap_or(text);
    Ok(parts::part(
        text,
        alphabet(account)?,
        concatenation(account)?,
    ))
}

fn alphabet(account: &Account) -> Result<Alphabet, Verdict> {
    match account.text("encoding").unwrap_or("gsm7") {
        "gsm7" => Ok(Alphabet::Gsm7),
        "latin1" => Ok(Alphabet::Latin1),
        "ucs2" => Ok(Alphabet::Ucs2),
        _ => Err(misconfigured(
            "bad_encoding",
            "encoding is none of gsm7, latin1, ucs2",
        )),
    }
}

fn concatenation(account: &Account) -> Result<Concatenation, Verdict> {
    match account.text("concatenation").unwrap_or("udh8") {
        "udh8" => Ok(Concatenation::Udh8),
        "udh16" => Ok(Concatenation::Udh16),
        "sar" => Ok(Concatenation::Sar),
        "payload" => Ok(Concatenation::Payload),
        _ => Err(misconfigured(
            "bad_concatenation",
            "concatenation is none of udh8, udh16, sar, payload",
        )),
    }
}

/// What all parts have in common.
fn head(account: &Account, item: &Item, alphabet: Alphabet) -> Result<SubmitSm, Verdict> {
    let data_coding = match alphabet {
        Alphabet::Gsm7 => number(account, "data_coding", 0)?,
        Alphabet::Latin1 => number(account, "data_coding", 3)?,
        Alphabet::Ucs2 => 8,
    };
    let minutes: Option<u32> = match account.integer("validity_minutes") {
        Some(_) => Some(number(account, "validity_minutes", 0)?),
        None => None,
    };
    Ok(SubmitSm {
        service_type: account.text("service_type").unwrap_or_default().to_owned(),
        source: source(account)?,
        destination: destination(account, item)?,
        validity_period: minutes.map(validity).unwrap_or_default(),
        data_coding,
        ..SubmitSm::default()
    })
}

fn source(account: &Account) -> Result<SmppAddress, Verdict> {
    let text = account.text("source_addr").unwrap_or_default();
    let digits = text.strip_prefix('+');
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (ton, npi, address) = match digits {
        Some(digits) if is_number(digits) => (1, 1, digits),
        _ if is_number(text) => (0, 0, text),
        _ => (5, 0, text),
    };
    if !address.is_ascii() || address.len() > 20 || (ton == 5 && address.len() > 11) {
        return Err(misconfigured(
            "bad_source_addr",
            "source_addr is neither up to 20 digits nor up to 11 ASCII letters",
        ));
    }
    Ok(SmppAddress {
        ton: number(account, "source_ton", ton)?,
        npi: number(account, "source_npi", npi)?,
        address: address.to_owned(),
    })
}

fn destination(account: &Account, item: &Item) -> Result<SmppAddress, Verdict> {
    let digits = item.to.strip_prefix('+').unwrap_or(&item.to);
    let is_number = (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number {
        return Err(Verdict::BadRecipient(Cause::new(
            "bad_number",
            "not a phone number in E.164",
        )));
    }
    Ok(SmppAddress {
        ton: number(account, "dest_ton", 1)?,
        npi: number(account, "dest_npi", 1)?,
        address: digits.to_owned(),
    })
}

fn compose(
    head: &SubmitSm,
    parted: &Parted,
    concatenation: Concatenation,
    nonce: u128,
    account: &Account,
) -> Result<Vec<SubmitSm>, Verdict> {
    let total = u8::try_from(parted.parts.len()).unwrap_or(u8::MAX);
    let [.., high, low] = nonce.to_be_bytes();
    (1..=total)
        .zip(&parted.parts)
        .map(|(number, bytes)| {
            let mut part = SubmitSm {
                registered_delivery: registered(account, number == total)?,
                ..head.clone()
            };
            let tlv = |tag, value: &[u8]| SmppTlv {
                tag,
                value: Bytes::copy_from_slice(value),
            };
            match concatenation {
                Concatenation::Payload if bytes.len() > SHORT_MESSAGE || parted.segments > 1 => {
                    part.tlvs.push(tlv(MESSAGE_PAYLOAD, bytes));
                }
                _ if total == 1 => part.short_message = bytes.clone().into(),
                Concatenation::Udh8 => {
                    part.esm_class |= UDH_INDICATOR;
                    part.short_message =
                        [&[5, 0, 3, low, total, number], &bytes[..]].concat().into();
                }
                Concatenation::Udh16 => {
                    part.esm_class |= UDH_INDICATOR;
                    part.short_message = [&[6, 8, 4, high, low, total, number], &bytes[..]]
                        .concat()
                        .into();
                }
                Concatenation::Sar | Concatenation::Payload => {
                    part.short_message = bytes.clone().into();
                    part.tlvs.push(tlv(SAR_REFERENCE, &[high, low]));
                    part.tlvs.push(tlv(SAR_TOTAL, &[total]));
                    part.tlvs.push(tlv(SAR_NUMBER, &[number]));
                }
            }
            Ok(part)
        })
        .collect()
}

/// `registered_delivery` of a part.
fn registered(account: &Account, is_last: bool) -> Result<u8, Verdict> {
    match account.text("receipts").unwrap_or("final") {
        "final" if is_last => Ok(1),
        "final" => Ok(2),
        "every_part" => Ok(1),
        "none" => Ok(0),
        _ => Err(misconfigured(
            "bad_receipts",
            "receipts is none of final, every_part, none",
        )),
    }
}

/// A relative `validity_period` (SMPP 3.4 section 7.1.1.2): `YYMMDDhhmmss000R`.
fn validity(minutes: u32) -> String {
    let (days, hours) = (minutes / 1_440, minutes / 60 % 24);
    format!("0000{:02}{hours:02}{:02}00000R", days.min(30), minutes % 60)
}

/// A whole-number setting.
fn number<N: TryFrom<i64>>(account: &Account, name: &str, default: N) -> Result<N, Verdict> {
    match account.integer(name) {
        None => Ok(default),
        Some(given) => N::try_from(given)
            .map_err(|_| misconfigured("bad_number_setting", &format!("{name} is out of range"))),
    }
}

fn misconfigured(code: &str, detail: &str) -> Verdict {
    Verdict::Misconfigured(Cause::new(code, detail))
}

/// Longest content that stands in `short_message`.
const SHORT_MESSAGE: usize = 254;
