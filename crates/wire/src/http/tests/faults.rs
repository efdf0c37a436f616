//! What goes wrong, and what each says about the request having left.

use std::time::{Duration, Instant};

use austin_adapter_api::{Fault, FaultKind, Phase};
use http::{HeaderValue, Method};
use tokio::io::AsyncWriteExt;

use crate::testing::{OK, Server, client, get, http, loopback, post, read_request};

async fn fault_of(server: &Server) -> Fault {
    let fault = http(&client(&loopback()), post(&server.url("/"), "x")).await;
    fault.unwrap_err()
}

#[tokio::test]
async fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://127.0.0.1:{port}/");
    let fault = http(&client(&loopback()), get(&url)).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.phase),
        (FaultKind::Connect, Phase::NotSent)
    );
}

#[tokio::test]
async fn cut_after_the_request_was_read() {
    let server = Server::closing_after("").await;
    let fault = fault_of(&server).await;
    assert_eq!(
        (fault.kind, fault.phase),
        (FaultKind::Cut, Phase::MaybeSent)
    );
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn cut_within_the_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
    ] {
        let server = Server::closing_after(answer).await;
        let fault = fault_of(&server).await;
        let seen = (fault.kind, fault.phase);
        assert_eq!(seen, (FaultKind::Cut, Phase::MaybeSent), "{answer}");
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn cut_at_once() {
    // Whether the request left before the cut was seen is not certain; it must not be sent again.
    let server = Server::start(|stream, _, _| async move { drop(stream) }).await;
    let fault = fault_of(&server).await;
    assert_eq!(fault.kind, FaultKind::Cut);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn no_answer_at_the_deadline() {
    for partial in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab",
    ] {
        let server = Server::hanging_after(partial).await;
        let mut request = post(&server.url("/"), "x");
        request.deadline = Duration::from_millis(60);
        let started = Instant::now();
        let fault = http(&client(&loopback()), request).await.unwrap_err();
        let seen = (fault.kind, fault.phase);
        assert_eq!(seen, (FaultKind::TimedOut, Phase::MaybeSent), "{partial}");
        assert!(started.elapsed() >= Duration::from_millis(60));
    }
}

#[tokio::test]
async fn an_answer_that_drips_ends_at_the_deadline_too() {
    let server = Server::start(|mut stream, _, _| async move {
        read_request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
        let mut going = stream.write_all(head.as_bytes()).await;
        while going.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            going = stream.write_all(b"x").await;
        }
    })
    .await;
    let mut request = get(&server.url("/"));
    request.deadline = Duration::from_millis(80);
    let fault = http(&client(&loopback()), request).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.phase),
        (FaultKind::TimedOut, Phase::MaybeSent)
    );
}

#[tokio::test]
async fn an_answer_over_the_limit() {
    let stated = "HTTP/1.1 200 OK\r\ncontent-length: 4097\r\n\r\n";
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n";
    for (answer, max) in [(stated, 4096), (chunked, 9)] {
        // Neither server sends the rest: the fault must come without it.
        let server = Server::hanging_after(answer).await;
        let mut request = get(&server.url("/"));
        request.max_reply_bytes = max;
        let fault = http(&client(&loopback()), request).await.unwrap_err();
        let seen = (fault.kind, fault.phase);
        assert_eq!(seen, (FaultKind::TooLarge, Phase::MaybeSent), "{answer}");
    }
    let server = Server::answering(OK).await;
    let mut request = get(&server.url("/"));
    request.max_reply_bytes = 2;
    assert!(http(&client(&loopback()), request).await.is_ok());
}

#[tokio::test]
async fn what_is_no_http() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let server = Server::hanging_after(answer).await;
        let fault = fault_of(&server).await;
        let seen = (fault.kind, fault.phase);
        assert_eq!(seen, (FaultKind::Protocol, Phase::MaybeSent), "{answer:?}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(200_000));
    let server = Server::hanging_after(endless.leak()).await;
    assert_eq!(fault_of(&server).await.kind, FaultKind::Protocol);
}

#[tokio::test]
async fn redirects_are_answers() {
    let to = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let server = Server::answering(to).await;
    let client = client(&loopback());
    let reply = http(&client, get(&server.url("/"))).await.unwrap();
    assert_eq!(reply.status, 302);
    assert_eq!(reply.header("location"), Some("/elsewhere"));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn requests_that_cannot_be_made() {
    let server = Server::answering(OK).await;
    let client = client(&loopback());
    let mut refused = Vec::new();
    for name in [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "expect",
    ] {
        let mut request = post(&server.url("/"), "x");
        request.headers.insert(name, HeaderValue::from_static("1"));
        refused.push(request);
    }
    let mut tunnel = get(&server.url("/"));
    tunnel.method = Method::CONNECT;
    refused.push(tunnel);
    refused.push(get(&server.url("/a\r\nx-injected: 1")));
    refused.push(get(&server.url("/a\n")));
    refused.push(get("not a url"));
    for request in refused {
        let fault = http(&client, request).await.unwrap_err();
        let seen = (fault.kind, fault.phase);
        assert_eq!(
            seen,
            (FaultKind::Invalid, Phase::NotSent),
            "{}",
            fault.detail
        );
    }
    // Values with line ends cannot even be built.
    assert!(HeaderValue::from_str("a\r\nb: c").is_err());
    assert_eq!(server.connections(), 0);
}
