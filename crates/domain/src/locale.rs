//! Language tags (BCP 47): whether one is well formed, how it is written, and which of those
//! there are answers for a wanted one (RFC 4647 lookup).
//!
//! Well formed means the grammar of RFC 5646 section 2.1 without its grandfathered tags; no
//! registry is asked, so that a language of tomorrow works today. The canonical form is that of
//! section 2.1.1: `zh-hant-tw` and `ZH_Hant_TW` are `zh-Hant-TW`.

use std::fmt::Write as _;

/// Most characters of a tag.
pub const MAX_TAG: usize = 64;

/// Languages with an older code that some systems still send (RFC 5646 section 2.2.1).
const RENAMED: [(&str, &str); 3] = [("iw", "he"), ("in", "id"), ("ji", "yi")];

/// Where Chinese without a script is written in traditional characters.
const TRADITIONAL: [&str; 3] = ["TW", "HK", "MO"];

/// `tag` in canonical form. An underscore counts as a hyphen, as many systems write them.
///
/// # Errors
/// What is wrong with it, for people; the tag is not repeated.
pub fn canonical(tag: &str) -> Result<String, &'static str> {
    if tag.is_empty() {
        return Err("must not be empty");
    }
    if tag.len() > MAX_TAG {
        return Err("has at most 64 characters");
    }
    let shape = "must be a language tag such as en, pt-BR or zh-Hant-TW (BCP 47)";
    let lower = tag.to_ascii_lowercase().replace('_', "-");
    let parts: Vec<&str> = lower.split('-').collect();
    let sound = |part: &&str| {
        !part.is_empty() && part.len() <= 8 && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    if !parts.iter().all(sound) {
        return Err(shape);
    }
    Reader { parts, at: 0 }.tag().ok_or(shape)
}

/// The tags that may answer for `wanted`, a canonical one, from the most to the least exact:
/// itself, then shortened from the end (RFC 4647 section 3.4). Chinese that names Taiwan, Hong
/// Kong or Macao and no script also asks for traditional characters before it asks for any.
pub fn fallbacks(wanted: &str) -> Vec<String> {
    let mut chain = vec![wanted.to_owned()];
    let mut parts: Vec<&str> = wanted.split('-').collect();
    while parts.len() > 1 {
        let dropped = parts.pop();
        // What a single letter introduces means nothing without it.
        while parts.len() > 1 && parts.last().is_some_and(|part| part.len() == 1) {
            parts.pop();
        }
        if parts.iter().all(|part| part.len() == 1) {
            break;
        }
        if let (["zh"], Some(region)) = (parts.as_slice(), dropped)
            && TRADITIONAL.contains(&region)
        {
            chain.push("zh-Hant".to_owned());
        }
        chain.push(parts.join("-"));
    }
    chain
}

/// Which of the tags that `has` knows answers for `wanted`; `None` where none does and the
/// default stands.
pub fn lookup(wanted: &str, has: impl Fn(&str) -> bool) -> Option<String> {
    fallbacks(wanted).into_iter().find(|tag| has(tag))
}

/// Reads a tag's parts, all in lower case.
struct Reader<'a> {
    parts: Vec<&'a str>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn tag(mut self) -> Option<String> {
        let mut out = String::new();
        if self.peek() != Some("x") {
            self.language(&mut out)?;
            if let Some(script) = self.take(|part| part.len() == 4 && is_alpha(part)) {
                let (first, rest) = script.split_at(1);
                // Writing to a string cannot fail.
                let _ = write!(out, "-{}{rest}", first.to_ascii_uppercase());
            }
            if let Some(region) = self.take(is_region) {
                let _ = write!(out, "-{}", region.to_ascii_uppercase());
            }
            let mut variants = Vec::new();
            while let Some(variant) = self.take(is_variant) {
                if variants.contains(&variant) {
                    return None;
                }
                variants.push(variant);
                let _ = write!(out, "-{variant}");
            }
            self.extensions(&mut out)?;
        }
        self.private_use(&mut out)?;
        (self.at == self.parts.len()).then_some(out)
    }

    fn language(&mut self, out: &mut String) -> Option<()> {
        let language = self.take(|part| (2..=8).contains(&part.len()) && is_alpha(part))?;
        let renamed = RENAMED.iter().find(|(old, _)| *old == language);
        out.push_str(renamed.map_or(language, |(_, new)| new));
        if language.len() <= 3 {
            for _ in 0..3 {
                let Some(extended) = self.take(|part| part.len() == 3 && is_alpha(part)) else {
                    break;
                };
                let _ = write!(out, "-{extended}");
            }
        }
        Some(())
    }

    fn extensions(&mut self, out: &mut String) -> Option<()> {
        let mut seen = Vec::new();
        while let Some(singleton) = self.take(|part| part.len() == 1 && part != "x") {
            if seen.contains(&singleton) {
                return None;
            }
            seen.push(singleton);
            let _ = write!(out, "-{singleton}");
            let first = self.take(|part| part.len() >= 2)?;
            let _ = write!(out, "-{first}");
            while let Some(further) = self.take(|part| part.len() >= 2) {
                let _ = write!(out, "-{further}");
            }
        }
        Some(())
    }

    fn private_use(&mut self, out: &mut String) -> Option<()> {
        if self.take(|part| part == "x").is_none() {
            return Some(());
        }
        if !out.is_empty() {
            out.push('-');
        }
        out.push('x');
        let first = self.take(|_| true)?;
        let _ = write!(out, "-{first}");
        while let Some(further) = self.take(|_| true) {
            let _ = write!(out, "-{further}");
        }
        Some(())
    }

    fn peek(&self) -> Option<&'a str> {
        self.parts.get(self.at).copied()
    }

    fn take(&mut self, fits: impl Fn(&str) -> bool) -> Option<&'a str> {
        let part = self.peek().filter(|part| fits(part))?;
        self.at += 1;
        Some(part)
    }
}

