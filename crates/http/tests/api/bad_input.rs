//! Each wrong field answers a problem that names it.

use austin_engine::Config;
use austin_http::Options;
use serde_json::{Value, json};

use crate::app::{App, message, template};

const PHONE: &str = "+8613711112201";

/// A good message with some fields replaced; `null` removes one.
fn with(changes: Value) -> Value {
    let mut body = message(&json!(PHONE));
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    body
}

#[tokio::test]
async fn every_wrong_field_of_a_message_is_named() {
    let app = App::ready().await;
    for (changes, wanted) in shapes().into_iter().chain(values()) {
        println!("{changes}");
        app.post("/v1/messages", &with(changes))
            .await
            .fields(&wanted);
    }
    assert!(app.ledger.states().is_empty(), "nothing was accepted");
}

type Cases = Vec<(Value, Vec<(&'static str, &'static str)>)>;

/// Bodies of the wrong shape.
fn shapes() -> Cases {
    vec![
        (
            json!({"tempalte": "x"}),
            vec![("/tempalte", "unknown_field")],
        ),
        (json!({"template": null}), vec![("/template", "required")]),
        (json!({"to": null}), vec![("/to", "required")]),
        (json!({"template": 7}), vec![("/template", "wrong_type")]),
        (
            json!({"to": 13_711_112_201_u64}),
            vec![("/to", "wrong_type")],
        ),
        (json!({"to": [PHONE, true]}), vec![("/to/1", "wrong_type")]),
        (
            json!({"to": [{"to": PHONE, "x": 1}]}),
            vec![("/to/0/x", "unknown_field")],
        ),
        (
            json!({"to": [{"vars": {}}]}),
            vec![("/to/0/to", "required")],
        ),
        (json!({"vars": []}), vec![("/vars", "wrong_type")]),
        (json!({"send_at": "soon"}), vec![("/send_at", "invalid")]),
        (json!({"send_at": 5}), vec![("/send_at", "wrong_type")]),
    ]
}

/// Bodies of the right shape with wrong values.
fn values() -> Cases {
    let long = "x".repeat(129);
    vec![
        (
            json!({"expires_at": "2001-01-01T00:00:00Z"}),
            vec![("/expires_at", "already_past")],
        ),
        (json!({"ref": long}), vec![("/ref", "invalid_length")]),
        (
            json!({"account": "nobody"}),
            vec![("/account", "unknown_account")],
        ),
        (json!({"to": []}), vec![("/to", "missing_recipient")]),
        (json!({"to": "12"}), vec![("/to/0", "invalid_recipient")]),
        (
            json!({"to": "li@corp.example"}),
            vec![("/to/0", "invalid_recipient")],
        ),
        (
            json!({"template": "none"}),
            vec![("/template", "unknown_template")],
        ),
        (
            json!({"vars": {}}),
            vec![("/vars/name", "missing_variable")],
        ),
        (
            json!({"vars": {"name": "Li", "more": 1}}),
            vec![("/vars/more", "unknown_variable")],
        ),
        (
            json!({"vars": {"name": "far too long"}}),
            vec![("/vars/name", "too_long")],
        ),
        (
            json!({"vars": {"name": ["Li"]}}),
            vec![("/vars/name", "wrong_type")],
        ),
        (
            json!({"attachments": [{"name": "a"}, {"name": "", "upload": "upl_1"}]}),
            vec![
                ("/attachments/0", "required"),
                ("/attachments/1/name", "invalid_length"),
                ("/attachments/1/upload", "invalid"),
            ],
        ),
        (
            json!({"ref": "", "account": "nobody"}),
            vec![("/ref", "invalid_length"), ("/account", "unknown_account")],
        ),
    ]
}

#[tokio::test]
async fn templates_that_are_not_enabled_are_refused() {
    let app = App::ready().await;
    app.post("/v1/templates", &template("draft"))
        .await
        .expect(201);
    let draft = with(json!({"template": "draft"}));
    let refused = app.post("/v1/messages", &draft).await;
    let problem = refused.problem(409, "template_not_enabled");
    assert_eq!(problem["errors"][0]["pointer"], "/template");
    app.post("/v1/templates/greet/disable", &json!({}))
        .await
        .expect(200);
    let refused = app.post("/v1/messages", &with(json!({}))).await;
    refused.problem(409, "template_not_enabled");
    assert!(app.ledger.states().is_empty(), "nothing was accepted");
}

#[tokio::test]
async fn a_value_given_twice_is_not_swallowed() {
    let app = App::ready().await;
    for (body, pointer) in [
        (
            r#"{"template":"greet","to":"+8613711112201","vars":{"name":"a","name":"b"}}"#,
            "/vars/name",
        ),
        (
            r#"{"template":"greet","to":"+8613711112201","to":"+8613711112202"}"#,
            "/to",
        ),
    ] {
        let answer = app
            .call("POST", "/v1/messages", Some(&app.admin), &[], body)
            .await;
        answer.fields(&[(pointer, "duplicate_field")]);
    }
}

