//! Messages and deliveries: sent, found again, told.

use serde_json::{Value, json};

use crate::app::{App, message};

const PHONE: &str = "+8613711112201";

async fn send_as(app: &App, key: &str, body: &Value) -> Value {
    app.post_as(key, "/v1/messages", body).await.expect(202)
}

#[tokio::test]
async fn a_message_is_sent_and_its_story_told() {
    let app = App::ready().await;
    let body = json!({
        "template": "greet", "vars": {"name": "Li"}, "ref": "order-1",
        "to": [PHONE, {"to": "13711112202", "vars": {"name": "Han"}, "ref": "second"}],
    });
    let id = [
        ("x-request-id", "shop-77"),
        ("content-type", "application/json"),
    ];
    let answer = app
        .call(
            "POST",
            "/v1/messages",
            Some(&app.admin),
            &id,
            body.to_string(),
        )
        .await;
    assert_eq!(answer.headers["x-request-id"], "shop-77");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let sent = answer.expect(202);
    assert_eq!(sent["template"], json!({"key": "greet", "version": 1}));
    assert_eq!(sent["deliveries"][1]["to"], "+8613711112202");
    assert_eq!(sent["wait"]["reason"], Value::Null);

    let delivery = sent["deliveries"][1]["id"].as_str().unwrap();
    let told = app.settled(delivery, "sent").await;
    assert_eq!(told["ref"], "second");
    assert_eq!(told["vars"], json!({"name": "Han"}));
    assert_eq!(told["request_id"], "shop-77");
    assert_eq!(told["account"], "sim-1");
    let events: Vec<_> = told["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["accepted", "attempt", "sent"]);
    let attempt = &told["attempts"][0];
    assert_eq!(attempt["verdict"], "accepted");
    assert_eq!(attempt["took_ms"], 0);
    assert_eq!(attempt["vendor_id"], format!("sim-{delivery}"));
    assert!(attempt["answer"].as_str().unwrap().contains("\"ok\""));

    let path = format!("/v1/messages/{}", sent["id"].as_str().unwrap());
    app.settled(sent["deliveries"][0]["id"].as_str().unwrap(), "sent")
        .await;
    let read = app.get(&path).await.expect(200);
    assert_eq!(read["states"], json!({"sent": 2}));
    assert_eq!(read["recipients"], 2);
    assert_eq!(read["app"], "admin");
    assert_eq!(read["vars"], json!({"name": "Li"}));
    let listed = app
        .get(&format!("{path}/deliveries?limit=1"))
        .await
        .expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let cursor = listed["cursor"].as_str().unwrap();
    let rest = format!("{path}/deliveries?limit=1&cursor={cursor}");
    let rest = app.get(&rest).await.expect(200);
    assert_ne!(rest["items"][0]["id"], listed["items"][0]["id"]);
}

#[tokio::test]
async fn deliveries_are_found_by_every_filter() {
    let app = App::ready().await;
    let shop = app.key("shop", "sender").await;
    let mut wanted = message(&json!(PHONE));
    wanted["ref"] = json!("order-9");
    let sent = send_as(&app, &shop, &wanted).await;
    let id = sent["deliveries"][0]["id"].as_str().unwrap();
    let told = app.settled(id, "sent").await;
    let other = send_as(&app, &app.admin, &message(&json!("+8613711112209"))).await;
    let other = other["deliveries"][0]["id"].as_str().unwrap();
    app.settled(other, "sent").await;
    let until = told["accepted_at"].as_str().unwrap();
    for query in [
        "to=%2B8613711112201".to_owned(),
        "to=+8613711112201".to_owned(),
        "to=13711112201".to_owned(),
        "ref=order-9".into(),
        format!("message={}", sent["id"].as_str().unwrap()),
        format!("vendor_id=sim-{id}"),
        "app=shop".into(),
        "app=shop&template=greet&team=care&account=sim-1&state=sent&channel=sms".into(),
        format!("app=shop&from={until}"),
    ] {
        let found = app
            .get(&format!("/v1/deliveries?{query}"))
            .await
            .expect(200);
        let ids: Vec<_> = found["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| &d["id"])
            .collect();
        assert_eq!(ids, [id], "{query}");
    }
    for query in [
        "team=nobody",
        "state=failed",
        "channel=email",
        "ref=order",
        "from=2099-01-01T00:00:00Z",
    ] {
        let found = app
            .get(&format!("/v1/deliveries?{query}"))
            .await
            .expect(200);
        assert_eq!(found["items"], json!([]), "{query}");
    }
    let both = app.get("/v1/deliveries?template=greet").await.expect(200);
    assert_eq!(both["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn senders_see_their_own_and_readers_see_no_address() {
    let app = App::ready().await;
    let shop = app.key("shop", "sender").await;
    let bank = app.key("bank", "sender").await;
    let reader = app.key("audit", "reader").await;
    let sent = send_as(&app, &shop, &message(&json!(PHONE))).await;
    let id = sent["deliveries"][0]["id"].as_str().unwrap();
    app.settled(id, "sent").await;
    let delivery = format!("/v1/deliveries/{id}");
    let message = format!("/v1/messages/{}", sent["id"].as_str().unwrap());
    let deliveries = format!("{message}/deliveries");

    let own = app.get_as(&shop, &delivery).await.expect(200);
    assert_eq!(own["to"], PHONE);
    assert!(
        own["attempts"][0]["request"]
            .as_str()
            .unwrap()
            .contains("13711112201")
    );
    let found = app.get_as(&shop, "/v1/deliveries").await.expect(200);
    assert_eq!(found["items"][0]["to"], PHONE);

    for path in [&delivery, &message, &deliveries] {
        app.get_as(&bank, path).await.problem(404, "not_found");
    }
    for query in ["", "?app=shop", "?to=13711112201"] {
        let found = app.get_as(&bank, &format!("/v1/deliveries{query}")).await;
        assert_eq!(found.expect(200)["items"], json!([]), "{query}");
    }

    for path in [&delivery, &message, &deliveries, "/v1/deliveries"] {
        let seen = app.get_as(&reader, path).await;
        assert!(!seen.text.contains("13711112201"), "{path}: {}", seen.text);
        assert!(!seen.text.contains("\"Li\""), "{path}: {}", seen.text);
        seen.expect(200);
    }
    let masked = app.get_as(&reader, &delivery).await.expect(200);
    assert_eq!(masked["to"], "+86137****2201");
}

#[tokio::test]
async fn secret_values_are_never_shown() {
    let app = App::ready().await;
    let template = json!({
        "key": "code", "channel": "sms", "class": "notification",
        "owner": "li@corp.example", "contact": "li@corp.example", "business": "shop",
        "content": {"text": "{{code}} is your code, {{name}}"},
        "variables": {"code": {"secret": true, "example": "000000"}, "name": {}},
    });
    app.post("/v1/templates", &template).await.expect(201);
    app.post("/v1/templates/code/enable", &json!({}))
        .await
        .expect(200);
    let body = json!({"template": "code", "to": PHONE, "vars": {"code": "775533", "name": "Li"}});
    let sent = app.post("/v1/messages", &body).await;
    assert!(!sent.text.contains("775533"));
    let sent = sent.expect(202);
    let id = sent["deliveries"][0]["id"].as_str().unwrap();
    let told = app.settled(id, "sent").await;
    assert_eq!(told["vars"], json!({"name": "Li"}));
    let message = format!("/v1/messages/{}", sent["id"].as_str().unwrap());
    assert!(!app.get(&message).await.text.contains("775533"));
}

#[tokio::test]
async fn a_batch_answers_each_item_in_its_place() {
    let app = App::ready().await;
    let items = [
        message(&json!(PHONE)),
        json!({"template": "greet"}),
        json!("text"),
        json!({"template": "none", "to": PHONE}),
        message(&json!("+8613711112202")),
    ];
    let check = |results: &[Value]| {
        let statuses: Vec<_> = results
            .iter()
            .map(|one| one["status"].as_u64().unwrap())
            .collect();
        assert_eq!(statuses, [202, 422, 422, 422, 202]);
        assert_eq!(results[0]["message"]["accepted"], 1);
        assert_eq!(results[1]["problem"]["errors"][0]["pointer"], "/to");
        assert_eq!(
            results[3]["problem"]["errors"][0]["code"],
            "unknown_template"
        );
        assert_eq!(
            results[4]["message"]["deliveries"][0]["to"],
            "+8613711112202"
        );
    };
    let answer = app
        .post("/v1/messages/batch", &json!({"messages": items}))
        .await;
    check(answer.expect(200)["results"].as_array().unwrap());

    let mut lines: Vec<String> = items.iter().map(Value::to_string).collect();
    lines.insert(2, String::new());
    let headers = [("content-type", "application/x-ndjson")];
    let path = "/v1/messages/batch";
    let answer = app
        .call("POST", path, Some(&app.admin), &headers, lines.join("\r\n"))
        .await;
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let results: Vec<Value> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    check(&results);
    let broken = format!("{}\n{{oops\n", items[0]);
    let answer = app
        .call("POST", path, Some(&app.admin), &headers, broken)
        .await;
    let last: Value = serde_json::from_str(answer.text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(last["problem"]["code"], "malformed_json");
}

#[tokio::test]
async fn batches_have_a_limit() {
    let app = App::ready().await;
    let one = message(&json!(PHONE));
    let answer = app
        .post("/v1/messages/batch", &json!({"messages": vec![one; 1_001]}))
        .await;
    let problem = answer.problem(413, "too_large");
    assert!(
        problem["detail"].as_str().unwrap().contains("1000"),
        "{problem}"
    );
    let answer = app
        .post("/v1/messages/batch", &json!({"messages": []}))
        .await;
    answer.fields(&[("/messages", "required")]);
    let answer = app
        .post("/v1/messages/batch", &json!({"messages": [], "x": 1}))
        .await;
    answer.fields(&[("/x", "unknown_field")]);
}

#[tokio::test]
async fn a_store_that_takes_nothing_says_so() {
    let app = App::ready().await;
    app.ledger.refuse(Some("the disk is full"));
    let answer = app.post("/v1/messages", &message(&json!(PHONE))).await;
    assert_eq!(answer.headers["retry-after"], "5");
    let problem = answer.problem(503, "unavailable");
    assert!(
        problem["detail"].as_str().unwrap().contains("disk is full"),
        "{problem}"
    );
    let ready = app.call("GET", "/readyz", None, &[], "").await.expect(503);
    assert_eq!(ready["status"], "refusing");
    assert!(
        ready["reason"].as_str().unwrap().contains("disk is full"),
        "{ready}"
    );
}

#[tokio::test]
async fn things_that_do_not_exist_are_not_found() {
    let app = App::ready().await;
    for path in [
        "/v1/messages/msg_04hmasw9nf6yf",
        "/v1/messages/nonsense",
        "/v1/messages/msg_04hmasw9nf6yf/deliveries",
        "/v1/deliveries/dlv_04hmasw9nf6yf",
        "/v1/deliveries/msg_04hmasw9nf6yf",
        "/v1/templates/none",
        "/v1/accounts/none",
        "/v1/apps/none",
        "/v1/adapters/none",
        "/v1/routes/sms/marketing",
        "/problems/none",
    ] {
        app.get(path).await.problem(404, "not_found");
    }
}
