use austin_adapter_api::{Attachment, Reply, SmtpReply, TlsMode};
use austin_domain::{Content, Timestamp, Verdict};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::support::*;

const TO: &str = "li.lei@corp.example";

fn email(subject: &str, html: Option<&str>, text: Option<&str>) -> Content {
    Content::Email {
        subject: subject.into(),
        html: html.map(str::to_owned),
        text: text.map(str::to_owned),
    }
}

fn case_with(extra: Value, content: Content) -> Case {
    let mut settings = json!({
        "host": "mail.example.com", "from": "shop@example.com", "from_name": "商城",
        "reply_to": "help@example.com", "username": "shop",
    });
    settings
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    let account = account(settings, &[("password", "p4ssw0rd-x")]);
    Case::new("smtp", account, batch(&[TO], &[], content))
}

fn case(content: Content) -> Case {
    case_with(json!({}), content)
}

fn message(case: &Case) -> String {
    String::from_utf8(case.smtp().message.to_vec()).unwrap()
}

#[test]
fn golden_message() {
    let case = case(email("您的订单", Some("<p>已发货 €5</p>"), Some("shipped")));
    let expected = "\
Date: Fri, 02 Jan 2026 03:04:05 +0000\r
Message-ID: <dlv_1@example.com>\r
X-Austin-Delivery: dlv_1\r
From: =?utf-8?b?5ZWG5Z+O?= <shop@example.com>\r
To: li.lei@corp.example\r
Subject: =?utf-8?b?5oKo55qE6K6i5Y2V?=\r
Reply-To: help@example.com\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative;\r
 boundary=\"=_a000000000000000000000000000000ab\"\r
\r
--=_a000000000000000000000000000000ab\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 7bit\r
\r
shipped\r
--=_a000000000000000000000000000000ab\r
Content-Type: text/html; charset=utf-8\r
Content-Transfer-Encoding: base64\r
\r
PHA+5bey5Y+R6LSnIOKCrDU8L3A+\r
--=_a000000000000000000000000000000ab--\r
";
    assert_eq!(message(&case), expected);
    assert_eq!(message(&case), message(&case));
}

#[test]
fn golden_transaction() {
    let request = case(email("s", None, Some("t"))).smtp();
    assert_eq!(
        (request.host.as_str(), request.port, request.tls),
        ("mail.example.com", 587, TlsMode::StartTls)
    );
    assert_eq!(
        (request.from.as_str(), request.to.as_str()),
        ("shop@example.com", TO)
    );
    let (user, password) = request.credentials.as_ref().unwrap();
    assert_eq!(
        (user.as_str(), password.expose_secret()),
        ("shop", "p4ssw0rd-x")
    );
    assert_eq!(request.hello, None);
    for (tls, port, mode) in [
        ("implicit", 465, TlsMode::Implicit),
        ("opportunistic", 25, TlsMode::Opportunistic),
        ("none", 25, TlsMode::None),
    ] {
        let request = case_with(json!({"tls": tls}), email("s", None, Some("t"))).smtp();
        assert_eq!((request.port, request.tls), (port, mode));
    }
    let request = case_with(
        json!({"port": 2525, "hello": "austin.example"}),
        email("s", None, Some("t")),
    )
    .smtp();
    assert_eq!(
        (request.port, request.hello.as_deref()),
        (2525, Some("austin.example"))
    );
}

