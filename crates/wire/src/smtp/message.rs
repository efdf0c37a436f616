//! A message on its way: line ends and dots (RFC 5321 sections 2.3.8 and 4.5.2).

/// `message` as it is sent after `354`, without the final dot: every line ends in CRLF, and a
/// line that begins with a dot gets a second one. Lone CRs and LFs become line ends: left alone,
/// some servers take them for one and a message could smuggle in another.
pub(super) fn encode(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 32 + 2);
    let mut rest = message;
    while !rest.is_empty() {
        if rest[0] == b'.' {
            out.push(b'.');
        }
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..end]);
        out.extend_from_slice(b"\r\n");
        let ending = if rest[end..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        rest = rest.get(end + ending..).unwrap_or_default();
    }
    out
}

/// What follows the encoded message.
pub(super) const END: &[u8] = b".\r\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_and_line_ends() {
        for (message, wanted) in [
            ("", ""),
            ("a", "a\r\n"),
            ("a\r\n", "a\r\n"),
            ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"),
            (".a\r\n..b", "..a\r\n...b\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n"),
            ("a\r\n\r\nb", "a\r\n\r\nb\r\n"),
            ("a\n\r\nb", "a\r\n\r\nb\r\n"),
            ("a\r\r\nb", "a\r\n\r\nb\r\n"),
        ] {
            assert_eq!(encode(message.as_bytes()), wanted.as_bytes(), "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn no_message_ends_before_its_end(message in "[a.\r\n]{0,40}") {
            let encoded = encode(message.as_bytes());
            let text = String::from_utf8(encoded).unwrap();
            prop_assert!(!text.starts_with(".\r\n"));
            prop_assert!(!text.contains("\r\n.\r\n"));
            prop_assert!(text.is_empty() || text.ends_with("\r\n"));
            let without = text.replace("\r\n", "");
            prop_assert!(!without.contains(['\r', '\n']));
        }
    }
}
