//! `application/x-www-form-urlencoded`.

use austin_adapter_api::sign::percent_encode;

/// A form body or query of these pairs, in their order; a space becomes `+`.
pub(crate) fn build<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut form = String::new();
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(&encode(name));
        form.push('=');
        form.push_str(&encode(value));
    }
    form
}

fn encode(text: &str) -> String {
    percent_encode(text).replace("%20", "+")
}

/// The pairs of a form body or query, in their order.
pub(crate) fn parse(form: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_built_is_read_again(pairs in prop::collection::vec((".{1,8}", ".{0,8}"), 0..5)) {
            let form = build(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            prop_assert_eq!(parse(&form), pairs);
        }
    }
}