#[test]
fn attachments_make_it_mixed() {
    let mut case = case(email("s", Some("<p>h</p>"), Some("t")));
    let file = |name: &str, content_type: &str| Attachment {
        name: name.into(),
        content_type: content_type.into(),
        data: vec![0, 159, 146, 150].into(),
    };
    case.batch.attachments = [
        file("发票.pdf", "application/pdf"),
        file("b.bin", "application/x-b"),
    ]
    .into();
    let text = message(&case);
    assert!(
        text.contains("Content-Type: multipart/mixed;\r\n boundary=\"=_m0"),
        "{text}"
    );
    assert!(
        text.contains("Content-Type: multipart/alternative;\r\n boundary=\"=_a0"),
        "{text}"
    );
    assert_eq!(
        text.matches("Content-Disposition: attachment").count(),
        2,
        "{text}"
    );
    assert_eq!(text.matches("AJ+Slg==").count(), 2, "{text}");
    assert!(text.is_ascii(), "{text}");
    for bad in [
        file("a\r\nBcc: x@corp.example", "application/pdf"),
        file("", "application/pdf"),
        file("a", "nonsense"),
    ] {
        case.batch.attachments = [bad].into();
        assert_eq!(
            word_and_code(&case.refused()[0]),
            ("bad_content", "bad_attachment")
        );
    }
}

#[test]
fn no_header_can_be_injected() {
    for subject in ["a\r\nBcc: x@corp.example", "a\nb", "a\rb", "a\0b"] {
        let refused = case(email(subject, None, Some("t"))).refused();
        assert_eq!(word_and_code(&refused[0]), ("bad_content", "bad_subject"));
    }
    for setting in ["from", "from_name", "reply_to"] {
        let value = "a@example.com\r\nBcc: x@corp.example";
        let refused = case_with(json!({ setting: value }), email("s", None, Some("t"))).refused();
        assert_eq!(refused[0].as_str(), "misconfigured", "{setting}");
    }
    for to in [
        "",
        "x",
        "a b@corp.example",
        "\"a\r\nRCPT TO:<b\"@corp.example",
        "a@corp.example\nX",
        "a@corp.example,b@corp.example",
        "<a@corp.example>",
    ] {
        let mut case = case(email("s", None, Some("t")));
        case.batch.items[0].to = to.into();
        assert_eq!(
            word_and_code(&case.refused()[0]),
            ("bad_recipient", "bad_address"),
            "{to:?}"
        );
    }
    let mut odd = case(email("s", None, Some("t")));
    odd.batch.items[0].reference = "dlv_1>\r\nX: y".into();
    assert_eq!(
        word_and_code(&odd.refused()[0]),
        ("elsewhere", "bad_reference")
    );
}

