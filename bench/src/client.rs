//! The load: keep-alive connections that write prepared requests and read whole answers.
//!
//! Hand-written so that it is not the bottleneck: the request is one buffer in which only the
//! digits of the recipients change.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends one request; the status and the body of the answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, length) = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break (end + 4, content_length(&self.buffer[..end])?);
            }
            self.fill().await?;
        };
        while self.buffer.len() < head + length {
            self.fill().await?;
        }
        let status =
            std::str::from_utf8(self.buffer.get(9..12).context("short answer")?)?.parse()?;
        Ok((status, &self.buffer[head..head + length]))
    }

    async fn fill(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }

    /// One call of the management API.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (status, answer) = self.exchange(request.as_bytes()).await?;
        let text = String::from_utf8_lossy(answer).into_owned();
        if !(200..300).contains(&status) {
            bail!("{method} {path} answered {status}: {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    for line in head.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    bail!("the answer has no content-length: {head}")
}

/// A send request whose recipients can be changed in place.
#[derive(Clone)]
pub(crate) struct SendRequest {
    bytes: Vec<u8>,
    /// Where the eight last digits of each recipient stand.
    digits: Vec<usize>,
}

impl SendRequest {
    pub(crate) fn new(key: &str, template: &str, recipients: usize) -> Self {
        const NUMBER: &str = "+8613800000000";
        let to = vec![format!("\"{NUMBER}\""); recipients].join(",");
        let body =
            format!("{{\"template\":\"{template}\",\"to\":[{to}],\"vars\":{{\"order\":\"A1\"}}}}");
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let bytes = format!("{head}{body}").into_bytes();
        let mut digits = Vec::with_capacity(recipients);
        let mut from = head.len();
        while let Some(at) = find(&bytes[from..], NUMBER.as_bytes()) {
            digits.push(from + at + NUMBER.len() - 8);
            from += at + NUMBER.len();
        }
        Self { bytes, digits }
    }

    /// The request for the recipients numbered from `first`.
    fn for_recipients(&mut self, first: u64) -> &[u8] {
        for (number, at) in (first..).zip(&self.digits) {
            let mut rest = number % 100_000_000;
            for slot in self.bytes[*at..at + 8].iter_mut().rev() {
                *slot = b'0' + u8::try_from(rest % 10).unwrap_or(0);
                rest /= 10;
            }
        }
        &self.bytes
    }
}

/// What a load came to.
pub(crate) struct Load {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    latencies: Vec<u32>,
}

impl Load {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// A latency percentile in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a sample"
    )]
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        let index = (self.latencies.len().saturating_sub(1) as f64 * percent / 100.0) as usize;
        self.latencies
            .get(index)
            .map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    }
}

/// When a load ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After this long.
    Elapsed(Duration),
    /// After this many requests.
    Requests(u64),
}

/// Keeps `connections` busy with `request`; every answer must be 202.
pub(crate) async fn load(
    addr: SocketAddr,
    connections: usize,
    request: &SendRequest,
    until: Until,
) -> Result<Load> {
    let counter = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let mut request = request.clone();
        let counter = Arc::clone(&counter);
        tasks.spawn(async move {
            let mut connection = Connection::open(addr).await?;
            let recipients = request.digits.len() as u64;
            let mut latencies = Vec::with_capacity(1 << 16);
            loop {
                let number = counter.fetch_add(1, Ordering::Relaxed);
                let over = match until {
                    Until::Elapsed(time) => start.elapsed() >= time,
                    Until::Requests(most) => number >= most,
                };
                if over {
                    return anyhow::Ok(latencies);
                }
                let began = Instant::now();
                let (status, body) = connection
                    .exchange(request.for_recipients(number * recipients))
                    .await?;
                if status != 202 {
                    bail!("answered {status}: {}", String::from_utf8_lossy(body));
                }
                latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(result) = tasks.join_next().await {
        latencies.extend(result??);
    }
    let elapsed = start.elapsed();
    latencies.sort_unstable();
    Ok(Load {
        requests: latencies.len() as u64,
        elapsed,
        latencies,
    })
}
