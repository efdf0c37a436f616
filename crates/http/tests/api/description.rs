//! The API's description: committed, whole, and read by its page.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::app::App;

fn document() -> Value {
    serde_json::from_str(&austin_http::openapi()).unwrap()
}

#[test]
fn the_committed_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == austin_http::openapi(),
        "docs/openapi.json is not what the code says; write it anew: austin openapi > docs/openapi.json"
    );
}

#[test]
fn every_operation_is_described() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let tags: BTreeSet<_> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name} has no summary");
            let tag = operation["tags"][0].as_str().unwrap();
            assert!(tags.contains(tag), "{name}: tag {tag} is not described");
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{name}"
            );
            let problem = &responses["default"]["content"]["application/problem+json"];
            assert_eq!(
                problem["schema"]["$ref"], "#/components/schemas/Problem",
                "{name}"
            );
            for step in path.split('/').filter_map(|step| step.strip_prefix('{')) {
                let wanted = step.trim_end_matches('}');
                let named = operation["parameters"]
                    .as_array()
                    .is_some_and(|list| list.iter().any(|one| one["name"] == wanted));
                assert!(named, "{name}: {wanted} is not described");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference);
                }
                fields.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    walk(&document, &mut found);
    assert!(found.len() > 30, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
}

#[tokio::test]
async fn the_server_gives_the_document_and_the_page() {
    let app = App::start().await;
    let answer = app.call("GET", "/openapi.json", None, &[], "").await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.expect(200), document());
    let page = app.call("GET", "/docs", None, &[], "").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(page.text.starts_with("<!doctype html>"));
    let kinds = app
        .call("GET", "/problems", None, &[], "")
        .await
        .expect(200);
    for kind in kinds["items"].as_array().unwrap() {
        let path = kind["type"].as_str().unwrap();
        let read = app.call("GET", path, None, &[], "").await.expect(200);
        assert_eq!(read, *kind);
    }
}
