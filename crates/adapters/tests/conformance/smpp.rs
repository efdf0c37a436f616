use austin_adapter_api::{
    DeliverSm, Fault, FaultKind, Outcome, Phase, Receipt, Reply, SmppAddress, SmppMode, SmppPart,
    SmppReply, SmppTlv,
};
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use bytes::Bytes;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::support::*;

fn case_with(extra: Value, words: &str) -> Case {
    let mut settings = json!({
        "host": "smsc.example.com", "system_id": "smppclient1", "source_addr": "10690000",
    });
    settings
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    let account = account(settings, &[("password", "p4ssw0rd-x")]);
    Case::new("smpp", account, batch(&[MAINLAND[0]], &[], text(words)))
}

fn case(words: &str) -> Case {
    case_with(json!({}), words)
}

fn answered(status: u32, id: &str) -> SmppPart {
    SmppPart::Answered {
        status,
        message_id: id.into(),
    }
}

fn missing(phase: Phase) -> SmppPart {
    SmppPart::Missing(Fault {
        phase,
        kind: FaultKind::TimedOut,
        detail: "no answer".into(),
    })
}

fn verdict(case: &Case, parts: &[SmppPart]) -> Verdict {
    let reply = || Reply::Smpp(SmppReply::Submitted(parts.to_vec()));
    case.drive(|_| reply()).0.remove(0)
}

fn accepted(verdict: Verdict) -> Acceptance {
    match verdict {
        Verdict::Accepted(acceptance) => acceptance,
        other => panic!("{other:?}"),
    }
}

#[test]
fn golden_session() {
    let bind = case("x").smpp().bind;
    assert_eq!(
        (bind.host.as_str(), bind.port, bind.tls),
        ("smsc.example.com", 2775, false)
    );
    assert_eq!((bind.mode, bind.window), (SmppMode::Transceiver, 10));
    assert_eq!(
        (bind.system_id.as_str(), bind.password.expose_secret()),
        ("smppclient1", "p4ssw0rd-x")
    );
    assert_eq!(
        (bind.enquire_link.as_secs(), bind.response_timeout.as_secs()),
        (30, 10)
    );
    let settings = json!({"bind_mode": "pair", "tls": true, "port": 3550, "system_type": "CMT",
        "window": 50, "enquire_link_seconds": 60, "response_seconds": 5});
    let case = case_with(settings, "x");
    let bind = case.smpp().bind;
    assert_eq!(
        (bind.port, bind.tls, bind.mode),
        (3550, true, SmppMode::Pair)
    );
    assert_eq!((bind.system_type.as_str(), bind.window), ("CMT", 50));
    assert_eq!(case.adapter.session(&case.account), Some(bind));
    let broken = case_with(json!({"host": null}), "x");
    assert_eq!(broken.adapter.session(&broken.account), None);
    assert_eq!(
        word_and_code(&broken.refused()[0]),
        ("misconfigured", "missing_field")
    );
}

#[test]
fn golden_parts() {
    let parts = case("Hello @ £").smpp().parts;
    let [part] = &parts[..] else {
        panic!("{parts:?}")
    };
    assert_eq!(part.short_message, &b"Hello \x00 \x01"[..]);
    assert_eq!(
        (part.data_coding, part.esm_class, part.registered_delivery),
        (0, 0, 1)
    );
    assert_eq!(
        (
            part.source.ton,
            part.source.npi,
            part.source.address.as_str()
        ),
        (0, 0, "10690000")
    );
    let to = &part.destination;
    assert_eq!(
        (to.ton, to.npi, to.address.as_str()),
        (1, 1, "8613711112222")
    );

    let part = case("你好").smpp().parts.remove(0);
    assert_eq!(
        (part.data_coding, &part.short_message[..]),
        (8, &[0x4f, 0x60, 0x59, 0x7d][..])
    );
    let part = case_with(json!({"encoding": "latin1"}), "é")
        .smpp()
        .parts
        .remove(0);
    assert_eq!(
        (part.data_coding, &part.short_message[..]),
        (3, &[0xe9][..])
    );
    let settings = json!({"encoding": "latin1", "data_coding": 0, "sign_name": "ACME"});
    assert_eq!(
        case_with(settings, "é").smpp().parts[0].data_coding,
        8,
        "【】 are not Latin-1"
    );
    let settings = json!({"validity_minutes": 1_505, "service_type": "VMA", "receipts": "none"});
    let part = case_with(settings, "x").smpp().parts.remove(0);
    assert_eq!(part.validity_period, "000001010500000R");
    assert_eq!(
        (part.service_type.as_str(), part.registered_delivery),
        ("VMA", 0)
    );
}

