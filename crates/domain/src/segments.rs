//! SMS segments: how many parts a text is billed as, and where they part.
//!
//! International rule: 3GPP TS 23.038 (alphabet, escape table) and TS 23.040 (concatenation
//! header): 160 septets in one part, else 153 a part; 70 UTF-16 units in one part, else 67 a
//! part; an escape pair or surrogate pair is never split, so that a text can need one part
//! more than its length alone says. Chinese mainland vendors count every UTF-16 unit 1 whatever
//! it is, the signature with its brackets included: 70 in one, else one per 67 begun.

/// How a text travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// GSM 03.38 seven-bit default alphabet with its extension table.
    Gsm7,
    /// UTF-16, two bytes a unit.
    Ucs2,
}

/// The billing parts of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// How it travels.
    pub encoding: Encoding,
    /// Septets or UTF-16 units, signature included.
    pub units: u32,
    /// Parts billed; at least 1.
    pub count: u16,
}

impl Encoding {
    /// Most units of a text that travels in one part.
    pub const fn single(self) -> u32 {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Most units of one part of several, which also holds the concatenation header.
    pub const fn multi(self) -> u32 {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// Units that `c` takes in this encoding.
    fn units(self, c: char) -> u32 {
        match self {
            Self::Gsm7 => septets(c).unwrap_or(1),
            Self::Ucs2 => u32::from(c > '\u{ffff}') + 1,
        }
    }
}

/// Segments by the international rule.
pub fn international(text: &str) -> Segments {
    count(text.chars())
}

/// The parts of a text by the international rule, in order: as many as [`international`]
/// counts, and together the text. An empty text is one empty part.
pub fn split(text: &str) -> Vec<&str> {
    let Segments {
        encoding, units, ..
    } = international(text);
    if units <= encoding.single() {
        return vec![text];
    }
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut filled = 0;
    for (at, c) in text.char_indices() {
        let units = encoding.units(c);
        if filled + units > encoding.multi() {
            parts.push(&text[begin..at]);
            begin = at;
            filled = 0;
        }
        filled += units;
    }
    parts.push(&text[begin..]);
    parts
}

/// Segments by the rule of Chinese mainland vendors for `【sign】text`; an empty `sign` is none.
pub fn mainland(sign: Option<&str>, text: &str) -> Segments {
    let units = signed(sign, text).fold(0u32, |units, c| {
        units.saturating_add(Encoding::Ucs2.units(c))
    });
    let count = if units <= Encoding::Ucs2.single() {
        1
    } else {
        units.div_ceil(Encoding::Ucs2.multi())
    };
    Segments {
        encoding: Encoding::Ucs2,
        units,
        count: u16::try_from(count).unwrap_or(u16::MAX),
    }
}

/// Segments of `text` sent to the E.164 number `to`: the mainland rule for `+86`, else the
/// international one (the signature, where given, is prepended as `【sign】`).
pub fn for_recipient(to: &str, sign: Option<&str>, text: &str) -> Segments {
    if to.starts_with("+86") {
        mainland(sign, text)
    } else {
        count(signed(sign, text))
    }
}

/// The characters of `【sign】text`.
fn signed<'a>(sign: Option<&'a str>, text: &'a str) -> impl Iterator<Item = char> + Clone + 'a {
    let (open, sign, close) = match sign {
        Some(sign) if !sign.is_empty() => ("【", sign, "】"),
        _ => ("", "", ""),
    };
    let before = open.chars().chain(sign.chars()).chain(close.chars());
    before.chain(text.chars())
}

fn count(text: impl Iterator<Item = char> + Clone) -> Segments {
    let encoding = if text.clone().all(|c| septets(c).is_some()) {
        Encoding::Gsm7
    } else {
        Encoding::Ucs2
    };
    let (mut total, mut count, mut filled) = (0u32, 1u16, 0);
    for c in text {
        let units = encoding.units(c);
        total = total.saturating_add(units);
        if filled + units > encoding.multi() {
            count = count.saturating_add(1);
            filled = 0;
        }
        filled += units;
    }
    Segments {
        encoding,
        units: total,
        count: if total <= encoding.single() { 1 } else { count },
    }
}

/// Septets that `c` takes in the GSM 03.38 alphabet: 1 in the basic table, 2 (with the escape)
/// in the extension table, `None` outside of both.
fn septets(c: char) -> Option<u32> {
    match c {
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        '\n' | '\r' | ' '..='_' | 'a'..='z' => Some(1),
        '¡' | '£' | '¤' | '¥' | '§' | '¿' => Some(1),
        'Ä' | 'Å' | 'Æ' | 'Ç' | 'É' | 'Ñ' | 'Ö' | 'Ø' | 'Ü' | 'ß' => Some(1),
        'à' | 'ä' | 'å' | 'æ' | 'è' | 'é' | 'ì' | 'ñ' | 'ò' | 'ö' | 'ø' | 'ù' | 'ü' => {
            Some(1)
        }
        'Γ' | 'Δ' | 'Θ' | 'Λ' | 'Ξ' | 'Π' | 'Σ' | 'Φ' | 'Ψ' | 'Ω' => Some(1),
        _ => None,
    }
}
