use austin_adapter_api::{SmppAddress, SmppTlv};
use austin_domain::AccountId;
use bytes::Bytes;
use serde_json::json;

use super::*;

fn account(settings: serde_json::Value) -> Account {
    Account {
        id: AccountId::from_u64(1),
        key: "smpp-1".into(),
        settings: serde_json::from_value(settings).unwrap(),
        secrets: [].into(),
    }
}

fn delivery(esm_class: u8, text: &str, tlvs: &[(u16, &[u8])]) -> DeliverSm {
    DeliverSm {
        source: SmppAddress {
            ton: 1,
            npi: 1,
            address: "8613711112222".into(),
        },
        esm_class,
        content: Bytes::copy_from_slice(text.as_bytes()),
        tlvs: tlvs
            .iter()
            .map(|(tag, value)| SmppTlv {
                tag: *tag,
                value: Bytes::copy_from_slice(value),
            })
            .collect(),
        ..DeliverSm::default()
    }
}

fn read_auto(text: &str) -> Receipt {
    read(&account(json!({})), &delivery(4, text, &[]))
}

#[test]
fn the_text_is_read_however_it_is_spelled() {
    for text in [
        "id:42 sub:001 dlvrd:001 submit date:2601020304 done date:2601020305 stat:UNDELIV err:012 text:Hi id:9 stat:DELIVRD",
        "ID:42 Sub:001 Dlvrd:001 Submit Date:2601020304 Done Date:2601020305 Stat:UNDELIV Err:012 Text:",
        "id: 42 sub: 001 dlvrd: 001 submit date: 2601020304 done date: 2601020305 stat: UNDELIV err: 012 text: x",
        "id : 42  stat :UNDELIV   err :012 done date : 260102030500",
        "stat:UNDELIV done_date:2601020305 err:012 id:0042",
        "hello id:42 submitdate:2601020304 donedate:2601020305 stat:UNDELIV err:012",
        "\r\nid:42\tstat:UNDELIV\nerr:012 done date:2601020305",
    ] {
        let receipt = read_auto(text);
        assert_eq!(receipt.key.as_deref(), Some("42"), "{text}");
        assert_eq!(receipt.outcome, Outcome::Undelivered, "{text}");
        assert_eq!(
            (receipt.code.as_str(), receipt.detail.as_str()),
            ("UNDELIV", "err 012")
        );
        let at = receipt.at.unwrap().to_string();
        assert_eq!(at, "2026-01-02T03:05:00.000Z", "{text}");
    }
}

#[test]
fn empty_values_do_not_swallow_the_next_name() {
    let receipt = read_auto("id: sub:001 stat: err:7 done date: text:id:42");
    assert_eq!((receipt.key, receipt.code.as_str()), (None, "malformed"));
    assert_eq!(receipt.detail, "a receipt without a message id err 7");
    assert_eq!(receipt.outcome, Outcome::Pending);
}

#[test]
fn every_word_has_its_outcome() {
    for (word, outcome) in [
        ("DELIVRD", Outcome::Delivered),
        ("delivered", Outcome::Delivered),
        ("UNDELIV", Outcome::Undelivered),
        ("EXPIRED", Outcome::Undelivered),
        ("DELETED", Outcome::Undelivered),
        ("REJECTD", Outcome::Undelivered),
        ("FAILED", Outcome::Undelivered),
        ("ENROUTE", Outcome::Pending),
        ("ACCEPTD", Outcome::Pending),
        ("UNKNOWN", Outcome::Pending),
        ("BLAH", Outcome::Pending),
        ("", Outcome::Pending),
    ] {
        let receipt = read_auto(&format!("id:1 stat:{word} err:000"));
        assert_eq!(receipt.outcome, outcome, "{word}");
    }
}

