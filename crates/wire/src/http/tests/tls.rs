//! Calls over TLS.

use austin_adapter_api::{FaultKind, Phase};

use crate::testing::{
    Answers, Certificates, Server, answer_all, client, client_with, get, http, loopback,
};
use crate::{Client, Error, Options};

async fn serve(certificates: &Certificates) -> Server {
    let acceptor = certificates.acceptor.clone();
    Server::start(move |stream, _, _| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(stream).await {
                answer_all(&mut tls).await;
            }
        }
    })
    .await
}

fn named(options: &Options) -> Client {
    client_with(options, Answers::new(&[&["127.0.0.1"]]))
}

#[tokio::test]
async fn a_trusted_server_is_called_over_one_connection() {
    let certificates = Certificates::for_name("vendor.example");
    let server = serve(&certificates).await;
    let client = named(&certificates.trusted());
    let url = format!("https://vendor.example:{}/", server.port);
    for _ in 0..3 {
        let reply = http(&client, get(&url)).await.unwrap();
        assert_eq!(&*reply.body, b"ok");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn untrusted_and_misnamed_servers_are_refused_before_anything_is_sent() {
    let certificates = Certificates::for_name("vendor.example");
    let server = serve(&certificates).await;
    let url = |name: &str| format!("https://{name}:{}/", server.port);
    for (client, url) in [
        (named(&loopback()), url("vendor.example")),
        (named(&certificates.trusted()), url("other.example")),
        (client(&certificates.trusted()), url("127.0.0.1")),
    ] {
        let fault = http(&client, get(&url)).await.unwrap_err();
        assert_eq!((fault.kind, fault.phase), (FaultKind::Tls, Phase::NotSent));
        assert!(fault.detail.contains("certificate"), "{}", fault.detail);
    }
}

#[tokio::test]
async fn a_server_without_tls_fails_the_handshake() {
    let server = Server::start(|mut stream, _, _| async move {
        answer_all(&mut stream).await;
    })
    .await;
    let silent = Server::start(|_stream, _, _| std::future::pending()).await;
    let impatient = Options {
        connect_timeout: std::time::Duration::from_millis(100),
        ..loopback()
    };
    for port in [server.port, silent.port] {
        let url = format!("https://vendor.example:{port}/");
        let fault = http(&named(&impatient), get(&url)).await.unwrap_err();
        assert_eq!((fault.kind, fault.phase), (FaultKind::Tls, Phase::NotSent));
    }
}

#[test]
fn authorities_that_cannot_be_read_are_an_error() {
    let mut options = Options {
        extra_ca: Some("/nonexistent/ca.pem".into()),
        ..Options::default()
    };
    let failed = |options: &Options| Client::new(options, &mut Default::default()).unwrap_err();
    assert!(matches!(failed(&options), Error::ExtraCa { .. }));
    let empty = tempfile::NamedTempFile::new().unwrap();
    options.extra_ca = Some(empty.path().to_owned());
    let error = failed(&options);
    assert!(matches!(
        error,
        Error::ExtraCa { .. } | Error::NoExtraCa { .. }
    ));
    assert!(error.to_string().contains(empty.path().to_str().unwrap()));
}
