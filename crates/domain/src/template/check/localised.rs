//! The words of a version in other languages: well-formed tags, the same kind of content, the
//! same variables.

use std::collections::BTreeSet;
use std::mem::discriminant;

use super::{Fault, MAX_LOCALES, fits, token, vendor_template, words};
use crate::channel::Channel;
use crate::locale;
use crate::template::Version;

/// Checks every language of `version`, whose default words use the variables `used`.
pub(super) fn check(
    channel: Channel,
    version: &Version,
    used: &BTreeSet<String>,
    faults: &mut Vec<Fault>,
) {
    if version.locales.len() > MAX_LOCALES {
        let detail = format!("a template has at most {MAX_LOCALES} languages");
        faults.push(Fault::new("/locales", "too_many", detail));
        return;
    }
    for (tag, localised) in &version.locales {
        let place = format!("/locales/{}", token(tag));
        match locale::canonical(tag) {
            Ok(written) if written == *tag => {}
            Ok(written) => {
                let detail = format!("is written {written}");
                faults.push(Fault::new(&place, "invalid_locale", detail));
            }
            Err(detail) => faults.push(Fault::new(&place, "invalid_locale", detail)),
        }
        let content = &localised.content;
        if !fits(channel, content) || discriminant(content) != discriminant(&version.content) {
            let detail = "must be of the same kind as the default content";
            faults.push(Fault::new(&place, "wrong_content", detail));
            continue;
        }
        let before = faults.len();
        let here = words::check(channel, version, (&place, content), faults);
        // Texts that were not read use nothing: one fault is enough.
        if faults.len() == before {
            same_variables(&place, used, &here, faults);
        }
        for (account, vendor) in &localised.vendor_templates {
            vendor_template(&place, (account, vendor), version, faults);
        }
    }
}

fn same_variables(
    place: &str,
    default: &BTreeSet<String>,
    here: &BTreeSet<String>,
    faults: &mut Vec<Fault>,
) {
    for name in default.difference(here) {
        let detail = format!("does not use {name}, which the default content uses");
        faults.push(Fault::new(place, "missing_variable", detail));
    }
    for name in here.difference(default) {
        let detail = format!("uses {name}, which the default content does not use");
        faults.push(Fault::new(place, "unused_variable", detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;
    use crate::template::check::version as check_version;
    use crate::template::sample::{payload, required, text, version};
    use crate::template::{Localised, VariableKind, VendorTemplate};

    fn with(locales: &[(&str, Content)]) -> Version {
        let mut checked = version(
            text("您的订单{{order}}已发货"),
            &[("order", required(VariableKind::String))],
        );
        checked.locales = locales
            .iter()
            .map(|(tag, content)| {
                let localised = Localised {
                    content: content.clone(),
                    vendor_templates: Default::default(),
                };
                ((*tag).to_owned(), localised)
            })
            .collect();
        checked
    }

    fn faults(checked: &Version) -> Vec<(String, &'static str)> {
        let faults = check_version(Channel::Sms, checked);
        faults
            .into_iter()
            .map(|one| (one.pointer, one.code))
            .collect()
    }

    #[test]
    fn languages_have_sound_tags_and_the_same_variables() {
        let good = with(&[
            ("en", text("{{order}} sent")),
            ("zh-Hant", text("{{order}}")),
        ]);
        assert_eq!(faults(&good), []);
        let at = |pointer: &str, code| vec![(pointer.to_owned(), code)];
        for (tag, content, expected) in [
            ("EN", text("{{order}}"), at("/locales/EN", "invalid_locale")),
            (
                "e/n",
                text("{{order}}"),
                at("/locales/e~1n", "invalid_locale"),
            ),
            ("en", text("sent"), at("/locales/en", "missing_variable")),
            (
                "en",
                text("{{x}}"),
                at("/locales/en/text", "undeclared_variable"),
            ),
            ("en", text(" "), at("/locales/en/text", "required")),
            ("en", payload("{}"), at("/locales/en", "wrong_content")),
        ] {
            assert_eq!(faults(&with(&[(tag, content)])), expected, "{tag}");
        }
    }

    #[test]
    fn a_vendor_knows_a_language_by_its_own_entry() {
        let vendor = |id: Option<&str>, sign: Option<&str>| VendorTemplate {
            template_id: id.map(Into::into),
            sign: sign.map(Into::into),
            params: None,
        };
        let mut checked = with(&[("en", text("{{order}}")), ("fr", text("{{order}}"))]);
        checked
            .vendor_templates
            .insert("tencent-1".into(), vendor(Some("1"), Some("商城")));
        let bad = vendor(Some(" "), None);
        let english = checked.locales.get_mut("en").unwrap();
        english.vendor_templates.insert("tencent-1".into(), bad);
        assert_eq!(
            faults(&checked),
            [(
                "/locales/en/vendor_templates/tencent-1/template_id".to_owned(),
                "invalid"
            )]
        );
        let english = checked.locales.get_mut("en").unwrap();
        english
            .vendor_templates
            .insert("tencent-1".into(), vendor(Some("2"), None));
        let known = |locale| {
            checked
                .vendor_template("tencent-1", locale)
                .map(|v| v.into_owned())
        };
        assert_eq!(known(None), Some(vendor(Some("1"), Some("商城"))));
        assert_eq!(known(Some("en")), Some(vendor(Some("2"), Some("商城"))));
        assert_eq!(known(Some("fr")), Some(vendor(None, Some("商城"))));
        assert_eq!(checked.locale(Some("en-GB")), Some("en"));
        assert_eq!(checked.locale(Some("de")), None);
        assert_eq!(checked.locale(None), None);
    }
}
