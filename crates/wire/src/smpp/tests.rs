use std::sync::atomic::{AtomicUsize, Ordering};

use austin_adapter_api::{Call, SubmitSm};
use austin_ports::Wire;
use austin_ports::wire::Outgoing;
use bytes::Buf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::pdu::status;
use super::*;
use crate::testing::{Certificates, Server, client, loopback};
use crate::{Client, Options};

/// One unit as the centre sees it: command id and sequence number.
struct Unit(u32, u32);

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Unit> {
    let length = stream.read_u32().await.ok()?;
    let command = stream.read_u32().await.ok()?;
    let _status = stream.read_u32().await.ok()?;
    let sequence = stream.read_u32().await.ok()?;
    let mut body = vec![0; usize::try_from(length).unwrap() - 16];
    stream.read_exact(&mut body).await.ok()?;
    Some(Unit(command, sequence))
}

async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    command: u32,
    status: u32,
    sequence: u32,
    body: &[u8],
) {
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut unit = Vec::new();
    for word in [length, command, status, sequence] {
        unit.extend(word.to_be_bytes());
    }
    unit.extend(body);
    // The client may have left.
    let _ = stream.write_all(&unit).await;
    let _ = stream.flush().await;
}

/// Binds, answers everything well, until the client leaves.
async fn well(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    while let Some(Unit(command, sequence)) = read(stream).await {
        let body: &[u8] = if command == 4 { b"id1\0" } else { b"\0" };
        write(stream, command | 0x8000_0000, 0, sequence, body).await;
        if command == 6 {
            return;
        }
    }
}

fn bind(port: u16) -> SmppBind {
    SmppBind {
        host: "127.0.0.1".into(),
        port,
        tls: false,
        mode: SmppMode::Transceiver,
        system_id: "acme".into(),
        password: "pa55word".into(),
        system_type: String::new(),
        address_range: String::new(),
        window: 4,
        enquire_link: Duration::from_secs(30),
        response_timeout: Duration::from_secs(10),
    }
}

async fn send(client: &Client, bind: SmppBind) -> Reply {
    let request = SmppRequest {
        bind,
        parts: vec![SubmitSm::default()],
        deadline: Duration::from_secs(20),
    };
    let outgoing = Outgoing {
        account: Arc::from("smpp-1"),
        call: Call::Smpp(Box::new(request)),
        redact: Arc::from([]),
    };
    client.call(outgoing).await.reply
}

fn accepted(reply: &Reply) -> bool {
    let expected = SmppPart::Answered {
        status: 0,
        message_id: "id1".into(),
    };
    matches!(reply, Reply::Smpp(SmppReply::Submitted(parts)) if *parts == [expected])
}

fn kept(bind: &SmppBind) -> Vec<KeptSession> {
    vec![KeptSession {
        account: Arc::from("smpp-1"),
        bind: bind.clone(),
    }]
}