#[test]
fn long_texts_part_in_every_way() {
    let words = "字".repeat(100);
    let udh = case(&words).smpp().parts;
    assert_eq!(udh[0].short_message[..6], [5, 0, 3, 0xab, 2, 1]);
    assert_eq!(udh[1].short_message[..6], [5, 0, 3, 0xab, 2, 2]);
    assert_eq!(
        (udh[0].short_message.len(), udh[1].short_message.len()),
        (140, 72)
    );
    assert!(udh.iter().all(|part| part.esm_class == 0x40));
    let registered: Vec<u8> = udh.iter().map(|part| part.registered_delivery).collect();
    assert_eq!(
        registered,
        [2, 1],
        "failures of all, the outcome of the last"
    );

    let wide = case_with(json!({"concatenation": "udh16"}), &words)
        .smpp()
        .parts;
    assert_eq!(wide[1].short_message[..7], [6, 8, 4, 0, 0xab, 2, 2]);
    let sar = case_with(
        json!({"concatenation": "sar", "receipts": "every_part"}),
        &words,
    );
    let sar = sar.smpp().parts;
    let tlv = |tag, value: &'static [u8]| SmppTlv {
        tag,
        value: Bytes::from_static(value),
    };
    let expected = [tlv(0x20c, &[0, 0xab]), tlv(0x20e, &[2]), tlv(0x20f, &[1])];
    assert_eq!(
        (sar[0].tlvs.as_slice(), sar[0].esm_class),
        (&expected[..], 0)
    );
    assert!(sar.iter().all(|part| part.registered_delivery == 1));
    let payload = case_with(json!({"concatenation": "payload"}), &words)
        .smpp()
        .parts;
    assert_eq!((payload.len(), payload[0].short_message.len()), (1, 0));
    assert_eq!(
        (payload[0].tlvs[0].tag, payload[0].tlvs[0].value.len()),
        (0x424, 200)
    );
    let again = case(&words);
    assert_eq!(
        again.smpp().parts,
        again.smpp().parts,
        "the reference is the nonce's"
    );
    let refused = case(&"字".repeat(67 * 256)).refused();
    assert_eq!(word_and_code(&refused[0]), ("bad_content", "too_long"));
}

#[test]
fn senders_have_their_type_of_number() {
    for (sender, expected) in [
        ("ACME", (5, 0, "ACME")),
        ("+14155550100", (1, 1, "14155550100")),
        ("12345", (0, 0, "12345")),
        ("", (0, 0, "")),
    ] {
        let part = case_with(json!({"source_addr": sender}), "x")
            .smpp()
            .parts
            .remove(0);
        let SmppAddress { ton, npi, address } = part.source;
        assert_eq!((ton, npi, address.as_str()), expected);
    }
    let settings = json!({"source_ton": 3, "source_npi": 8, "dest_ton": 2, "dest_npi": 9});
    let part = case_with(settings, "x").smpp().parts.remove(0);
    assert_eq!((part.source.ton, part.source.npi), (3, 8));
    assert_eq!((part.destination.ton, part.destination.npi), (2, 9));
    for sender in ["ACME-TOO-LONG", "商城", &"1".repeat(21)] {
        let refused = case_with(json!({"source_addr": sender}), "x").refused();
        assert_eq!(
            word_and_code(&refused[0]),
            ("misconfigured", "bad_source_addr")
        );
    }
    let mut case = case("x");
    case.batch.items[0].to = "+86x".into();
    assert_eq!(
        word_and_code(&case.refused()[0]),
        ("bad_recipient", "bad_number")
    );
}

#[test]
fn acceptance_has_an_id_and_keys_in_one_spelling() {
    let one = accepted(verdict(&case("x"), &[answered(0, "00A1B2C3")]));
    assert_eq!(one.vendor_id.as_deref(), Some("00A1B2C3"));
    assert_eq!(
        (one.receipt_key.as_deref(), one.segments),
        (Some("10597059"), Some(1))
    );
    let long = case(&"字".repeat(100));
    let two = accepted(verdict(&long, &[answered(0, "007"), answered(0, "8")]));
    assert_eq!(two.vendor_id.as_deref(), Some("007,8"));
    assert_eq!(
        (two.receipt_key.as_deref(), two.segments),
        (Some("7\n8"), Some(2))
    );
    let payload = case_with(json!({"concatenation": "payload"}), &"字".repeat(100));
    assert_eq!(
        accepted(verdict(&payload, &[answered(0, "1")])).segments,
        Some(2)
    );
    let none = accepted(verdict(&case("x"), &[answered(0, "")]));
    assert_eq!((none.vendor_id, none.receipt_key), (None, None));
}

#[test]
fn half_a_message_is_never_sent_again_blindly() {
    let long = case(&"字".repeat(100));
    for (parts, expected) in [
        (
            vec![answered(0, "1"), answered(0x58, "")],
            ("unknown", "partly_taken"),
        ),
        (
            vec![answered(0x0b, ""), answered(0, "2")],
            ("unknown", "partly_taken"),
        ),
        (
            vec![answered(0, "1"), missing(Phase::NotSent)],
            ("unknown", "partly_taken"),
        ),
        (
            vec![answered(0, "1"), missing(Phase::MaybeSent)],
            ("unknown", "timed_out"),
        ),
        (
            vec![answered(0x58, ""), missing(Phase::MaybeSent)],
            ("unknown", "timed_out"),
        ),
        (
            vec![answered(0x58, ""), answered(0x58, "")],
            ("throttled", "0x00000058 ESME_RTHROTTLED"),
        ),
        (
            vec![missing(Phase::NotSent), answered(0x0b, "")],
            ("elsewhere", "timed_out"),
        ),
        (vec![], ("unknown", "empty_answer")),
    ] {
        let verdict = verdict(&long, &parts);
        assert_eq!(word_and_code(&verdict), expected, "{parts:?}");
    }
}

