//! Taking back, pausing, resuming.

use serde_json::{Value, json};

use crate::app::{App, message};

const PHONE: &str = "+8613711112201";

fn later(to: &Value) -> Value {
    let mut body = message(to);
    body["send_at"] = json!(far());
    body
}

/// A day from now, whatever today is.
fn far() -> String {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let millis = i64::try_from(since.as_millis()).unwrap() + 86_400_000;
    austin_domain::Timestamp::from_millis(millis).to_string()
}

fn counts(answer: &Value) -> [u64; 5] {
    [
        "withdrawn",
        "taken_back",
        "not_taken_back",
        "under_way",
        "settled",
    ]
    .map(|name| answer[name].as_u64().unwrap())
}

async fn send(app: &App, body: &Value) -> (String, Vec<String>) {
    let sent = app.post("/v1/messages", body).await.expect(202);
    let ids = sent["deliveries"].as_array().unwrap();
    let ids = ids.iter().map(|one| one["id"].as_str().unwrap().to_owned());
    (sent["id"].as_str().unwrap().to_owned(), ids.collect())
}

#[tokio::test]
async fn what_waits_is_withdrawn_once() {
    let app = App::ready().await;
    let (message, people) = send(&app, &later(&json!([PHONE, "+8613711112202"]))).await;
    let (first, second) = (&people[0], &people[1]);
    let path = format!("/v1/deliveries/{first}/recall");
    let recalled = app
        .post(&path, &json!({"reason": "wrong price"}))
        .await
        .expect(200);
    assert_eq!(counts(&recalled), [1, 0, 0, 0, 0]);
    let told = app
        .get(&format!("/v1/deliveries/{first}"))
        .await
        .expect(200);
    assert_eq!(told["state"], "recalled");
    let detail = told["reason"]["detail"].as_str().unwrap();
    assert_eq!(detail, "recalled by app/admin: wrong price");

    let path = format!("/v1/messages/{message}/recall");
    let recalled = app.post(&path, &json!({})).await.expect(200);
    assert_eq!(counts(&recalled), [1, 0, 0, 0, 1]);
    let recalled = app.post(&path, &json!({})).await.expect(200);
    assert_eq!(counts(&recalled), [0, 0, 0, 0, 2]);
    let told = app
        .get(&format!("/v1/deliveries/{second}"))
        .await
        .expect(200);
    assert_eq!(told["state"], "recalled");
    assert_eq!(told["attempts"], json!([]));
}

#[tokio::test]
async fn what_a_vendor_has_is_taken_back_there() {
    let app = App::ready().await;
    let (message, people) = send(&app, &message(&json!([PHONE]))).await;
    app.settled(&people[0], "sent").await;
    let path = format!("/v1/messages/{message}/recall");
    let recalled = app.post(&path, &json!({})).await.expect(200);
    assert_eq!(counts(&recalled), [0, 1, 0, 0, 0]);
    let told = app
        .get(&format!("/v1/deliveries/{}", people[0]))
        .await
        .expect(200);
    assert_eq!(told["state"], "recalled");
    let detail = told["reason"]["detail"].as_str().unwrap();
    assert!(detail.contains("sim-1 took it back"), "{detail}");
}

#[tokio::test]
async fn a_template_is_recalled_with_all_that_waits() {
    let app = App::ready().await;
    let (_, people) = send(&app, &later(&json!([PHONE, "+8613711112202"]))).await;
    app.post("/v1/templates", &crate::app::template("other"))
        .await
        .expect(201);
    app.post("/v1/templates/other/submit", &json!({}))
        .await
        .expect(200);
    let mut other = later(&json!([PHONE]));
    other["template"] = json!("other");
    let (_, others) = send(&app, &other).await;
    app.post("/v1/lanes/sms/notification/pause", &json!({}))
        .await
        .expect(200);
    let (_, waiting) = send(&app, &message(&json!(["+8613711112203"]))).await;
    let recalled = app
        .post("/v1/templates/greet/recall", &json!({"reason": "no"}))
        .await;
    assert_eq!(counts(&recalled.expect(200)), [3, 0, 0, 0, 0]);
    for id in people.iter().chain(&waiting) {
        app.settled(id, "recalled").await;
    }
    app.settled(&others[0], "scheduled").await;
}

