//! Texts as bytes: GSM 03.38 with one septet a byte, Latin-1, UCS-2.

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// The GSM 03.38 default alphabet with its extension table.
    Gsm7,
    /// ISO 8859-1.
    Latin1,
    /// UTF-16, big-endian.
    Ucs2,
}

/// Stands before the characters of the extension table.
const ESCAPE: u8 = 0x1b;

/// The basic table of 3GPP TS 23.038 by code. The place of the escape holds a zero.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', 'Δ', '_',
    'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\0', 'Æ', 'æ', 'ß', 'É', ' ', '!', '"', '#', '¤',
    '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', '0', '1', '2', '3', '4', '5', '6', '7',
    '8', '9', ':', ';', '<', '=', '>', '?', '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J',
    'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ',
    'Ü', '§', '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p',
    'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The extension table.
const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 10),
    ('^', 20),
    ('{', 40),
    ('}', 41),
    ('\\', 47),
    ('[', 60),
    ('~', 61),
    (']', 62),
    ('|', 64),
    ('€', 101),
];

impl Alphabet {
    /// Writes `c` behind `out`; says whether the alphabet has it.
    pub(super) fn write(self, c: char, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Gsm7 => return write_gsm(c, out),
            Self::Latin1 => match u8::try_from(u32::from(c)) {
                Ok(byte) => out.push(byte),
                Err(_) => return false,
            },
            Self::Ucs2 => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.extend_from_slice(&unit.to_be_bytes());
                }
            }
        }
        true
    }

    /// Whether it has every character of `text`.
    pub(super) fn has(self, text: &str) -> bool {
        let mut scratch = Vec::with_capacity(4);
        text.chars().all(|c| {
            scratch.clear();
            self.write(c, &mut scratch)
        })
    }

    /// Reads bytes; what makes no sense becomes `\u{fffd}`.
    pub(super) fn read(self, bytes: &[u8]) -> String {
        match self {
            Self::Gsm7 => read_gsm(bytes),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Ucs2 => {
                let pairs = bytes.chunks(2).map(|pair| match pair {
                    [high, low] => u16::from_be_bytes([*high, *low]),
                    _ => 0xfffd,
                });
                char::decode_utf16(pairs)
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect()
            }
        }
    }
}

fn write_gsm(c: char, out: &mut Vec<u8>) -> bool {
    // Most texts are letters, digits and spaces, which stand where ASCII has them.
    if c.is_ascii_alphanumeric() || c == ' ' {
        out.extend(u8::try_from(u32::from(c)));
        return true;
    }
    if c == '\0' {
        return false;
    }
    if let Some(code) = BASIC.iter().position(|known| *known == c) {
        out.extend(u8::try_from(code));
        return true;
    }
    match EXTENSION.iter().find(|(known, _)| *known == c) {
        Some((_, code)) => {
            out.extend_from_slice(&[ESCAPE, *code]);
            true
        }
        None => false,
    }
}

fn read_gsm(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == ESCAPE {
            let extended = rest.next();
            let found = EXTENSION.iter().find(|(_, code)| Some(*code) == extended);
            text.push(found.map_or(char::REPLACEMENT_CHARACTER, |(c, _)| *c));
        } else {
            let known = BASIC.get(usize::from(byte));
            text.push(known.copied().unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_tables_are_those_of_the_specification() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/sms_segments.json")).unwrap();
        let rows = |table: &str| vectors[table].as_array().unwrap().clone();
        for row in rows("basic_table") {
            let c = row["char"].as_str().unwrap().chars().next().unwrap();
            let code = u8::try_from(row["code"].as_u64().unwrap()).unwrap();
            let mut out = Vec::new();
            assert!(Alphabet::Gsm7.write(c, &mut out));
            assert_eq!((out, read_gsm(&[code])), (vec![code], c.to_string()));
        }
        for row in rows("extension_table") {
            let c = row["char"].as_str().unwrap().chars().next().unwrap();
            let code = u8::try_from(row["code"].as_u64().unwrap()).unwrap();
            let mut out = Vec::new();
            assert!(Alphabet::Gsm7.write(c, &mut out));
            assert_eq!(out, [ESCAPE, code]);
        }
        for c in ['`', 'ç', '\t', 'α', '字', '\0'] {
            assert!(!Alphabet::Gsm7.write(c, &mut Vec::new()), "{c:?}");
        }
    }

    #[test]
    fn odd_bytes_are_read_all_the_same() {
        assert_eq!(Alphabet::Gsm7.read(&[0x1b]), "\u{fffd}");
        assert_eq!(Alphabet::Gsm7.read(&[0x80, 0x41]), "\u{fffd}A");
        assert_eq!(Alphabet::Ucs2.read(&[0xd8, 0x3d, 0x41]), "\u{fffd}\u{fffd}");
        assert_eq!(Alphabet::Ucs2.read(&[0x4f, 0x60]), "你");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in ".{0,40}") {
            for alphabet in [Alphabet::Gsm7, Alphabet::Latin1, Alphabet::Ucs2] {
                if alphabet.has(&text) {
                    let mut out = Vec::new();
                    prop_assert!(text.chars().all(|c| alphabet.write(c, &mut out)));
                    prop_assert_eq!(alphabet.read(&out), text.clone());
                }
            }
        }
    }
}
