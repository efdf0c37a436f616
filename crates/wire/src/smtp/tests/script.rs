//! A mail server that follows a script and remembers what it heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// One thing the server does. After the last it closes the connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Sends a reply.
    Say(&'static str),
    /// Reads a line that must begin so.
    Hear(&'static str),
    /// Reads up to the final dot.
    HearMessage,
    /// Begins TLS.
    Secure,
    /// Does nothing any more, without closing.
    Hang,
}

/// The server.
pub(super) struct Script {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

impl Script {
    /// One script per connection.
    pub(super) async fn serve(scripts: Vec<Vec<Step>>) -> Self {
        Self::start(None, scripts).await
    }

    /// One that can begin TLS.
    pub(super) async fn secured(acceptor: TlsAcceptor, scripts: Vec<Vec<Step>>) -> Self {
        Self::start(Some(acceptor), scripts).await
    }

    async fn start(acceptor: Option<TlsAcceptor>, scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            heard: Arc::default(),
        };
        let (connections, heard) = (server.connections.clone(), server.heard.clone());
        tokio::spawn(async move {
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, heard) = (acceptor.clone(), heard.clone());
                tokio::spawn(follow(Box::new(stream), script, acceptor, heard));
            }
        });
        server
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().clone()
    }
}

async fn follow(
    mut stream: Box<dyn Duplex>,
    script: Vec<Step>,
    acceptor: Option<TlsAcceptor>,
    heard: Arc<Mutex<Vec<String>>>,
) {
    for step in script {
        match step {
            Step::Say(line) => {
                let line = format!("{line}\r\n");
                if stream.write_all(line.as_bytes()).await.is_err() || stream.flush().await.is_err()
                {
                    return;
                }
            }
            Step::Hear(wanted) => {
                let Some(line) = read_until(&mut stream, b"\r\n").await else {
                    return;
                };
                assert!(line.starts_with(wanted), "{line:?} instead of {wanted:?}");
                heard.lock().push(line.trim_end().to_owned());
            }
            Step::HearMessage => {
                let Some(message) = read_until(&mut stream, b"\r\n.\r\n").await else {
                    return;
                };
                heard.lock().push(message);
            }
            Step::Secure => match acceptor.clone().unwrap().accept(stream).await {
                Ok(tls) => stream = Box::new(tls),
                Err(_) => return,
            },
            Step::Hang => std::future::pending().await,
        }
    }
}

async fn read_until(stream: &mut Box<dyn Duplex>, end: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(end) {
        text.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(text).unwrap())
}
