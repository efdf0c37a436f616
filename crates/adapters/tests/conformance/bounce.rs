//! Bounce mails as servers write them, and as nobody should.

use austin_adapter_api::{Outcome, Receipts, Refused};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::json;

use super::support::*;

const POSTFIX: &str = include_str!("../bounces/postfix.eml");
const DELAYED: &str = include_str!("../bounces/postfix-delayed.eml");
const EXIM: &str = include_str!("../bounces/exim.eml");
const EXCHANGE: &str = include_str!("../bounces/exchange.eml");
const GMAIL: &str = include_str!("../bounces/gmail.eml");
const ALL: [&str; 5] = [POSTFIX, DELAYED, EXIM, EXCHANGE, GMAIL];

fn case() -> Case {
    let settings = json!({"host": "mail.shop.example", "from": "shop@shop.example"});
    let content = austin_domain::Content::Email {
        subject: "s".into(),
        html: None,
        text: Some("t".into()),
    };
    Case::new(
        "smtp",
        account(settings, &[]),
        batch(&["li.lei@corp.example"], &[], content),
    )
}

fn post(body: &[u8]) -> Result<Receipts, Refused> {
    let media = HeaderValue::from_static("message/rfc822");
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, media)]);
    case().receipts_with(headers, body)
}

/// Mail, delivery, and what is said of it: outcome, code, words, time.
type Known = (
    &'static str,
    &'static str,
    Outcome,
    &'static str,
    &'static str,
    &'static str,
);
const KNOWN: [Known; 5] = [
    (
        POSTFIX,
        "dlv_01hq2v9k7m3xa",
        Outcome::Undelivered,
        "5.1.1",
        "550 5.1.1 <li.lei@corp.example>: Recipient address rejected: User unknown in local \
             recipient table",
        "2026-01-02T03:04:07Z",
    ),
    (
        DELAYED,
        "dlv_01hq2v9k7m3xa",
        Outcome::Pending,
        "4.4.1",
        "connect to mx.corp.example[192.0.2.25]:25: Connection timed out",
        "2026-01-02T07:04:07Z",
    ),
    (
        EXIM,
        "dlv_01hq2v9k7m3xb",
        Outcome::Undelivered,
        "5.2.1",
        "550 5.2.1 mailbox disabled",
        "2026-01-02T03:04:06Z",
    ),
    (
        EXCHANGE,
        "dlv_01hq2v9k7m3xc",
        Outcome::Undelivered,
        "5.2.2",
        "554 5.2.2 mailbox full; QuotaExceededException.MapiExceptionShutoffQuotaExceeded; \
             Failed to process message",
        "2026-01-02T03:05:00Z",
    ),
    (
        GMAIL,
        "dlv_01hq2v9k7m3xd",
        Outcome::Undelivered,
        "5.1.1",
        "550-5.1.1 The email account that you tried to reach does not exist. 550-5.1.1 \
             Please check the address for typing errors or unnecessary 550 5.1.1 spaces. - gsmtp",
        "2026-01-02T03:04:08Z",
    ),
];

#[test]
fn servers_bounces_find_their_delivery() {
    for (mail, reference, outcome, code, detail, at) in KNOWN {
        for mail in [mail.to_owned(), mail.replace('\n', "\r\n")] {
            let read = post(mail.as_bytes()).unwrap();
            assert_eq!((read.status.as_u16(), read.receipts.len()), (200, 1));
            let receipt = &read.receipts[0];
            assert_eq!(receipt.reference.as_deref(), Some(reference));
            assert_eq!(
                (
                    receipt.outcome,
                    receipt.code.as_str(),
                    receipt.detail.as_str()
                ),
                (outcome, code, detail),
                "{reference}"
            );
            assert_eq!(receipt.at, Some(at.parse().unwrap()), "{reference}");
            assert!(receipt.raw.contains("Final-Recipient: rfc822;"));
            // The returned mail may hold what was secret in it.
            assert!(!receipt.raw.contains("has shipped"), "{}", receipt.raw);
        }
    }
    let key = |mail: &str| post(mail.as_bytes()).unwrap().receipts[0].key.clone();
    assert_eq!(
        key(POSTFIX).as_deref(),
        Some("dlv_01hq2v9k7m3xa@shop.example")
    );
    assert_eq!(key(DELAYED), None);
}