fn fault(reply: Reply) -> (Phase, FaultKind) {
    match reply {
        Reply::Fault(fault) => (fault.phase, fault.kind),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_kept_session_serves_many_calls() {
    let server = Server::start(|mut stream, _, _| async move { well(&mut stream).await }).await;
    let client = client(&loopback());
    client.keep(kept(&bind(server.port)));
    let calls = (0..50).map(|_| send(&client, bind(server.port)));
    let replies = futures_util::future::join_all(calls).await;
    assert!(replies.iter().all(accepted), "{replies:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_call_over_a_session_that_is_not_kept() {
    let server = Server::start(|mut stream, _, _| async move { well(&mut stream).await }).await;
    let client = client(&loopback());
    for _ in 0..3 {
        assert!(accepted(&send(&client, bind(server.port)).await));
    }
}

#[tokio::test]
async fn a_pair_sends_by_one_and_receives_by_the_other() {
    let (roles, mut seen) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _, _| {
        let roles = roles.clone();
        async move {
            let Unit(command, sequence) = read(&mut stream).await.unwrap();
            roles.send(command).unwrap();
            write(&mut stream, command | 0x8000_0000, 0, sequence, b"\0").await;
            if command == 1 {
                write(&mut stream, 0x103, 0, 8, b"\0\0\0\0\0\0\0\x04\0\0").await;
            }
            well(&mut stream).await;
        }
    })
    .await;
    let client = client(&loopback());
    let mut bind = bind(server.port);
    bind.mode = SmppMode::Pair;
    client.keep(kept(&bind));
    assert!(accepted(&send(&client, bind.clone()).await));
    let arrived = client.arrivals(9).await;
    assert_eq!((arrived.len(), arrived[0].message.esm_class), (1, 4));
    let mut both = [seen.recv().await.unwrap(), seen.recv().await.unwrap()];
    both.sort_unstable();
    assert_eq!(both, [1, 2]);
}

#[tokio::test]
async fn tls_is_spoken_where_asked_for() {
    let certificates = Certificates::for_name("localhost");
    let acceptor = certificates.acceptor.clone();
    let server = Server::start(move |stream, _, _| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            well(&mut stream).await;
        }
    })
    .await;
    let client = client(&certificates.trusted());
    let mut bind = bind(server.port);
    (bind.tls, bind.host) = (true, "localhost".into());
    assert!(accepted(&send(&client, bind).await));
}

#[tokio::test]
async fn an_arrival_is_answered_by_our_word_alone() {
    let (words, mut heard) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _, _| {
        let words = words.clone();
        async move {
            let Unit(command, sequence) = read(&mut stream).await.unwrap();
            write(&mut stream, command | 0x8000_0000, 0, sequence, b"\0").await;
            for sequence in [8, 9] {
                write(&mut stream, 0x103, 0, sequence, b"\0\0\0\0\0\0\0\x04\0\0").await;
            }
            let mut status = [0; 17];
            while stream.read_exact(&mut status).await.is_ok() {
                let mut status = &status[4..];
                words
                    .send((status.get_u32(), status.get_u32(), status.get_u32()))
                    .unwrap();
            }
        }
    })
    .await;
    let client = client(&loopback());
    client.keep(kept(&bind(server.port)));
    let mut arrived = client.arrivals(1).await;
    arrived.extend(client.arrivals(1).await);
    let second = arrived.pop().unwrap();
    assert_eq!(&*second.account, "smpp-1");
    drop(arrived);
    assert_eq!(
        heard.recv().await,
        Some((0x8000_0103, status::TEMPORARY, 8))
    );
    second.ack.taken();
    assert_eq!(heard.recv().await, Some((0x8000_0103, 0, 9)));
}

#[tokio::test]
async fn faults_say_how_far_it_came() {
    let client = client(&loopback());
    // Nobody listens.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let down = send(&client, bind(port)).await;
    assert_eq!(fault(down), (Phase::NotSent, FaultKind::Connect));
    // And at once while the session rests.
    let resting = send(&client, bind(port)).await;
    assert_eq!(fault(resting), (Phase::NotSent, FaultKind::Connect));

    // Not reachable by the rules.
    let closed = crate::testing::client(&Options::default());
    let forbidden = send(&closed, bind(port)).await;
    assert_eq!(fault(forbidden), (Phase::NotSent, FaultKind::Forbidden));

    // Cut after the submit.
    let server = Server::start(|mut stream, _, _| async move {
        let Unit(command, sequence) = read(&mut stream).await.unwrap();
        write(&mut stream, command | 0x8000_0000, 0, sequence, b"\0").await;
        read(&mut stream).await;
    })
    .await;
    let cut = send(&client, bind(server.port)).await;
    assert_eq!(fault(cut), (Phase::MaybeSent, FaultKind::Cut));

    // Nothing that can be written.
    let mut bad = bind(port);
    bad.system_id = "x".repeat(16);
    let invalid = send(&client, bad).await;
    assert_eq!(fault(invalid), (Phase::NotSent, FaultKind::Invalid));
}

