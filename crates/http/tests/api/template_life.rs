//! The life of templates: every step, every refusal, who and why.

use serde_json::{Value, json};

use crate::app::{Answer, App, message, template};

const PATH: &str = "/v1/templates/greet";
const PHONE: &str = "+8613711112201";

async fn step(app: &App, step: &str, body: Value) -> Answer {
    app.post(&format!("{PATH}/{step}"), &body).await
}

async fn add(app: &App, text: &str) -> Value {
    let body = json!({"content": {"text": text}, "variables": {"name": {}}});
    app.post(&format!("{PATH}/versions"), &body)
        .await
        .expect(201)
}

/// A marketing template `sale`, and keys of its author and of somebody else.
async fn sale(app: &App) -> (String, String) {
    let (author, other) = (
        app.key("writer", "admin").await,
        app.key("boss", "admin").await,
    );
    let mut sale = template("sale");
    sale["class"] = json!("marketing");
    app.post_as(&author, "/v1/templates", &sale)
        .await
        .expect(201);
    (author, other)
}

#[tokio::test]
async fn a_new_version_waits_beside_the_live_one() {
    let app = App::ready().await;
    let read = app.get(PATH).await.expect(200);
    assert_eq!(
        (&read["state"], &read["version"]),
        (&json!("enabled"), &json!(1))
    );
    assert_eq!(read["since"]["by"], "app/admin");
    assert_eq!(read["waiting"], json!(null));

    let made = add(&app, "Hi {{name}}").await;
    assert_eq!(made["version"], 1, "the live version stays current");
    let draft = json!({"version": 2, "state": "draft", "author": "app/admin"});
    assert_eq!(made["waiting"], draft);
    let sent = app.post("/v1/messages", &message(&json!(PHONE))).await;
    assert_eq!(sent.expect(202)["template"]["version"], 1);

    let same = json!({"content": {"text": "Hi {{name}}"}, "variables": {"name": {}}});
    let versions = format!("{PATH}/versions");
    app.put(&versions, &same).await.expect(200);
    let listed = app.get(&versions).await.expect(200);
    assert_eq!(
        listed["items"].as_array().unwrap().len(),
        2,
        "the same words make no version"
    );

    let live = step(&app, "submit", json!({"reason": "friendlier"}))
        .await
        .expect(200);
    assert_eq!(
        (&live["version"], &live["waiting"]),
        (&json!(2), &json!(null))
    );
    let listed = app.get(&versions).await.expect(200);
    let states: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["state"])
        .collect();
    assert_eq!(states, ["live", "retired"]);
    assert_eq!(listed["items"][0]["last"]["step"], "publish");
    assert_eq!(listed["items"][0]["approved"]["reason"], "friendlier");
    assert_eq!(listed["items"][1]["last"]["step"], "retire");
    let sent = app.post("/v1/messages", &message(&json!(PHONE))).await;
    assert_eq!(sent.expect(202)["template"]["version"], 2);

    let back = step(&app, "revert", json!({"reason": "complaints"}))
        .await
        .expect(200);
    assert_eq!(back["version"], 1);
    assert_eq!(back["since"]["reason"], "complaints");
    let forth = step(&app, "publish", json!({"version": 2}))
        .await
        .expect(200);
    assert_eq!(forth["version"], 2);
    let again = step(&app, "publish", json!({"version": 2}))
        .await
        .expect(200);
    assert_eq!(
        again["updated_at"], forth["updated_at"],
        "doing it twice changes nothing"
    );
}

#[tokio::test]
async fn marketing_needs_an_approver_other_than_its_author() {
    let app = App::ready().await;
    let (author, boss) = sale(&app).await;
    let post = async |key: &str, step: &str, body: Value| {
        app.post_as(key, &format!("/v1/templates/sale/{step}"), &body)
            .await
    };
    post(&author, "enable", json!({}))
        .await
        .problem(409, "conflict");
    let asked = post(&author, "submit", json!({})).await.expect(200);
    assert_eq!(asked["state"], "submitted");
    assert_eq!(asked["waiting"]["state"], "submitted");
    assert_eq!(
        post(&author, "submit", json!({})).await.expect(200)["state"],
        "submitted"
    );
    let refused = post(&author, "approve", json!({}))
        .await
        .problem(403, "forbidden");
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("app/writer") && detail.contains("class/marketing"),
        "{detail}"
    );
    post(&author, "publish", json!({"version": 1}))
        .await
        .problem(409, "conflict");
    post(&boss, "reject", json!({}))
        .await
        .fields(&[("/reason", "required")]);
    let back = post(&boss, "reject", json!({"reason": "too loud"}))
        .await
        .expect(200);
    assert_eq!(back["state"], "draft");
    let listed = app.get("/v1/templates/sale/versions").await.expect(200);
    let last = &listed["items"][0]["last"];
    assert_eq!(
        (&last["step"], &last["reason"]),
        (&json!("reject"), &json!("too loud"))
    );
    assert_eq!(last["by"], "app/boss");

    post(&author, "submit", json!({})).await.expect(200);
    let back = post(&author, "withdraw", json!({})).await.expect(200);
    assert_eq!(back["state"], "draft");
    post(&author, "withdraw", json!({}))
        .await
        .problem(409, "conflict");
}

