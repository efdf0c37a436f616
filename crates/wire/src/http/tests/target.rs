//! Where calls may go: the guard in action.

use std::sync::atomic::Ordering;

use austin_adapter_api::{FaultKind, Phase};
use austin_ports::Wire;

use crate::testing::{Answers, OK, Server, client, client_with, get, http, loopback, settle};
use crate::{Client, Options};

async fn assert_forbidden(client: &Client, url: &str) {
    let fault = http(client, get(url)).await.unwrap_err();
    let seen = (fault.kind, fault.phase);
    assert_eq!(
        seen,
        (FaultKind::Forbidden, Phase::NotSent),
        "{url}: {}",
        fault.detail
    );
}

#[tokio::test]
async fn literal_private_addresses_are_never_connected_to() {
    let server = Server::answering(OK).await;
    let client = client(&Options::default());
    let port = server.port;
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127%2e0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "[::]",
        "10.0.0.1",
        "169.254.169.254",
        "localhost",
        "LOCALHOST",
    ] {
        assert_forbidden(&client, &format!("http://{host}:{port}/")).await;
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn names_that_lead_inside_are_refused() {
    for inside in ["127.0.0.1", "10.1.2.3", "fd00::1", "::ffff:192.168.0.1"] {
        let client = client_with(&Options::default(), Answers::new(&[&[inside]]));
        assert_forbidden(&client, "http://innocent.example/").await;
        assert_forbidden(&client, "https://innocent.example/").await;
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_pinned_and_then_refused() {
    let server = Server::closing_after(OK).await;
    let answers = Answers::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = client_with(&loopback(), answers.clone());
    let url = format!("http://rebind.example:{}/", server.port);
    assert!(http(&client, get(&url)).await.is_ok());
    // One look-up: what was vetted is what was connected to.
    assert_eq!(answers.asked.load(Ordering::SeqCst), 1);
    settle().await;
    // The kept connection is gone; the name is looked up and vetted anew.
    assert_forbidden(&client, &url).await;
    assert_eq!(answers.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_kept_connection_needs_no_second_look_up() {
    let server = Server::answering(OK).await;
    let answers = Answers::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = client_with(&loopback(), answers.clone());
    let url = format!("http://rebind.example:{}/", server.port);
    for _ in 0..3 {
        assert!(http(&client, get(&url)).await.is_ok());
    }
    assert_eq!(answers.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn of_mixed_addresses_only_the_vetted_are_tried() {
    let server = Server::answering(OK).await;
    let mixed = Answers::new(&[&["10.0.0.1", "::1", "127.0.0.1", "169.254.169.254"]]);
    let client = client_with(&loopback(), mixed);
    let url = format!("http://mixed.example:{}/", server.port);
    assert!(http(&client, get(&url)).await.is_ok());
}

#[tokio::test]
async fn names_without_addresses() {
    let client = client_with(&loopback(), Answers::new(&[&[]]));
    let fault = http(&client, get("http://nowhere.example/"))
        .await
        .unwrap_err();
    assert_eq!((fault.kind, fault.phase), (FaultKind::Dns, Phase::NotSent));
}

#[tokio::test]
async fn files_are_fetched_under_the_same_guard() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 2\r\n\r\nok";
    let server = Server::answering(answer).await;
    let open = Options {
        allow_private_targets: true,
        ..Options::default()
    };
    let fetched = client(&open)
        .fetch(&server.url("/a.png"), 10)
        .await
        .unwrap();
    assert_eq!(
        (&*fetched.content_type, &*fetched.data),
        ("image/png", &b"ok"[..])
    );
    let fault = client(&open).fetch(&server.url("/"), 1).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.phase),
        (FaultKind::TooLarge, Phase::NotSent)
    );

    let refused = client(&loopback())
        .fetch(&server.url("/"), 10)
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FaultKind::Forbidden);
    let inside = format!("https://127.0.0.1:{}/", server.port);
    let refused = client(&Options::default())
        .fetch(&inside, 10)
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FaultKind::Forbidden);

    let moved = "HTTP/1.1 301 Moved\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n";
    let server = Server::answering(moved).await;
    let refused = client(&open).fetch(&server.url("/"), 10).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Protocol);
    assert!(refused.detail.contains("redirects are not followed"));
}