#[tokio::test]
async fn a_refused_bind_is_the_centres_word() {
    let server = Server::start(|mut stream, _, _| async move {
        let Unit(command, sequence) = read(&mut stream).await.unwrap();
        write(&mut stream, command | 0x8000_0000, 0x0e, sequence, b"").await;
    })
    .await;
    let client = client(&loopback());
    for _ in 0..2 {
        let reply = send(&client, bind(server.port)).await;
        assert!(
            matches!(reply, Reply::Smpp(SmppReply::NotBound(0x0e))),
            "{reply:?}"
        );
    }
    assert_eq!(server.connections(), 1, "no storm of binds");
}

#[tokio::test]
async fn garbage_ends_the_session_and_nothing_else() {
    for garbage in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &[0xff; 64],
        &[0, 0, 0, 4, 0, 0],
    ] {
        let server = Server::start(move |mut stream, _, _| async move {
            read(&mut stream).await;
            let _ = stream.write_all(garbage).await;
            let _ = stream.read(&mut [0]).await;
        })
        .await;
        let client = client(&loopback());
        let reply = send(&client, bind(server.port)).await;
        assert_eq!(fault(reply), (Phase::NotSent, FaultKind::Protocol));
    }
}

#[tokio::test]
async fn a_hanging_centre_is_left_in_time() {
    let server = Server::start(|mut stream, _, _| async move {
        let Unit(command, sequence) = read(&mut stream).await.unwrap();
        write(&mut stream, command | 0x8000_0000, 0, sequence, b"\0").await;
        std::future::pending::<()>().await;
    })
    .await;
    let client = client(&loopback());
    let mut bind = bind(server.port);
    bind.response_timeout = Duration::from_millis(200);
    let reply = send(&client, bind).await;
    assert_eq!(fault(reply), (Phase::MaybeSent, FaultKind::TimedOut));
}

#[tokio::test]
async fn a_lost_session_is_opened_again_while_it_is_kept() {
    let server = Server::start(|mut stream, number, _| async move {
        let Unit(command, sequence) = read(&mut stream).await.unwrap();
        write(&mut stream, command | 0x8000_0000, 0, sequence, b"\0").await;
        if number > 1 {
            write(&mut stream, 0x103, 0, 8, b"\0\0\0\0\0\0\0\x04\0\0").await;
            well(&mut stream).await;
        }
    })
    .await;
    let client = client(&loopback());
    client.keep(kept(&bind(server.port)));
    assert_eq!(client.arrivals(1).await.len(), 1, "without any call");
    assert!(server.connections() >= 2);
}

#[tokio::test]
async fn a_session_nobody_wants_any_more_says_goodbye() {
    let goodbyes = Arc::new(AtomicUsize::new(0));
    let (counted, done) = (Arc::clone(&goodbyes), Arc::new(tokio::sync::Notify::new()));
    let rung = Arc::clone(&done);
    let server = Server::start(move |mut stream, _, _| {
        let (counted, rung) = (Arc::clone(&counted), Arc::clone(&rung));
        async move {
            while let Some(Unit(command, sequence)) = read(&mut stream).await {
                let body: &[u8] = if command == 4 { b"id1\0" } else { b"\0" };
                write(&mut stream, command | 0x8000_0000, 0, sequence, body).await;
                if command == 6 {
                    counted.fetch_add(1, Ordering::SeqCst);
                    rung.notify_one();
                }
            }
        }
    })
    .await;
    let client = client(&loopback());
    client.keep(kept(&bind(server.port)));
    assert!(accepted(&send(&client, bind(server.port)).await));
    client.keep(Vec::new());
    done.notified().await;
    client.keep(kept(&bind(server.port)));
    assert!(accepted(&send(&client, bind(server.port)).await));
    drop(client);
    done.notified().await;
    assert_eq!(goodbyes.load(Ordering::SeqCst), 2);
}