/// What our own mail carries is what a bounce is matched by.
#[test]
fn our_own_mail_returned_is_found() {
    let mut case = case();
    let bounce = |case: &Case, to: &str, kind: &str| {
        let own = String::from_utf8(case.smtp().message.to_vec()).unwrap();
        let mail = format!(
            "To: {to}\r\nContent-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\
             Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n\r\n\
             Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
             --x\r\nContent-Type: {kind}\r\n\r\n{own}\r\n--x--\r\n"
        );
        post(mail.as_bytes()).map(|read| read.receipts[0].clone())
    };
    let receipt = bounce(&case, "shop@shop.example", "message/rfc822").unwrap();
    assert_eq!(receipt.reference.as_deref(), Some("dlv_1"));
    assert_eq!(receipt.key.as_deref(), Some("dlv_1@shop.example"));
    let receipt = bounce(&case, "shop@shop.example", "text/rfc822-headers").unwrap();
    assert_eq!(receipt.reference.as_deref(), Some("dlv_1"));
    // Nothing of it returned: only the address it was sent to is left.
    let pattern = "bounce+{delivery}@shop.example";
    case.account
        .settings
        .insert("return_path".into(), pattern.into());
    let to = case.smtp().from;
    assert_eq!(to, "bounce+dlv_1@shop.example");
    let receipt = bounce(&case, &to, "application/octet-stream").unwrap();
    assert_eq!(receipt.reference.as_deref(), Some("dlv_1"));
    assert!(bounce(&case, "shop@shop.example", "application/octet-stream").is_err());
}

#[test]
fn return_path_must_be_an_address() {
    let mut case = case();
    for (pattern, expected) in [
        ("bounces@shop.example", Ok("bounces@shop.example")),
        ("{delivery}@b.shop.example", Ok("dlv_1@b.shop.example")),
        ("nobody", Err("bad_setting")),
        ("a@shop.example\r\nX: y", Err("bad_setting")),
    ] {
        case.account
            .settings
            .insert("return_path".into(), pattern.into());
        match expected {
            Ok(from) => assert_eq!(case.smtp().from, from),
            Err(code) => assert_eq!(word_and_code(&case.refused()[0]), ("misconfigured", code)),
        }
    }
}

fn report(status: &str) -> String {
    format!(
        "To: bounce+dlv_1@shop.example\nContent-Type: multipart/report; boundary=x\n\n--x\n\
         Content-Type: message/delivery-status\n\n{status}\n--x--\n"
    )
}

#[test]
fn every_action() {
    for (block, expected) in [
        (
            "Action: failed\nStatus: 5.1.1",
            Ok((Outcome::Undelivered, "5.1.1")),
        ),
        (
            "Action: FAILED (bad)\nStatus: 4.4.7",
            Ok((Outcome::Undelivered, "4.4.7")),
        ),
        (
            "Action: delayed\nStatus: 4.2.2",
            Ok((Outcome::Pending, "4.2.2")),
        ),
        (
            "Action: delivered\nStatus: 2.0.0",
            Ok((Outcome::Delivered, "2.0.0")),
        ),
        (
            "Action: relayed\nStatus: 2.0.0",
            Ok((Outcome::Delivered, "2.0.0")),
        ),
        (
            "Action: expanded\nStatus: 2.0.0",
            Ok((Outcome::Pending, "2.0.0")),
        ),
        ("Action: failed", Ok((Outcome::Undelivered, "failed"))),
        ("Status: 5.4.4", Ok((Outcome::Undelivered, "5.4.4"))),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.7.1 no",
            Ok((Outcome::Undelivered, "5.7.1")),
        ),
        (
            "Action: eaten",
            Err("recipient 0 has an Action that RFC 3464 does not know"),
        ),
        (
            "Final-Recipient: rfc822; a@b.example",
            Err("recipient 0 has neither Action nor Status"),
        ),
    ] {
        let read = post(report(&format!("Reporting-MTA: dns; a\n\n{block}\n")).as_bytes());
        match expected {
            Ok((outcome, code)) => {
                let receipt = &read.unwrap().receipts[0];
                assert_eq!(
                    (receipt.outcome, receipt.code.as_str()),
                    (outcome, code),
                    "{block}"
                );
            }
            Err(detail) => assert_eq!(read.unwrap_err().detail, detail),
        }
    }
    let two = "Reporting-MTA: dns; a\n\nAction: failed\nStatus: 5.1.1\n\nAction: delivered\nStatus: 2.0.0\n";
    let read = post(report(two).as_bytes()).unwrap();
    assert_eq!(read.receipts.len(), 2);
    assert_eq!(read.receipts[1].outcome, Outcome::Delivered);
}

