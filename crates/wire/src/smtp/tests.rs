mod script;

use std::time::Duration;

use austin_adapter_api::{Call, FaultKind, Phase, Reply, SmtpRequest, TlsMode};

use crate::Options;
use crate::testing::{Answers, Certificates, call, client, client_with, loopback, settle};
use script::{Script, Step::*};

const OPEN: &[script::Step] = &[Say("220 mx ready"), Hear("EHLO "), Say("250 mx")];
const ENVELOPE: &[script::Step] = &[
    Hear("MAIL FROM:<a@corp.example>"),
    Say("250 ok"),
    Hear("RCPT TO:<b@corp.example>"),
    Say("250 ok"),
    Hear("DATA"),
    Say("354 go on"),
];
const MESSAGE: &[script::Step] = &[HearMessage, Say("250 2.0.0 queued as 7")];

fn mail(port: u16) -> SmtpRequest {
    SmtpRequest {
        host: "127.0.0.1".into(),
        port,
        tls: TlsMode::None,
        credentials: None,
        hello: None,
        from: "a@corp.example".into(),
        to: "b@corp.example".into(),
        message: "Subject: x\r\n\r\n.dot\r\n".into(),
        deadline: Duration::from_secs(10),
    }
}

async fn send(options: &Options, request: SmtpRequest) -> Reply {
    call(&client(options), Call::Smtp(Box::new(request))).await
}

fn replied(reply: Reply) -> (u16, &'static str) {
    match reply {
        Reply::Smtp(reply) => (reply.code, reply.stage),
        other => panic!("{other:?}"),
    }
}

