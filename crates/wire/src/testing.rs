//! Servers, certificates and clients for the tests of this crate.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use austin_adapter_api::{Call, Fault, HttpReply, HttpRequest, Reply};
use austin_ports::wire::Outgoing;
use austin_ports::{BoxFuture, Wire};
use http::Method;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{Client, Options, Resolve, Resolved};

/// Options that let the tests reach this machine.
pub(crate) fn loopback() -> Options {
    Options {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        connect_timeout: Duration::from_secs(10),
        ..Options::default()
    }
}

pub(crate) fn client(options: &Options) -> Client {
    Client::new(options, &mut Registry::default()).unwrap()
}

pub(crate) fn client_with(options: &Options, resolver: Arc<Answers>) -> Client {
    Client::with_resolver(options, resolver, &mut Registry::default()).unwrap()
}

pub(crate) fn get(url: &str) -> HttpRequest {
    HttpRequest::new(Method::GET, url, "")
}

pub(crate) fn post(url: &str, body: &str) -> HttpRequest {
    HttpRequest::new(Method::POST, url, body.to_owned())
}

/// Carries an HTTP request out through the port.
pub(crate) async fn http(client: &Client, request: HttpRequest) -> Result<HttpReply, Fault> {
    match call(client, Call::Http(request)).await {
        Reply::Http(reply) => Ok(reply),
        Reply::Fault(fault) => Err(fault),
        Reply::Smtp(_) | Reply::Smpp(_) | Reply::Token(_) => unreachable!("asked over HTTP"),
    }
}

pub(crate) async fn call(client: &Client, call: Call) -> Reply {
    let outgoing = Outgoing {
        account: Arc::from("test"),
        call,
        redact: Arc::from([]),
    };
    client.call(outgoing).await.reply
}

/// A resolver with prepared answers: each look-up takes the next, the last one stays.
#[derive(Default)]
pub(crate) struct Answers {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    pub(crate) asked: AtomicUsize,
}

impl Answers {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Resolve for Answers {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Resolved> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock();
        let answer = if answers.len() > 1 {
            answers.pop_front().unwrap()
        } else {
            answers[0].clone()
        };
        Box::pin(async move { Ok(answer) })
    }
}

/// A server on this machine that counts what comes.
pub(crate) struct Server {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Server {
    /// Serves each connection with `serve`, which gets its number from 1.
    pub(crate) async fn start<F, W>(serve: F) -> Self
    where
        F: Fn(TcpStream, usize, Arc<AtomicUsize>) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, seen) = (Arc::clone(&connections), Arc::clone(&requests));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::spawn(serve(stream, number, Arc::clone(&seen)));
            }
        });
        Self {
            port,
            connections,
            requests,
        }
    }

    /// Answers every request with these bytes and keeps the connection.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut stream, _, seen| async move {
            while read_request(&mut stream).await.is_some() {
                seen.fetch_add(1, Ordering::SeqCst);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await
    }

    /// Answers the first request with these bytes, then closes.
    pub(crate) async fn closing_after(answer: &'static str) -> Self {
        Self::start(move |mut stream, _, seen| async move {
            if read_request(&mut stream).await.is_some() {
                seen.fetch_add(1, Ordering::SeqCst);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await
    }

    /// Sends these bytes after the first request and then nothing more, without closing.
    pub(crate) async fn hanging_after(answer: &'static str) -> Self {
        Self::start(move |mut stream, _, seen| async move {
            if read_request(&mut stream).await.is_some() {
                seen.fetch_add(1, Ordering::SeqCst);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            std::future::pending::<()>().await;
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Reads one request whole; its text, or nothing when the client has closed.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8(bytes).unwrap());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Answers requests on `stream` with 200 until the client closes.
pub(crate) async fn answer_all(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    while read_request(stream).await.is_some() {
        stream.write_all(OK.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
    }
}

/// Lets the runtime see what has already arrived on its sockets.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A certificate authority of the tests' own and a server certificate by it.
pub(crate) struct Certificates {
    /// The authority, as PEM on disk.
    pub(crate) authority: tempfile::NamedTempFile,
    /// The server's side.
    pub(crate) acceptor: tokio_rustls::TlsAcceptor,
}

impl Certificates {
    /// A server certificate for `name`.
    pub(crate) fn for_name(name: &str) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
        use rustls::pki_types::PrivateKeyDer;

        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), authority.pem()).unwrap();
        Self {
            authority: file,
            acceptor: Arc::new(config).into(),
        }
    }

    /// Options that trust the authority.
    pub(crate) fn trusted(&self) -> Options {
        Options {
            extra_ca: Some(self.authority.path().to_owned()),
            ..loopback()
        }
    }
}
