//! One SMTP session.
//!
//! Invariant: commands are answered in order; a line or a mail that is too long is refused, never
//! cut.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{Envelope, Mailbox, Say, SmtpAction, SmtpReply, SmtpStage};
use crate::vendor::authorization::same;

struct Session<'m> {
    stream: BufReader<TcpStream>,
    mailbox: &'m Mailbox,
    greeted: bool,
    authorised: bool,
    envelope: Option<Envelope>,
}

/// Whether the session goes on.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    Close,
}

/// What the rules leave to do at a stage.
enum Ruling {
    Nothing,
    Answered,
    Close,
    KeepAndClose,
}

/// Serves one session until its end.
pub(super) async fn run(stream: TcpStream, mailbox: &Mailbox) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    let mut session = Session {
        stream: BufReader::new(stream),
        mailbox,
        greeted: false,
        authorised: false,
        envelope: None,
    };
    session.answer(220, "austin simulator ESMTP").await?;
    loop {
        let read = tokio::time::timeout(IDLE, session.line(COMMAND_BYTES)).await;
        let Ok(line) = read else {
            return session.answer(421, "idle for too long").await;
        };
        let then = match line? {
            Line::End => return Ok(()),
            Line::TooLong => session.say(500, "line too long").await?,
            Line::Text(line) => session.command(&line).await?,
        };
        if then == Then::Close {
            return Ok(());
        }
    }
}

enum Line {
    Text(String),
    TooLong,
    End,
}

