//! Enhanced status codes (RFC 3463): `5.1.1` at the start of a reply's text.

/// Class, subject and detail of an enhanced status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Enhanced {
    /// 4 for now, 5 for good.
    pub(super) class: u16,
    /// What it is about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content,
    /// 7 policy.
    pub(super) subject: u16,
    /// What about it.
    pub(super) detail: u16,
}

impl Enhanced {
    /// The code that a reply's first line starts with, when its class is that of the reply.
    pub(super) fn parse(code: u16, line: &str) -> Option<Self> {
        let mut parts = line.split_ascii_whitespace().next()?.splitn(3, '.');
        let mut part = || -> Option<u16> {
            let part = parts.next()?;
            let is_number = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
            part.parse().ok().filter(|_| is_number)
        };
        let (class, subject, detail) = (part()?, part()?, part()?);
        (class == code / 100).then_some(Self {
            class,
            subject,
            detail,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_codes_of_the_reply_s_class() {
        let parse =
            |code, line| Enhanced::parse(code, line).map(|e| (e.class, e.subject, e.detail));
        assert_eq!(parse(550, "5.1.1 no such user"), Some((5, 1, 1)));
        assert_eq!(parse(451, "4.7.650"), Some((4, 7, 650)));
        for line in [
            "",
            "no code",
            "5.1",
            "5.1.1.1 x",
            "4.1.1 x",
            "5.1.x",
            "5.1.1111",
            "+5.1.1",
        ] {
            assert_eq!(parse(550, line), None, "{line}");
        }
    }
}
