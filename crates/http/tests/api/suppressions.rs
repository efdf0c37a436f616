//! Who must not be messaged: added, listed, lifted, imported, exported, and what comes by itself.

use austin_domain::{Channel, Timestamp};
use austin_engine::Config;
use austin_ports::suppressions::Suppressed;
use serde_json::{Value, json};

use crate::app::{Answer, App, message};

const TO: &str = "+8613711112200";

fn check(app: &App, channel: Channel, to: &str) -> Option<Suppressed> {
    let parts = app.engine.parts();
    parts.suppressions.check(channel, to, parts.clock.now())
}

fn opt_out(to: &str) -> Value {
    json!({"channel": "sms", "to": to, "reason": "opt_out", "note": "asked by phone"})
}

#[tokio::test]
async fn an_entry_from_its_beginning_to_its_end() {
    let app = App::start().await;
    let made = app
        .post("/v1/suppressions", &opt_out("137 1111 2200"))
        .await;
    let made = made.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    for (name, value) in [
        ("to", json!(TO)),
        ("channel", json!("sms")),
        ("reason", json!("opt_out")),
        ("source", json!("api")),
        ("active", json!(true)),
        ("until", Value::Null),
        ("cause", Value::Null),
        ("author", json!("app/admin")),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    assert_eq!(check(&app, Channel::Sms, TO).unwrap().id.to_string(), id);
    let again = app.post("/v1/suppressions", &opt_out(TO)).await.expect(200);
    assert_eq!(again["id"], id.as_str());
    let path = format!("/v1/suppressions/{id}");
    app.post(&format!("{path}/lift"), &json!({"reason": " "}))
        .await
        .fields(&[("/reason", "required")]);
    app.call("DELETE", &path, Some(&app.admin), &[], "")
        .await
        .fields(&[("/reason", "required")]);
    let lift = format!("{path}?reason=asked%20again");
    for _ in 0..2 {
        let lifted = app.call("DELETE", &lift, Some(&app.admin), &[], "").await;
        assert_eq!(lifted.expect(200)["active"], false);
    }
    assert_eq!(check(&app, Channel::Sms, TO), None);
    let told = app.get(&path).await.expect(200);
    let steps: Vec<_> = told["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["event"].as_str().unwrap(), event["note"].as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            ("created", Some("asked by phone")),
            ("lifted", Some("asked again"))
        ]
    );
    let audit = app
        .get(&format!("/v1/audit?subject=suppression/{id}"))
        .await;
    let audit = audit.expect(200).to_string();
    assert!(
        audit.contains("\"lift\"") && !audit.contains("1371111"),
        "{audit}"
    );
    let missing = app.get("/v1/suppressions/sup_0000000000000").await;
    missing.problem(404, "not_found");
    app.get("/v1/suppressions/nonsense")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let app = App::start().await;
    let body = json!({"channel": "sms", "to": "12", "reason": "because", "until": "yesterday"});
    let refused = app.post("/v1/suppressions", &body).await;
    refused.fields(&[
        ("/to", "invalid_recipient"),
        ("/reason", "unknown_value"),
        ("/until", "invalid"),
    ]);
    let body = json!({"channel": "smoke", "to": TO, "until": "2020-01-01T00:00:00Z"});
    let refused = app.post("/v1/suppressions", &body).await;
    refused.fields(&[("/channel", "unknown_value"), ("/until", "in_the_past")]);
    let refused = app
        .get("/v1/suppressions?channel=x&reason=y&active=z&cursor=q")
        .await;
    refused.fields(&[
        ("/channel", "invalid"),
        ("/reason", "invalid"),
        ("/active", "invalid"),
        ("/cursor", "invalid_cursor"),
    ]);
}

