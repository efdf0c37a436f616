//! Vendors that answer well and lose receipts. What the vendors saw decides, not what austin says.

use serde_json::{Value, json};

use crate::load::Load;
use crate::rig::{ALONE, Rig, TOKEN, until};
use crate::vendors::{between, paced, per_mille, seconds, shares, unix_now};

/// Messages a second.
const RATE: u64 = 200;

/// What A has of a thousand messages that were taken in `[from, to)`.
async fn share_of_a(rig: &Rig, from: i64, to: i64) -> u64 {
    let (a, b) = (seconds(rig, "a").await, seconds(rig, "b").await);
    let (_, by_a) = between(&a, from, to);
    let (_, by_b) = between(&b, from, to);
    assert!(by_a + by_b > 0, "nothing was taken");
    per_mille(by_a, by_a + by_b)
}

/// Everything A does for `for_seconds`, and its share of the last `counted` of them.
async fn live(rig: &Rig, load: &Load, for_seconds: u64, counted: i64) -> u64 {
    paced(load, RATE, for_seconds).await;
    let to = unix_now();
    share_of_a(rig, to - counted, to).await
}

/// The automatic changes at an account, newest first: action and cause.
async fn changes(rig: &Rig, account: &str) -> Vec<(String, String)> {
    let path = format!("/v1/accounts/{account}/health");
    let health = rig.client().get(&path).await;
    let changes = health["changes"].as_array().unwrap().iter();
    changes
        .map(|change| {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (word(&change["action"]), word(&change["detail"]["cause"]))
        })
        .collect()
}

/// A answers every call well. Only its receipts tell: two of five are lost and the others late. Its
/// share goes to B for that alone, the API says why, and half a minute after its receipts are as
/// before so is the split. Nobody is lost, nobody gets anything twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_and_late_receipts_alone_shift_the_traffic() {
    let _alone = ALONE.lock().await;
    let rig = Rig::start("");
    rig.account("a", "sms", json!({})).await;
    rig.account("b", "sms", json!({})).await;
    rig.sms_template("notification").await;
    shares(&rig, "notification", &[("a", 70), ("b", 30)]).await;
    let load = Load::of_crowds(rig.address, &rig.key, &["notification"], 4, 10);
    let usual = live(&rig, &load, 15, 8).await;
    let lossy = json!({"receipts": {
        "url": format!("http://{}/v1/receipts/a", rig.address), "token": TOKEN,
        "delay_ms": [3_000, 6_000], "lose": 0.4,
        "retry": {"attempts": 200, "first_ms": 50, "most_ms": 500},
    }});
    rig.behaviour("a", lossy).await;
    let shifted = live(&rig, &load, 35, 8).await;
    let sick = rig.client().get("/v1/accounts/a/health").await;
    rig.behaviour("a", json!({})).await;
    let back = live(&rig, &load, 45, 10).await;
    let states = load.finish().await.settle_up(&rig).await;
    println!("A has {usual}, then {shifted}, then {back} of 1000");

    assert!((680..=720).contains(&usual), "{usual}");
    assert!(shifted < 250, "A still has {shifted} of 1000: {sick:#}");
    assert_eq!(sick["last_minute"]["faults"], 0, "{sick:#}");
    assert_eq!(sick["breaker"]["state"], "closed", "{sick:#}");
    let why = sick["factor_cause"].as_str().unwrap();
    assert!(why.starts_with("receipts: "), "{why}");
    let at_a = changes(&rig, "a").await;
    let (last, shifts) = at_a.split_first().unwrap();
    assert!(!shifts.is_empty(), "{at_a:?}");
    for (action, cause) in shifts {
        assert_eq!(action, "weight_shifted", "{at_a:?}");
        assert!(cause.contains("receipts: "), "{at_a:?}");
    }
    assert_eq!(last.0, "weight_shifted", "{at_a:?}");
    assert!(changes(&rig, "b").await.is_empty(), "B did nothing wrong");
    assert!((680..=720).contains(&back), "{back}: {at_a:?}");
    for (state, count) in &states {
        let fine = matches!(state.as_str(), "sent" | "delivered");
        assert!(fine, "{count} deliveries are {state}");
    }
    let vendor = rig.accepted_by_vendor().await;
    assert_eq!(vendor["extra_count"], 0, "{vendor:#}");
}

/// A code that one vendor took and never delivered goes to the other one, code and all, although
/// the process died in between; and nobody is shown it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_without_a_receipt_is_sent_again_after_a_kill() {
    let mut rig = Rig::start("");
    rig.account("a", "sms", json!({"receipts": null})).await;
    rig.account("b", "sms", json!({})).await;
    let template = json!({
        "key": "login", "name": "login", "channel": "sms", "class": "verification",
        "team": "test", "owner": "li@corp.example", "contact": "li@corp.example",
        "business": "test", "content": {"text": "Your code is {{code}}."},
        "variables": {"code": {"type": "string", "required": true, "secret": true,
            "example": "1234"}},
    });
    let mut client = rig.client();
    client.must("POST", "/v1/templates", Some(&template)).await;
    let submit = "/v1/templates/login/submit";
    client.must("POST", submit, Some(&json!({}))).await;
    let route = json!({
        "accounts": [{"account": "a", "weight": 1}, {"account": "b", "weight": 0}],
        "receipt_timeout": {"after": "5s", "most_attempts": 2},
    });
    client
        .must("PUT", "/v1/routes/sms/verification", Some(&route))
        .await;
    let body = json!({"template": "login", "to": ["+8613711112222"], "vars": {"code": "491822"}});
    let sent = client.must("POST", "/v1/messages", Some(&body)).await;
    let path = format!(
        "/v1/deliveries/{}",
        sent["deliveries"][0]["id"].as_str().unwrap()
    );
    until(&mut client, &path, |shown| {
        (shown["state"] == "sent").then_some(())
    })
    .await;
    rig.kill();
    rig.restart();
    let story = until(&mut rig.client(), &path, |shown| {
        (shown["state"] == "delivered").then(|| shown.clone())
    })
    .await;
    let attempts = story["attempts"].as_array().unwrap();
    let accounts: Vec<_> = attempts.iter().map(|attempt| &attempt["account"]).collect();
    assert_eq!(accounts, ["a", "b"], "{story:#}");
    let why = story["timeline"].to_string();
    assert!(
        why.contains("no delivered receipt from a within 5 s"),
        "{story:#}"
    );
    assert!(!story.to_string().contains("491822"), "the code is shown");
    let id = story["id"].as_str().unwrap();
    let path = format!("/control/ledger?reference={id}");
    let vendor = rig.control().get(&path).await;
    let copies = vendor["entries"].as_array().unwrap();
    let same = |copy: &&Value| copy["digest"] == copies[0]["digest"];
    assert_eq!(copies.iter().filter(same).count(), 2, "{vendor:#}");
}