#[tokio::test]
async fn three_bad_recipients_of_a_thousand_cost_the_others_nothing() {
    let app = App::ready().await;
    let to: Vec<Value> = (0..1_000)
        .map(|index| match index {
            17 => json!("12"),
            400 => json!({"to": "+8613711119999", "vars": {"name": "far too long"}}),
            999 => json!("+8613711110000"),
            _ => json!(format!("+861371111{index:04}")),
        })
        .collect();
    let body = json!({"template": "greet", "to": to, "vars": {"name": "Li"}});
    let answer = app.post("/v1/messages", &body).await.expect(202);
    assert_eq!(answer["accepted"], 997);
    assert_eq!(answer["deliveries"].as_array().unwrap().len(), 997);
    let rejected: Vec<_> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["index"].as_u64().unwrap(),
                one["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        rejected,
        [
            (17, "invalid_recipient"),
            (400, "too_long"),
            (999, "duplicate_recipient"),
        ]
    );
    assert_eq!(app.ledger.states().values().sum::<usize>(), 997);
}

#[tokio::test]
async fn too_many_recipients_are_refused_by_their_number() {
    let app = App::ready().await;
    for count in [1_001, 10_001] {
        let to: Vec<_> = (0..count).map(|n| format!("+861370{n:07}")).collect();
        let answer = app.post("/v1/messages", &message(&json!(to))).await;
        let problem = answer.problem(413, "too_large");
        assert_eq!(problem["errors"][0]["pointer"], "/to");
        assert_eq!(problem["errors"][0]["code"], "too_many_recipients");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(&count.to_string()) && detail.contains("1000"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn what_is_not_json_is_refused_with_its_place() {
    let app = App::ready().await;
    for (body, says) in [
        ("{\n oops}", "line 2 column 2"),
        ("", "empty"),
        ("{", "breaks off"),
    ] {
        for path in ["/v1/messages", "/v1/templates", "/v1/messages/batch"] {
            let answer = app.call("POST", path, Some(&app.admin), &[], body).await;
            let problem = answer.problem(400, "malformed_json");
            assert!(
                problem["detail"].as_str().unwrap().contains(says),
                "{problem}"
            );
        }
    }
    let latin = [("content-type", "application/json")];
    let bytes: &[u8] = b"{\"template\":\"\xff\"}";
    let answer = app
        .call("POST", "/v1/messages", Some(&app.admin), &latin, bytes)
        .await;
    answer.problem(400, "malformed_json");
}

#[tokio::test]
async fn a_body_that_is_too_large_names_the_limit() {
    let options = Options {
        max_body_bytes: 1_000,
        ..Options::default()
    };
    let app = App::with(options, Config::default()).await;
    let large = json!({"template": "x".repeat(2_000), "to": PHONE}).to_string();
    for path in [
        "/v1/messages",
        "/v1/messages/batch",
        "/v1/templates",
        "/v1/uploads",
    ] {
        let answer = app
            .call("POST", path, Some(&app.admin), &[], large.clone())
            .await;
        let problem = answer.problem(413, "body_too_large");
        assert!(
            problem["detail"].as_str().unwrap().contains("1000"),
            "{problem}"
        );
    }
    let answer = app
        .call("POST", "/v1/receipts/sim-1", None, &[], large)
        .await;
    answer.problem(413, "body_too_large");
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused() {
    let app = App::ready().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = message(&json!(PHONE)).to_string();
    for path in ["/v1/messages", "/v1/messages/batch", "/v1/templates"] {
        let answer = app
            .call("POST", path, Some(&app.admin), &form, body.clone())
            .await;
        let problem = answer.problem(415, "unsupported_media_type");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("application/json")
        );
    }
    let charset = [("content-type", "Application/JSON; charset=utf-8")];
    let answer = app
        .call("POST", "/v1/messages", Some(&app.admin), &charset, body)
        .await;
    answer.expect(202);
}

#[tokio::test]
async fn phones_are_normalised_and_bad_ones_refused() {
    let app = App::ready().await;
    for (to, canonical) in [
        ("13711112201", Some("+8613711112201")),
        ("+86 137-1111-2202", Some("+8613711112202")),
        ("19911112203", Some("+8619911112203")),
        ("16611112204", Some("+8616611112204")),
        ("+12025550143", Some("+12025550143")),
        ("+999137", None),
        ("1371111220", None),
        ("call me", None),
    ] {
        let answer = app.post("/v1/messages", &message(&json!(to))).await;
        match canonical {
            Some(canonical) => {
                assert_eq!(answer.expect(202)["deliveries"][0]["to"], canonical, "{to}");
            }
            None => {
                let problem = answer.fields(&[("/to/0", "invalid_recipient")]);
                assert!(!problem.to_string().contains(to), "{problem}");
            }
        }
    }
}

#[tokio::test]
async fn wrong_query_parameters_are_all_named() {
    let app = App::ready().await;
    let query = "limit=0&state=gone&channel=smoke&from=now&message=msg_1&cursor=%2A&to=12";
    let answer = app.get(&format!("/v1/deliveries?{query}")).await;
    answer.fields(&[
        ("/limit", "out_of_range"),
        ("/state", "invalid"),
        ("/channel", "invalid"),
        ("/from", "invalid"),
        ("/message", "invalid"),
        ("/cursor", "invalid_cursor"),
        ("/to", "invalid_recipient"),
    ]);
    for (query, pointer, code) in [
        ("phone=1", "/phone", "unknown_field"),
        ("limit=1&limit=2", "/limit", "duplicate_field"),
        ("template=none", "/template", "unknown_template"),
        ("account=none", "/account", "unknown_account"),
        ("app=none", "/app", "unknown_app"),
        (
            "from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
            "/until",
            "out_of_range",
        ),
    ] {
        let answer = app.get(&format!("/v1/deliveries?{query}")).await;
        answer.fields(&[(pointer, code)]);
    }
}