#[tokio::test]
async fn what_another_approved_goes_live() {
    let app = App::ready().await;
    let (author, boss) = sale(&app).await;
    let post = async |key: &str, step: &str, body: Value| {
        app.post_as(key, &format!("/v1/templates/sale/{step}"), &body)
            .await
    };
    post(&author, "submit", json!({})).await.expect(200);
    let fine = post(&boss, "approve", json!({"reason": "good"}))
        .await
        .expect(200);
    assert_eq!(fine["state"], "approved");
    app.post(
        "/v1/messages",
        &json!({"template": "sale", "to": PHONE, "vars": {"name": "Li"}}),
    )
    .await
    .problem(409, "template_not_enabled");
    let live = post(&author, "enable", json!({})).await.expect(200);
    assert_eq!(
        (&live["state"], &live["version"]),
        (&json!("enabled"), &json!(1))
    );

    // A further version, approved and live in one step.
    let body = json!({"content": {"text": "Sale, {{name}}!"}, "variables": {"name": {}}});
    app.post_as(&author, "/v1/templates/sale/versions", &body)
        .await
        .expect(201);
    post(&author, "submit", json!({})).await.expect(200);
    let live = post(&boss, "approve", json!({"publish": true}))
        .await
        .expect(200);
    assert_eq!(
        (&live["state"], &live["version"]),
        (&json!("enabled"), &json!(2))
    );
    let audit = app
        .get("/v1/audit?subject=template/sale&limit=1")
        .await
        .expect(200);
    assert_eq!(audit["items"][0]["author"], "app/boss");
    assert_eq!(
        audit["items"][0]["detail"]["steps"],
        json!(["approve", "publish"])
    );
}

#[tokio::test]
async fn the_only_admin_may_publish_marketing() {
    let app = App::ready().await;
    let mut sale = template("sale");
    sale["class"] = json!("marketing");
    app.post("/v1/templates", &sale).await.expect(201);
    let live = app
        .post("/v1/templates/sale/submit", &json!({}))
        .await
        .expect(200);
    assert_eq!(live["state"], "enabled");
}

#[tokio::test]
async fn a_template_is_switched_off_put_away_and_taken_out_again() {
    let app = App::ready().await;
    step(&app, "archive", json!({}))
        .await
        .problem(409, "conflict");
    let off = step(&app, "disable", json!({"reason": "wrong words"}))
        .await
        .expect(200);
    assert_eq!(
        (&off["state"], &off["since"]["reason"]),
        (&json!("disabled"), &json!("wrong words"))
    );
    let again = step(&app, "disable", json!({})).await.expect(200);
    assert_eq!(
        again["since"]["reason"], "wrong words",
        "doing it twice changes nothing"
    );
    step(&app, "submit", json!({}))
        .await
        .problem(409, "conflict");
    // New words go live without switching it on.
    add(&app, "Hi {{name}}").await;
    let live = step(&app, "submit", json!({})).await.expect(200);
    assert_eq!(
        (&live["state"], &live["version"]),
        (&json!("disabled"), &json!(2))
    );
    step(&app, "restore", json!({}))
        .await
        .problem(409, "conflict");
    let away = step(&app, "archive", json!({"reason": "old"}))
        .await
        .expect(200);
    assert_eq!(away["state"], "archived");
    for (name, body) in [
        ("enable", json!({})),
        ("disable", json!({})),
        ("publish", json!({"version": 1})),
        ("revert", json!({})),
    ] {
        step(&app, name, body).await.problem(409, "conflict");
    }
    let words = json!({"content": {"text": "x"}});
    app.post(&format!("{PATH}/versions"), &words)
        .await
        .problem(409, "conflict");
    app.post("/v1/messages", &message(&json!(PHONE)))
        .await
        .problem(409, "template_not_enabled");
    let archived = app.get("/v1/templates?state=archived").await.expect(200);
    assert_eq!(archived["items"][0]["key"], "greet");
    assert_eq!(
        step(&app, "restore", json!({})).await.expect(200)["state"],
        "disabled"
    );
    let on = app
        .call("POST", &format!("{PATH}/enable"), Some(&app.admin), &[], "")
        .await;
    assert_eq!(on.expect(200)["state"], "enabled");
    let on = step(&app, "enable", json!({"version": 1}))
        .await
        .expect(200);
    assert_eq!(
        (&on["state"], &on["version"]),
        (&json!("enabled"), &json!(1))
    );
}

