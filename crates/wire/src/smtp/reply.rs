//! Reading replies (RFC 5321 section 4.2), bounded.

use austin_adapter_api::{FaultKind, SmtpReply};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Stop;
use crate::fault::not_sent;

/// Replies as they come in from a server.
#[derive(Default)]
pub(super) struct Replies {
    buffer: BytesMut,
}

impl Replies {
    /// Whether bytes are waiting that no command asked for.
    pub(super) fn has_rest(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next reply, as one to the command of `stage`.
    ///
    /// # Errors
    /// [`Stop::Fault`] when the connection ends or what comes is no reply. It says `NotSent`; the
    /// caller knows whether more is at stake.
    pub(super) async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        stage: &'static str,
    ) -> Result<SmtpReply, Stop> {
        let mut reply = SmtpReply {
            code: 0,
            text: Vec::new(),
            stage,
        };
        loop {
            let line = self.line(stream).await?;
            let (code, is_last, text) = parse(&line).ok_or_else(no_reply)?;
            if reply.text.len() == MAX_LINES || !(reply.text.is_empty() || reply.code == code) {
                return Err(no_reply());
            }
            reply.code = code;
            reply.text.push(text);
            if is_last {
                return Ok(reply);
            }
        }
    }

    async fn line(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Stop> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..]) {
                let end = searched + at;
                let line = self.buffer[..end].trim_ascii_end().to_vec();
                self.buffer.advance(end + 1);
                return Ok(line);
            }
            searched = self.buffer.len();
            if searched > MAX_LINE_BYTES {
                return Err(no_reply());
            }
            match stream.read_buf(&mut self.buffer).await {
                Ok(0) => return Err(cut("the server closed the connection")),
                Ok(_) => {}
                Err(error) => return Err(cut(&format!("the connection was cut: {error}"))),
            }
        }
    }
}

/// Code, whether it is the reply's last line, and text. Servers answer in other encodings than
/// UTF-8 too; that must not cost the code.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let digits = line.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let is_last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = line.get(4..).unwrap_or_default();
    let printable = String::from_utf8_lossy(text).replace(char::is_control, " ");
    (200..600)
        .contains(&code)
        .then_some((code, is_last, printable))
}

pub(super) fn cut(detail: &str) -> Stop {
    not_sent(FaultKind::Cut, detail).into()
}

fn no_reply() -> Stop {
    not_sent(FaultKind::Protocol, "the server's words are no SMTP reply").into()
}

/// RFC 5321 allows 512 bytes a line; servers are more talkative.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// Most lines of one reply.
const MAX_LINES: usize = 128;

#[cfg(test)]
mod tests {
    use austin_adapter_api::Fault;
    use proptest::prelude::*;

    use super::*;

    async fn read(mut bytes: &[u8]) -> Result<SmtpReply, FaultKind> {
        let read = Replies::default().next(&mut bytes, "mail").await;
        read.map_err(|stop| match stop {
            Stop::Fault(Fault { kind, .. }) => kind,
            Stop::Replied(_) => unreachable!(),
        })
    }

    #[tokio::test]
    async fn replies_of_one_and_more_lines() {
        let reply = read(b"250-one\r\n250-\r\n250 three\r\n").await.unwrap();
        assert_eq!((reply.code, reply.stage), (250, "mail"));
        assert_eq!(reply.text, ["one", "", "three"]);
        assert_eq!(read(b"354\n").await.unwrap().text, [""]);
        let gbk = read(b"535 \xc8\xcf\xd6\xa4\r\n").await.unwrap();
        assert_eq!(gbk.code, 535);
    }

    #[tokio::test]
    async fn what_is_no_reply() {
        for bytes in [
            &b"hello\r\n"[..],
            b"25\r\n",
            b"250+x\r\n",
            b"250-a\r\n251 b\r\n",
            b"999 x\r\n",
            b"HTTP/1.1 200 OK\r\n",
            &[b'2'; 10_000],
            &b"250-x\r\n".repeat(200),
        ] {
            assert_eq!(read(bytes).await.unwrap_err(), FaultKind::Protocol);
        }
        for bytes in [&b""[..], b"250", b"250-a\r\n"] {
            assert_eq!(read(bytes).await.unwrap_err(), FaultKind::Cut);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            if let Some((code, _, text)) = parse(line) {
                prop_assert!((200..600).contains(&code));
                prop_assert!(!text.contains(char::is_control));
            }
        }
    }
}
