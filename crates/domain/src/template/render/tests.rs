use proptest::prelude::*;

use super::*;
use crate::template::VariableKind::{Integer, String as Words};
use crate::template::sample::{email, optional, payload, required, text, version};

fn vars(given: &[(&str, &str)]) -> Vars {
    given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn fills_in_values_and_defaults() {
    let version = version(
        text("您的订单{{order}}{{ note }}将在{{days}}天内送达，{{order}}"),
        &[
            ("order", required(Words)),
            ("days", optional(Integer, Some("3"))),
            ("note", optional(Words, None)),
        ],
    );
    let compiled = Compiled::new(&version).unwrap();
    let rendered = |given: &[(&str, &str)]| compiled.render(&vars(given));
    assert_eq!(
        rendered(&[("order", "A1")]),
        Ok(text("您的订单A1将在3天内送达，A1"))
    );
    assert_eq!(
        rendered(&[("order", "A1"), ("days", "5"), ("note", "!")]),
        Ok(text("您的订单A1!将在5天内送达，A1"))
    );
    assert_eq!(rendered(&[("days", "5")]), Err("order".to_owned()));
}

#[test]
fn escapes_by_field() {
    let content = email("Hi {{a}}", "<p title=\"{{a}}\">{{a}}</p>", "Hi {{a}}");
    let compiled = Compiled::new(&version(content, &[("a", required(Words))])).unwrap();
    assert_eq!(
        compiled.render(&vars(&[("a", "x\r\nBcc: <\"y\">")])),
        Ok(email(
            "Hi x Bcc: <\"y\">",
            "<p title=\"x\r\nBcc: &lt;&quot;y&quot;&gt;\">x\r\nBcc: &lt;&quot;y&quot;&gt;</p>",
            "Hi x\r\nBcc: <\"y\">"
        ))
    );
}

#[test]
fn defaults_are_escaped_too() {
    let spec = optional(Words, Some("a\"b"));
    let version = version(payload(r#"{"a":"{{a}}"}"#), &[("a", spec)]);
    let compiled = Compiled::new(&version).unwrap();
    assert_eq!(
        compiled.render(&Vars::new()),
        Ok(payload(r#"{"a":"a\"b"}"#))
    );
    assert_eq!(
        compiled.complete(&Vars::new()).into_owned(),
        vars(&[("a", "a\"b")])
    );
    let given = vars(&[("a", "own")]);
    assert!(matches!(compiled.complete(&given), Cow::Borrowed(same) if *same == given));
}

#[test]
fn a_fault_names_its_field() {
    let content = email("fine", "fine", "{{");
    let (field, error) = Compiled::new(&version(content, &[])).unwrap_err();
    assert_eq!((field, error.at), ("text", 0));
}

proptest! {
    #[test]
    fn no_value_is_expanded_or_lost(a in any::<String>(), b in "\\{\\{[ab]\\}\\}|\\PC{0,9}") {
        let spec = required(Words);
        let version = version(text("{{a}}|{{b}}|{{a}}"), &[("a", spec.clone()), ("b", spec)]);
        let compiled = Compiled::new(&version).unwrap();
        let rendered = compiled.render(&vars(&[("a", &a), ("b", &b)]));
        prop_assert_eq!(rendered, Ok(text(&format!("{a}|{b}|{a}"))));
    }

    #[test]
    fn agrees_with_the_plain_rendering(words in "[a{}字<]{0,30}", value in any::<String>()) {
        if let Ok(parsed) = Text::parse(&format!("{words}{{{{a}}}}{words}")) {
            let html = parsed.to_string();
            let content = email("s", &html, "t");
            let compiled =
                Compiled::new(&version(content, &[("a", required(Words))])).unwrap();
            let plain = parsed.render(Escape::Html, |name| {
                (name == "a").then_some(Cow::Borrowed(value.as_str()))
            });
            let rendered = compiled.render(&vars(&[("a", &value)]));
            prop_assert_eq!(rendered, plain.map(|html| email("s", &html, "t")));
        }
    }

    #[test]
    fn html_never_gains_a_tag(value in "[<>&\"'/a-z=!-]{0,30}|\\PC{0,30}") {
        let html = "<p class=\"{{a}}\">1 < 2 {{a}}</p>";
        let compiled = Compiled::new(&version(
            email("s", html, "t"),
            &[("a", required(Words))],
        ))
        .unwrap();
        let Ok(Content::Email { html: Some(rendered), .. }) =
            compiled.render(&vars(&[("a", &value)]))
        else {
            return Err(TestCaseError::fail("did not render"));
        };
        for mark in ['<', '>', '"', '\''] {
            prop_assert_eq!(rendered.matches(mark).count(), html.matches(mark).count());
        }
    }
}

#[test]
fn each_language_is_rendered_with_its_own_words() {
    use crate::template::Localised;
    let mut version = version(text("您好{{a}}"), &[("a", required(Words))]);
    let english = Localised {
        content: text("Hello {{a}}"),
        vendor_templates: Default::default(),
    };
    version.locales.insert("en".into(), english);
    let compiled = Compiled::new(&version).unwrap();
    let vars = Vars::from([("a".to_owned(), "Li".to_owned())]);
    let said = |wanted| compiled.render_in(version.locale(wanted), &vars).unwrap();
    assert_eq!(said(Some("en-GB")), text("Hello Li"));
    assert_eq!(said(Some("de")), text("您好Li"));
    assert_eq!(said(None), compiled.render(&vars).unwrap());
    let broken = text("{{a");
    version.locales.get_mut("en").unwrap().content = broken;
    assert_eq!(Compiled::new(&version).unwrap_err().0, "text");
}