fn is_alpha(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_region(part: &str) -> bool {
    (part.len() == 2 && is_alpha(part))
        || (part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_variant(part: &str) -> bool {
    part.len() >= 5 || (part.len() == 4 && part.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_written_one_way() {
        for (given, canonical_form) in [
            ("EN", "en"),
            ("zh_hant_tw", "zh-Hant-TW"),
            ("ZH-HANS-cn", "zh-Hans-CN"),
            ("sr-latn", "sr-Latn"),
            ("es-419", "es-419"),
            ("iw", "he"),
            ("zh-YUE-hk", "zh-yue-HK"),
            ("de-CH-1901", "de-CH-1901"),
            ("sl-Rozaj-biske", "sl-rozaj-biske"),
            ("en-u-CA-Gregory-t-es", "en-u-ca-gregory-t-es"),
            ("en-X-Shop", "en-x-shop"),
            ("x-whatever", "x-whatever"),
        ] {
            assert_eq!(canonical(given).as_deref(), Ok(canonical_form), "{given}");
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for given in [
            "",
            "e",
            "-en",
            "en-",
            "en--US",
            "english1",
            "en-US-GB",
            "zh-Hant-Hans",
            "en-a",
            "en-x",
            "en-a-bb-a-cc",
            "de-1901-1901",
            "中文",
            "en US",
            "en-US-toolongpart",
            "x",
        ] {
            assert!(canonical(given).is_err(), "{given}");
        }
        assert!(canonical(&format!("en-x-{}", "abcdefgh-".repeat(9))).is_err());
    }

    #[test]
    fn lookup_goes_from_exact_to_general() {
        assert_eq!(fallbacks("zh-Hant-TW"), ["zh-Hant-TW", "zh-Hant", "zh"]);
        assert_eq!(fallbacks("zh-TW"), ["zh-TW", "zh-Hant", "zh"]);
        assert_eq!(fallbacks("zh-CN"), ["zh-CN", "zh"]);
        assert_eq!(
            fallbacks("en-US-u-ca-gregory"),
            ["en-US-u-ca-gregory", "en-US-u-ca", "en-US", "en"]
        );
        let has = |tags: &'static [&'static str]| move |tag: &str| tags.contains(&tag);
        let found = |wanted, tags| lookup(wanted, has(tags));
        assert_eq!(
            found("zh-Hant-TW", &["zh", "zh-Hant"]).as_deref(),
            Some("zh-Hant")
        );
        assert_eq!(found("zh-Hant-TW", &["zh", "en"]).as_deref(), Some("zh"));
        assert_eq!(found("zh", &["zh-Hant", "en"]), None);
        assert_eq!(found("en-GB", &["en-US"]), None);
    }

    fn tags() -> impl Strategy<Value = String> {
        "[a-zA-Z]{2,3}(-[a-zA-Z]{4})?(-([a-zA-Z]{2}|[0-9]{3}))?(-[a-zA-Z]{5,8})?(-u-[a-z]{2,8})?(-x-[a-z]{1,8})?"
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own(tag in tags()) {
            let once = canonical(&tag).unwrap();
            prop_assert_eq!(canonical(&once).unwrap(), once.clone());
            prop_assert!(once.eq_ignore_ascii_case(&tag) || once.len() == tag.len());
        }

        #[test]
        fn anything_is_read_or_refused(tag in ".{0,80}") {
            let _ = canonical(&tag);
        }

        #[test]
        fn each_fallback_is_a_tag_and_shorter(tag in tags()) {
            let chain = fallbacks(&canonical(&tag).unwrap());
            for pair in chain.windows(2) {
                let traditional = pair[1] == "zh-Hant";
                prop_assert!(pair[1].len() < pair[0].len() || traditional);
                prop_assert_eq!(canonical(&pair[1]).unwrap(), pair[1].clone());
            }
            prop_assert_eq!(lookup(&chain[0], |_| true), Some(chain[0].clone()));
            prop_assert_eq!(lookup(&chain[0], |_| false), None);
        }
    }
}
