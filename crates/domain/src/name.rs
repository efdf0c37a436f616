//! Keys: the names that people give to templates, apps, accounts and teams, and by which
//! programs call them. One rule for all, so that a key can stand in a URL, a file name and a
//! configuration path without quoting.

/// Most characters of a key.
pub const MAX_KEY: usize = 64;

/// What is wrong with `key`, as a sentence that does not repeat it; `None` when it is 1–64 of
/// `a-z 0-9 - _ .` and begins with a letter or a digit.
pub fn key_fault(key: &str) -> Option<String> {
    let fault = if key.is_empty() {
        "a key must not be empty"
    } else if key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        "a key is written in lower case"
    } else if !key.bytes().all(is_key_byte) {
        "a key has only the letters a-z, digits, -, _ and ."
    } else if !key.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        "a key begins with a letter or a digit"
    } else if key.len() > MAX_KEY {
        return Some(format!("a key has at most {MAX_KEY} characters"));
    } else {
        return None;
    };
    Some(fault.to_owned())
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for key in ["a", "0", "order-shipped", "a.b_c-9", &"a".repeat(MAX_KEY)] {
            assert_eq!(key_fault(key), None, "{key}");
        }
        for (key, says) in [
            ("", "empty"),
            ("Order", "lower case"),
            ("a b", "only the letters"),
            ("订单", "only the letters"),
            ("a/b", "only the letters"),
            ("a\n", "only the letters"),
            (".a", "begins with"),
            ("-a", "begins with"),
            (&"a".repeat(MAX_KEY + 1), "at most 64"),
        ] {
            let fault = key_fault(key).unwrap();
            assert!(fault.contains(says), "{key}: {fault}");
        }
    }
}
