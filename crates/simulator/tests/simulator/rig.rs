//! A raw HTTP client, a raw HTTP sink, and a simulator for each test.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use austin_simulator::{Clock, Handle, Options, Simulator};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A running simulator and its client.
pub(crate) struct Rig {
    pub(crate) handle: Handle,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self {
            handle: Simulator::start(options).await.unwrap(),
        }
    }

    /// A simulator at 2026-01-02T03:04:05Z, the time of the recorded signatures, with `default` in
    /// force.
    pub(crate) async fn recorded(default: &str) -> Self {
        let rig = Self::with(Options {
            clock: Clock::new(|| 1_767_323_045_000),
            ..Options::default()
        })
        .await;
        rig.behave("default", default).await;
        rig
    }

    /// Puts a behaviour in force and expects it to be taken.
    pub(crate) async fn behave(&self, name: &str, behaviour: &str) {
        let path = format!("/control/behaviours/{name}");
        let answer = self.put(&path, behaviour).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        self.call("PUT", path, &[], body).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "").await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.call("POST", path, headers, body).await.unwrap()
    }

    /// Sends messages `(reference, to)` by the own protocol.
    pub(crate) async fn send(&self, path: &str, messages: &[(&str, &str)]) -> io::Result<Answer> {
        self.call("POST", path, &[], &own(messages)).await
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        call(self.handle.addr, method, path, headers, body).await
    }

    pub(crate) async fn summary(&self) -> Value {
        self.get("/control/ledger/summary").await.json()
    }
}

/// Headers with something replaced in one of them.
pub(crate) fn changed<const N: usize>(
    headers: &[(&'static str, &'static str); N],
    name: &str,
    from: &str,
    to: &str,
) -> [(&'static str, String); N] {
    headers.map(|(field, value)| {
        let value = if field == name {
            value.replace(from, to)
        } else {
            value.to_owned()
        };
        (field, value)
    })
}

/// The body of an own send call.
pub(crate) fn own(messages: &[(&str, &str)]) -> String {
    let messages: Vec<Value> = messages
        .iter()
        .map(|(reference, to)| serde_json::json!({"reference": reference, "to": to, "text": "hi"}))
        .collect();
    serde_json::json!({ "messages": messages }).to_string()
}

/// One call on a connection of its own, read to the end of the connection.
pub(crate) async fn call(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(addr).await?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        request.push_str("host: simulator.example\r\n");
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no answer"))?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    Ok(Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: bytes.split_off(end + 4),
    })
}

/// A request that reached the sink.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Takes posts and answers them as told.
pub(crate) struct Sink {
    pub(crate) url: String,
    got: mpsc::Receiver<Got>,
}

impl Sink {
    /// `answer(n)` gives status and body for the nth post, from 0.
    pub(crate) async fn new(
        answer: impl Fn(usize) -> (u16, &'static str) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/receipts", listener.local_addr().unwrap());
        let (sender, got) = mpsc::channel(10_000);
        let answer = Arc::new(answer);
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, answer, count) = (sender.clone(), answer.clone(), count.clone());
                tokio::spawn(async move {
                    let next = || answer(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
                    let _ = serve(stream, sender, next).await;
                });
            }
        });
        Self { url, got }
    }

    /// The next post; a test that waits in vain fails.
    pub(crate) async fn next(&mut self) -> Got {
        tokio::time::timeout(Duration::from_secs(20), self.got.recv())
            .await
            .unwrap()
            .unwrap()
    }

    /// Whether a post has already arrived.
    pub(crate) fn try_next(&mut self) -> Option<Got> {
        self.got.try_recv().ok()
    }

    /// Takes receipts of the own protocol until there are `count`.
    pub(crate) async fn receipts(&mut self, count: usize) -> Vec<Value> {
        let mut all = Vec::new();
        while all.len() < count {
            let post = self.next().await.json();
            all.extend(post["receipts"].as_array().unwrap().iter().cloned());
        }
        all
    }
}

async fn serve(
    mut stream: TcpStream,
    sender: mpsc::Sender<Got>,
    answer: impl Fn() -> (u16, &'static str),
) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = names_in_lower_case(&String::from_utf8_lossy(&bytes[..end]));
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |text| text.parse().unwrap());
        while bytes.len() < end + 4 + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let rest = bytes.split_off(end + 4 + length);
        let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
        bytes = rest;
        let (status, text) = answer();
        let _ = sender.send(Got { head, body }).await;
        let reply = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(reply.as_bytes()).await?;
    }
}

/// A head whose header names can be looked for whatever their case; values stay as they are.
fn names_in_lower_case(head: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}\n", name.to_lowercase()),
        None => format!("{line}\n"),
    };
    head.lines().map(line).collect()
}
