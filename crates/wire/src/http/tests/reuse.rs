//! Kept connections, bounds on them, and what happens when they have gone stale.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use austin_adapter_api::{FaultKind, Phase};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use crate::Options;
use crate::testing::{OK, Server, client, get, http, loopback, post, read_request, settle};

#[tokio::test]
async fn calls_one_after_another_share_a_connection() {
    for answer in [
        OK,
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    ] {
        let server = Server::answering(answer).await;
        let client = client(&loopback());
        for _ in 0..5 {
            http(&client, post(&server.url("/"), "hello"))
                .await
                .unwrap();
        }
        assert_eq!(
            (server.connections(), server.requests()),
            (1, 5),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn bodies_arrive_whole() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                   2\r\nok\r\n1\r\n!\r\n3\r\nyes\r\n0\r\n\r\n";
    let server = Server::answering(chunked).await;
    let reply = http(&client(&loopback()), get(&server.url("/"))).await;
    assert_eq!(&*reply.unwrap().body, b"ok!yes");

    let until_close = Server::closing_after("HTTP/1.1 200 OK\r\n\r\nto the end").await;
    let client = client(&loopback());
    for calls in 1..=2 {
        let reply = http(&client, get(&until_close.url("/"))).await.unwrap();
        assert_eq!(&*reply.body, b"to the end");
        assert_eq!(until_close.connections(), calls);
    }
}

#[tokio::test]
async fn what_is_sent_is_what_was_signed() {
    let (said, mut heard) = tokio::sync::mpsc::channel(1);
    let server = Server::start(move |mut stream, _, _| {
        let said = said.clone();
        async move {
            let request = read_request(&mut stream).await.unwrap();
            said.send(request).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await;
    let mut request = post(&server.url("/a/../b?x=%2F'+~"), "{\"a\":1}");
    request
        .headers
        .insert("x-tc-action", "Send".parse().unwrap());
    request
        .headers
        .insert("accept-encoding", "gzip".parse().unwrap());
    http(&client(&loopback()), request).await.unwrap();
    let heard = heard.recv().await.unwrap();
    let mut lines: Vec<&str> = heard.lines().collect();
    assert_eq!(lines.remove(0), "POST /a/../b?x=%2F'+~ HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: 127.0.0.1:{}", server.port);
    let agent = concat!("user-agent: austin/", env!("CARGO_PKG_VERSION"));
    let wanted = [
        "",
        "accept-encoding: identity",
        "content-length: 7",
        &host,
        agent,
        "x-tc-action: Send",
        "{\"a\":1}",
    ];
    assert_eq!(lines, wanted);
}

#[tokio::test]
async fn a_connection_closed_meanwhile_is_replaced_without_doubling() {
    let server = Server::closing_after(OK).await;
    let client = client(&loopback());
    for calls in 1..=5 {
        http(&client, post(&server.url("/"), "once")).await.unwrap();
        assert_eq!((server.connections(), server.requests()), (calls, calls));
        settle().await;
    }
}

#[tokio::test]
async fn an_unsent_request_comes_back_from_a_closed_connection() {
    use super::super::connection::{Connection, Failed};
    use crate::stream::Stream;

    let server = Server::closing_after(OK).await;
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    let metrics = crate::metrics::Metrics::register(&mut Default::default());
    let opened = Connection::http1(Stream::Clear(tcp), metrics.http_connection()).await;
    let mut connection = opened.unwrap();
    let request = || {
        let target = crate::target::Target::parse("http://a.example/").unwrap();
        let headers = http::HeaderMap::new();
        super::super::prepare(http::Method::POST, headers, "x".into(), &target).unwrap()
    };
    assert!(connection.exchange(request(), 10).await.is_ok());
    settle().await;
    match connection.exchange(request(), 10).await {
        Err(Failed::Unsent(request)) => assert_eq!(request.method(), "POST"),
        Err(Failed::Fault(fault)) => panic!("{fault:?}"),
        Ok(reply) => panic!("{reply:?}"),
    }
    assert!(!connection.is_reusable());
    assert_eq!(server.requests(), 1);
}

/// Answers the first request of each connection, cuts after reading the second.
async fn cutting_the_second() -> Server {
    Server::start(|mut stream, _, seen| async move {
        for answer in [OK, ""] {
            read_request(&mut stream).await.unwrap();
            seen.fetch_add(1, Ordering::SeqCst);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn a_request_that_was_read_is_never_sent_again() {
    let server = cutting_the_second().await;
    let client = client(&loopback());
    http(&client, post(&server.url("/"), "a")).await.unwrap();
    let fault = http(&client, post(&server.url("/"), "b"))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.kind, fault.phase),
        (FaultKind::Cut, Phase::MaybeSent)
    );
    assert_eq!((server.connections(), server.requests()), (1, 2));
}

#[tokio::test]
async fn calls_at_a_time_are_bounded_and_the_others_wait() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let (counted, highest, opened) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
    let server = Server::start(move |mut stream, _, _| {
        let (now, most, gate) = (counted.clone(), highest.clone(), opened.clone());
        async move {
            while read_request(&mut stream).await.is_some() {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    let options = Options {
        http_per_host: 3,
        ..loopback()
    };
    let client = client(&options);
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let (client, url) = (client.clone(), server.url("/"));
            tokio::spawn(async move { http(&client, get(&url)).await })
        })
        .collect();
    while now.load(Ordering::SeqCst) < 3 {
        tokio::task::yield_now().await;
    }
    settle().await;
    gate.add_permits(12);
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn who_waits_too_long_was_certainly_not_sent() {
    let server = Server::hanging_after("").await;
    let options = Options {
        http_per_host: 1,
        ..loopback()
    };
    let client = client(&options);
    let (holder, url) = (client.clone(), server.url("/"));
    let holding = tokio::spawn(async move { http(&holder, get(&url)).await });
    while server.requests() == 0 {
        tokio::task::yield_now().await;
    }
    let mut request = get(&server.url("/"));
    request.deadline = Duration::from_millis(30);
    let fault = http(&client, request).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.phase),
        (FaultKind::TimedOut, Phase::NotSent)
    );
    assert_eq!(server.requests(), 1);
    holding.abort();
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection_and_frees_its_slot() {
    let (gone, mut closed) = tokio::sync::mpsc::channel(1);
    let server = Server::start(move |mut stream, number, _| {
        let gone = gone.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            if number > 1 {
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
            assert!(read_request(&mut stream).await.is_none());
            gone.send(number).await.unwrap();
        }
    })
    .await;
    let options = Options {
        http_per_host: 1,
        ..loopback()
    };
    let client = client(&options);
    let request = get(&server.url("/"));
    let call = tokio::time::timeout(Duration::from_millis(50), http(&client, request)).await;
    assert!(call.is_err());
    assert_eq!(closed.recv().await, Some(1));
    http(&client, get(&server.url("/"))).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn unused_connections_are_closed() {
    let (gone, mut closed) = tokio::sync::mpsc::channel(1);
    let server = Server::start(move |mut stream, _, _| {
        let gone = gone.clone();
        async move {
            crate::testing::answer_all(&mut stream).await;
            gone.send(()).await.unwrap();
        }
    })
    .await;
    let options = Options {
        idle_timeout: Duration::from_millis(100),
        ..loopback()
    };
    let client = client(&options);
    http(&client, get(&server.url("/"))).await.unwrap();
    assert_eq!(closed.recv().await, Some(()));
}
