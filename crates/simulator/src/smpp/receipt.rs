//! Receipts as a centre writes them.

use bytes::Bytes;
use jiff::Timestamp;

use super::{Receipt, SmppForm, pdu};

/// A receipt as `deliver_sm`.
pub(super) fn unit(receipt: &Receipt, sequence: u32, now_ms: i64) -> Bytes {
    let mut body = vec![0, 1, 1];
    body.extend(receipt.to.as_bytes());
    body.extend([0, 0, 0]);
    body.extend(receipt.from.as_bytes());
    // esm_class 4: a receipt; no schedule, validity, registered delivery; data_coding 0.
    body.extend([0, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
    let text = match receipt.form {
        SmppForm::Text | SmppForm::Both => words(receipt, now_ms),
        SmppForm::Parameters => String::new(),
    };
    body.push(u8::try_from(text.len()).unwrap_or(0));
    body.extend(text.as_bytes());
    if receipt.form != SmppForm::Text {
        let id = format!("{}\0", receipt.ids.answer(receipt.id));
        parameter(&mut body, 0x001e, id.as_bytes());
        parameter(&mut body, 0x0427, &[if receipt.delivered { 2 } else { 5 }]);
    }
    pdu::unit(pdu::DELIVER_SM, 0, sequence, &body)
}

fn words(receipt: &Receipt, now_ms: i64) -> String {
    let (stat, count, error) = if receipt.delivered {
        ("DELIVRD", "001", "000")
    } else {
        ("UNDELIV", "000", "034")
    };
    format!(
        "id:{} sub:001 dlvrd:{count} submit date:{} done date:{} stat:{stat} err:{error} text:",
        receipt.ids.receipt(receipt.id),
        date(receipt.accepted_ms),
        date(now_ms),
    )
}

fn date(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%y%m%d%H%M").to_string()
}

fn parameter(body: &mut Vec<u8>, tag: u16, value: &[u8]) {
    body.extend(tag.to_be_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
    body.extend(value);
}
