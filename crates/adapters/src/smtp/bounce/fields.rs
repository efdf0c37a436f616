//! The fields of a `message/delivery-status` part: blocks of header-like lines, one about the
//! mail and one for each recipient (RFC 3464 2.1).

use std::fmt;

/// One block, its fields unfolded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of the first field of that name, whatever its case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self
            .0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// As evidence: a line for each field.
impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            writeln!(f, "{name}: {value}")?;
        }
        Ok(())
    }
}

/// The blocks that have a field. A line that is none is left out.
pub(super) fn blocks(text: &str) -> Vec<Fields> {
    let mut blocks = Vec::new();
    let mut open = Fields::default();
    for line in text.lines() {
        if line.trim().is_empty() {
            close(&mut open, &mut blocks);
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = open.0.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            open.0
                .push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    close(&mut open, &mut blocks);
    blocks
}

fn close(open: &mut Fields, blocks: &mut Vec<Fields>) {
    if !open.0.is_empty() {
        blocks.push(std::mem::take(open));
    }
}

/// The first enhanced status code (RFC 3463) of a text: `5.1.1` of `550 5.1.1 no such user`.
pub(super) fn enhanced(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.')
        .find(|word| {
            let mut parts = word.split('.');
            let class = parts
                .next()
                .is_some_and(|part| matches!(part, "2" | "4" | "5"));
            let number = |part: Option<&str>| part.is_some_and(|p| (1..=3).contains(&p.len()));
            class && number(parts.next()) && number(parts.next()) && parts.next().is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_parted() {
        let blocks = blocks(
            "Reporting-MTA: dns; mx.corp.example\r\n\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\n\
             Diagnostic-Code: smtp; 550\r\n\t5.1.1 no\r\n  such user\r\nnonsense\r\n \r\n",
        );
        assert_eq!(blocks.len(), 2);
        assert_eq!(
            blocks[1].get("diagnostic-code"),
            Some("smtp; 550 5.1.1 no such user")
        );
        assert_eq!(
            blocks[0].to_string(),
            "Reporting-MTA: dns; mx.corp.example\n"
        );
    }

    #[test]
    fn only_whole_codes_count() {
        for (text, code) in [
            ("550 5.1.1 no such user", Some("5.1.1")),
            ("5.7.26 (policy)", Some("5.7.26")),
            ("550-5.1.1 The account", Some("5.1.1")),
            ("[192.0.2.5] 4.4.1", Some("4.4.1")),
            ("550 no such user", None),
            ("3.1.1 5.1 5.1.1.1 5.1111.1 5..1", None),
        ] {
            assert_eq!(enhanced(text), code, "{text}");
        }
    }
}
