//! Every route × every role, as the OpenAPI document has it: who is let in, and who is not.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::app::App;

/// Operations without a key, and why. A new one must be added here by hand.
const OPEN: &[(&str, &str)] = &[
    ("GET /livez", "says nothing"),
    ("GET /readyz", "for load balancers"),
    ("GET /metrics", "open to this machine; see its own test"),
    ("GET /docs", "says nothing about this installation"),
    ("GET /openapi.json", "says nothing about this installation"),
    ("GET /problems", "says nothing about this installation"),
    (
        "GET /problems/{code}",
        "says nothing about this installation",
    ),
    ("POST /v1/receipts/{account}", "the vendor signs"),
    ("GET /v1/receipts/{account}", "the vendor signs"),
    (
        "POST /v1/receipts/{account}/{token}",
        "the token is the proof",
    ),
    (
        "GET /v1/receipts/{account}/{token}",
        "the token is the proof",
    ),
    ("GET /u/{token}", "the link is signed"),
    ("POST /u/{token}", "the link is signed"),
];

/// What is no GET and changes nothing.
const HARMLESS: &[&str] = &[
    "POST /v1/templates/{key}/preview",
    "POST /v1/routes/{channel}/{class}/preview",
    "POST /v1/policies/preview",
    "POST /v1/policies/simulate",
    "POST /v1/word-lists/{name}/check",
];

/// Operation → the roles it serves, from the document.
fn operations() -> BTreeMap<String, Vec<String>> {
    let document: Value = serde_json::from_str(&austin_http::openapi()).unwrap();
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let roles = operation["security"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|requirement| requirement["bearer"].as_array())
                .flatten()
                .map(|role| role.as_str().unwrap().to_owned())
                .collect();
            operations.insert(format!("{} {path}", method.to_uppercase()), roles);
        }
    }
    operations
}

#[test]
fn every_operation_has_a_rule() {
    let operations = operations();
    assert!(operations.len() > 40, "{}", operations.len());
    for (operation, roles) in &operations {
        let open = OPEN.iter().any(|(known, _)| known == operation);
        assert!(
            open || !roles.is_empty(),
            "{operation} names no role; give it `security`, or a reason in OPEN"
        );
        assert!(
            operation.starts_with("GET ")
                || !roles.contains(&"reader".to_owned())
                || HARMLESS.contains(&operation.as_str()),
            "{operation} lets readers change something"
        );
    }
    for (operation, _) in OPEN {
        assert!(operations.contains_key(*operation), "{operation} is gone");
    }
}

#[tokio::test]
async fn every_operation_serves_exactly_the_roles_it_names() {
    let app = App::ready().await;
    let keys = [
        ("admin", app.admin.clone()),
        ("sender", app.key("shop", "sender").await),
        ("reader", app.key("audit", "reader").await),
    ];
    for (operation, roles) in operations() {
        if OPEN.iter().any(|(known, _)| *known == operation) {
            continue;
        }
        let (method, path) = operation.split_once(' ').unwrap();
        // Names of things that do not exist: being let in shows as 404 or 422, never as a change.
        let path = path
            .replace("{channel}", "smoke")
            .replace("{class}", "signal")
            .split('/')
            .map(|step| if step.starts_with('{') { "none" } else { step })
            .collect::<Vec<_>>()
            .join("/");
        let headers = [("content-type", "application/json")];
        let body = json!({"unknown": true}).to_string();
        for (role, key) in &keys {
            let answer = app
                .call(method, &path, Some(key), &headers, body.clone())
                .await;
            let status = answer.status.as_u16();
            if roles.iter().any(|allowed| allowed == role) {
                assert!(
                    matches!(status, 200 | 201 | 404 | 415 | 422),
                    "{role} is let in to {operation}: {status} {}",
                    answer.text
                );
            } else {
                let problem = answer.problem(403, "forbidden");
                let detail = problem["detail"].as_str().unwrap();
                assert!(detail.contains(&roles[0]), "{operation}: {detail}");
            }
        }
        let answer = app.call(method, &path, None, &headers, body).await;
        answer.problem(401, "unauthenticated");
    }
    assert!(app.ledger.states().is_empty(), "nothing was sent");
}
