//! `Idempotency-Key`: requests that come again.

use austin_domain::AppId;
use austin_engine::Once;
use serde_json::{Value, json};

use crate::app::{Answer, App, message, template};

const PHONE: &str = "+8613711112201";

async fn once(app: &App, key: &str, (path, idempotency): (&str, &str), body: &Value) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", idempotency),
    ];
    app.call("POST", path, Some(key), &headers, body.to_string())
        .await
}

async fn people(app: &App) -> usize {
    let found = app.get("/v1/deliveries?limit=100").await.expect(200);
    found["items"].as_array().unwrap().len()
}

fn is_replay(answer: &Answer) -> bool {
    answer
        .headers
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true")
}

#[tokio::test]
async fn a_thousand_at_once_are_one_send_and_hear_the_same() {
    let app = App::ready().await;
    let body = message(&json!([PHONE, "+8613711112202"]));
    let calls = (0..1_000).map(|_| once(&app, &app.admin, ("/v1/messages", "order-1"), &body));
    let answers = futures_util::future::join_all(calls).await;
    let first = answers.iter().filter(|answer| !is_replay(answer)).count();
    assert_eq!(first, 1);
    for answer in &answers {
        assert_eq!(
            (answer.status.as_u16(), &answer.text),
            (202, &answers[0].text)
        );
    }
    assert_eq!(people(&app).await, 2);
    let later = once(&app, &app.admin, ("/v1/messages", "order-1"), &body).await;
    assert!(is_replay(&later));
    assert_eq!(later.text, answers[0].text);
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_app() {
    let app = App::ready().await;
    let at = ("/v1/messages", "k");
    once(&app, &app.admin, at, &message(&json!([PHONE])))
        .await
        .expect(202);
    let other = message(&json!(["+8613711112202"]));
    let refused = once(&app, &app.admin, at, &other).await;
    refused.problem(422, "idempotency_key_reused");
    let elsewhere = ("/v1/messages/batch", "k");
    let batch = json!({"messages": [message(&json!([PHONE]))]});
    let refused = once(&app, &app.admin, elsewhere, &batch).await;
    refused.problem(422, "idempotency_key_reused");
    assert_eq!(people(&app).await, 1);

    let shop = app.key("shop", "sender").await;
    let own = once(&app, &shop, at, &other).await;
    assert!(!is_replay(&own));
    own.expect(202);
    assert_eq!(people(&app).await, 2);
}

#[tokio::test]
async fn what_was_refused_may_be_mended_under_the_same_key() {
    let app = App::ready().await;
    let at = ("/v1/messages", "k");
    let bad = json!({"template": "greet", "to": [PHONE]});
    once(&app, &app.admin, at, &bad)
        .await
        .problem(422, "invalid_request");
    app.ledger.refuse(Some("the disk is full"));
    let good = message(&json!([PHONE]));
    once(&app, &app.admin, at, &good)
        .await
        .problem(503, "unavailable");
    app.ledger.refuse(None);
    let sent = once(&app, &app.admin, at, &good).await;
    assert!(!is_replay(&sent));
    sent.expect(202);
    let again = once(&app, &app.admin, at, &good).await;
    assert!(is_replay(&again));
    assert_eq!(people(&app).await, 1);
}

#[tokio::test]
async fn a_batch_is_repeated_as_a_whole() {
    let app = App::ready().await;
    let at = ("/v1/messages/batch", "batch-1");
    let batch = json!({"messages": [
        message(&json!([PHONE])),
        {"template": "nothing", "to": [PHONE]},
        "no message",
        message(&json!(["+8613711112202", "12"])),
    ]});
    let first = once(&app, &app.admin, at, &batch).await;
    let again = once(&app, &app.admin, at, &batch).await;
    assert!(is_replay(&again) && !is_replay(&first));
    assert_eq!(first.text, again.text);
    let results = first.expect(200);
    let statuses: Vec<_> = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [202, 422, 422, 202]);
    assert_eq!(people(&app).await, 2);
}

#[tokio::test]
async fn other_posts_are_repeated_too() {
    let app = App::ready().await;
    let at = ("/v1/templates", "t");
    let made = once(&app, &app.admin, at, &template("bye")).await;
    let again = once(&app, &app.admin, at, &template("bye")).await;
    assert!(is_replay(&again) && !is_replay(&made));
    assert_eq!((made.status, &made.text), (again.status, &again.text));
    made.expect(201);
    once(&app, &app.admin, at, &template("other"))
        .await
        .problem(422, "idempotency_key_reused");
    // Shown once to the request, however often it comes.
    let at = ("/v1/apps/admin/keys", "key");
    let made = once(&app, &app.admin, at, &json!({"role": "reader"})).await;
    let again = once(&app, &app.admin, at, &json!({"role": "reader"})).await;
    assert!(is_replay(&again));
    assert_eq!(made.expect(201)["key"], again.expect(201)["key"]);
    // A lesser key of the same app is not told what the greater one was.
    let reader = app.key("admin", "reader").await;
    once(&app, &reader, at, &json!({"role": "reader"}))
        .await
        .problem(422, "idempotency_key_reused");
    // A refusal is not kept.
    let at = ("/v1/templates/later/submit", "s");
    once(&app, &app.admin, at, &json!({}))
        .await
        .problem(404, "not_found");
    app.post("/v1/templates", &template("later"))
        .await
        .expect(201);
    once(&app, &app.admin, at, &json!({})).await.expect(200);
}

#[tokio::test]
async fn a_request_that_is_running_is_not_run_again() {
    let app = App::ready().await;
    let asked = Once::new("slow", [0; 32]).unwrap();
    let admin = admin(&app);
    let claim = app.engine.claim(admin, &asked).await.unwrap();
    let at = ("/v1/messages", "slow");
    // Of another body, at once; of the same one, after some patience.
    once(&app, &app.admin, at, &message(&json!([PHONE])))
        .await
        .problem(422, "idempotency_key_reused");
    let refused = app.engine.claim(admin, &asked).await.unwrap_err();
    assert_eq!(refused.code.as_str(), "request_in_progress");
    drop(claim);
    once(&app, &app.admin, at, &message(&json!([PHONE])))
        .await
        .expect(202);
}

fn admin(app: &App) -> AppId {
    let snapshot = app.engine.parts().catalog.snapshot();
    let found = snapshot.apps.values().find(|found| found.name == "admin");
    found.unwrap().id
}

#[tokio::test]
async fn keys_are_text_of_a_sane_length() {
    let app = App::ready().await;
    for key in ["", "two words", &"x".repeat(256)] {
        for path in ["/v1/messages", "/v1/templates"] {
            let refused = once(&app, &app.admin, (path, key), &message(&json!([PHONE]))).await;
            refused.fields(&[("/Idempotency-Key", "invalid_key")]);
        }
    }
    let anonymous = [
        ("idempotency-key", "k"),
        ("content-type", "application/json"),
    ];
    app.call("POST", "/v1/templates", None, &anonymous, "{}")
        .await
        .problem(401, "unauthenticated");
    assert_eq!(people(&app).await, 0);
}
