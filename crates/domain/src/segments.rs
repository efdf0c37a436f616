//! SMS segments: how many parts a text is billed as.
//!
//! International rule: 3GPP TS 23.038 (alphabet, escape table) and TS 23.040 (concatenation
//! header): 160 septets in one part, else 153 a part; 70 UTF-16 units in one part, else 67 a
//! part; an escape pair or surrogate pair is never split. Chinese mainland vendors count every
//! UTF-16 unit 1 whatever it is, the signature with its brackets included: 70 in one, else 67.

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

/// Segments by the international rule.
pub fn international(text: &str) -> Segments {
    let _ = text;
    unimplemented!()
}

/// Segments by the rule of Chinese mainland vendors for `【sign】text`.
pub fn mainland(sign: Option<&str>, text: &str) -> Segments {
    let _ = (sign, text);
    unimplemented!()
}

/// Segments of `text` sent to the E.164 number `to`: the mainland rule for `+86`, else the
/// international one (the signature, where given, is prepended as `【sign】`).
pub fn for_recipient(to: &str, sign: Option<&str>, text: &str) -> Segments {
    let _ = (to, sign, text);
    unimplemented!()
}
