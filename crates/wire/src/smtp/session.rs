//! A session with a server: greeting, EHLO, STARTTLS, AUTH.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use austin_adapter_api::{FaultKind, SmtpReply, SmtpRequest, TlsMode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::Stop;
use super::reply::{Replies, cut};
use crate::dial::Dialer;
use crate::fault::not_sent;
use crate::http::Means;
use crate::metrics::Open;
use crate::stream::Stream;
use crate::target::Host;

/// A session in which a transaction may begin.
pub(super) struct Session {
    stream: Stream,
    replies: Replies,
    offers: Offers,
    /// A refused transaction has to be reset before the next.
    pub(super) needs_reset: bool,
    _open: Open,
}

/// What the server offers in its answer to EHLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts of a server"
)]
pub(super) struct Offers {
    pub(super) start_tls: bool,
    pub(super) eight_bit: bool,
    pub(super) utf8: bool,
    pub(super) size: bool,
    pub(super) pipelining: bool,
    plain: bool,
    login: bool,
}

/// Opens a session as `request` wants it, ready for a transaction.
pub(super) async fn open(
    host: &Host,
    request: &SmtpRequest,
    means: Means<'_>,
) -> Result<Session, Stop> {
    let dialer = means.dialer;
    let (stream, own) = match request.tls {
        TlsMode::Implicit => {
            let stream = dialer.secure(host, request.port).await?;
            let own = local_address(&stream);
            (stream, own)
        }
        TlsMode::StartTls | TlsMode::Opportunistic | TlsMode::None => {
            let tcp = dialer.clear(host, request.port).await?;
            let own = tcp.local_addr().ok().map(|address| address.ip());
            (Stream::Clear(tcp), own)
        }
    };
    let hello = request.hello.clone().unwrap_or_else(|| literal(own));
    let mut session = Session {
        stream,
        replies: Replies::default(),
        offers: Offers::default(),
        needs_reset: false,
        _open: means.metrics.smtp_connection(),
    };
    let greeting = session.replies.next(&mut session.stream, "connect").await?;
    expect(2, greeting)?;
    session.hello(&hello).await?;
    if matches!(request.tls, TlsMode::StartTls | TlsMode::Opportunistic) {
        session = session.start_tls(host, request.tls, dialer, &hello).await?;
    }
    if let Some((user, password)) = &request.credentials {
        session.login(user, password).await?;
    }
    Ok(session)
}

impl Session {
    pub(super) fn offers(&self) -> Offers {
        self.offers
    }

    /// Sends a command and reads its reply.
    pub(super) async fn command(
        &mut self,
        line: &str,
        stage: &'static str,
    ) -> Result<SmtpReply, Stop> {
        self.write(line.as_bytes()).await?;
        self.reply(stage).await
    }

    pub(super) async fn reply(&mut self, stage: &'static str) -> Result<SmtpReply, Stop> {
        self.replies.next(&mut self.stream, stage).await
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        written
            .await
            .map_err(|error| cut(&format!("the connection was cut: {error}")))
    }