fn faulted(reply: Reply) -> (FaultKind, Phase) {
    match reply {
        Reply::Fault(fault) => (fault.kind, fault.phase),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_is_taken() {
    let server = Script::serve(vec![[OPEN, ENVELOPE, MESSAGE].concat()]).await;
    let reply = send(&loopback(), mail(server.port)).await;
    let Reply::Smtp(reply) = reply else {
        panic!("{reply:?}")
    };
    assert_eq!((reply.code, reply.stage), (250, "message"));
    assert_eq!(reply.text, ["2.0.0 queued as 7"]);
    assert_eq!(server.heard()[0], "EHLO [127.0.0.1]");
    assert_eq!(
        server.heard().last().unwrap(),
        "Subject: x\r\n\r\n..dot\r\n.\r\n"
    );
}

#[tokio::test]
async fn every_refusal_names_its_stage() {
    let login = || Some(("user".to_owned(), "hunter2".to_owned().into()));
    let greeting = [Say("554 go away")];
    let ehlo = [Say("220 x"), Hear("EHLO"), Say("550 no")];
    let auth = [Say("220 x"), Hear("EHLO"), Say("250-x\r\n250 AUTH PLAIN")];
    let auth = [
        &auth[..],
        &[Hear("AUTH PLAIN AHVzZXIAaHVudGVyMg=="), Say("535 5.7.8 no")],
    ]
    .concat();
    let (mail_at, rcpt_at, data_at) = (1, 3, 5);
    let refused_at = |at: usize, reply| [OPEN, &ENVELOPE[..at], &[Say(reply)]].concat();
    for (script, credentials, wanted) in [
        (greeting.to_vec(), None, (554, "connect")),
        (ehlo.to_vec(), None, (550, "connect")),
        (auth, login(), (535, "auth")),
        (refused_at(mail_at, "451 later"), None, (451, "mail")),
        (refused_at(rcpt_at, "550 5.1.1 who?"), None, (550, "rcpt")),
        (refused_at(data_at, "554 no"), None, (554, "data")),
        (
            [OPEN, ENVELOPE, &[HearMessage, Say("552 too big")]].concat(),
            None,
            (552, "message"),
        ),
    ] {
        let server = Script::serve(vec![script]).await;
        let mut request = mail(server.port);
        request.credentials = credentials;
        assert_eq!(replied(send(&loopback(), request).await), wanted);
    }
}

#[tokio::test]
async fn a_cut_is_unsent_until_the_end_of_the_message() {
    for at in 0..=ENVELOPE.len() {
        let server = Script::serve(vec![[OPEN, &ENVELOPE[..at]].concat()]).await;
        let seen = faulted(send(&loopback(), mail(server.port)).await);
        // After 354 the message is written at once, so its end may have left.
        let phase = if at < ENVELOPE.len() {
            Phase::NotSent
        } else {
            Phase::MaybeSent
        };
        assert_eq!(seen, (FaultKind::Cut, phase), "after {at} steps");
        assert_eq!(server.connections(), 1);
    }
    let after_dot = Script::serve(vec![[OPEN, ENVELOPE, &[HearMessage]].concat()]).await;
    let seen = faulted(send(&loopback(), mail(after_dot.port)).await);
    assert_eq!(seen, (FaultKind::Cut, Phase::MaybeSent));
}

#[tokio::test]
async fn a_hanging_server_ends_at_the_deadline() {
    for (script, phase) in [
        (vec![Hang], Phase::NotSent),
        ([OPEN, &ENVELOPE[..3], &[Hang]].concat(), Phase::NotSent),
        (
            [OPEN, ENVELOPE, &[HearMessage, Hang]].concat(),
            Phase::MaybeSent,
        ),
    ] {
        let server = Script::serve(vec![script]).await;
        let mut request = mail(server.port);
        request.deadline = Duration::from_millis(100);
        let seen = faulted(send(&loopback(), request).await);
        assert_eq!(seen, (FaultKind::TimedOut, phase));
    }
}

#[tokio::test]
async fn a_large_message_that_cannot_be_written_whole_is_unsent() {
    // The server stops reading: far more is written than socket buffers hold.
    let server = Script::serve(vec![[OPEN, ENVELOPE, &[Hang]].concat()]).await;
    let mut request = mail(server.port);
    request.message = vec![b'x'; 64 << 20].into();
    request.deadline = Duration::from_millis(500);
    let seen = faulted(send(&loopback(), request).await);
    assert_eq!(seen, (FaultKind::TimedOut, Phase::NotSent));
}

#[tokio::test]
async fn sessions_are_kept_and_reset_after_a_refusal() {
    let refused = [Hear("MAIL"), Say("250 ok"), Hear("RCPT"), Say("550 no")];
    let reset = [Hear("RSET"), Say("250 ok")];
    let script = [
        OPEN, ENVELOPE, MESSAGE, ENVELOPE, MESSAGE, &refused, &reset, ENVELOPE, MESSAGE,
    ];
    let server = Script::serve(vec![script.concat()]).await;
    let client = client(&loopback());
    for wanted in [
        (250, "message"),
        (250, "message"),
        (550, "rcpt"),
        (250, "message"),
    ] {
        let reply = call(&client, Call::Smtp(Box::new(mail(server.port)))).await;
        assert_eq!(replied(reply), wanted);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_kept_session_that_ends_is_replaced_without_doubling() {
    let first = |then: &[script::Step]| [OPEN, ENVELOPE, MESSAGE, then].concat();
    let second = [OPEN, ENVELOPE, MESSAGE].concat();
    let closed_after_mail = first(&[Hear("MAIL")]);
    let out_of_patience = first(&[Hear("MAIL"), Say("421 too many messages")]);
    let timed_out = first(&[Say("421 idle too long")]);
    for script in [first(&[]), closed_after_mail, out_of_patience, timed_out] {
        let server = Script::serve(vec![script, second.clone()]).await;
        let client = client(&loopback());
        for _ in 0..2 {
            let reply = call(&client, Call::Smtp(Box::new(mail(server.port)))).await;
            assert_eq!(replied(reply), (250, "message"));
            settle().await;
        }
        assert_eq!(server.connections(), 2);
    }
    // But not once the message is out.
    let server = Script::serve(vec![first(&[ENVELOPE, &[HearMessage]].concat()), second]).await;
    let client = client(&loopback());
    let request = || Call::Smtp(Box::new(mail(server.port)));
    assert_eq!(replied(call(&client, request()).await), (250, "message"));
    let seen = faulted(call(&client, request()).await);
    assert_eq!(seen, (FaultKind::Cut, Phase::MaybeSent));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn another_password_gets_another_session() {
    let auth = [Hear("AUTH PLAIN"), Say("235 ok")];
    let hello = [
        Say("220 x"),
        Hear("EHLO"),
        Say("250-x\r\n250 AUTH LOGIN PLAIN"),
    ];
    let script = [&hello[..], &auth, ENVELOPE, MESSAGE].concat();
    let refused = [&hello[..], &[Hear("AUTH PLAIN"), Say("535 no")]].concat();
    let server = Script::serve(vec![script, refused]).await;
    let client = client(&loopback());
    for (password, wanted) in [("right", (250, "message")), ("wrong", (535, "auth"))] {
        let mut request = mail(server.port);
        request.credentials = Some(("user".into(), password.to_owned().into()));
        let reply = call(&client, Call::Smtp(Box::new(request))).await;
        assert_eq!(replied(reply), wanted);
    }
}

#[tokio::test]
async fn login_in_both_ways_or_not_at_all() {
    let hello = |offer| vec![Say("220 x"), Hear("EHLO"), Say(offer)];
    let login = [
        Hear("AUTH LOGIN"),
        Say("334 VXNlcm5hbWU6"),
        Hear("dXNlcg=="),
        Say("334 UGFzc3dvcmQ6"),
        Hear("aHVudGVyMg=="),
        Say("235 ok"),
    ];
    let script = [
        &hello("250-x\r\n250 AUTH=LOGIN")[..],
        &login,
        ENVELOPE,
        MESSAGE,
    ]
    .concat();
    let server = Script::serve(vec![script, hello("250-x\r\n250 AUTH GSSAPI")]).await;
    for wanted in [Some((250, "message")), None] {
        let mut request = mail(server.port);
        request.credentials = Some(("user".into(), "hunter2".to_owned().into()));
        let reply = send(&loopback(), request).await;
        match wanted {
            Some(wanted) => assert_eq!(replied(reply), wanted),
            None => assert_eq!(faulted(reply), (FaultKind::Invalid, Phase::NotSent)),
        }
    }
}

#[tokio::test]
async fn extensions_are_used_where_offered_and_needed() {
    let hello = Say("250-x\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1000\r\n250 PIPELINING");
    let rest = [
        Hear("MAIL FROM:<张@例.example> SIZE=4 BODY=8BITMIME SMTPUTF8"),
        Hear("RCPT TO:<b@corp.example>"),
        Say("250 ok"),
        Say("250 ok"),
        Hear("DATA"),
        Say("354 go"),
    ];
    let able = [&[Say("220 x"), Hear("EHLO"), hello][..], &rest, MESSAGE].concat();
    let server = Script::serve(vec![able, OPEN.to_vec(), OPEN.to_vec()]).await;
    let mut request = mail(server.port);
    request.from = "张@例.example".into();
    request.message = "密\n".into();
    assert_eq!(replied(send(&loopback(), request).await), (250, "message"));
    for (from, message) in [("张@例.example", "x"), ("a@corp.example", "密")] {
        let mut request = mail(server.port);
        request.from = from.into();
        request.message = message.into();
        let seen = faulted(send(&loopback(), request).await);
        assert_eq!(seen, (FaultKind::Protocol, Phase::NotSent));
    }
}

#[tokio::test]
async fn start_tls_is_taken_demanded_or_done_without() {
    let certificates = Certificates::for_name("mx.example");
    let offer = [Say("220 x"), Hear("EHLO"), Say("250-x\r\n250 STARTTLS")];
    let taken = [
        Hear("STARTTLS"),
        Say("220 go"),
        Secure,
        Hear("EHLO"),
        Say("250 x"),
    ];
    let secured = [&offer[..], &taken, ENVELOPE, MESSAGE].concat();
    let refused = [&offer[..], &[Hear("STARTTLS"), Say("454 not now")]].concat();
    let injected = [
        &offer[..],
        &[Hear("STARTTLS"), Say("220 go\r\n250 injected")],
    ]
    .concat();
    let plain = [OPEN, ENVELOPE, MESSAGE].concat();
    let refused_then_plain = [&refused[..], ENVELOPE, MESSAGE].concat();
    let server = Script::secured(
        certificates.acceptor.clone(),
        vec![
            secured.clone(),
            secured,
            OPEN.to_vec(),
            refused,
            injected,
            plain,
            refused_then_plain,
        ],
    )
    .await;
    let tls = |fault: FaultKind| Err((fault, Phase::NotSent));
    for (mode, wanted) in [
        (TlsMode::StartTls, Ok((250, "message"))),
        (TlsMode::Opportunistic, Ok((250, "message"))),
        (TlsMode::StartTls, tls(FaultKind::Tls)),
        (TlsMode::StartTls, Ok((454, "connect"))),
        (TlsMode::StartTls, tls(FaultKind::Protocol)),
        (TlsMode::Opportunistic, Ok((250, "message"))),
        (TlsMode::Opportunistic, Ok((250, "message"))),
    ] {
        let client = client_with(&certificates.trusted(), Answers::new(&[&["127.0.0.1"]]));
        let mut request = mail(server.port);
        request.host = "mx.example".into();
        request.tls = mode;
        let reply = call(&client, Call::Smtp(Box::new(request))).await;
        match wanted {
            Ok(wanted) => assert_eq!(replied(reply), wanted),
            Err(wanted) => assert_eq!(faulted(reply), wanted),
        }
    }
}

#[tokio::test]
async fn implicit_tls_verifies_the_server() {
    let certificates = Certificates::for_name("mx.example");
    let script = [&[Secure][..], OPEN, ENVELOPE, MESSAGE].concat();
    let scripts = vec![script, vec![Secure]];
    let server = Script::secured(certificates.acceptor.clone(), scripts).await;
    for (options, trusted) in [(certificates.trusted(), true), (loopback(), false)] {
        let client = client_with(&options, Answers::new(&[&["127.0.0.1"]]));
        let mut request = mail(server.port);
        request.host = "mx.example".into();
        request.tls = TlsMode::Implicit;
        let reply = call(&client, Call::Smtp(Box::new(request))).await;
        if trusted {
            assert_eq!(replied(reply), (250, "message"));
        } else {
            assert_eq!(faulted(reply), (FaultKind::Tls, Phase::NotSent));
        }
    }
}

#[tokio::test]
async fn bad_requests_and_private_servers_are_refused() {
    let server = Script::serve(vec![Vec::new()]).await;
    let broken: [fn(&mut SmtpRequest); 8] = [
        |request| request.to = "b@corp.example>\r\nRCPT TO:<c@corp.example".into(),
        |request| request.from = "a@corp.example\nX".into(),
        |request| request.to = String::new(),
        |request| request.to = "b @corp.example".into(),
        |request| request.hello = Some("x\r\nMAIL".into()),
        |request| request.hello = Some(String::new()),
        |request| request.host = "mx example".into(),
        |request| request.credentials = Some(("a\0b".into(), String::new().into())),
    ];
    for breaking in broken {
        let mut request = mail(server.port);
        breaking(&mut request);
        let seen = faulted(send(&loopback(), request).await);
        assert_eq!(seen, (FaultKind::Invalid, Phase::NotSent));
    }
    for host in ["127.0.0.1", "::1", "[::1]", "0x7f.1", "localhost"] {
        let mut request = mail(server.port);
        request.host = host.into();
        let seen = faulted(send(&Options::default(), request).await);
        assert_eq!(seen, (FaultKind::Forbidden, Phase::NotSent), "{host}");
    }
    assert_eq!(server.connections(), 0);
}