#[test]
fn content_cannot_contain_the_boundary() {
    let nonce = "000000000000000000000000000000ab";
    let case = case(email("s", Some("<p>"), Some(&format!("--=_a{nonce}--"))));
    let text = message(&case);
    let boundary = text
        .split("boundary=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(!boundary.contains(nonce));
    assert_eq!(text.matches(boundary).count(), 4, "{text}");
}

#[test]
fn what_is_no_email_is_refused() {
    assert_eq!(
        word_and_code(&case(text("x")).refused()[0]),
        ("bad_content", "not_email")
    );
    assert_eq!(
        word_and_code(&case(email("s", None, None)).refused()[0]),
        ("bad_content", "empty_email")
    );
    for name in ["host", "from"] {
        let refused = case_with(json!({ name: null }), email("s", None, Some("t"))).refused();
        assert_eq!(
            word_and_code(&refused[0]),
            ("misconfigured", "missing_field"),
            "{name}"
        );
    }
}

#[test]
fn any_clock_makes_a_message() {
    let case = case(email("s", None, Some("t")));
    for millis in [i64::MIN, -1, 0, i64::MAX] {
        let mut context = context();
        context.now = Timestamp::from_millis(millis);
        let step = case.adapter.start(&case.account, &case.batch, &context);
        assert!(matches!(step, austin_adapter_api::Step::Call { .. }));
    }
}

fn reply(code: u16, stage: &'static str, text: &str) -> Reply {
    Reply::Smtp(SmtpReply {
        code,
        text: vec![text.into()],
        stage,
    })
}

#[test]
fn acceptance_keeps_the_message_id() {
    let (verdicts, _) =
        case(email("s", None, Some("t"))).drive(|_| reply(250, "message", "2.0.0 Ok: queued as 1"));
    match &verdicts[0] {
        Verdict::Accepted(acceptance) => {
            assert_eq!(acceptance.vendor_id.as_deref(), Some("dlv_1@example.com"));
        }
        other => panic!("{other:?}"),
    }
}

/// What the server says, at which command, and what that means.
type Said = (u16, &'static str, &'static str);
const REPLIES: &[(&str, &[Said])] = &[
    (
        "accepted",
        &[(250, "message", "Ok"), (250, "message", "2.0.0 Ok")],
    ),
    (
        "unknown",
        &[
            (220, "connect", "hi"),
            (250, "rcpt", "2.1.5 Ok"),
            (354, "data", "go"),
            (199, "data", ""),
        ],
    ),
    (
        "throttled",
        &[
            (421, "connect", "too many connections"),
            (421, "mail", "4.7.0 slow down"),
            (450, "rcpt", "4.2.1 receiving too fast"),
            (451, "message", "4.7.650 rate"),
            (452, "rcpt", "4.4.5 congestion"),
        ],
    ),
    (
        "later",
        &[
            (450, "rcpt", "mailbox busy"),
            (451, "message", "local error"),
            (452, "rcpt", "4.3.1 disk full"),
            (452, "rcpt", "4.2.2 mailbox full"),
            (450, "rcpt", "4.7.1 Greylisted, come back"),
            (454, "auth", "4.7.0 try again"),
        ],
    ),
    (
        "bad_recipient",
        &[
            (550, "rcpt", "5.1.1 no such user"),
            (550, "rcpt", "5.1.2 bad domain"),
            (501, "rcpt", "5.1.3 bad syntax"),
            (551, "rcpt", "5.1.6 moved"),
            (556, "rcpt", "5.1.10 null mx"),
            (550, "rcpt", "5.2.1 disabled"),
            (550, "rcpt", "no such user"),
            (550, "message", "5.1.1 no such user"),
        ],
    ),
    (
        "bad_content",
        &[
            (552, "mail", "5.3.4 too big"),
            (552, "message", "too big"),
            (554, "message", "5.6.0 bad mime"),
        ],
    ),
    (
        "elsewhere",
        &[
            (550, "message", "5.7.1 refused"),
            (550, "message", "5.7.26 unauthenticated"),
            (554, "connect", "no SMTP service here"),
            (554, "message", "spam"),
            (552, "rcpt", "5.2.2 mailbox full"),
            (500, "mail", "5.5.1 what?"),
            (550, "rcpt", "5.7.1 relaying denied"),
        ],
    ),
    (
        "misconfigured",
        &[
            (535, "auth", "5.7.8 bad credentials"),
            (530, "mail", "5.7.0 must issue STARTTLS first"),
            (530, "mail", "authentication required"),
            (534, "auth", "5.7.9 mechanism too weak"),
            (504, "auth", "unrecognised"),
            (553, "mail", "5.1.8 sender domain"),
            (550, "mail", "sender refused"),
        ],
    ),
];

#[test]
fn every_reply() {
    for (expected, replies) in REPLIES {
        for (code, stage, text) in *replies {
            let case = case(email("s", None, Some("t")));
            let (verdicts, _) = case.drive(|_| reply(*code, stage, text));
            assert_eq!(words(&verdicts), [*expected], "{code} {stage} {text}");
        }
    }
}

#[test]
fn the_address_in_a_refusal_is_masked() {
    let text = "5.1.1 <Li.Lei@corp.example>: unknown; password p4ssw0rd-x";
    let (verdicts, _) = case(email("s", None, Some("t"))).drive(|_| reply(550, "rcpt", text));
    let cause = verdicts[0].cause().unwrap();
    assert_eq!(cause.code, "550 5.1.1");
    assert_eq!(
        cause.detail,
        "rcpt: 5.1.1 <l***@corp.example>: unknown; password ***"
    );
}