impl Session<'_> {
    async fn command(&mut self, line: &str) -> io::Result<Then> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.greeted = true;
                self.envelope = None;
                let lines = format!(
                    "250-simulator\r\n250-SIZE {MAIL_BYTES}\r\n250-8BITMIME\r\n250-PIPELINING\r\n\
                     250-AUTH PLAIN\r\n250 SMTPUTF8\r\n"
                );
                self.write(&lines).await?;
                Ok(Then::GoOn)
            }
            "HELO" => {
                self.greeted = true;
                self.envelope = None;
                self.say(250, "simulator").await
            }
            "AUTH" => self.auth(rest).await,
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.rcpt(rest).await,
            "DATA" => self.data().await,
            "RSET" => {
                self.envelope = None;
                self.say(250, "reset").await
            }
            "NOOP" => self.say(250, "ok").await,
            "QUIT" => {
                self.answer(221, "goodbye").await?;
                Ok(Then::Close)
            }
            "VRFY" | "EXPN" => self.say(252, "cannot verify").await,
            _ => self.say(502, "command not implemented").await,
        }
    }

    async fn auth(&mut self, rest: &str) -> io::Result<Then> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        if !mechanism.eq_ignore_ascii_case("PLAIN") {
            return self.say(504, "only AUTH PLAIN").await;
        }
        let mut response = initial.trim().to_owned();
        if response.is_empty() {
            self.answer(334, "").await?;
            match self.line(COMMAND_BYTES).await? {
                Line::Text(text) => response = text,
                Line::TooLong => return self.say(500, "line too long").await,
                Line::End => return Ok(Then::Close),
            }
        }
        let plain = STANDARD.decode(response.trim()).unwrap_or_default();
        let plain = String::from_utf8(plain).unwrap_or_default();
        let mut parts = plain.split('\0').skip(1);
        let (user, password) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let right = self
            .mailbox
            .auth()
            .is_none_or(|auth| same(user, &auth.user) & same(password, auth.password.reveal()));
        if right {
            self.authorised = true;
            self.say(235, "2.7.0 welcome").await
        } else {
            self.say(535, "5.7.8 wrong user or password").await
        }
    }

    async fn mail(&mut self, rest: &str) -> io::Result<Then> {
        if !self.greeted {
            return self.say(503, "EHLO first").await;
        }
        if self.mailbox.auth().is_some() && !self.authorised {
            return self.say(530, "5.7.0 authentication required").await;
        }
        if self.envelope.is_some() {
            return self.say(503, "a mail is already under way").await;
        }
        let Some(from) = path(rest, "FROM:") else {
            return self.say(501, "MAIL FROM:<address>").await;
        };
        if size(rest).is_some_and(|size| size > MAIL_BYTES) {
            return self.say(552, "5.3.4 the mail is too large").await;
        }
        self.envelope = Some(Envelope {
            from: from.to_owned(),
            to: Vec::new(),
        });
        self.say(250, "2.1.0 ok").await
    }

    async fn rcpt(&mut self, rest: &str) -> io::Result<Then> {
        let Some(to) = path(rest, "TO:").filter(|to| !to.is_empty()) else {
            return self.say(501, "RCPT TO:<address>").await;
        };
        let Some(envelope) = &self.envelope else {
            return self.say(503, "MAIL first").await;
        };
        if envelope.to.len() >= RECIPIENTS_MOST {
            return self.say(452, "4.5.3 too many recipients").await;
        }
        let to = to.to_owned();
        let say = self
            .mailbox
            .say(SmtpStage::Rcpt, std::slice::from_ref(&to), b"");
        match self.obey(say).await? {
            Ruling::Nothing => {}
            Ruling::Answered => return Ok(Then::GoOn),
            Ruling::Close | Ruling::KeepAndClose => return Ok(Then::Close),
        }
        if let Some(envelope) = &mut self.envelope {
            envelope.to.push(to);
        }
        self.say(250, "2.1.5 ok").await
    }

    async fn data(&mut self) -> io::Result<Then> {
        let Some(envelope) = self.envelope.take_if(|envelope| !envelope.to.is_empty()) else {
            return self.say(503, "RCPT first").await;
        };
        let say = self.mailbox.say(SmtpStage::Data, &envelope.to, b"");
        match self.obey(say).await? {
            Ruling::Nothing => {}
            Ruling::Answered => return Ok(Then::GoOn),
            Ruling::Close | Ruling::KeepAndClose => return Ok(Then::Close),
        }
        self.answer(354, "end with <CRLF>.<CRLF>").await?;
        let raw = match self.body().await? {
            Body::Whole(raw) => raw,
            Body::TooLong => return self.say(552, "5.3.4 the mail is too large").await,
            Body::Broken => return Ok(Then::Close),
        };
        let say = self.mailbox.say(SmtpStage::End, &envelope.to, &raw);
        match self.obey(say).await? {
            Ruling::Nothing => {
                let number = self.mailbox.keep(envelope, raw);
                self.say(250, &format!("2.0.0 kept as {number}")).await
            }
            Ruling::Answered => Ok(Then::GoOn),
            Ruling::Close => Ok(Then::Close),
            Ruling::KeepAndClose => {
                self.mailbox.keep(envelope, raw);
                Ok(Then::Close)
            }
        }
    }

    async fn obey(&mut self, say: Say) -> io::Result<Ruling> {
        if say.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(say.delay_ms)).await;
        }
        Ok(match say.action {
            None | Some(SmtpAction::DelayMs(_)) => Ruling::Nothing,
            Some(SmtpAction::Reply(SmtpReply { code, text })) => {
                self.answer(code, &text).await?;
                Ruling::Answered
            }
            Some(SmtpAction::Close) => Ruling::Close,
            Some(SmtpAction::KeepAndClose) => Ruling::KeepAndClose,
        })
    }

    /// The mail up to the lone dot, with dot-stuffing undone.
    async fn body(&mut self) -> io::Result<Body> {
        let mut raw = Vec::new();
        let mut too_long = false;
        let mut fresh = true;
        loop {
            let mut line = Vec::new();
            let room = (&mut self.stream).take(LINE_BYTES);
            tokio::pin!(room);
            room.read_until(b'\n', &mut line).await?;
            let ended = line.ends_with(b"\n");
            if !ended && (line.len() as u64) < LINE_BYTES {
                return Ok(Body::Broken);
            }
            if fresh && line == b".\r\n" {
                break;
            }
            too_long |= !ended;
            fresh = ended;
            let line = line.strip_prefix(b".").unwrap_or(&line);
            too_long |= raw.len() + line.len() > MAIL_BYTES;
            if !too_long {
                raw.extend_from_slice(line);
            }
        }
        Ok(if too_long {
            Body::TooLong
        } else {
            Body::Whole(raw.into())
        })
    }

    async fn line(&mut self, most: u64) -> io::Result<Line> {
        let mut line = Vec::new();
        (&mut self.stream)
            .take(most)
            .read_until(b'\n', &mut line)
            .await?;
        if !line.ends_with(b"\n") {
            if (line.len() as u64) < most {
                return Ok(Line::End);
            }
            // Drop the rest of the line, then say so.
            loop {
                line.clear();
                let read = (&mut self.stream)
                    .take(most)
                    .read_until(b'\n', &mut line)
                    .await?;
                if read == 0 || line.ends_with(b"\n") {
                    return Ok(Line::TooLong);
                }
            }
        }
        let text = String::from_utf8_lossy(&line);
        Ok(Line::Text(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    async fn say(&mut self, code: u16, text: &str) -> io::Result<Then> {
        self.answer(code, text).await?;
        Ok(Then::GoOn)
    }

    async fn answer(&mut self, code: u16, text: &str) -> io::Result<()> {
        self.write(&format!("{code} {text}\r\n")).await
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await
    }
}

enum Body {
    Whole(Bytes),
    TooLong,
    Broken,
}

/// The address in `FROM:<…>` or `TO:<…>`.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<&'a str> {
    let head = rest.get(..keyword.len())?;
    let tail = rest[keyword.len()..].trim_start();
    let inside = tail.strip_prefix('<')?.split_once('>')?.0;
    head.eq_ignore_ascii_case(keyword).then_some(inside)
}

/// The declared `SIZE=` of a mail.
fn size(rest: &str) -> Option<usize> {
    rest.split(' ').find_map(|word| {
        let (name, value) = word.split_once('=')?;
        name.eq_ignore_ascii_case("SIZE")
            .then(|| value.parse().ok())
            .flatten()
    })
}

const IDLE: Duration = Duration::from_secs(300);
const COMMAND_BYTES: u64 = 4_096;
const LINE_BYTES: u64 = 1 << 20;
const MAIL_BYTES: usize = 30 << 20;
const RECIPIENTS_MOST: usize = 1_000;