#[tokio::test]
async fn only_who_sent_it_may_take_it_back() {
    let app = App::ready().await;
    let shop = app.key("shop", "sender").await;
    let other = app.key("other", "sender").await;
    let body = later(&json!([PHONE]));
    let sent = app.post_as(&shop, "/v1/messages", &body).await.expect(202);
    let path = format!("/v1/messages/{}/recall", sent["id"].as_str().unwrap());
    app.post_as(&other, &path, &json!({}))
        .await
        .problem(404, "not_found");
    let reader = app.key("shop", "reader").await;
    app.post_as(&reader, &path, &json!({}))
        .await
        .problem(403, "forbidden");
    app.post_as(&shop, "/v1/templates/greet/recall", &json!({}))
        .await
        .problem(403, "forbidden");
    let long = json!({"reason": "x".repeat(201)});
    app.post_as(&shop, &path, &long)
        .await
        .fields(&[("/reason", "invalid_text")]);
    let recalled = app.post_as(&shop, &path, &json!({})).await.expect(200);
    assert_eq!(counts(&recalled), [1, 0, 0, 0, 0]);
    for nothing in [
        "/v1/messages/msg_1/recall",
        "/v1/deliveries/dlv_0000000000001/recall",
    ] {
        app.post(nothing, &json!({}))
            .await
            .problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_paused_template_holds_and_a_resumed_one_sends() {
    let app = App::ready().await;
    for (of, rule) in [
        ("templates/greet", "template/greet"),
        ("teams/care", "team/care"),
    ] {
        let why = json!({"reason": "price is wrong"});
        let paused = app.post(&format!("/v1/{of}/pause"), &why).await.expect(200);
        assert_eq!(paused["items"][0]["reason"], "price is wrong");
        assert_eq!(app.get("/v1/pauses").await.expect(200), paused);
        let (_, people) = send(&app, &message(&json!([PHONE]))).await;
        let held = app.settled(&people[0], "held").await;
        assert_eq!(held["reason"]["code"], "paused");
        assert_eq!(held["reason"]["rule"]["name"], rule);
        assert_eq!(held["due_at"], held["expires_at"]);
        let resumed = app
            .post(&format!("/v1/{of}/resume"), &json!({}))
            .await
            .expect(200);
        assert_eq!(resumed["items"], json!([]));
        let sent = app.settled(&people[0], "sent").await;
        let events: Vec<_> = sent["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["event"].as_str().unwrap())
            .collect();
        assert_eq!(events, ["accepted", "held", "queued", "attempt", "sent"]);
    }
}

#[tokio::test]
async fn a_paused_lane_stands_and_says_so() {
    let app = App::ready().await;
    let lane = "/v1/lanes/sms/notification";
    app.post(&format!("{lane}/pause"), &json!({"reason": "vendor moves"}))
        .await
        .expect(200);
    let (_, people) = send(&app, &message(&json!([PHONE]))).await;
    let mut blocked = Value::Null;
    for _ in 0..400 {
        let lanes = app.get("/v1/lanes").await.expect(200);
        blocked = lanes["items"][0]["blocked"].clone();
        if blocked.is_string() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(
        blocked.as_str().unwrap().contains("vendor moves"),
        "{blocked}"
    );
    let sent = app
        .post("/v1/messages", &message(&json!(["+8613711112202"])))
        .await
        .expect(202);
    let why = sent["wait"]["reason"].as_str().unwrap();
    assert!(why.contains("the lane is paused"), "{why}");
    let told = app
        .get(&format!("/v1/deliveries/{}", people[0]))
        .await
        .expect(200);
    assert_eq!(told["state"], "accepted");
    app.post(&format!("{lane}/resume"), &json!({}))
        .await
        .expect(200);
    app.settled(&people[0], "sent").await;
}

#[tokio::test]
async fn pauses_are_checked_and_audited() {
    let app = App::ready().await;
    let past = json!({"until": "2020-01-01T00:00:00Z"});
    app.post("/v1/templates/greet/pause", &past)
        .await
        .fields(&[("/until", "already_past")]);
    for nothing in [
        "templates/none",
        "teams/none",
        "lanes/sms/gossip",
        "lanes/smoke/marketing",
    ] {
        let path = format!("/v1/{nothing}/pause");
        app.post(&path, &json!({})).await.problem(404, "not_found");
    }
    let reader = app.key("care", "reader").await;
    app.post_as(&reader, "/v1/teams/care/pause", &json!({}))
        .await
        .problem(403, "forbidden");
    let until = json!({"until": far()});
    app.post("/v1/teams/care/pause", &until).await.expect(200);
    let told = app.get("/v1/audit?subject=team/care").await.expect(200);
    assert_eq!(told["items"][0]["action"], "pause");
}