#[tokio::test]
async fn lists_are_filtered_paged_and_masked_for_readers() {
    let app = App::start().await;
    for n in 0..5 {
        let body = opt_out(&format!("+861371111220{n}"));
        app.post("/v1/suppressions", &body).await.expect(201);
    }
    let all = json!({"channel": "all", "to": "Li@Corp.Example"});
    app.post("/v1/suppressions", &all).await.expect(201);
    assert!(check(&app, Channel::Email, "li@corp.example").is_some());
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/suppressions?limit=2{cursor}");
        let page = app.get(&path).await.expect(200);
        let items = page["items"].as_array().unwrap();
        seen.extend(
            items
                .iter()
                .map(|item| item["to"].as_str().unwrap().to_owned()),
        );
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 6);
    assert_eq!(
        (seen[0].as_str(), seen[5].as_str()),
        ("li@corp.example", TO)
    );
    let count = async |query: &str| {
        let page = app.get(&format!("/v1/suppressions?{query}")).await;
        page.expect(200)["items"].as_array().unwrap().len()
    };
    assert_eq!(count("channel=all").await, 1);
    assert_eq!(count("channel=sms&active=true").await, 5);
    assert_eq!(count("active=false").await, 0);
    assert_eq!(count("source=import").await, 0);
    assert_eq!(count("to=13711112200").await, 1);
    assert_eq!(count("to=LI%40corp.example").await, 1);
    let reader = app.key("shop", "reader").await;
    let masked = app.get_as(&reader, "/v1/suppressions").await.expect(200);
    let text = masked.to_string();
    assert!(
        text.contains("+86137****2200") && !text.contains(TO),
        "{text}"
    );
}

async fn import(app: &App, query: &str, file: impl Into<bytes::Bytes>) -> Answer {
    let csv = [("content-type", "text/csv")];
    let path = format!("/v1/suppressions/import{query}");
    app.call("POST", &path, Some(&app.admin), &csv, file).await
}

