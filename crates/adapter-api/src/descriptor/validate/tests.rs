use serde_json::json;

use super::*;
use crate::descriptor::{Batching, Capabilities};

fn field(name: &str, kind: FieldKind, required: bool) -> Field {
    Field {
        name: name.into(),
        kind,
        required,
        default: None,
        help: format!("the {name}"),
    }
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "example".into(),
        title: "Example".into(),
        channels: Vec::new(),
        documentation: String::new(),
        settings: vec![
            field("app", FieldKind::Text, true),
            field("endpoint", FieldKind::Url, false),
            field(
                "port",
                FieldKind::Integer {
                    min: 1,
                    max: 65_535,
                },
                false,
            ),
            field("strict", FieldKind::Boolean, false),
            field(
                "tls",
                FieldKind::Choice(vec!["on".into(), "off".into()]),
                false,
            ),
        ],
        secrets: vec![field("key", FieldKind::Text, true)],
        limits: Default::default(),
        price: None,
        codes: Vec::new(),
        batching: Batching {
            max_recipients: 1,
            same_content: false,
        },
        capabilities: Capabilities::default(),
    }
}

fn faults(settings: Value, secrets: &[(&str, &str)]) -> Vec<(String, &'static str)> {
    let settings = serde_json::from_value(settings).unwrap();
    let secrets = secrets
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    validate(&descriptor(), &settings, &secrets)
        .into_iter()
        .map(|fault| (fault.pointer, fault.code))
        .collect()
}

fn one(settings: Value) -> (String, &'static str) {
    let found = faults(settings, &[("key", "k")]);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_whole_account_has_no_fault() {
    let settings = json!({
        "app": "1", "endpoint": "http://127.0.0.1:8080/base", "port": 65_535,
        "strict": false, "tls": "off",
    });
    assert_eq!(faults(settings, &[("key", "k")]), []);
    assert_eq!(
        faults(json!({"app": "1", "endpoint": null}), &[("key", "k")]),
        []
    );
}

#[test]
fn what_is_missing_is_named() {
    let both = vec![
        ("/settings/app".into(), "required"),
        ("/secrets/key".into(), "required"),
    ];
    assert_eq!(faults(json!({}), &[]), both);
    assert_eq!(faults(json!({"app": ""}), &[("key", "")]), both);
    assert_eq!(faults(json!({"app": null}), &[]), both);
}

#[test]
fn unknown_fields_are_named_with_an_escaped_pointer() {
    assert_eq!(
        one(json!({"app": "1", "a/b~c": 1})),
        ("/settings/a~1b~0c".into(), "unknown_field")
    );
    let found = faults(json!({"app": "1"}), &[("key", "k"), ("other", "x")]);
    assert_eq!(found, [("/secrets/other".into(), "unknown_field")]);
}

#[test]
fn wrong_values_are_named() {
    for (name, value, code) in [
        ("app", json!(7), "wrong_type"),
        ("app", json!("x".repeat(MAX_SETTING_CHARS + 1)), "too_long"),
        ("app", json!("a\r\nb"), "control_character"),
        ("endpoint", json!("not a url"), "bad_url"),
        ("endpoint", json!("/relative"), "bad_url"),
        ("endpoint", json!("ftp://h.example/"), "bad_url"),
        ("endpoint", json!("https://user:pw@h.example/"), "bad_url"),
        ("endpoint", json!(["https://h.example/"]), "wrong_type"),
        ("port", json!("25"), "wrong_type"),
        ("port", json!(2.5), "wrong_type"),
        ("port", json!(0), "out_of_range"),
        ("port", json!(65_536), "out_of_range"),
        ("port", json!(u64::MAX), "out_of_range"),
        ("strict", json!("yes"), "wrong_type"),
        ("tls", json!("maybe"), "not_a_choice"),
        ("tls", json!(true), "wrong_type"),
    ] {
        let mut settings = json!({"app": "1"});
        settings[name] = value.clone();
        assert_eq!(
            one(settings),
            (format!("/settings/{name}"), code),
            "{name} = {value}"
        );
    }
    assert_eq!(
        faults(
            json!({"app": "x".repeat(MAX_SETTING_CHARS)}),
            &[("key", "k")]
        ),
        []
    );
}

#[test]
fn a_long_secret_is_refused_without_repeating_it() {
    let secret = "s3cr3t".repeat(3_000);
    let secrets = [("key".to_owned(), secret.into())].into();
    let settings = [("app".to_owned(), json!("1"))].into();
    let found = validate(&descriptor(), &settings, &secrets);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].pointer.as_str(), found[0].code),
        ("/secrets/key", "too_long")
    );
    assert!(!found[0].detail.contains("s3cr3t"));
}
