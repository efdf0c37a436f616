//! How accounts and lanes do, as clients see it.

use serde_json::{Value, json};

use crate::app::{App, account, message};

#[tokio::test]
async fn a_limit_is_told_to_the_caller_on_the_lane_and_on_the_message() {
    let app = App::ready().await;
    let mut limited = account("sim-1");
    limited["limits"] = json!({
        "per_second": 1, "recipients_per_call": 1,
        "recipients_per_second": 50, "recipients_per_day": 100_000,
        "per_number": [{"class": "verification", "count": 1, "window": "1m"}],
    });
    let put = app.put("/v1/accounts/sim-1", &limited).await.expect(200);
    assert_eq!(put["limits"]["per_number"], limited["limits"]["per_number"]);
    let to: Vec<String> = (0..50).map(|n| format!("+86137111122{n:02}")).collect();
    let body = json!({"template": "greet", "vars": {"name": "Li"}, "to": to});
    let sent = app.post("/v1/messages", &body).await.expect(202);
    let path = format!("/v1/messages/{}", sent["id"].as_str().unwrap());
    let wait = loop {
        let shown = app.get(&path).await.expect(200);
        if shown["wait"]["reason"].is_string() {
            break shown["wait"].clone();
        }
        tokio::task::yield_now().await;
    };
    let reason = wait["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("limited by sim-1: 1/s since "),
        "{reason}"
    );
    assert!(reason.contains(" ahead, about "), "{reason}");
    assert!(wait["ahead"].as_u64().unwrap() > 40, "{wait}");
    assert!(wait["seconds"].as_u64().unwrap() >= 1, "{wait}");

    let lane = app.get("/v1/lanes").await.expect(200)["items"][0].clone();
    assert_eq!(lane["limits"][0]["account"], "sim-1");
    assert_eq!(lane["limits"][0]["limit"], "calls_per_second");
    assert_eq!(lane["limits"][0]["most"], 1.0);
    let next = app
        .post("/v1/messages", &message(&json!(["+8613711112299"])))
        .await
        .expect(202);
    let told = next["wait"]["reason"].as_str().unwrap();
    assert!(told.starts_with("limited by sim-1: 1/s since "), "{told}");
}

#[tokio::test]
async fn an_accounts_health_is_shown_with_its_rates_and_windows() {
    let app = App::ready().await;
    let sent = app
        .post("/v1/messages", &message(&json!(["+8613711112299"])))
        .await
        .expect(202);
    let delivery = sent["deliveries"][0]["id"].as_str().unwrap();
    app.settled(delivery, "sent").await;
    let health = app.get("/v1/accounts/sim-1/health").await.expect(200);
    assert_eq!(health["state"], "well");
    assert_eq!(health["factor"], 1.0);
    assert_eq!(health["breaker"]["state"], "closed");
    assert_eq!(health["rate"]["calls_per_second"], Value::Null);
    assert_eq!(health["last_ten_seconds"]["recipients"], 1);
    assert_eq!(health["last_minute"]["fault_rate"], 0.0);
    assert_eq!(health["recipients_today"], 1);
    assert_eq!(health["steer"], Value::Null);
    assert_eq!(health["changes"], json!([]));
    app.get("/v1/accounts/nobody/health")
        .await
        .problem(404, "not_found");
    let sender = app.key("shop", "sender").await;
    app.get_as(&sender, "/v1/accounts/sim-1/health")
        .await
        .problem(403, "forbidden");
}

#[tokio::test]
async fn limits_that_cannot_be_are_named() {
    let app = App::ready().await;
    let mut wrong = account("sim-2");
    wrong["limits"] = json!({
        "recipients_per_second": 0, "recipients_per_day": 0,
        "per_number": [{"count": 0, "window": "1m"}, {"count": 1, "window": "0s"}],
    });
    app.post("/v1/accounts", &wrong).await.fields(&[
        ("/limits/recipients_per_second", "out_of_range"),
        ("/limits/recipients_per_day", "out_of_range"),
        ("/limits/per_number/0/count", "out_of_range"),
        ("/limits/per_number/1/window", "invalid_duration"),
    ]);
}
