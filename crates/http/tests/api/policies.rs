//! Policies: what is refused, what is kept, how one comes back.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::app::{Answer, App, template};

const NIGHT: &str = "/v1/policies/night";

async fn delete(app: &App) -> Answer {
    app.call("DELETE", NIGHT, Some(&app.admin), &[], "").await
}

#[tokio::test]
async fn every_fault_of_a_policy_is_named_at_once() {
    let app = App::start().await;
    let body = json!({
        "dedupe": {}, "dedup": {"window": "soon"}, "applies_to": {"channels": ["fax"]},
        "cap": [{"per": "recipient", "count": 0, "window": "1d"}], "reason": "x".repeat(129),
    });
    app.put(NIGHT, &body).await.fields(&[
        ("/dedupe", "unknown_field"),
        ("/dedup/window", "invalid_duration"),
        ("/applies_to/channels/0", "unknown_value"),
        ("/cap/0/count", "out_of_range"),
        ("/reason", "too_long"),
    ]);
    app.put("/v1/policies/No", &json!({}))
        .await
        .fields(&[("/name", "invalid_key")]);
    app.get(NIGHT).await.problem(404, "not_found");
    let versions = app.get(&format!("{NIGHT}/versions")).await;
    versions.problem(404, "not_found");
}

#[tokio::test]
async fn a_policy_is_kept_in_versions_and_comes_back_in_one_call() {
    let app = App::start().await;
    let first = json!({"description": "nights", "quiet_hours": "hold"});
    let mut body = first.clone();
    body["reason"] = json!("complaints");
    let made = app.put(NIGHT, &body).await.expect(200);
    assert_eq!((&made["version"], &made["document"]), (&json!(1), &first));
    assert_eq!(made["reason"], "complaints");
    let second = json!({"quiet_hours": "none"});
    app.put(NIGHT, &second).await.expect(200);
    let read = app.get(NIGHT).await.expect(200);
    assert_eq!((&read["version"], &read["document"]), (&json!(2), &second));
    assert_eq!(read["history"][1]["detail"]["reason"], "complaints");
    let listed = app.get("/v1/policies").await.expect(200);
    assert_eq!(listed["items"][0]["name"], "night");

    delete(&app).await.expect(204);
    app.get(NIGHT).await.problem(404, "not_found");
    delete(&app).await.problem(404, "not_found");
    let revert = format!("{NIGHT}/revert");
    let back = app.post(&revert, &json!({"version": 1})).await.expect(200);
    assert_eq!((&back["version"], &back["document"]), (&json!(4), &first));
    assert_eq!(back["reason"], "back to version 1");
    for version in [3, 9] {
        let gone = app.post(&revert, &json!({"version": version})).await;
        gone.problem(404, "not_found");
    }
    let page = app.get(&format!("{NIGHT}/versions?limit=2")).await;
    let page = page.expect(200);
    assert_eq!(page["items"][1]["document"], json!(null));
    let cursor = page["cursor"].as_str().unwrap();
    let rest = app.get(&format!("{NIGHT}/versions?cursor={cursor}")).await;
    assert_eq!(rest.expect(200)["items"].as_array().unwrap().len(), 2);
}

/// An app with a template `sale` that has no rules of its own.
async fn with_sale(class: &str, policy: &Value) -> App {
    let app = App::ready().await;
    let mut body = template("sale");
    body["class"] = json!(class);
    body.as_object_mut().unwrap().remove("policies");
    app.post("/v1/templates", &body).await.expect(201);
    let submit = app.post("/v1/templates/sale/submit", &json!({})).await;
    submit.expect(200);
    let route = json!({"accounts": [{"account": "sim-1", "weight": 1}]});
    let path = format!("/v1/routes/sms/{class}");
    app.put(&path, &route).await.expect(200);
    app.put("/v1/policies/rules", policy).await.expect(200);
    app
}

fn sale(to: &str, name: &str) -> Value {
    json!({"template": "sale", "to": [to], "vars": {"name": name}})
}

/// The deliveries of so many requests made at the same time, one recipient each.
async fn at_once(app: &Arc<App>, bodies: Vec<Value>) -> Vec<Value> {
    let mut tasks = tokio::task::JoinSet::new();
    for body in bodies {
        let app = Arc::clone(app);
        tasks.spawn(async move {
            let sent = app.post("/v1/messages", &body).await.expect(202);
            sent["deliveries"][0].clone()
        });
    }
    tasks.join_all().await
}

