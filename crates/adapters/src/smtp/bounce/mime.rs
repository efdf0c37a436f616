//! The parts of a mail.
//!
//! Heads and transfer encodings are mail-parser's. Parts are found here: its own way of nesting
//! messages in messages is recursive, and a mail made to nest ten thousand of them would overflow
//! the stack.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Message, MessageParser, MimeHeaders};

/// How deep parts may lie in parts; a report's lie one deep, two below a mailing list's footer.
const DEPTH: usize = 3;
/// Most parts of one multipart that are looked at; a report has three.
const MOST_PARTS: usize = 32;

/// One part, or the mail itself.
pub(super) struct Entity<'a> {
    /// Nothing where the head has no field at all.
    head: Option<Message<'a>>,
    body: Cow<'a, [u8]>,
}

impl<'a> Entity<'a> {
    /// A mail as received, perhaps behind the `From ` line that mailboxes and pipes put first.
    pub(super) fn of_mail(raw: &'a [u8]) -> Self {
        let start = match raw.starts_with(b"From ") {
            true => line_end(raw),
            false => 0,
        };
        Self::of(&raw[start..])
    }

    fn of(raw: &'a [u8]) -> Self {
        let end = head_end(raw);
        let (head, body) = raw.split_at(end);
        Self {
            head: MessageParser::new().parse_headers(head),
            body: Cow::Borrowed(body),
        }
    }

    /// A header's value as it was written, unfolded.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let raw = self.head.as_ref()?.header_raw(name)?;
        let words: Vec<&str> = raw.split_ascii_whitespace().collect();
        Some(words.join(" "))
    }

    /// Whether its media type is one of these.
    pub(super) fn is_any(&self, kinds: &[&str]) -> bool {
        let kind = self.kind();
        kinds.iter().any(|known| kind.eq_ignore_ascii_case(known))
    }

    fn kind(&self) -> String {
        let stated = self.head.as_ref().and_then(MimeHeaders::content_type);
        stated.map_or_else(
            || "text/plain".to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()),
        )
    }

    /// Its content without transfer encoding.
    pub(super) fn content(&self) -> Cow<'_, [u8]> {
        let encoding = self.head.as_ref();
        let encoding = encoding.and_then(MimeHeaders::content_transfer_encoding);
        let decoded = match encoding.map(str::trim) {
            Some(name) if name.eq_ignore_ascii_case("base64") => base64_decode(&self.body),
            Some(name) if name.eq_ignore_ascii_case("quoted-printable") => {
                quoted_printable_decode(&self.body)
            }
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(&*self.body), Cow::Owned)
    }

    /// The mail, or its head, that a report returns.
    pub(super) fn returned(&self) -> Option<Entity<'_>> {
        let kinds = [
            "message/rfc822",
            "message/global",
            "message/global-headers",
            "message/rfc822-headers",
            "text/rfc822-headers",
        ];
        if !self.is_any(&kinds) {
            return None;
        }
        Some(match self.content() {
            Cow::Borrowed(content) => Entity::of(content),
            Cow::Owned(content) => {
                let end = head_end(&content);
                let head = MessageParser::new().parse_headers(&content[..end]);
                Entity {
                    head: head.map(Message::into_owned),
                    body: Cow::Owned(Vec::new()),
                }
            }
        })
    }

    /// All parts that have no parts themselves.
    pub(super) fn leaves(&self) -> Vec<Entity<'_>> {
        let mut leaves = Vec::new();
        if let Some(boundary) = self.boundary() {
            add_leaves(&self.body, &boundary, DEPTH, &mut leaves);
        } else {
            leaves.push(Entity {
                head: self.head.clone(),
                body: Cow::Borrowed(&*self.body),
            });
        }
        leaves
    }

    fn boundary(&self) -> Option<String> {
        let kind = self.head.as_ref()?.content_type()?;
        let boundary = kind.attribute("boundary")?;
        (kind.ctype().eq_ignore_ascii_case("multipart") && !boundary.is_empty())
            .then(|| boundary.to_owned())
    }
}

fn add_leaves<'a>(body: &'a [u8], boundary: &str, depth: usize, leaves: &mut Vec<Entity<'a>>) {
    for raw in parts(body, boundary.as_bytes()) {
        let part = Entity::of(raw);
        match part.boundary() {
            Some(inner) if depth > 1 => {
                let end = head_end(raw);
                add_leaves(&raw[end..], &inner, depth - 1, leaves);
            }
            _ => leaves.push(part),
        }
    }
}

/// The raw parts between the lines `--boundary`, up to `--boundary--` or the end.
fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    while at < body.len() && parts.len() < MOST_PARTS {
        let next = at + line_end(&body[at..]);
        let line = body[at..next].trim_ascii_end();
        let after = line
            .strip_prefix(b"--")
            .and_then(|line| line.strip_prefix(boundary));
        let (is_mark, is_last) = (matches!(after, Some(b"" | b"--")), after == Some(b"--"));
        if is_mark {
            if let Some(start) = start {
                parts.push(&body[start..at]);
            }
            start = Some(next);
        }
        if is_last {
            return parts;
        }
        at = next;
    }
    if let Some(start) = start
        && parts.len() < MOST_PARTS
    {
        parts.push(&body[start..]);
    }
    parts
}

/// Where the first empty line ends, which parts head and body.
fn head_end(raw: &[u8]) -> usize {
    let mut at = 0;
    while at < raw.len() {
        let next = at + line_end(&raw[at..]);
        if raw[at..next].trim_ascii().is_empty() {
            return next;
        }
        at = next;
    }
    raw.len()
}

/// Where the first line ends, its line feed included.
fn line_end(raw: &[u8]) -> usize {
    raw.iter()
        .position(|byte| *byte == b'\n')
        .map_or(raw.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_between_their_marks() {
        let body = b"preamble\n--b\nX: 1\n\none\n--bc\n--b  \ntwo\n--b--\n--b\nthree";
        let found = parts(body, b"b");
        assert_eq!(found, [&b"X: 1\n\none\n--bc\n"[..], b"two\n"]);
        assert_eq!(parts(b"--b\r\ncut", b"b"), [b"cut"]);
        assert!(parts(b"none", b"b").is_empty());
        let many = b"--b\nx\n".repeat(1_000);
        assert_eq!(parts(&many, b"b").len(), MOST_PARTS);
    }
}
