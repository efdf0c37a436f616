use proptest::prelude::*;
use serde_json::json;

use super::*;

fn spec(kind: VariableKind, max_length: Option<u32>) -> VariableSpec {
    VariableSpec {
        kind,
        required: true,
        default: None,
        max_length,
        min_length: None,
        pattern: None,
        one_of: Vec::new(),
        example: None,
        secret: false,
    }
}

#[test]
fn values_of_their_kind_have_one_text() {
    use VariableKind::{Boolean, Integer, Number, String};
    for (kind, value, expected) in [
        (String, json!("你好"), "你好"),
        (String, json!(""), ""),
        (Number, json!(12), "12"),
        (Number, json!(12.0), "12"),
        (Number, json!(-0.0), "0"),
        (Number, json!(12.50), "12.5"),
        (Number, json!("12.50"), "12.50"),
        (Number, json!(1e21), "1e+21"),
        (Number, json!(1.5e-7), "1.5e-7"),
        (Number, json!(1e20), "100000000000000000000"),
        (Number, json!(u64::MAX), "18446744073709551615"),
        (Integer, json!(-3), "-3"),
        (Integer, json!(3.0), "3"),
        (
            Integer,
            json!("12345678901234567890123"),
            "12345678901234567890123",
        ),
        (Boolean, json!(true), "true"),
        (Boolean, json!("false"), "false"),
    ] {
        assert_eq!(
            text(&spec(kind, None), &value).as_deref(),
            Ok(expected),
            "{value}"
        );
    }
}

#[test]
fn values_of_another_kind_are_refused() {
    use VariableKind::{Boolean, Integer, Number, String};
    for (kind, value, says) in [
        (String, json!(123_456), "in quotes"),
        (String, json!(true), "must be text"),
        (String, json!(null), "must not be null"),
        (String, json!(["a"]), "must be text"),
        (Number, json!("abc"), "12.5"),
        (Number, json!("007"), "12.5"),
        (Number, json!(" 7"), "12.5"),
        (Number, json!("1e999"), "12.5"),
        (Number, json!("NaN"), "12.5"),
        (Number, json!(""), "12.5"),
        (Number, json!(false), "12.5"),
        (Integer, json!(1.5), "whole"),
        (Integer, json!("1.0"), "whole"),
        (Integer, json!("1e3"), "whole"),
        (Integer, json!(1e17), "too large"),
        (Boolean, json!(1), "true or false"),
        (Boolean, json!("True"), "true or false"),
    ] {
        let (code, detail) = text(&spec(kind, None), &value).unwrap_err();
        assert_eq!(code, "wrong_type", "{value}");
        assert!(detail.contains(says), "{value}: {detail}");
    }
}

#[test]
fn lengths_are_characters_where_stated_and_bytes_otherwise() {
    let four = spec(VariableKind::String, Some(4));
    assert!(text(&four, &json!("四个汉字")).is_ok());
    assert_eq!(text(&four, &json!("五个汉字了")).unwrap_err().0, "too_long");
    assert!(text(&spec(VariableKind::Number, Some(2)), &json!(123)).is_err());
    let free = spec(VariableKind::String, None);
    assert!(text(&free, &json!("a".repeat(DEFAULT_MAX_BYTES))).is_ok());
    assert!(text(&free, &json!("a".repeat(DEFAULT_MAX_BYTES + 1))).is_err());
}

proptest! {
    #[test]
    fn the_text_of_a_number_is_that_number(float in proptest::num::f64::NORMAL, whole: i64) {
        let number = spec(VariableKind::Number, None);
        let written = text(&number, &json!(float)).unwrap();
        prop_assert_eq!(written.parse::<f64>().unwrap(), float);
        prop_assert!(fits(&number, &written).is_ok());
        prop_assert_eq!(text(&number, &json!(whole)).unwrap(), whole.to_string());
    }
}

#[test]
fn shape_least_length_and_choices_are_kept() {
    use crate::template::Pattern;
    let mut code = spec(VariableKind::String, Some(8));
    code.min_length = Some(4);
    code.pattern = Some(Pattern::new("[0-9]+").unwrap());
    let of = |spec: &VariableSpec, given: &str| text(spec, &json!(given)).map_err(|wrong| wrong.0);
    assert_eq!(of(&code, "123456"), Ok("123456".to_owned()));
    assert_eq!(of(&code, "123"), Err("too_short"));
    assert_eq!(of(&code, "123456789"), Err("too_long"));
    assert_eq!(of(&code, "12x4"), Err("pattern"));
    assert_eq!(of(&code, ""), Err("too_short"));
    code.required = false;
    assert_eq!(of(&code, ""), Ok(String::new()), "left out");
    let mut size = spec(VariableKind::String, None);
    size.one_of = vec!["small".into(), "large".into()];
    assert_eq!(of(&size, "large"), Ok("large".to_owned()));
    let wrong = text(&size, &json!("geheim")).unwrap_err();
    assert_eq!(
        wrong,
        ("not_a_choice", "must be one of small, large".to_owned())
    );
    assert_eq!(text(&size, &json!("huge")).unwrap_err().0, "not_a_choice");
}
