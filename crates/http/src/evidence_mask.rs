//! Raw requests and answers as people without the permission see them.
//!
//! A vendor call may carry many recipients, also those of other apps: everything in the raw text
//! that could be a phone number or an e-mail address is hidden.

/// Digits in a row that may be a phone number.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// `text` with whatever may be a phone number or an e-mail address hidden.
pub(crate) fn hide(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut word = String::new();
    for character in text.chars() {
        if belongs(character) {
            word.push(character);
        } else {
            flush(&mut hidden, &mut word);
            hidden.push(character);
        }
    }
    flush(&mut hidden, &mut word);
    hidden
}

/// Whether a character can stand inside an address (`%` for form-encoded ones).
fn belongs(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '@' | '.' | '_' | '-' | '+' | '%')
}

fn flush(hidden: &mut String, word: &mut String) {
    if word.contains('@') || word.contains("%40") {
        hidden.push_str("***");
    } else {
        digits(hidden, word);
    }
    word.clear();
}

fn digits(hidden: &mut String, word: &str) {
    let mut rest = word;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        hidden.push_str(before);
        if PHONE_DIGITS.contains(&run.len()) {
            hidden.push_str("***");
            hidden.push_str(&run[run.len() - 2..]);
        } else {
            hidden.push_str(run);
        }
        rest = after;
    }
    hidden.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::hide;

    #[test]
    fn addresses_are_hidden_and_the_rest_stays() {
        for (text, seen) in [
            (
                r#"{"PhoneNumberSet":["+8613711112201","+8613711112202"],"SdkAppId":"1400"}"#,
                r#"{"PhoneNumberSet":["+***01","+***02"],"SdkAppId":"1400"}"#,
            ),
            ("mobile=%2B8613711112201&x=1", "mobile=%2B***01&x=1"),
            ("RCPT TO:<li.lei+a@corp.example>", "RCPT TO:<***>"),
            ("to=li%40corp.example&a=1", "to=***&a=1"),
            ("250 2.0.0 queued", "250 2.0.0 queued"),
            ("id 9007199254740993000", "id 9007199254740993000"),
            ("", ""),
        ] {
            assert_eq!(hide(text), seen, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_phone_is_left_in_any_surrounding(
            before in "[^0-9]{0,20}",
            phone in "1[3-9][0-9]{9}",
            after in "[^0-9]{0,20}",
        ) {
            let hidden = hide(&[before, phone.clone(), after].concat());
            prop_assert!(!hidden.contains(&phone), "{}", hidden);
        }
    }
}
