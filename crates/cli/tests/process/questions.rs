//! What is asked of a vendor besides sending, over real sockets: tokens, outcomes, receipts.

use crate::rig::{Rig, until};
use serde_json::{Value, json};

const SECRET: &str = "test-secret";

/// An account with the simulated vendor, with a behaviour and settings of its own.
async fn account(rig: &Rig, key: &str, mut behaviour: Value, mut settings: Value) {
    behaviour["credentials"] = json!({"token": SECRET});
    let path = format!("/control/behaviours/{key}");
    rig.control().must("PUT", &path, Some(&behaviour)).await;
    settings["endpoint"] = json!(format!("http://{}/a/{key}", rig.vendor));
    let account = json!({
        "key": key, "channel": "sms", "adapter": "simulator", "enabled": true,
        "settings": settings, "secrets": {"token": SECRET}, "limits": {"recipients_per_call": 1},
    });
    rig.client()
        .must("POST", "/v1/accounts", Some(&account))
        .await;
    rig.sms_template("marketing").await;
    rig.route("sms", "marketing", key).await;
}

/// Sends marketing to so many people; the message's id.
async fn send(rig: &Rig, first: usize, people: usize) -> String {
    let to: Vec<String> = (first..first + people)
        .map(|person| format!("+86136{person:08}"))
        .collect();
    let body = json!({"template": "marketing", "to": to, "vars": {"code": "sale"}});
    let sent = rig.client().must("POST", "/v1/messages", Some(&body)).await;
    sent["id"].as_str().unwrap().to_owned()
}

/// Waits until all deliveries of a message are in this state.
async fn all_are(rig: &Rig, message: &str, state: &str, people: usize) {
    until(
        &mut rig.client(),
        &format!("/v1/messages/{message}"),
        |shown| (shown["states"][state].as_u64() == Some(people as u64)).then_some(()),
    )
    .await;
}

async fn tokens_given(rig: &Rig) -> u64 {
    let shown = rig.control().get("/control/behaviours/vendor").await;
    shown["tokens_given"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_sends_share_one_token_and_one_successor() {
    let rig = Rig::start("");
    let tokens = json!({"tokens": {"life_ms": 3_600_000}});
    account(&rig, "vendor", tokens, json!({"auth": "token"})).await;
    let message = send(&rig, 0, 1_000).await;
    all_are(&rig, &message, "sent", 1_000).await;
    assert_eq!(tokens_given(&rig).await, 1);
    let revoke = "/control/behaviours/vendor/tokens";
    rig.control().must("DELETE", revoke, None).await;
    let message = send(&rig, 1_000, 1_000).await;
    all_are(&rig, &message, "sent", 1_000).await;
    assert_eq!(tokens_given(&rig).await, 2);
    assert_eq!(rig.accepted_by_vendor().await["extra_count"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_and_cut_is_found_by_asking_and_sent_exactly_once() {
    let rig = Rig::start("[engine]\ninquiry_wait = \"200ms\"\n");
    let cuts = json!({"rules": [{"match": {"first": 20}, "do": {"cut": {"when": "after"}}}]});
    account(&rig, "vendor", cuts, json!({"query": true})).await;
    let message = send(&rig, 0, 50).await;
    all_are(&rig, &message, "sent", 50).await;
    let vendor = rig.accepted_by_vendor().await;
    assert_eq!(
        (&vendor["accepted"], &vendor["extra_count"]),
        (&json!(50), &json!(0)),
        "{vendor:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_that_are_only_fetched_survive_a_kill() {
    let mut rig = Rig::start("");
    let plan = json!({"receipts": {"pull": true, "delay_ms": [0, 4_000]}});
    account(&rig, "vendor", plan, json!({"pull": true})).await;
    let message = send(&rig, 0, 500).await;
    // Between two pulls: some have come, the others are still with the vendor.
    until(
        &mut rig.client(),
        &format!("/v1/messages/{message}"),
        |shown| (shown["states"]["delivered"].as_u64() >= Some(1)).then_some(()),
    )
    .await;
    rig.kill();
    rig.restart();
    all_are(&rig, &message, "delivered", 500).await;
    let found = rig
        .client()
        .get(&format!("/v1/deliveries?message={message}&limit=1"))
        .await;
    let id = found["items"][0]["id"].as_str().unwrap();
    let story = rig.client().get(&format!("/v1/deliveries/{id}")).await;
    assert_eq!(story["receipts"].as_array().unwrap().len(), 1, "{story:#}");
}

/// Sends by an adapter of a vendor that is imitated with receipts to be fetched only: each finds its
/// delivery.
async fn fetched(adapter: &str, settings: Value, secrets: Value, credentials: Value) {
    let rig = Rig::start("");
    let fails = json!({"share": 0.2, "code": "UNDELIV"});
    let plan = json!({"receipts": {"pull": true, "fail": fails, "delay_ms": [0, 1_000]},
        "credentials": credentials});
    let behaviour = "/control/behaviours/vendor";
    rig.control().must("PUT", behaviour, Some(&plan)).await;
    let account = json!({"key": "vendor", "channel": "sms", "adapter": adapter, "enabled": true,
        "settings": settings, "secrets": secrets});
    let mut account = account;
    account["settings"]["endpoint"] = json!(format!("http://{}/a/vendor", rig.vendor));
    let mut client = rig.client();
    client.must("POST", "/v1/accounts", Some(&account)).await;
    rig.sms_template("marketing").await;
    rig.route("sms", "marketing", "vendor").await;
    let message = send(&rig, 0, 250).await;
    let states = until(&mut client, &format!("/v1/messages/{message}"), |shown| {
        let count = |state: &str| shown["states"][state].as_u64().unwrap_or(0);
        let (delivered, undelivered) = (count("delivered"), count("undelivered"));
        (delivered + undelivered == 250).then_some((delivered, undelivered))
    })
    .await;
    assert!((10..=100).contains(&states.1), "a fifth failed: {states:?}");
    let vendor = rig.accepted_by_vendor().await;
    assert_eq!(vendor["accepted"], 250, "{vendor:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_yunpian_keeps_is_fetched() {
    let secrets = json!({"apikey": SECRET});
    let credentials = json!({"yunpian_apikey": SECRET});
    fetched(
        "yunpian-sms",
        json!({"sign_name": "云片网"}),
        secrets,
        credentials,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tencent_keeps_is_fetched() {
    let keys = json!({"secret_id": "AKID-test", "secret_key": SECRET});
    let settings =
        json!({"sdk_app_id": "1400006666", "sign_name": "腾讯云", "template_id": "1110"});
    fetched(
        "tencent-sms",
        settings,
        keys.clone(),
        json!({"tencent": keys}),
    )
    .await;
}