#[test]
fn every_status_has_its_verdict() {
    let adapter = adapter("smpp");
    let codes = &adapter.descriptor().codes;
    assert_eq!(codes.len(), 47);
    for row in codes {
        let status = u32::from_str_radix(&row.code[2..10], 16).unwrap();
        let verdict = verdict(&case("x"), &[answered(status, "")]);
        assert_eq!(
            word_and_code(&verdict),
            (row.verdict.as_str(), row.code.as_str())
        );
        assert_eq!(verdict.cause().unwrap().detail, row.meaning);
    }
    for (status, expected) in [
        (0x14, "throttled"),
        (0x58, "throttled"),
        (0x08, "later"),
        (0x45, "later"),
        (0x64, "later"),
        (0x0b, "bad_recipient"),
        (0x0a, "misconfigured"),
        (0x0d, "misconfigured"),
        (0x0e, "misconfigured"),
        (0x0f, "misconfigured"),
        (0x05, "elsewhere"),
        (0x43, "elsewhere"),
        (0x0400, "elsewhere"),
        (u32::MAX, "elsewhere"),
    ] {
        let word = verdict(&case("x"), &[answered(status, "")]);
        assert_eq!(word.as_str(), expected, "{status:#x}");
        let unbound = case("x")
            .drive(|_| Reply::Smpp(SmppReply::NotBound(status)))
            .0;
        assert_eq!(unbound[0].as_str(), expected, "bind {status:#x}");
    }
}

fn receipt_text(id: &str, stat: &str) -> String {
    format!(
        "id:{id} sub:001 dlvrd:001 submit date:2601020304 done date:2601020305 stat:{stat} err:000 \
         text:Hello"
    )
}

fn delivery(text: &str) -> DeliverSm {
    DeliverSm {
        source: SmppAddress {
            ton: 1,
            npi: 1,
            address: "8613711112222".into(),
        },
        esm_class: 4,
        content: Bytes::copy_from_slice(text.as_bytes()),
        ..DeliverSm::default()
    }
}

fn read(case: &Case, message: &DeliverSm) -> Receipt {
    case.adapter
        .arrival(&case.account, message, &context())
        .remove(0)
}

#[test]
fn receipts_are_matched_however_ids_are_written() {
    for (settings, answer, told) in [
        (json!({}), "a1b2c3", "00A1B2C3"),
        (json!({}), "a1b2c3", "10597059"),
        (
            json!({"id_format": "hex", "receipt_id_format": "decimal"}),
            "12345",
            "0000074565",
        ),
        (
            json!({"id_format": "decimal", "receipt_id_format": "hex"}),
            "74565",
            "00012345",
        ),
        (json!({"id_format": "as_is"}), "0042", "0042"),
    ] {
        let case = case_with(settings, "x");
        let key = accepted(verdict(&case, &[answered(0, answer)])).receipt_key;
        let receipt = read(&case, &delivery(&receipt_text(told, "DELIVRD")));
        assert_eq!(
            (receipt.key, receipt.outcome),
            (key, Outcome::Delivered),
            "{answer} {told}"
        );
        // An optional parameter is written as answers are.
        let mut both = delivery(&receipt_text(told, "DELIVRD"));
        both.tlvs.push(SmppTlv {
            tag: 0x1e,
            value: Bytes::from(format!("{answer}\0")),
        });
        let key = accepted(verdict(&case, &[answered(0, answer)])).receipt_key;
        assert_eq!(read(&case, &both).key, key);
    }
}

proptest! {
    #[test]
    fn whatever_arrives_is_on_record(content in prop::collection::vec(any::<u8>(), 0..200), esm_class in any::<u8>(), data_coding in any::<u8>(), tag in prop::sample::select(vec![0x1e_u16, 0x427, 0x423, 0x424]), value in prop::collection::vec(any::<u8>(), 0..20), mode in prop::sample::select(vec!["auto", "always", "never"])) {
        let case = case_with(json!({"dlr_text": mode}), "x");
        let message = DeliverSm {
            esm_class,
            data_coding,
            content: content.into(),
            tlvs: vec![SmppTlv { tag, value: value.into() }],
            ..DeliverSm::default()
        };
        let receipt = read(&case, &message);
        prop_assert!(receipt.key.is_some() || receipt.outcome == Outcome::Pending);
        prop_assert!(receipt.raw.chars().count() < 4_000 && receipt.code.chars().count() <= 80);
        prop_assert!(!receipt.key.is_some_and(|key| key.contains('\n')));
    }
}
