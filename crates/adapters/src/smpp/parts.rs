//! Long texts in parts.

use super::text::Alphabet;

/// How the parts of a text say that they belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concatenation {
    /// User data header with a reference of 8 bits.
    Udh8,
    /// The same with 16 bits.
    Udh16,
    /// Optional parameters; the centre makes the header.
    Sar,
    /// No parts: the centre makes them.
    Payload,
}

/// A text as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parted {
    /// How it is written.
    pub(super) alphabet: Alphabet,
    /// The bytes of each part, in order; one when it needs no parting.
    pub(super) parts: Vec<Vec<u8>>,
    /// As how many it is billed.
    pub(super) segments: usize,
}

/// Parts `text` in the first of `preferred` and UCS-2 that has all its characters.
pub(super) fn part(text: &str, preferred: Alphabet, concatenation: Concatenation) -> Parted {
    let alphabet = if preferred.has(text) {
        preferred
    } else {
        Alphabet::Ucs2
    };
    let mut parts = split(text, alphabet, most(alphabet, concatenation));
    let whole: usize = parts.iter().map(Vec::len).sum();
    if whole <= single(alphabet) || concatenation == Concatenation::Payload {
        let segments = if whole <= single(alphabet) {
            1
        } else {
            parts.len()
        };
        parts = vec![parts.concat()];
        return Parted {
            alphabet,
            parts,
            segments,
        };
    }
    let segments = parts.len();
    Parted {
        alphabet,
        parts,
        segments,
    }
}

/// Most bytes of a text in one part: 160 septets, 140 octets.
const fn single(alphabet: Alphabet) -> usize {
    match alphabet {
        Alphabet::Gsm7 => 160,
        Alphabet::Latin1 | Alphabet::Ucs2 => 140,
    }
}

/// Most bytes of one of several parts: 140 octets less a header of 6, or of 7 for `udh16`.
const fn most(alphabet: Alphabet, concatenation: Concatenation) -> usize {
    match (alphabet, concatenation) {
        (Alphabet::Gsm7, Concatenation::Udh16) => 152,
        (Alphabet::Gsm7, _) => 153,
        (Alphabet::Latin1, Concatenation::Udh16) => 133,
        (Alphabet::Ucs2, Concatenation::Udh16) => 132,
        (Alphabet::Latin1 | Alphabet::Ucs2, _) => 134,
    }
}

/// Pieces of at most `most` bytes; a character, an escape pair, a surrogate pair is never split.
fn split(text: &str, alphabet: Alphabet, most: usize) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut part: Vec<u8> = Vec::with_capacity(most);
    for c in text.chars() {
        let before = part.len();
        alphabet.write(c, &mut part);
        if part.len() > most {
            let next = part.split_off(before);
            parts.push(std::mem::replace(&mut part, next));
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use austin_domain::segments;
    use proptest::prelude::*;

    use super::*;

    fn gsm(text: &str, concatenation: Concatenation) -> Parted {
        part(text, Alphabet::Gsm7, concatenation)
    }

    #[test]
    fn worked_texts_are_billed_as_they_should() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/sms_segments.json")).unwrap();
        for row in vectors["international"].as_array().unwrap() {
            let text = row["text"].as_str().unwrap();
            for concatenation in [
                Concatenation::Udh8,
                Concatenation::Sar,
                Concatenation::Payload,
            ] {
                let parted = gsm(text, concatenation);
                assert_eq!(parted.segments as u64, row["segments"], "{}", row["name"]);
            }
        }
    }

    #[test]
    fn wider_references_leave_less_room() {
        let text = "a".repeat(306);
        assert_eq!(gsm(&text, Concatenation::Udh8).segments, 2);
        assert_eq!(gsm(&text, Concatenation::Udh16).segments, 3);
        let latin = part(&"é".repeat(141), Alphabet::Latin1, Concatenation::Udh8);
        assert_eq!((latin.alphabet, latin.segments), (Alphabet::Latin1, 2));
        assert_eq!(latin.parts[0].len(), 134);
        let chinese = part(&"字".repeat(71), Alphabet::Latin1, Concatenation::Udh16);
        assert_eq!(
            (chinese.alphabet, chinese.parts[0].len()),
            (Alphabet::Ucs2, 132)
        );
    }

    proptest! {
        #[test]
        fn parts_agree_with_our_own_count(text in "[a-z€{字é😀]{0,500}|[a-z€{é]{0,700}") {
            let counted = segments::international(&text);
            for concatenation in [Concatenation::Udh8, Concatenation::Sar] {
                let parted = gsm(&text, concatenation);
                prop_assert_eq!(parted.segments, usize::from(counted.count));
                prop_assert_eq!(parted.parts.len(), parted.segments);
                let read = |bytes: &Vec<u8>| parted.alphabet.read(bytes);
                let expected: Vec<&str> = segments::split(&text);
                let found: Vec<String> = parted.parts.iter().map(read).collect();
                prop_assert_eq!(found, expected);
            }
            let payload = gsm(&text, Concatenation::Payload);
            prop_assert_eq!(payload.parts.len(), 1);
            prop_assert_eq!(payload.segments, usize::from(counted.count));
        }

        #[test]
        fn no_part_is_too_long(text in "[a-z€字😀]{0,600}") {
            for concatenation in [Concatenation::Udh8, Concatenation::Udh16, Concatenation::Sar] {
                for alphabet in [Alphabet::Gsm7, Alphabet::Latin1, Alphabet::Ucs2] {
                    let parted = part(&text, alphabet, concatenation);
                    let header = match concatenation {
                        _ if parted.parts.len() == 1 => 0,
                        Concatenation::Udh16 => 7,
                        _ => 6,
                    };
                    for bytes in &parted.parts {
                        let octets = match parted.alphabet {
                            Alphabet::Gsm7 => (bytes.len() * 7).div_ceil(8),
                            Alphabet::Latin1 | Alphabet::Ucs2 => bytes.len(),
                        };
                        prop_assert!(octets + header <= 140);
                    }
                    let whole: String = parted.parts.iter().map(|b| parted.alphabet.read(b)).collect();
                    prop_assert_eq!(whole, text.clone());
                }
            }
        }
    }
}
