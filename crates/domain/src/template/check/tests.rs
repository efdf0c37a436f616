use std::slice;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::template::VariableKind::{Boolean, Integer, Number, String as Words};
use crate::template::render::Compiled;
use crate::template::sample::{self, email, optional, payload, required, text};

fn faults(channel: Channel, checked: &Version) -> Vec<(String, &'static str)> {
    let faults = version(channel, checked);
    faults
        .into_iter()
        .map(|fault| (fault.pointer, fault.code))
        .collect()
}

fn content_faults(channel: Channel, content: Content) -> Vec<(String, &'static str)> {
    faults(
        channel,
        &sample::version(content, &[("a", required(Words))]),
    )
}

fn at(pointer: &str, code: &'static str) -> (String, &'static str) {
    (pointer.to_owned(), code)
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

#[test]
fn sound_versions_have_no_faults() {
    assert_eq!(content_faults(Channel::Sms, text("您的{{a}}\n")), []);
    let mail = email("Hi {{a}}", "<p>{{a}}</p>", "{{{{ }}");
    assert_eq!(content_faults(Channel::Email, mail), []);
    assert_eq!(
        content_faults(Channel::Webhook, payload(r#"{"a":"{{a}}"}"#)),
        []
    );
    assert_eq!(content_faults(Channel::FeishuRobot, text("{{a}}")), []);
}

#[test]
fn content_fits_its_channel() {
    let wrong = at("/content", "wrong_content");
    let mail = || email("{{a}}", "h", "t");
    assert_eq!(
        content_faults(Channel::Sms, mail()),
        slice::from_ref(&wrong)
    );
    assert_eq!(
        content_faults(Channel::Email, text("{{a}}")),
        slice::from_ref(&wrong)
    );
    assert_eq!(
        content_faults(Channel::Webhook, text("{{a}}")),
        slice::from_ref(&wrong)
    );
    for channel in Channel::ALL {
        let kinds = [text("a"), mail(), payload("1")];
        assert!(
            kinds.iter().any(|content| fits(*channel, content)),
            "{channel}"
        );
        assert_eq!(
            fits(*channel, &mail()),
            *channel == Channel::Email,
            "{channel}"
        );
    }
}

#[test]
fn texts_are_present_parsed_and_within_limits() {
    let unused = at("/variables/a", "unused_variable");
    let one = |content, channel, pointer, code| {
        assert_eq!(
            content_faults(channel, content),
            [at(pointer, code), unused.clone()]
        );
    };
    one(text(" \n"), Channel::Sms, "/content/text", "required");
    one(text("{{a"), Channel::Sms, "/content/text", "syntax");
    one(
        text(&"字".repeat(5_001)),
        Channel::Sms,
        "/content/text",
        "too_long",
    );
    one(text("a\u{0}"), Channel::Sms, "/content/text", "invalid");
    one(
        email("a\nb", "h", "t"),
        Channel::Email,
        "/content/subject",
        "invalid",
    );
    one(
        email(&"s".repeat(999), "h", "t"),
        Channel::Email,
        "/content/subject",
        "too_long",
    );
    let long = "h".repeat(512 * 1024 + 1);
    one(
        email("s", &long, "t"),
        Channel::Email,
        "/content/html",
        "too_long",
    );
    one(
        email("s", "h", ""),
        Channel::Email,
        "/content/text",
        "required",
    );
    one(
        payload(&"1".repeat(64 * 1024 + 1)),
        Channel::Push,
        "/content/body",
        "too_long",
    );
    one(payload("{"), Channel::Push, "/content/body", "not_json");
    let bare = Content::Email {
        subject: "s".to_owned(),
        html: None,
        text: None,
    };
    one(bare, Channel::Email, "/content", "required");
    assert_eq!(
        content_faults(
            Channel::Sms,
            text(&format!("{}{{{{a}}}}", "字".repeat(4_995)))
        ),
        []
    );
}

#[test]
fn placeholders_and_declarations_agree() {
    let checked = sample::version(
        text("{{a}}{{b}}{{b}}"),
        &[("a", required(Words)), ("c", required(Words))],
    );
    assert_eq!(
        faults(Channel::Sms, &checked),
        [
            at("/content/text", "undeclared_variable"),
            at("/variables/c", "unused_variable"),
        ]
    );
}

#[test]
fn vendor_templates_use_variables_by_position_or_name() {
    let mut checked = sample::version(text("a"), &[("a", required(Words))]);
    let with = |vendor: VendorTemplate| ("tencent-1".to_owned(), vendor);
    let unused = at("/variables/a", "unused_variable");
    let by_position = |params: &[&str]| VendorTemplate {
        template_id: Some("123".to_owned()),
        sign: Some("商城".to_owned()),
        params: Some(params.iter().map(|param| (*param).to_owned()).collect()),
    };
    let by_name = VendorTemplate {
        params: None,
        ..by_position(&[])
    };
    checked.vendor_templates = [with(by_position(&["a"]))].into();
    assert_eq!(faults(Channel::Sms, &checked), []);
    checked.vendor_templates = [with(by_name)].into();
    assert_eq!(faults(Channel::Sms, &checked), []);
    checked.vendor_templates = [with(VendorTemplate::default())].into();
    assert_eq!(faults(Channel::Sms, &checked), slice::from_ref(&unused));
    let bad = VendorTemplate {
        template_id: Some(" ".to_owned()),
        sign: Some("【商城】".to_owned()),
        ..by_position(&["b"])
    };
    checked.vendor_templates = [("Ten/cent".to_owned(), bad)].into();
    assert_eq!(
        faults(Channel::Sms, &checked),
        [
            at("/vendor_templates/Ten~1cent", "invalid"),
            at("/vendor_templates/Ten~1cent/template_id", "invalid"),
            at("/vendor_templates/Ten~1cent/sign", "invalid"),
            at(
                "/vendor_templates/Ten~1cent/params/0",
                "undeclared_variable"
            ),
            unused,
        ]
    );
}

#[test]
fn declarations_are_sane() {
    let with = |name: &str, spec: VariableSpec| {
        let checked = sample::version(text("{{a}}"), &[(name, spec)]);
        faults(Channel::Sms, &checked)
    };
    let spec = |change: fn(&mut VariableSpec)| {
        let mut spec = optional(Integer, Some("3"));
        change(&mut spec);
        with("a", spec)
    };
    assert_eq!(spec(|_| ()), []);
    assert_eq!(
        spec(|spec| spec.required = true),
        [at("/variables/a/default", "invalid")]
    );
    assert_eq!(
        spec(|spec| spec.default = Some("x".to_owned())),
        [at("/variables/a/default", "wrong_type")]
    );
    assert_eq!(
        spec(|spec| spec.example = Some("1.5".to_owned())),
        [at("/variables/a/example", "wrong_type")]
    );
    assert_eq!(
        spec(|spec| spec.max_length = Some(0)),
        [
            at("/variables/a/max_length", "invalid"),
            at("/variables/a/default", "too_long")
        ]
    );
    assert_eq!(
        spec(|spec| spec.max_length = Some(MAX_VALUE + 1)),
        [at("/variables/a/max_length", "invalid")]
    );
    assert_eq!(
        with("1/a", required(Words)),
        [
            at("/content/text", "undeclared_variable"),
            at("/variables/1~1a", "invalid"),
            at("/variables/1~1a", "unused_variable"),
        ]
    );
    let names: Vec<String> = (0..=MAX_VARIABLES).map(|n| format!("v{n}")).collect();
    let variables: Vec<_> = names
        .iter()
        .map(|n| (n.as_str(), required(Words)))
        .collect();
    let words: String = names.iter().map(|n| format!("{{{{{n}}}}}")).collect();
    let many = sample::version(text(&words), &variables);
    assert_eq!(faults(Channel::Sms, &many), [at("/variables", "too_many")]);
}

#[test]
fn bare_placeholders_of_a_payload_are_whole_values() {
    let with = |kind: VariableKind, default: Option<&str>| {
        let spec = optional(kind, default);
        faults(
            Channel::Push,
            &sample::version(payload(r#"{"a":{{a}}}"#), &[("a", spec)]),
        )
    };
    assert_eq!(with(Integer, Some("1")), []);
    assert_eq!(with(Boolean, Some("true")), []);
    assert_eq!(with(Number, None), [at("/content/body", "invalid")]);
    assert_eq!(with(Words, Some("1")), [at("/content/body", "invalid")]);
}

fn order() -> Version {
    let mut order = required(Words);
    order.max_length = Some(5);
    sample::version(
        text("{{order}}{{count}}{{note}}{{code}}"),
        &[
            ("order", order),
            ("count", optional(Integer, Some("1"))),
            ("note", optional(Words, None)),
            (
                "code",
                VariableSpec {
                    secret: true,
                    ..required(Words)
                },
            ),
        ],
    )
}

#[test]
fn own_values_lie_over_shared_ones() {
    let shared = map(json!({"order": "A1", "count": 2, "code": "x"}));
    let own = map(json!({"order": "B2", "note": ""}));
    let vars = vars(&order(), &shared, &own).unwrap();
    let expected = [("code", "x"), ("count", "2"), ("note", ""), ("order", "B2")];
    assert!(
        vars.iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .eq(expected)
    );
    assert!(Compiled::new(&order()).unwrap().render(&vars).is_ok());
}

#[test]
fn all_faults_of_a_delivery_at_once_without_its_values() {
    let shared = map(json!({"order": "geheim", "extra": 1, "not a name": 2, "code": ""}));
    let own = map(json!({"count": "geheim", "extra": 3}));
    let faults = vars(&order(), &shared, &own).unwrap_err();
    let found: Vec<_> = faults
        .iter()
        .map(|f| (f.pointer.as_str(), f.code))
        .collect();
    assert_eq!(
        found,
        [
            ("/code", "missing_variable"),
            ("/count", "wrong_type"),
            ("/order", "too_long"),
            ("/extra", "unknown_variable"),
            ("", "unknown_variable"),
        ]
    );
    assert!(faults.iter().all(|fault| !fault.detail.contains("geheim")));
    assert_eq!(faults[2].detail, "variable order has at most 5 characters");
    let none = vars(&order(), &Map::new(), &Map::new()).unwrap_err();
    assert_eq!(none.len(), 2);
    let many: Map<_, _> = (0..=MAX_VARIABLES)
        .map(|n| (n.to_string(), json!(1)))
        .collect();
    assert_eq!(
        vars(&order(), &many, &Map::new()).unwrap_err()[0].code,
        "too_many"
    );
}

#[test]
fn previews_have_a_value_for_everything() {
    let mut checked = order();
    checked.variables.get_mut("order").unwrap().example = Some("A1".to_owned());
    checked.variables.insert("on".to_owned(), required(Boolean));
    checked.variables.insert("n".to_owned(), required(Number));
    let examples = examples(&checked);
    let of = |name: &str| examples[name].as_str();
    assert_eq!(
        [of("order"), of("count"), of("note"), of("on"), of("n")],
        ["A1", "1", "note", "true", "0"]
    );
}

proptest! {
    #[test]
    fn payloads_are_json_whatever_the_values_are(
        words in any::<String>(),
        count: i64,
        on: bool,
        given: bool,
    ) {
        let checked = sample::version(
            payload(r#"{"a":"<{{words}}>","b":[{{count}},{{on}}],"c":"{{words}}{{opt}}"}"#),
            &[
                ("words", optional(Words, None)),
                ("count", required(Integer)),
                ("on", required(Boolean)),
                ("opt", optional(Words, Some("\"\\"))),
            ],
        );
        prop_assert_eq!(version(Channel::Push, &checked), []);
        let mut own = map(json!({"count": count, "on": on}));
        if given {
            own.insert("words".to_owned(), json!(words));
        }
        let vars = vars(&checked, &Map::new(), &own).unwrap();
        let rendered = Compiled::new(&checked).unwrap().render(&vars).unwrap();
        let Content::Payload { body } = rendered else {
            return Err(TestCaseError::fail("not a payload"));
        };
        let words = if given { words } else { String::new() };
        prop_assert_eq!(
            serde_json::from_str::<Value>(&body).unwrap(),
            json!({"a": format!("<{words}>"), "b": [count, on], "c": format!("{words}\"\\")})
        );
    }

    #[test]
    fn a_version_without_faults_renders_as_json(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("{{s}}"), Just("{{n}}"), Just("\""), Just("\\"), Just("{\"k\":"), Just("}"),
                Just(","), Just("["), Just("]"), Just("1"), Just(" "), Just("\\u00"),
            ],
            1..8,
        ),
        words in any::<String>(),
        number in -3i64..3,
    ) {
        let variables = [("s", required(Words)), ("n", required(Integer))];
        let mut checked = sample::version(payload(&parts.concat()), &variables);
        checked.vendor_templates =
            [("v".to_owned(), VendorTemplate { template_id: Some("1".to_owned()), ..VendorTemplate::default() })].into();
        if version(Channel::Push, &checked).is_empty() {
            let mut own = map(json!({"s": words, "n": number}));
            if words.is_empty() {
                own.insert("s".to_owned(), json!("x"));
            }
            let vars = vars(&checked, &Map::new(), &own).unwrap();
            let rendered = Compiled::new(&checked).unwrap().render(&vars).unwrap();
            let Content::Payload { body } = rendered else {
                return Err(TestCaseError::fail("not a payload"));
            };
            prop_assert!(serde_json::from_str::<Value>(&body).is_ok(), "{}", body);
        }
    }

    #[test]
    fn no_input_panics(words in "[{}a\"\\\\<\\PC]{0,30}", name in "\\PC{0,9}", value in any::<String>()) {
        for content in [text(&words), payload(&words), email(&words, &words, &words)] {
            let checked = sample::version(content, &[(&name, required(Words))]);
            let sound = version(Channel::Push, &checked).is_empty();
            let own = [(name.clone(), json!(value))].into_iter().collect();
            if let (true, Ok(vars)) = (sound, vars(&checked, &Map::new(), &own)) {
                prop_assert!(Compiled::new(&checked).unwrap().render(&vars).is_ok());
            }
        }
    }
}