fn split(deliveries: &[Value]) -> (Vec<&Value>, Vec<&Value>) {
    deliveries
        .iter()
        .partition(|one| one["state"] == "accepted")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_hundred_at_once_a_cap_of_five_lets_five_go() {
    let cap = json!({"dedup": "off", "cap": [{"per": "recipient", "count": 5, "window": "1d"}]});
    let app = Arc::new(with_sale("notification", &cap).await);
    let bodies = (0..500).map(|n| sale("+8613711112201", &n.to_string()));
    let deliveries = at_once(&app, bodies.collect()).await;
    let (accepted, suppressed) = split(&deliveries);
    assert_eq!((accepted.len(), suppressed.len()), (5, 495));
    let ids: Vec<&Value> = accepted.iter().map(|one| &one["id"]).collect();
    for one in suppressed {
        let reason = &one["reason"];
        assert_eq!(reason["code"], "cap", "{one}");
        assert_eq!(reason["rule"]["name"], "policy/rules");
        assert!(ids.contains(&&reason["cause"]), "{one}");
    }
    // Another person is not concerned.
    let other = app
        .post("/v1/messages", &sale("+8613711112202", "Li"))
        .await;
    assert_eq!(other.expect(202)["deliveries"][0]["state"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_at_once_with_the_same_words_one_goes() {
    let app = Arc::new(with_sale("notification", &json!({})).await);
    let bodies = vec![sale("+8613711112201", "Li"); 1_000];
    let deliveries = at_once(&app, bodies).await;
    let (accepted, suppressed) = split(&deliveries);
    assert_eq!((accepted.len(), suppressed.len()), (1, 999));
    for one in suppressed {
        let reason = &one["reason"];
        assert_eq!(reason["code"], "duplicate");
        assert_eq!(reason["rule"]["name"], "class/notification");
        assert_eq!(reason["cause"], accepted[0]["id"]);
    }
    let other = app
        .post("/v1/messages", &sale("+8613711112201", "Wu"))
        .await;
    assert_eq!(other.expect(202)["deliveries"][0]["state"], "accepted");
}

#[tokio::test]
async fn a_suppressed_person_finds_the_rule_its_version_and_the_earlier_delivery() {
    let rules = json!({"dedup": "off", "repeat": {"window": "1h"}});
    let app = with_sale("verification", &rules).await;
    app.put("/v1/policies/rules", &rules).await.expect(200);
    let send = || async {
        let sent = app
            .post("/v1/messages", &sale("+8613711112201", "Li"))
            .await;
        sent.expect(202)["deliveries"][0].clone()
    };
    let (first, second) = (send().await, send().await);
    assert_eq!(second["state"], "suppressed");
    let id = second["id"].as_str().unwrap();
    let told = app.get(&format!("/v1/deliveries/{id}")).await.expect(200);
    for reason in [&told["reason"], &second["reason"]] {
        let rule = json!({"name": "policy/rules", "version": 2, "part": "repeat"});
        assert_eq!(reason["rule"], rule);
        assert_eq!(reason["cause"], first["id"]);
        let detail = reason["detail"].as_str().unwrap();
        assert!(detail.contains("less than 1h ago"), "{detail}");
    }
    let steps = told["timeline"].as_array().unwrap();
    let step = steps.iter().find(|step| step["event"] == "suppressed");
    assert_eq!(step.unwrap()["cause"], first["id"], "{steps:?}");
    let listed = app.get("/v1/deliveries?state=suppressed").await.expect(200);
    assert_eq!(listed["items"][0]["id"], second["id"]);
}

#[tokio::test]
async fn quiet_hours_hold_and_a_release_lets_go() {
    // Quiet but for one minute of the day, which is not now.
    let minute = |offset: i64| {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        let minutes = i64::try_from(since.as_secs() / 60).unwrap() + 8 * 60 + offset;
        let of_day = minutes.rem_euclid(1_440);
        format!("{:02}:{:02}", of_day / 60, of_day % 60)
    };
    let windows = json!([{"from": minute(-300), "to": minute(300)}]);
    let rules = json!({"quiet_hours": {"action": "hold", "windows": windows}});
    let app = with_sale("notification", &rules).await;
    let sent = app
        .post("/v1/messages", &sale("+8613711112201", "Li"))
        .await;
    let delivery = sent.expect(202)["deliveries"][0].clone();
    assert_eq!(delivery["state"], "held");
    assert_eq!(delivery["reason"]["rule"]["part"], "quiet_hours");
    let held = app.get("/v1/deliveries?state=held").await.expect(200);
    assert_eq!(held["items"][0]["id"], delivery["id"]);
    let id = delivery["id"].as_str().unwrap();
    let path = format!("/v1/deliveries/{id}/release");
    let released = app.post(&path, &json!({"reason": "it burns"})).await;
    assert_eq!(released.expect(200)["state"], "queued");
    app.settled(id, "sent").await;
    app.post(&path, &json!({})).await.problem(409, "conflict");
}

#[tokio::test]
async fn the_words_of_a_message_are_checked() {
    let rules = json!({"content": {"links": ["corp.example"], "opt_out": {"any_of": ["TD退订"]}}});
    let app = with_sale("notification", &rules).await;
    let bad = sale("+8613711112201", "x.example");
    let sent = app.post("/v1/messages", &bad).await.expect(202);
    let delivery = &sent["deliveries"][0];
    assert_eq!(delivery["state"], "suppressed", "{sent}");
    assert_eq!(delivery["reason"]["code"], "content");
    let hold = json!({"content": {"links": ["corp.example"], "on_fault": "hold"}});
    app.put("/v1/policies/rules", &hold).await.expect(200);
    let sent = app.post("/v1/messages", &bad).await.expect(202);
    assert_eq!(sent["deliveries"][0]["state"], "held");
    let unknown = json!({"content": {"words": ["nowhere"]},
        "quiet_hours": {"action": "hold", "calendar": "nowhere"}});
    app.put("/v1/policies/rules", &unknown).await.fields(&[
        ("/content/words/0", "invalid"),
        ("/quiet_hours/calendar", "unknown_calendar"),
    ]);
}

#[tokio::test]
async fn a_simulation_looks_at_every_rule_and_sends_nothing() {
    let rules = json!({"repeat": {"window": "1h"}, "quiet_hours": "hold",
        "cap": [{"per": "recipient", "count": 5, "calendar": "day"}]});
    let app = with_sale("notification", &rules).await;
    let ask = json!({"template": "sale", "to": "+8613711112201", "at": "2026-06-01T04:00:00Z"});
    let open = app.post("/v1/policies/simulate", &ask).await.expect(200);
    assert_eq!(open["state"], "accepted", "{open}");
    assert_eq!(open["local"], "2026-06-01 12:00 Asia/Shanghai");
    let about: Vec<&str> = open["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["about"].as_str().unwrap())
        .collect();
    let wanted = [
        "template",
        "suppression",
        "quiet_hours",
        "dedup",
        "repeat",
        "cap",
    ];
    assert_eq!(about, wanted);
    let mut night = ask.clone();
    night["at"] = json!("2026-06-01T15:00:00Z");
    let held = app.post("/v1/policies/simulate", &night).await.expect(200);
    assert_eq!(held["state"], "held");
    assert_eq!(held["reason"]["rule"]["name"], "policy/rules");
    night["time_zone"] = json!("Europe/Berlin");
    let abroad = app.post("/v1/policies/simulate", &night).await.expect(200);
    assert_eq!(abroad["state"], "accepted");
    let listed = app.get("/v1/deliveries").await.expect(200);
    assert_eq!(listed["items"], json!([]));
    let refused = app
        .post(
            "/v1/policies/simulate",
            &json!({"template": "no", "to": "1"}),
        )
        .await;
    refused.fields(&[("/template", "unknown_template")]);
}

#[tokio::test]
async fn a_preview_plays_what_was_sent_once_more() {
    let app = with_sale("notification", &json!({"dedup": "off"})).await;
    for person in ["+8613711112201", "+8613711112202"] {
        for name in ["a", "b", "c"] {
            let sent = app.post("/v1/messages", &sale(person, name)).await;
            sent.expect(202);
        }
    }
    let until = "2126-01-01T00:00:00Z";
    let mut ask = json!({"name": "rules", "from": "2126-01-01T00:00:00Z", "until": until,
        "document": {"cap": [{"per": "recipient", "count": 2, "window": "1d"}]}});
    let refused = app.post("/v1/policies/preview", &ask).await;
    refused.fields(&[("/until", "out_of_range")]);
    let day = |offset: i64| {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        let seconds = i64::try_from(since.as_secs()).unwrap() + offset * 86_400;
        json!(austin_domain::Timestamp::from_seconds(seconds).to_string())
    };
    (ask["from"], ask["until"]) = (day(-1), day(1));
    let told = app.post("/v1/policies/preview", &ask).await.expect(200);
    assert_eq!(
        (&told["deliveries"], &told["stopped"]),
        (&json!(6), &json!(2))
    );
    assert_eq!(
        (&told["people"], &told["stopped_at"]),
        (&json!(2), &json!(null))
    );
    assert_eq!(told["by_rule"][0]["rule"]["part"], "cap/0");
    ask["document"] = json!({"cap": 1});
    let refused = app.post("/v1/policies/preview", &ask).await;
    refused.fields(&[("/document/cap", "wrong_type")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ref_stands_for_one_message_where_a_rule_says_so() {
    let rules = json!({"dedup": "off", "ref": {"unique": "1d"}});
    let app = Arc::new(with_sale("notification", &rules).await);
    let with_ref = |n: u32| {
        let mut body = sale(&format!("+86137111122{n:02}"), "Li");
        body["ref"] = json!("order-1");
        body
    };
    let deliveries = at_once(&app, (0..50).map(with_ref).collect()).await;
    let (accepted, suppressed) = split(&deliveries);
    assert_eq!((accepted.len(), suppressed.len()), (1, 49));
    for one in suppressed {
        assert_eq!(one["reason"]["code"], "duplicate_ref");
        assert_eq!(one["reason"]["rule"]["part"], "ref");
        assert_eq!(one["reason"]["cause"], accepted[0]["id"]);
    }
    let mut other = with_ref(60);
    other["ref"] = json!("order-2");
    other["to"] =
        json!([{"to": "+8613711112260", "ref": "a"}, {"to": "+8613711112261", "ref": "a"}]);
    let sent = app.post("/v1/messages", &other).await.expect(202);
    assert_eq!(sent["deliveries"][0]["state"], "accepted");
    assert_eq!(sent["deliveries"][1]["state"], "suppressed");
}