#[tokio::test]
async fn a_draft_knows_only_the_steps_of_a_draft() {
    let app = App::ready().await;
    app.post("/v1/templates", &template("draft"))
        .await
        .expect(201);
    let draft = |step: &str| format!("/v1/templates/draft/{step}");
    app.post(&draft("disable"), &json!({}))
        .await
        .problem(409, "conflict");
    app.post(&draft("revert"), &json!({}))
        .await
        .problem(409, "conflict");
    app.post(&draft("approve"), &json!({}))
        .await
        .problem(409, "conflict");
    app.post(&draft("reject"), &json!({"reason": "x"}))
        .await
        .problem(409, "conflict");
    app.post(&draft("archive"), &json!({})).await.expect(200);
    assert_eq!(
        app.post(&draft("restore"), &json!({})).await.expect(200)["state"],
        "draft"
    );
}

#[tokio::test]
async fn versions_and_templates_that_are_not_there_are_named() {
    let app = App::ready().await;
    for name in ["submit", "publish", "revert", "enable"] {
        step(&app, name, json!({"version": 9}))
            .await
            .problem(404, "not_found");
    }
    for name in [
        "submit", "withdraw", "approve", "publish", "revert", "enable", "disable", "archive",
        "restore",
    ] {
        let path = format!("/v1/templates/nobody/{name}");
        app.post(&path, &json!({})).await.problem(404, "not_found");
    }
    let long = json!({"reason": "x".repeat(129)});
    step(&app, "disable", long)
        .await
        .fields(&[("/reason", "too_long")]);
    let sender = app.key("shop", "sender").await;
    app.post_as(&sender, &format!("{PATH}/disable"), &json!({}))
        .await
        .problem(403, "forbidden");
}

#[tokio::test]
async fn somebody_answers_for_every_template() {
    let app = App::ready().await;
    let mut nobodys = template("nobodys");
    for field in ["owner", "contact", "business"] {
        nobodys[field] = json!(" ");
    }
    app.post("/v1/templates", &nobodys).await.fields(&[
        ("/owner", "required"),
        ("/contact", "required"),
        ("/business", "required"),
    ]);
    let mut put = json!({"name": "Welcome", "team": "sales", "owner": "wu@corp.example",
        "contact": "oncall"});
    app.put(PATH, &put)
        .await
        .fields(&[("/business", "required")]);
    put["business"] = json!("shop");
    let read = app.put(PATH, &put).await.expect(200);
    assert_eq!(
        (&read["name"], &read["team"]),
        (&json!("Welcome"), &json!("sales"))
    );

    let transfer = json!({"team": "growth", "owner": "zhao@corp.example", "contact": "growth@corp.example",
        "reason": "the team was split"});
    let read = step(&app, "transfer", transfer.clone()).await.expect(200);
    assert_eq!(
        (&read["team"], &read["business"]),
        (&json!("growth"), &json!("shop"))
    );
    step(&app, "transfer", transfer)
        .await
        .fields(&[("/team", "unchanged")]);
    let bare = json!({"team": "", "owner": "", "contact": "x", "reason": ""});
    step(&app, "transfer", bare).await.fields(&[
        ("/team", "required"),
        ("/owner", "required"),
        ("/reason", "required"),
    ]);
    let audit = app
        .get("/v1/audit?subject=template/greet&limit=1")
        .await
        .expect(200);
    let entry = &audit["items"][0];
    assert_eq!(entry["action"], "transfer");
    assert_eq!(entry["detail"]["was"]["team"], "sales");
    assert_eq!(entry["detail"]["reason"], "the team was split");
}