#[test]
fn optional_parameters_are_believed_before_the_text() {
    let tlvs: [(u16, &[u8]); 3] = [
        (RECEIPTED_MESSAGE_ID, b"a1b2c3\0"),
        (MESSAGE_STATE, &[5]),
        (NETWORK_ERROR_CODE, &[3, 1, 2]),
    ];
    let text = "id:77 stat:DELIVRD err:000";
    let receipt = read(&account(json!({})), &delivery(4, text, &tlvs));
    assert_eq!(receipt.key.as_deref(), Some("10597059"));
    assert_eq!(
        (receipt.outcome, receipt.code.as_str()),
        (Outcome::Undelivered, "UNDELIV")
    );
    assert_eq!(receipt.detail, "err 000 network error 3/258");
    assert!(
        receipt.raw.contains("0x001e: 61316232633300"),
        "{}",
        receipt.raw
    );
    // Alone, and without esm_class, they are enough.
    let receipt = read(
        &account(json!({"dlr_text": "never"})),
        &delivery(0, "", &tlvs),
    );
    assert_eq!(receipt.outcome, Outcome::Undelivered);
    for (state, outcome) in (0..=9).zip([
        Outcome::Pending,
        Outcome::Pending,
        Outcome::Delivered,
        Outcome::Undelivered,
        Outcome::Undelivered,
        Outcome::Undelivered,
        Outcome::Pending,
        Outcome::Pending,
        Outcome::Undelivered,
        Outcome::Pending,
    ]) {
        let tlvs: [(u16, &[u8]); 2] = [(RECEIPTED_MESSAGE_ID, b"1"), (MESSAGE_STATE, &[state])];
        let receipt = read(&account(json!({})), &delivery(4, "", &tlvs));
        assert_eq!(receipt.outcome, outcome, "{state}");
    }
}

#[test]
fn the_words_of_the_message_stay_out() {
    let receipt = read_auto("id:42 stat:DELIVRD err:000 text:Your code is 8314");
    assert!(
        receipt.raw.contains("id:42") && !receipt.raw.contains("8314"),
        "{}",
        receipt.raw
    );
    assert!(!receipt.detail.contains("8314"));
}

#[test]
fn intermediate_notifications_are_evidence() {
    let text = "id:42 stat:DELIVRD err:000";
    let receipt = read(&account(json!({})), &delivery(0x20, text, &[]));
    assert_eq!(
        (receipt.key.as_deref(), receipt.outcome),
        (Some("42"), Outcome::Pending)
    );
}

#[test]
fn messages_from_people_are_no_receipts() {
    let mut message = delivery(0, "", &[]);
    message.destination.address = "10690000".into();
    message.content = Bytes::from_static(b"STOP \x00");
    let receipt = read(&account(json!({})), &message);
    assert_eq!(
        (receipt.key, receipt.code.as_str()),
        (None, "mobile_originated")
    );
    assert!(
        receipt
            .raw
            .ends_with("from 8613711112222 to 10690000\nSTOP @"),
        "{}",
        receipt.raw
    );
    (message.data_coding, message.content) = (8, Bytes::from_static(&[0x4f, 0x60, 0x59, 0x7d]));
    assert!(read(&account(json!({})), &message).raw.ends_with("你好"));
    (message.esm_class, message.data_coding) = (0x40, 3);
    message.content = Bytes::from_static(b"\x05\x00\x03\x01\x02\x01\xe9");
    assert!(read(&account(json!({})), &message).raw.ends_with("\né"));
    // Unless the account says that this centre's receipts do not say what they are.
    let unmarked = delivery(0, "id:42 stat:DELIVRD", &[]);
    assert_eq!(read(&account(json!({})), &unmarked).key, None);
    let always = read(&account(json!({"dlr_text": "always"})), &unmarked);
    assert_eq!(
        (always.key.as_deref(), always.outcome),
        (Some("42"), Outcome::Delivered)
    );
}

#[test]
fn times_are_the_centres() {
    let at = |text, minutes| instant(text, minutes).map(|at| at.to_string());
    assert_eq!(
        at("2601020304", 480).as_deref(),
        Some("2026-01-01T19:04:00.000Z")
    );
    assert_eq!(
        at("260102030405", -60).as_deref(),
        Some("2026-01-02T04:04:05.000Z")
    );
    for text in [
        "",
        "26010203",
        "2613020304",
        "2601020360",
        "26010203xx",
        "二六0102",
    ] {
        assert_eq!(instant(text, 0), None, "{text}");
    }
}
