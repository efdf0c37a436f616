//! Requests that the host carries out and the replies it brings back.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use secrecy::SecretString;

use crate::smpp::{SmppReply, SmppRequest};

/// Something the host does for an adapter.
#[derive(Debug)]
pub enum Call {
    /// One HTTP request. Redirects are not followed.
    Http(HttpRequest),
    /// One SMTP transaction with one recipient.
    Smtp(Box<SmtpRequest>),
    /// One message to one recipient over the account's kept SMPP session.
    Smpp(Box<SmppRequest>),
}

/// One HTTP request. Sign the exact bytes of `body`.
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Absolute http or https URL with its query.
    pub url: String,
    /// Headers besides `host` and `content-length`, which the host sets.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Most bytes of answer worth reading.
    pub max_reply_bytes: usize,
    /// Total time from connecting to the last byte.
    pub deadline: Duration,
}

impl HttpRequest {
    /// A request with the default bounds: 10 s, 256 KiB of answer.
    pub fn new(method: Method, url: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: body.into(),
            max_reply_bytes: 256 * 1024,
            deadline: Duration::from_secs(10),
        }
    }
}

/// Shows no header value and no body: both may hold secrets or personal data.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &url)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// One SMTP transaction.
pub struct SmtpRequest {
    /// Server name or address.
    pub host: String,
    /// Server port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// `AUTH PLAIN`/`LOGIN` user and password.
    pub credentials: Option<(String, SecretString)>,
    /// What we call ourselves in EHLO.
    pub hello: Option<String>,
    /// Envelope sender.
    pub from: String,
    /// Envelope recipient: exactly one, so that nobody sees another.
    pub to: String,
    /// The RFC 5322 message.
    pub message: Bytes,
    /// Total time for the transaction.
    pub deadline: Duration,
}

/// Shows no credential, address or content.
impl fmt::Debug for SmtpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpRequest")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("message_bytes", &self.message.len())
            .finish_non_exhaustive()
    }
}

/// How an SMTP connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// TLS from the first byte (usually port 465).
    Implicit,
    /// STARTTLS, refused when the server does not offer it (usually port 587).
    StartTls,
    /// STARTTLS when offered, else clear text. Credentials are then sent in the clear.
    Opportunistic,
    /// Clear text: only for a relay on this machine.
    None,
}

/// What came back.
#[derive(Debug)]
pub enum Reply {
    /// An HTTP answer, whatever its status.
    Http(HttpReply),
    /// The server's last word on an SMTP transaction, success or refusal.
    Smtp(SmtpReply),
    /// The centre's word on each part of a message, or on our bind.
    Smpp(SmppReply),
    /// The token that was wanted.
    Token(SecretString),
    /// No answer.
    Fault(Fault),
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct HttpReply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

impl HttpReply {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An SMTP reply (RFC 5321 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpReply {
    /// Three digits.
    pub code: u16,
    /// The text lines.
    pub text: Vec<String>,
    /// Which command it answered: `connect`, `auth`, `mail`, `rcpt`, `data`, `message`.
    pub stage: &'static str,
}

/// A call without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whether the vendor may have acted on the request.
    pub phase: Phase,
    /// What went wrong.
    pub kind: FaultKind,
    /// For people; no secrets.
    pub detail: String,
}

/// How far a request had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Certainly before the vendor could act on it: trying again cannot double anything.
    NotSent,
    /// After bytes of the request left: the vendor may have acted on it.
    MaybeSent,
}

/// What went wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request itself cannot be made (bad URL, bad header, body over the limit).
    Invalid,
    /// The target is not allowed (private, loopback, link-local … address).
    Forbidden,
    /// The name does not resolve.
    Dns,
    /// No connection: refused, unreachable, connect time-out.
    Connect,
    /// The TLS handshake or certificate failed.
    Tls,
    /// No (complete) answer within the deadline.
    TimedOut,
    /// The connection was cut.
    Cut,
    /// The answer is larger than the adapter allows.
    TooLarge,
    /// The answer breaks the protocol.
    Protocol,
}

impl FaultKind {
    /// Stable code, as in verdict causes and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_request",
            Self::Forbidden => "forbidden_target",
            Self::Dns => "dns_failed",
            Self::Connect => "connect_failed",
            Self::Tls => "tls_failed",
            Self::TimedOut => "timed_out",
            Self::Cut => "connection_cut",
            Self::TooLarge => "answer_too_large",
            Self::Protocol => "protocol_error",
        }
    }
}
