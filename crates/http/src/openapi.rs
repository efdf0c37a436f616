//! The OpenAPI document, generated from the handlers.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{Code, Document, FieldProblem};
use crate::router;

const ABOUT: &str = "\
Messages to people over SMS, e-mail and other channels, with evidence for every delivery.\n\n\
**Keys.** Send `Authorization: Bearer <key>`. A key has a role: `admin` may do everything, \
`sender` sends and reads what its own app sent, `reader` reads everything with addresses masked \
and changes nothing. The roles an operation serves stand in its security requirement.\n\n\
**Problems.** Every refusal is an RFC 9457 document with a stable `code`; `errors` names every \
field at fault by JSON pointer. Unknown fields are refused. All codes: `/problems`.\n\n\
**Lists** take `limit` and an opaque `cursor`.\n\n\
**Request ids.** `x-request-id` is taken over when it has at most 64 letters, digits, `.`, `_` \
or `-`, else made; it stands on every answer and in the evidence of what the request caused.";

/// The OpenAPI 3.1 document of the API, as pretty JSON with a line end. `docs/openapi.json` in
/// the repository is this text.
pub fn openapi() -> String {
    let (_, document) = router::build();
    let mut document = serde_json::to_value(&document).unwrap_or_default();
    describe(&mut document);
    explain_refusals(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn describe(document: &mut Value) {
    document["info"] = json!({
        "title": "austin",
        "description": ABOUT,
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["tags"] = json!([
        {"name": "messages", "description": "Send, and see what became of it"},
        {"name": "deliveries", "description": "Evidence: message × recipient"},
        {"name": "uploads", "description": "Files that go with messages"},
        {"name": "templates", "description": "The carrier of every message"},
        {"name": "accounts", "description": "Credentials and limits with a vendor"},
        {"name": "routes", "description": "Which accounts carry which messages"},
        {"name": "policies", "description": "What may be done to people"},
        {"name": "adapters", "description": "Vendors that can be spoken to"},
        {"name": "apps", "description": "Calling systems and their keys"},
        {"name": "lanes", "description": "How the queues are doing"},
        {"name": "audit", "description": "Who changed what"},
        {"name": "receipts", "description": "Vendor callbacks"},
        {"name": "suppressions", "description": "Who must not be messaged"},
        {"name": "health", "description": "For whoever watches the process"},
        {"name": "about", "description": "This document and the catalogue of problems"},
    ]);
    let components = &mut document["components"];
    components["securitySchemes"] = json!({"bearer": {
        "type": "http", "scheme": "bearer", "bearerFormat": "ak_…",
        "description": "An API key. The words in a requirement are the roles it serves.",
    }});
    for (name, schema) in [
        (Document::name(), serde_json::to_value(Document::schema())),
        (
            FieldProblem::name(),
            serde_json::to_value(FieldProblem::schema()),
        ),
    ] {
        components["schemas"][name.as_ref()] = schema.unwrap_or_default();
    }
}

/// Adds what every operation may be refused with.
fn explain_refusals(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else {
        return;
    };
    for operation in paths.values_mut().filter_map(Value::as_object_mut) {
        for (method, operation) in operation.iter_mut() {
            let guarded = operation["security"]
                .as_array()
                .is_some_and(|security| security.iter().any(|one| one.get("bearer").is_some()));
            let named = operation["parameters"]
                .as_array()
                .is_some_and(|list| list.iter().any(|one| one["in"] == "path"));
            let has_query = operation["parameters"]
                .as_array()
                .is_some_and(|list| list.iter().any(|one| one["in"] == "query"));
            let has_body = operation.get("requestBody").is_some();
            let mut codes = Vec::new();
            if guarded {
                codes.extend([Code::Unauthenticated, Code::Forbidden, Code::Unavailable]);
            }
            if named {
                codes.push(Code::NotFound);
            }
            if has_body {
                codes.extend([
                    Code::MalformedJson,
                    Code::BodyTooLarge,
                    Code::UnsupportedMediaType,
                    Code::Busy,
                ]);
            }
            if has_body || has_query {
                codes.push(Code::InvalidRequest);
            }
            if has_body && method != "get" {
                codes.push(Code::Conflict);
            }
            add(operation, &codes);
        }
    }
}

fn add(operation: &mut Value, codes: &[Code]) {
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    for code in codes {
        let status = code.status().as_u16().to_string();
        responses
            .entry(status)
            .or_insert_with(|| problem(code.title()));
    }
    responses.insert("default".into(), problem("Any other refusal"));
}

fn problem(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    let mut content = Map::new();
    content.insert("application/problem+json".into(), json!({"schema": schema}));
    json!({"description": description, "content": content})
}
