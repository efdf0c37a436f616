use std::time::Duration;

use austin_adapter_api::SmppMode;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Units that two other libraries decode alike.
fn vector(name: &str) -> (Vec<u8>, Value) {
    let vectors = include_str!("../../../../adapters/tests/vectors/smpp.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let all = vectors["pdus"].as_array().unwrap();
    let found = all.iter().find(|unit| unit["name"] == name).unwrap();
    let hex = found["hex"].as_str().unwrap();
    let bytes = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    (bytes, found["fields"].clone())
}

fn decode(name: &str) -> Pdu {
    let mut buffer = BytesMut::from(&vector(name).0[..]);
    let unit = take(&mut buffer).unwrap().unwrap();
    assert!(buffer.is_empty());
    unit
}

fn address(ton: u8, npi: u8, address: &str) -> SmppAddress {
    SmppAddress {
        ton,
        npi,
        address: address.into(),
    }
}

fn message(content: &[u8]) -> SubmitSm {
    SubmitSm {
        source: address(0, 0, "10690000"),
        destination: address(1, 1, "8613711112222"),
        registered_delivery: 1,
        data_coding: 8,
        short_message: Bytes::copy_from_slice(content),
        ..SubmitSm::default()
    }
}

fn written(name: &str, write: impl FnOnce(&mut BytesMut)) {
    let mut out = BytesMut::new();
    write(&mut out);
    assert_eq!(out[..], vector(name).0[..], "{name}");
}

#[test]
fn what_we_write_is_what_others_read() {
    let bound = SmppBind {
        host: "smsc.example".into(),
        port: 2775,
        tls: false,
        mode: SmppMode::Transceiver,
        system_id: "smppclient1".into(),
        password: "password".into(),
        system_type: "CMT".into(),
        address_range: String::new(),
        window: 10,
        enquire_link: Duration::from_secs(30),
        response_timeout: Duration::from_secs(10),
    };
    written("bind_transceiver", |out| {
        bind(out, 1, Role::Transceiver, &bound)
    });
    let gsm = SubmitSm {
        source: address(5, 0, "ACME"),
        destination: address(1, 1, "14155550123"),
        data_coding: 0,
        ..message(b"Hello \x00 \x01")
    };
    written("submit_sm_gsm7_unpacked", |out| submit(out, 2, &gsm));
    written("submit_sm_ucs2", |out| {
        submit(out, 3, &message(&[0x4f, 0x60, 0x59, 0x7d]))
    });
    let chars = |count: usize| [0x5b, 0x57].repeat(count);
    for (number, (name, count)) in
        (1_u8..).zip([("submit_sm_udh_part1", 67), ("submit_sm_udh_part2", 33)])
    {
        let mut content = vec![5, 0, 3, 0x2a, 2, number];
        content.extend(chars(count));
        let part = SubmitSm {
            esm_class: 0x40,
            ..message(&content)
        };
        written(name, |out| submit(out, 3 + u32::from(number), &part));
    }
    let tlv = |tag, value: &[u8]| SmppTlv {
        tag,
        value: Bytes::copy_from_slice(value),
    };
    let sar = SubmitSm {
        tlvs: vec![tlv(0x20c, &[0, 42]), tlv(0x20e, &[2]), tlv(0x20f, &[1])],
        ..message(&chars(67))
    };
    written("submit_sm_sar_part1", |out| submit(out, 6, &sar));
    let payload = SubmitSm {
        tlvs: vec![tlv(MESSAGE_PAYLOAD, &chars(100))],
        ..message(b"")
    };
    written("submit_sm_message_payload", |out| submit(out, 7, &payload));
    written("deliver_sm_resp", |out| delivery_resp(out, 9, false, 0));
    written("enquire_link", |out| enquire_link(out, 10));
    written("enquire_link_resp", |out| enquire_link_resp(out, 10));
    written("unbind", |out| unbind(out, 11));
    written("generic_nack", |out| generic_nack(out, 12));
}

#[test]
fn what_others_write_is_what_we_read() {
    assert_eq!(decode("bind_transceiver_resp").body, Body::BindResp);
    let accepted = decode("submit_sm_resp");
    assert_eq!((accepted.status, accepted.sequence), (0, 2));
    let message_id = "a1b2c3".to_owned();
    assert_eq!(accepted.body, Body::SubmitResp { message_id });
    let throttled = decode("submit_sm_resp_throttled");
    assert_eq!(throttled.status, status::THROTTLED);
    let message_id = String::new();
    assert_eq!(throttled.body, Body::SubmitResp { message_id });
    let (_, fields) = vector("deliver_sm_receipt");
    let Body::Deliver(receipt) = decode("deliver_sm_receipt").body else {
        panic!("no delivery");
    };
    assert_eq!(receipt.content, fields["text"].as_str().unwrap());
    assert_eq!((receipt.esm_class, receipt.data_coding), (4, 0));
    assert_eq!(receipt.tlv(0x1e), Some(&b"a1b2c3\0"[..]));
    assert_eq!(receipt.tlv(0x427), Some(&[2][..]));
    assert_eq!(receipt.source.address, "14155550123");
    assert_eq!(decode("enquire_link").body, Body::EnquireLink);
    assert_eq!(decode("unbind").body, Body::Unbind);
    let nack = decode("generic_nack");
    assert_eq!(
        (nack.body, nack.status),
        (Body::GenericNack, status::INVALID_COMMAND)
    );
}

fn raw(command: u32, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    unit(&mut out, command, 0, 7, |out| out.put_slice(body));
    out
}

fn read_one(command: u32, body: &[u8]) -> Body {
    take(&mut raw(command, body)).unwrap().unwrap().body
}

#[test]
fn sloppy_units_are_read_all_the_same() {
    let id = |id: &str| Body::SubmitResp {
        message_id: id.into(),
    };
    assert_eq!(
        read_one(SUBMIT_SM_RESP, b"abc"),
        id("abc"),
        "no closing zero"
    );
    assert_eq!(read_one(SUBMIT_SM_RESP, b""), id(""));
    assert_eq!(read_one(SUBMIT_SM_RESP, b"\xff\0"), id("\u{fffd}"));
    assert_eq!(read_one(SUBMIT_SM_RESP, &[b'9'; 100]), id(&"9".repeat(100)));
    assert_eq!(read_one(BIND_TRANSCEIVER_RESP, b"\xff"), Body::BindResp);
    assert_eq!(
        read_one(DELIVER_SM, b"\0\x01"),
        Body::Unreadable { data: false }
    );
    assert_eq!(read_one(DATA_SM, b""), Body::Unreadable { data: true });
    assert_eq!(read_one(0x0000_0021, b""), Body::Unknown);
    assert_eq!(read_one(0x8000_0021, b""), Body::UnknownResp);
    assert_eq!(read_one(ALERT_NOTIFICATION, b"x"), Body::Notice);
    // A parameter that is cut short costs only itself.
    let mut data = b"\0\x01\x01861\0\0\0\0\x04\0\0".to_vec();
    data.extend([4, 0x24, 0, 2, b'h', b'i', 0x00, 0x1e, 0, 9, b'x']);
    let Body::Data(message) = read_one(DATA_SM, &data) else {
        panic!("no data");
    };
    assert_eq!((&message.content[..], message.tlvs.len()), (&b"hi"[..], 1));
}

#[test]
fn lengths_that_cannot_be_believed_end_it() {
    for length in [0_u32, 1, 15, 72 * 1024 + 1, u32::MAX, 0x4854_5450] {
        let mut buffer = BytesMut::from(&length.to_be_bytes()[..]);
        assert_eq!(take(&mut buffer), Err(BadLength(length)));
    }
}

#[test]
fn what_cannot_be_written_is_named() {
    let fault = |part: &SubmitSm| check_submit(part).unwrap_err();
    assert!(check_submit(&message(&[0; 254])).is_ok());
    assert!(fault(&message(&[0; 255])).contains("254"));
    let mut long = message(b"");
    long.source.address = "1".repeat(21);
    assert!(fault(&long).contains("sender"));
    let mut zero = message(b"");
    zero.destination.address = "1\x002".into();
    assert!(fault(&zero).contains("recipient"));
}

proptest! {
    #[test]
    fn any_bytes_are_units_or_not(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        super::super::any_bytes(&bytes);
    }

    #[test]
    fn any_body_is_read(command in prop::sample::select(vec![
        SUBMIT_SM_RESP, DELIVER_SM, DATA_SM, BIND_RECEIVER_RESP, UNBIND, 0x21, GENERIC_NACK,
    ]), body in prop::collection::vec(any::<u8>(), 0..120)) {
        let mut buffer = raw(command, &body);
        prop_assert!(take(&mut buffer).unwrap().is_some());
        prop_assert!(buffer.is_empty());
    }

    #[test]
    fn units_are_found_however_they_are_cut(cuts in prop::collection::vec(1_usize..40, 1..20)) {
        let mut stream = BytesMut::new();
        for sequence in 0..10 {
            submit(&mut stream, sequence, &message(b"hello"));
        }
        let (mut buffer, mut found) = (BytesMut::new(), 0);
        let mut cuts = cuts.into_iter().cycle();
        while !stream.is_empty() {
            let size = cuts.next().unwrap_or(1).min(stream.len());
            buffer.extend_from_slice(&stream.split_to(size));
            while let Some(unit) = take(&mut buffer).unwrap() {
                prop_assert_eq!(unit.sequence, found);
                found += 1;
            }
        }
        prop_assert_eq!(found, 10);
    }
}
