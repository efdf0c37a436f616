use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::instant::Instant;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only parsed")]
struct Outer {
    name: String,
    #[serde(default)]
    list: Vec<Inner>,
    count: Option<u16>,
    at: Option<Instant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only parsed")]
struct Inner {
    flag: bool,
}

fn document(body: &str) -> Value {
    let problem = parse::<Outer>(body.as_bytes()).unwrap_err();
    let id = crate::request_id::RequestIds::new(1).of(&http::HeaderMap::new());
    serde_json::to_value(problem.document(&id)).unwrap()
}

/// Body, pointer, code, and words of the detail.
const WRONG: &[(&str, &str, &str, &str)] = &[
    (
        r#"{"name":"a","extra":1}"#,
        "/extra",
        "unknown_field",
        "known: name, list",
    ),
    (
        r#"{"name":"a","a/b":1}"#,
        "/a~1b",
        "unknown_field",
        "not a field",
    ),
    (
        r#"{"name":"a","list":[{"flag":true},{"flag":true,"x":1}]}"#,
        "/list/1/x",
        "unknown_field",
        "flag",
    ),
    (r#"{"list":[]}"#, "/name", "required", "required"),
    (
        r#"{"name":"a","list":[{}]}"#,
        "/list/0/flag",
        "required",
        "required",
    ),
    (
        r#"{"name":7}"#,
        "/name",
        "wrong_type",
        "a string, not integer",
    ),
    (
        r#"{"name":null}"#,
        "/name",
        "wrong_type",
        "a string, not null",
    ),
    (
        r#"{"name":"a","list":{"a":1}}"#,
        "/list",
        "wrong_type",
        "an array, not map",
    ),
    (
        r#"{"name":"a","list":[{"flag":"secret words"}]}"#,
        "/list/0/flag",
        "wrong_type",
        "a boolean, not string",
    ),
    (
        r#"{"name":"a","count":70000}"#,
        "/count",
        "out_of_range",
        "u16",
    ),
    (
        r#"{"name":"a","at":"yesterday"}"#,
        "/at",
        "invalid",
        "RFC 3339",
    ),
    (
        r#"{"name":"a","name":"b"}"#,
        "/name",
        "duplicate_field",
        "twice",
    ),
    (r"[]", "", "wrong_type", "must be an object"),
    (r#"["a",[],1,null]"#, "", "wrong_type", "must be an object"),
    ("7", "", "wrong_type", "must be an object, not integer"),
];

#[test]
fn wrong_fields_are_named_by_pointer() {
    for (body, pointer, code, says) in WRONG {
        let document = document(body);
        assert_eq!(document["status"], 422, "{body}: {document}");
        let error = &document["errors"][0];
        assert_eq!(error["pointer"], *pointer, "{body}: {document}");
        assert_eq!(error["code"], *code, "{body}: {document}");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{body}: {detail}");
        assert!(!document.to_string().contains("secret words"), "{document}");
    }
}

#[test]
fn what_is_not_json_is_placed() {
    for (body, says) in [
        ("", "empty"),
        (" \n", "empty"),
        ("{\"name\":\n  oops}", "line 2 column 3"),
        ("{\"name\":\"a\"", "breaks off at line 1 column 11"),
        ("{\"name\":\"a\"} x", "line 1 column 14"),
        ("\u{feff}{}", "line 1 column 1"),
    ] {
        let document = document(body);
        assert_eq!(document["code"], "malformed_json", "{body}: {document}");
        assert_eq!(document["status"], 400);
        let detail = document["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{body}: {detail}");
    }
}
