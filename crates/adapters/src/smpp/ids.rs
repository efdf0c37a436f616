//! Message ids in one spelling.
//!
//! Centres write the id of a message in hexadecimal here and in decimal there, with and without
//! leading zeros. Both sides are brought into decimal where they are numbers.

use austin_adapter_api::Account;

/// How an id is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Digits are decimal; digits with letters from `a` to `f` are hexadecimal.
    Auto,
    /// No number: nothing is changed.
    AsIs,
    /// Hexadecimal.
    Hex,
    /// Decimal.
    Decimal,
}

impl Format {
    /// How answers to submits write ids, and optional parameters.
    pub(super) fn of_answers(account: &Account) -> Self {
        Self::parse(account.text("id_format"))
    }

    /// How texts of receipts write them.
    pub(super) fn of_receipts(account: &Account) -> Self {
        let own = account.text("receipt_id_format");
        Self::parse(own.or_else(|| account.text("id_format")))
    }

    fn parse(word: Option<&str>) -> Self {
        match word {
            Some("as_is") => Self::AsIs,
            Some("hex") => Self::Hex,
            Some("decimal") => Self::Decimal,
            _ => Self::Auto,
        }
    }

    /// The one spelling of `id`; `None` when there is nothing to be matched by.
    pub(super) fn spell(self, id: &str) -> Option<String> {
        let id: String = id.trim().chars().filter(|c| !c.is_control()).collect();
        if id.is_empty() || id.chars().count() > MOST_CHARS {
            return None;
        }
        let is_digits = id.bytes().all(|byte| byte.is_ascii_digit());
        let hex = |text: &str| {
            let text = text.strip_prefix("0x").unwrap_or(text);
            let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex
                .then(|| u128::from_str_radix(text, 16).ok())
                .flatten()
        };
        let number = match self {
            Self::AsIs => return Some(id),
            Self::Hex => hex(&id),
            Self::Auto if !is_digits => hex(&id),
            Self::Auto | Self::Decimal if is_digits => id.parse().ok(),
            Self::Auto | Self::Decimal => None,
        };
        Some(match number {
            Some(number) => number.to_string(),
            None if is_digits => id.trim_start_matches('0').to_owned(),
            None => id.to_ascii_lowercase(),
        })
    }
}

/// SMPP allows 64; nothing sensible is longer.
const MOST_CHARS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_id_comes_out_equal() {
        for (answer, answers, receipt, receipts) in [
            ("a1b2c3", Format::Auto, "a1b2c3", Format::Auto),
            ("a1b2c3", Format::Auto, "00A1B2C3", Format::Auto),
            ("A1B2C3", Format::Auto, "10597059", Format::Auto),
            ("0x00a1b2c3", Format::Hex, "0010597059", Format::Decimal),
            ("12345", Format::Hex, "74565", Format::Decimal),
            ("74565", Format::Decimal, "0x12345", Format::Hex),
            ("0000000042", Format::Auto, "42", Format::Auto),
            ("42 ", Format::AsIs, "42", Format::AsIs),
            ("X-12.a", Format::Auto, "x-12.A", Format::Auto),
            (
                "00000000-0000-4000-8000-00000000000A",
                Format::Auto,
                "00000000-0000-4000-8000-00000000000a",
                Format::Auto,
            ),
        ] {
            assert_eq!(
                answers.spell(answer),
                receipts.spell(receipt),
                "{answer} {receipt}"
            );
            assert!(answers.spell(answer).is_some());
        }
        let huge = "9".repeat(60);
        assert_eq!(
            Format::Auto.spell(&format!("000{huge}")),
            Format::Auto.spell(&huge)
        );
        assert_ne!(Format::AsIs.spell("042"), Format::AsIs.spell("42"));
    }

    #[test]
    fn nothing_to_match_by() {
        for id in ["", "  ", "\0", "\n", &"1".repeat(200)] {
            assert_eq!(Format::Auto.spell(id), None, "{id:?}");
        }
        assert_eq!(Format::Auto.spell("0").as_deref(), Some("0"));
        assert!(!Format::AsIs.spell("a\nb").unwrap().contains('\n'));
    }
}