async fn ended(app: &App, answer: Answer) -> Value {
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    answer.expect(202);
    loop {
        let import = app.get(&location).await.expect(200);
        if import["ended_at"].is_string() {
            return import;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_file_is_imported_told_about_and_exported() {
    let app = App::start().await;
    // GBK, as a Chinese spreadsheet saves it.
    let mut file = b"To,Reason,Note\r\n".to_vec();
    for n in 0..2_500 {
        file.extend(format!("137{n:08},opt_out,").into_bytes());
        file.extend(b"\xcd\xcb\xb6\xa9\r\n");
    }
    file.extend(b"12,opt_out,\r\n13711112200,because,\r\n");
    let import_all = async || ended(&app, import(&app, "?channel=sms", file.clone()).await).await;
    let told = import_all().await;
    assert_eq!(told["state"], "done");
    let rows = |taken: u32, unchanged: u32| json!({"read": 2_502, "taken": taken, "unchanged": unchanged, "rejected": 2});
    assert_eq!(told["rows"], rows(2_500, 0));
    let errors: Vec<_> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (
                error["line"].as_u64().unwrap(),
                error["column"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(errors, [(2_502, "to"), (2_503, "reason")]);
    assert_eq!(import_all().await["rows"], rows(0, 2_500));
    let hit = check(&app, Channel::Sms, "+8613700001234").unwrap();
    let entry = app
        .get(&format!("/v1/suppressions/{}", hit.id))
        .await
        .expect(200);
    assert_eq!(
        (&entry["note"], &entry["source"]),
        (&json!("退订"), &json!("import"))
    );

    let export = app.get("/v1/suppressions/export?channel=sms").await;
    assert_eq!(export.status, 200);
    let mut lines = export.text.lines();
    assert_eq!(lines.next(), Some("\u{feff}to,channel,reason,until,note"));
    assert_eq!(lines.next(), Some("+8613700002499,sms,opt_out,,退订"));
    assert_eq!(lines.count(), 2_499);
    // What was exported is what an import takes.
    let told = ended(&app, import(&app, "", export.text).await).await;
    let rows = json!({"read": 2_500, "taken": 0, "unchanged": 2_500, "rejected": 0});
    assert_eq!(told["rows"], rows);
}

#[tokio::test]
async fn files_that_are_none_are_refused() {
    let config = Config {
        max_import_bytes: 100,
        ..Config::default()
    };
    let app = App::with(austin_http::Options::default(), config).await;
    let told = ended(&app, import(&app, "", "13711112200\n").await).await;
    assert_eq!(told["state"], "failed");
    assert_eq!(told["fault"]["code"], "unknown_column");
    assert!(!told.to_string().contains("1371111"), "{told}");
    // Rows must name a channel where the request names none.
    let told = ended(&app, import(&app, "", "to\n13711112200\n").await).await;
    assert_eq!(told["errors"][0]["column"], "channel");
    import(&app, "?channel=smoke&reason=x", "to\n")
        .await
        .fields(&[("/channel", "unknown_value"), ("/reason", "unknown_value")]);
    let large = import(&app, "", "x".repeat(101)).await;
    large.problem(413, "body_too_large");
    let path = "/v1/suppressions/import";
    let json = [("content-type", "application/json")];
    let wrong = app.call("POST", path, Some(&app.admin), &json, "{}").await;
    wrong.problem(415, "unsupported_media_type");
    app.get("/v1/suppressions/imports/imp_0000000000000")
        .await
        .problem(404, "not_found");
}

/// The receipt URL of a new account.
async fn account(app: &App, key: &str, adapter: &str, more: Value) -> String {
    let mut account = json!({"key": key, "channel": "sms", "adapter": adapter});
    let fields = more.as_object().unwrap().clone();
    account.as_object_mut().unwrap().extend(fields);
    let made = app.post("/v1/accounts", &account).await.expect(201);
    made["receipt_url"].as_str().unwrap().to_owned()
}

async fn yunpian(app: &App) -> String {
    account(
        app,
        "yp-1",
        "yunpian-sms",
        json!({"secrets": {"apikey": "k"}}),
    )
    .await
}

async fn reply(app: &App, url: &str, text: &str, at: &str) {
    let reply = json!({"mobile": "13711112200", "text": text, "reply_time": at}).to_string();
    let encoded: String = reply.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("sms_reply={encoded}");
    let answer = app.call("POST", url, None, &form, body).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (200, "SUCCESS"));
}

#[tokio::test]
async fn a_reply_opts_out_and_in() {
    let app = App::ready().await;
    let url = yunpian(&app).await;
    let sent = app.post("/v1/messages", &message(&json!(TO))).await;
    let id = sent.expect(202)["deliveries"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.settled(&id, "sent").await;
    reply(&app, &url, "谢谢", "2026-01-02 03:04:00").await;
    assert_eq!(check(&app, Channel::Sms, TO), None);
    reply(&app, &url, " ｔｄ。", "2026-01-02 03:04:05").await;
    let hit = check(&app, Channel::Sms, TO).unwrap();
    assert_eq!(hit.cause.unwrap().to_string(), id);
    let entry = app
        .get(&format!("/v1/suppressions/{}", hit.id))
        .await
        .expect(200);
    assert_eq!(
        (&entry["source"], &entry["reason"]),
        (&json!("reply"), &json!("opt_out"))
    );
    reply(&app, &url, "开通", "2026-01-02 03:05:00").await;
    assert_eq!(check(&app, Channel::Sms, TO), None);
    // The vendor posts the first once more.
    reply(&app, &url, " ｔｄ。", "2026-01-02 03:04:05").await;
    assert_eq!(check(&app, Channel::Sms, TO), None);
    reply(&app, &url, "T", "2026-01-02 03:06:00").await;
    assert!(check(&app, Channel::Sms, TO).is_some());
    // What somebody else decided is not lifted by a reply.
    let manual = json!({"channel": "sms", "to": TO, "reason": "manual"});
    app.post("/v1/suppressions", &manual).await.expect(201);
    reply(&app, &url, "START", "2026-01-02 03:07:00").await;
    let left = check(&app, Channel::Sms, TO).unwrap();
    assert_eq!(left.reason.as_str(), "manual");
}

async fn bad_number(app: &App, url: &str, id: &str) {
    let body = json!([{"message_id": format!("m-{id}"), "ext": id, "status_code": "NE:0100"}]);
    let json = [("content-type", "application/json")];
    let answer = app.call("POST", url, None, &json, body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn sent(app: &App) -> String {
    let sent = app.post("/v1/messages", &message(&json!(TO))).await;
    let id = sent.expect(202)["deliveries"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.settled(&id, "sent").await;
    id
}

#[tokio::test]
async fn a_number_that_is_bad_three_times_in_a_row_is_blocked() {
    let app = App::ready().await;
    let volcengine = json!({
        "settings": {"sms_account": "a"},
        "secrets": {"access_key_id": "i", "secret_access_key": "s"},
    });
    let url = account(&app, "volc-1", "volcengine-sms", volcengine).await;
    for _ in 0..2 {
        let id = sent(&app).await;
        // A receipt that is posted again counts once.
        bad_number(&app, &url, &id).await;
        bad_number(&app, &url, &id).await;
    }
    assert_eq!(check(&app, Channel::Sms, TO), None);
    // Something arrives: the count begins anew.
    let id = sent(&app).await;
    let success = format!("/v1/deliveries/{id}/success");
    app.post(&success, &json!({})).await.expect(200);
    for _ in 0..2 {
        bad_number(&app, &url, &sent(&app).await).await;
    }
    assert_eq!(check(&app, Channel::Sms, TO), None);
    let last = sent(&app).await;
    bad_number(&app, &url, &last).await;
    let hit = check(&app, Channel::Sms, TO).unwrap();
    assert_eq!(hit.reason.as_str(), "blocked");
    assert_eq!(hit.cause.unwrap().to_string(), last);
    // Lifting it forgets what was counted.
    let path = format!("/v1/suppressions/{}/lift", hit.id);
    app.post(&path, &json!({"reason": "the number is in use again"}))
        .await
        .expect(200);
    bad_number(&app, &url, &sent(&app).await).await;
    assert_eq!(check(&app, Channel::Sms, TO), None);
}

#[tokio::test]
async fn a_complaint_and_a_hard_bounce_name_their_delivery() {
    let app = App::ready().await;
    let id = sent(&app).await;
    let sendgrid = json!({
        "channel": "email", "settings": {"from": "shop@corp.example"}, "secrets": {"api_key": "k"},
    });
    let url = account(&app, "sg-1", "sendgrid-email", sendgrid).await;
    for (event, more, reason) in [
        ("bounce", json!({"type": "bounce"}), "hard_bounce"),
        ("spamreport", json!({}), "complaint"),
    ] {
        let mut entry = json!({"event": event, "austin_delivery": id, "sg_event_id": event});
        entry
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let json = [("content-type", "application/json")];
        let body = json!([entry]).to_string();
        let answer = app.call("POST", &url, None, &json, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        // A complaint weighs more than a bounce.
        let hit = check(&app, Channel::Sms, TO).unwrap();
        assert_eq!(hit.reason.as_str(), reason);
        assert_eq!(hit.cause.unwrap().to_string(), id);
    }
}

#[tokio::test]
async fn garbage_links_lead_to_a_page_and_nowhere_else() {
    let app = App::start().await;
    for token in ["x", "AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "%00%ff"] {
        for method in ["GET", "POST"] {
            let path = format!("/u/{token}");
            let language = [("accept-language", "zh-CN")];
            let answer = app.call(method, &path, None, &language, "").await;
            assert!(
                matches!(answer.status.as_u16(), 400 | 404),
                "{method} {token}"
            );
            if answer.status == 404 {
                assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
                assert!(answer.text.contains("链接无效"), "{}", answer.text);
                let policy = answer.headers["content-security-policy"].to_str().unwrap();
                assert!(policy.starts_with("default-src 'none'"), "{policy}");
            }
        }
    }
    let now: Timestamp = app.engine.parts().clock.now();
    let filter = austin_ports::suppressions::Filter {
        limit: 1,
        ..Default::default()
    };
    let found = app.engine.parts().suppressions.list(filter, now).await;
    assert!(found.unwrap().items.is_empty());
}