    /// Whether the server has neither closed the connection nor said anything unasked.
    pub(super) fn is_alive(&mut self) -> bool {
        let mut byte = [0];
        let mut cx = Context::from_waker(Waker::noop());
        let read = Pin::new(&mut self.stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte));
        read.is_pending() && !self.replies.has_rest()
    }

    /// Says QUIT as far as that is possible without waiting.
    pub(super) fn say_goodbye(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let _: Poll<io::Result<usize>> =
            Pin::new(&mut self.stream).poll_write(&mut cx, b"QUIT\r\n");
        let _ = Pin::new(&mut self.stream).poll_flush(&mut cx);
    }

    async fn hello(&mut self, name: &str) -> Result<(), Stop> {
        let mut reply = self.command(&format!("EHLO {name}\r\n"), "connect").await?;
        if matches!(reply.code, 500 | 502) {
            // A server from before 1995 (RFC 5321 section 3.2).
            reply = self.command(&format!("HELO {name}\r\n"), "connect").await?;
            reply.text.truncate(1);
        }
        self.offers = Offers::read(&reply.text);
        expect(2, reply).map(drop)
    }

    async fn start_tls(
        mut self,
        host: &Host,
        mode: TlsMode,
        dialer: &Dialer,
        hello: &str,
    ) -> Result<Self, Stop> {
        if !self.offers.start_tls {
            return match mode {
                TlsMode::Opportunistic => Ok(self),
                TlsMode::StartTls | TlsMode::Implicit | TlsMode::None => {
                    Err(not_sent(FaultKind::Tls, "the server does not offer STARTTLS").into())
                }
            };
        }
        let reply = self.command("STARTTLS\r\n", "connect").await?;
        if reply.code != 220 {
            return match mode {
                TlsMode::Opportunistic => Ok(self),
                TlsMode::StartTls | TlsMode::Implicit | TlsMode::None => Err(refused(reply)),
            };
        }
        if self.replies.has_rest() {
            // Said in the clear, meant to be taken for said under TLS (CVE-2011-0411).
            let detail = "the server spoke on before TLS began";
            return Err(not_sent(FaultKind::Protocol, detail).into());
        }
        self.stream = match self.stream {
            Stream::Clear(tcp) => dialer.upgrade(host, tcp).await?,
            secured @ Stream::Tls(_) => secured,
        };
        // What was offered in the clear may have been tampered with.
        self.hello(hello).await?;
        Ok(self)
    }

    async fn login(&mut self, user: &str, password: &SecretString) -> Result<(), Stop> {
        let reply = if self.offers.plain {
            let proof = STANDARD.encode(format!("\0{user}\0{}", password.expose_secret()));
            let line = format!("AUTH PLAIN {proof}\r\n");
            self.command(&line, "auth").await?
        } else if self.offers.login {
            let asked = self.command("AUTH LOGIN\r\n", "auth").await?;
            expect(3, asked)?;
            let user = format!("{}\r\n", STANDARD.encode(user));
            let asked = self.command(&user, "auth").await?;
            expect(3, asked)?;
            let password = format!("{}\r\n", STANDARD.encode(password.expose_secret()));
            self.command(&password, "auth").await?
        } else {
            // A refusal as the server itself would give it: RFC 4954 section 4.
            let detail = "the server offers neither AUTH PLAIN nor AUTH LOGIN on this connection";
            return Err(not_sent(FaultKind::Invalid, detail).into());
        };
        expect(2, reply).map(drop)
    }
}

impl Offers {
    /// Reads the lines of an answer to EHLO; the first is the greeting.
    fn read(lines: &[String]) -> Self {
        let mut offers = Self::default();
        for line in lines.iter().skip(1) {
            let line = line.to_ascii_uppercase().replace("AUTH=", "AUTH ");
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("STARTTLS") => offers.start_tls = true,
                Some("8BITMIME") => offers.eight_bit = true,
                Some("SMTPUTF8") => offers.utf8 = true,
                Some("SIZE") => offers.size = true,
                Some("PIPELINING") => offers.pipelining = true,
                Some("AUTH") => {
                    for mechanism in words {
                        offers.plain |= mechanism == "PLAIN";
                        offers.login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        offers
    }
}

/// `reply` when its first digit is `class`.
///
/// # Errors
/// The reply when it is a refusal; a fault when it makes no sense here.
pub(super) fn expect(class: u16, reply: SmtpReply) -> Result<SmtpReply, Stop> {
    if reply.code / 100 == class {
        return Ok(reply);
    }
    Err(refused(reply))
}

fn refused(reply: SmtpReply) -> Stop {
    if reply.code >= 400 {
        return Stop::Replied(reply);
    }
    let detail = format!("reply {} makes no sense to {}", reply.code, reply.stage);
    not_sent(FaultKind::Protocol, detail).into()
}

fn local_address(stream: &Stream) -> Option<IpAddr> {
    let tcp: &TcpStream = match stream {
        Stream::Clear(tcp) => tcp,
        Stream::Tls(tls) => tls.get_ref().0,
    };
    tcp.local_addr().ok().map(|address| address.ip())
}

/// Our address as RFC 5321 section 4.1.3 writes it, for want of a name.
fn literal(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V4(address)) => format!("[{address}]"),
        Some(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        None => "localhost".to_owned(),
    }
}
