//! JSON whose large whole numbers must not lose digits where numbers are doubles.

/// The same JSON with every whole number of more than 15 digits written as text.
pub(crate) fn keep_large_numbers(json: &str) -> String {
    const SAFE_DIGITS: usize = 15;
    let mut out = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = if rest.starts_with('"') {
            string_length(rest)
        } else {
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
                .unwrap_or(rest.len())
        };
        let (token, after) = rest.split_at(length);
        let digits = token.strip_prefix('-').unwrap_or(token);
        let large = digits.len() > SAFE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        if large {
            out.push('"');
        }
        out.push_str(token);
        if large {
            out.push('"');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Bytes of the JSON string that `text` begins with, both quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_large_whole_numbers_change() {
        let json = r#"{"id":123456789012345678,"n":-12345678901234567,"s":"123456789012345678\"1234567890123456","x":[1,2.5,1e30]}"#;
        assert_eq!(
            keep_large_numbers(json),
            r#"{"id":"123456789012345678","n":"-12345678901234567","s":"123456789012345678\"1234567890123456","x":[1,2.5,1e30]}"#
        );
    }

    proptest! {
        #[test]
        fn any_text_passes(text in ".{0,64}") {
            let _ = keep_large_numbers(&text);
        }
    }
}
