//! What a vendor said, without secrets and personal data.
//!
//! Vendors echo what they were sent: keys in authentication errors, numbers and addresses in
//! refusals. Every cause an adapter states goes through here.

use austin_adapter_api::{Account, Item};
use austin_domain::mask;
use austin_domain::verdict::Cause;
use secrecy::ExposeSecret;

use crate::phone;

/// Most bytes of a vendor's words that are looked at: the longest secret and some more, so that
/// none is cut before it is found.
const SCANNED_BYTES: usize = 20_000;
/// Most characters of a code.
const CODE_CHARS: usize = 80;
/// Shorter values are no secrets, and hiding them would garble the words.
const SHORTEST_SECRET: usize = 4;
/// Shorter digit groups are no phone numbers.
const SHORTEST_NUMBER: usize = 7;

/// A cause with the account's secrets and the recipients' addresses hidden, one line, bounded.
pub(crate) fn cause<'a>(
    account: &Account,
    items: impl IntoIterator<Item = &'a Item>,
    code: &str,
    detail: &str,
) -> Cause {
    let mut code = prefix(code, SCANNED_BYTES).to_owned();
    let mut detail = prefix(detail, SCANNED_BYTES).to_owned();
    for text in [&mut code, &mut detail] {
        hide_secrets(text, account);
    }
    for item in items {
        hide_address(&mut detail, &item.to);
        hide_address(&mut code, &item.to);
    }
    Cause::new(one_line(&code, CODE_CHARS), &one_line(&detail, 300))
}

fn hide_secrets(text: &mut String, account: &Account) {
    for secret in account.secrets.values() {
        let secret = secret.expose_secret();
        if secret.len() >= SHORTEST_SECRET {
            replace(text, secret, "***");
        }
    }
}

fn hide_address(text: &mut String, address: &str) {
    if text.is_empty() || address.is_empty() {
        return;
    }
    let masked = mask::address(address);
    replace(text, address, &masked);
    if let Some(digits) = address.strip_prefix('+') {
        let national = phone::vendor_digits(address);
        for spelling in [digits, &national] {
            if spelling.len() >= SHORTEST_NUMBER {
                replace(text, spelling, &masked);
            }
        }
    }
}

/// Replaces every occurrence whatever its ASCII case.
fn replace(text: &mut String, needle: &str, with: &str) {
    // ASCII lower-casing keeps every byte position.
    let hay = text.to_ascii_lowercase();
    let needle = needle.to_ascii_lowercase();
    if needle.is_empty() || !hay.contains(&needle) {
        return;
    }
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (at, _) in hay.match_indices(&needle) {
        out.push_str(&text[end..at]);
        out.push_str(with);
        end = at + needle.len();
    }
    out.push_str(&text[end..]);
    *text = out;
}

fn prefix(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn one_line(text: &str, chars: usize) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(chars)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use austin_domain::{AccountId, Content, Vars};

    use super::*;

    fn account() -> Account {
        Account {
            id: AccountId::from_u64(1),
            key: "a".into(),
            settings: [].into(),
            secrets: [
                ("key".to_owned(), "Tops3cret".into()),
                ("pin".to_owned(), "1".into()),
            ]
            .into(),
        }
    }

    fn item(to: &str) -> Item {
        Item {
            reference: "dlv_1".into(),
            to: to.into(),
            vars: Arc::new(Vars::new()),
            content: Arc::new(Content::Text {
                text: String::new(),
            }),
            unsubscribe: None,
        }
    }

    #[test]
    fn secrets_and_addresses_are_hidden() {
        let items = [item("+8613711112222"), item("li.lei@corp.example")];
        let words =
            "key TOPS3CRET; 13711112222,8613711112222, +8613711112222\r\n<Li.Lei@corp.example> 1";
        let cause = cause(&account(), &items, "Tops3cret.Bad", words);
        assert_eq!(cause.code, "***.Bad");
        assert_eq!(
            cause.detail,
            "key ***; +86137****2222,+86137****2222, +86137****2222  <l***@corp.example> 1"
        );
    }

    #[test]
    fn long_words_are_cut_and_never_in_a_secret() {
        let words = format!("{}Tops3cret", "汉".repeat(296));
        let cause = cause(&account(), [], &"c".repeat(500), &words);
        assert_eq!((cause.code.len(), cause.detail.chars().count()), (80, 299));
        assert!(cause.detail.ends_with("***"));
    }
}