#[test]
fn what_is_no_bounce_of_ours_is_refused_with_the_reason() {
    let foreign = POSTFIX.replace("dlv_", "msg-");
    let many = format!(
        "Reporting-MTA: dns; a\n\n{}",
        "Action: failed\n\n".repeat(101)
    );
    for (mail, reason) in [
        (String::new(), "no delivery status notification"),
        (
            "Subject: out of office\n\nback on Monday".into(),
            "no delivery status notification",
        ),
        (foreign, "names no mail of ours"),
        (report(""), "the delivery status is empty"),
        (report("Reporting-MTA: dns; a\n"), "names no recipient"),
        (report(&many), "more than 100 recipients"),
    ] {
        let refused = post(mail.as_bytes()).unwrap_err();
        assert_eq!(refused.status.as_u16(), 400);
        assert!(refused.detail.contains(reason), "{}", refused.detail);
    }
    let media = HeaderValue::from_static("application/json; charset=utf-8");
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, media)]);
    let refused = case()
        .receipts_with(headers, POSTFIX.as_bytes())
        .unwrap_err();
    assert!(
        refused.detail.contains("application/json"),
        "{}",
        refused.detail
    );
}

/// Mails in mails in mails, plain and encoded: depth costs neither stack nor time.
#[test]
fn a_mail_made_to_hurt_does_not() {
    let nested = "Content-Type: message/rfc822\n\n".repeat(100_000);
    let parts = "Content-Type: multipart/mixed; boundary=x\n\n--x\n".repeat(100_000);
    let marks = format!(
        "Content-Type: multipart/report; boundary=x\n\n{}",
        "--x\n".repeat(1_000_000)
    );
    let header = format!(
        "Content-Type: multipart/report; boundary=\"{}\"\n\nx",
        "y".repeat(2_000_000)
    );
    for mail in [
        nested,
        parts,
        marks,
        header,
        "(".repeat(1_000_000),
        "To: ((((\n".repeat(100_000),
    ] {
        assert!(post(mail.as_bytes()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Err(error) = post(&body) {
            prop_assert_eq!(error.status.as_u16(), 400);
        }
    }

    #[test]
    fn any_damage_is_read_or_refused(
        which in 0..ALL.len(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..40), 0..8),
    ) {
        let mut mail = ALL[which].as_bytes().to_vec();
        for (at, byte, gone) in cuts {
            let at = at.index(mail.len());
            mail[at] = byte;
            let end = (at + gone).min(mail.len());
            mail.drain(at..end);
            if mail.is_empty() {
                break;
            }
        }
        match post(&mail) {
            Ok(read) => {
                for receipt in read.receipts {
                    prop_assert!(receipt.reference.is_some_and(|text| text.starts_with("dlv_")));
                    prop_assert!(receipt.code.chars().count() <= 80);
                    prop_assert!(receipt.detail.chars().count() <= 300);
                }
            }
            Err(error) => prop_assert_eq!(error.status.as_u16(), 400),
        }
    }
}

#[test]
fn only_what_is_about_the_mailbox_marks_the_address() {
    use austin_adapter_api::Mark;
    for (mail, hard) in [
        (POSTFIX, true),
        (DELAYED, false),
        (EXIM, true),
        (EXCHANGE, false),
    ] {
        let receipts = post(mail.as_bytes()).unwrap().receipts;
        let marked = receipts[0].mark == Some(Mark::HardBounce);
        assert_eq!(marked, hard, "{:?}", receipts[0].code);
    }
}

#[test]
fn a_report_of_abuse_is_a_complaint() {
    use austin_adapter_api::Mark;
    let report = |kind: &str| {
        format!(
            "From: <abuse@mailbox.example>\r\nTo: <bounce@shop.example>\r\n\
             Date: Fri, 02 Jan 2026 03:04:05 +0000\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=feedback-report; boundary=\"b1\"\r\n\r\n\
             --b1\r\nContent-Type: text/plain\r\n\r\nSpam, says the reader.\r\n\
             --b1\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\n\
             User-Agent: x/1.0\r\nVersion: 1\r\n\r\n\
             --b1\r\nContent-Type: message/rfc822\r\n\r\nFrom: <shop@shop.example>\r\n\
             Message-ID: <dlv_01hq2v9k7m3xa@shop.example>\r\n\
             X-Austin-Delivery: dlv_01hq2v9k7m3xa\r\nSubject: Sale\r\n\r\ncheap\r\n--b1--\r\n"
        )
    };
    let read = post(report("abuse").as_bytes()).unwrap().receipts;
    let receipt = &read[0];
    assert_eq!(receipt.reference.as_deref(), Some("dlv_01hq2v9k7m3xa"));
    let said = (receipt.outcome, receipt.code.as_str(), receipt.mark);
    assert_eq!(said, (Outcome::Pending, "abuse", Some(Mark::Complaint)));
    let read = post(report("not-spam").as_bytes()).unwrap().receipts;
    assert_eq!((read[0].code.as_str(), read[0].mark), ("not-spam", None));
    let without = report("abuse").replace("dlv_01hq2v9k7m3xa", "x");
    assert_eq!(post(without.as_bytes()).unwrap_err().status.as_u16(), 400);
}
