//! SMS over SMPP: through our own centre that misbehaves, through a centre of another's making,
//! and another's client with our centre.

use std::collections::HashMap;

use austin_testkit::Client;
use serde_json::{Value, json};

use crate::rig::{Rig, until};
use crate::smpp_peers::{ForeignCentre, send_with_foreign_client};

async fn set_up(rig: &Rig, port: u16, class: &str, extra: Value) {
    let mut settings = json!({
        "host": "127.0.0.1", "port": port, "system_id": "acme", "source_addr": "10690000",
        "response_seconds": 5,
    });
    settings
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    let account = json!({
        "key": "smpp-1", "channel": "sms", "adapter": "smpp", "enabled": true,
        "settings": settings, "secrets": {"password": "pa55word"},
    });
    rig.client()
        .must("POST", "/v1/accounts", Some(&account))
        .await;
    rig.route("sms", class, "smpp-1").await;
}

/// Sends a code to each of these numbers; the deliveries' ids.
async fn send(client: &mut Client, template: &str, codes: &[(String, String)]) -> Vec<String> {
    let to: Vec<_> = codes
        .iter()
        .map(|(to, code)| json!({"to": to, "vars": {"code": code}}))
        .collect();
    let body = json!({"template": template, "to": to});
    let answer = client.must("POST", "/v1/messages", Some(&body)).await;
    let deliveries = answer["deliveries"].as_array().unwrap().iter();
    deliveries
        .map(|delivery| delivery["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The delivery once its state is one of `wanted`.
async fn settled(client: &mut Client, id: &str, wanted: &[&str]) -> Value {
    let path = format!("/v1/deliveries/{id}");
    until(client, &path, |delivery| {
        wanted
            .contains(&delivery["state"].as_str()?)
            .then(|| delivery.clone())
    })
    .await
}

fn people(count: usize) -> Vec<(String, String)> {
    (0..count)
        .map(|number| {
            let to = format!("+86137111122{:02}", number % 100);
            (to, format!("c{number}"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_come_home_however_ids_are_written() {
    let rig = Rig::start("");
    set_up(
        &rig,
        rig.smpp.port(),
        "notification",
        json!({"id_format": "hex", "receipt_id_format": "decimal"}),
    )
    .await;
    rig.sms_template("notification").await;
    let long = json!({"text": format!("{}{{{{code}}}}", "字".repeat(150))});
    rig.template("long", "sms", "notification", long).await;
    let rules = json!({
        "auth": {"system_id": "acme", "password": "pa55word"},
        "ids": "hex_then_decimal",
        "receipts": {"delay_ms": [0, 50], "duplicate": 0.5},
        "rules": [{"match": {"every": 3}, "do": {"delay_ms": 60}}],
    });
    rig.control()
        .must("PUT", "/control/smpp", Some(&rules))
        .await;
    let mut client = rig.client();
    let mut ids = send(&mut client, "notification", &people(20)).await;
    ids.extend(send(&mut client, "long", &people(5)).await);
    for id in &ids {
        settled(&mut client, id, &["delivered"]).await;
    }
    let story = settled(&mut client, &ids[20], &["delivered"]).await;
    assert_eq!(story["segments"], 3, "{story:#}");
    let summary = rig.accepted_by_vendor().await;
    assert_eq!(summary["accepted"], 25, "{summary}");
    assert_eq!(summary["doubled_count"], 0, "{summary}");
    let text = story.to_string();
    assert!(!text.contains("pa55word"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misbehaving_centre_gets_nothing_twice() {
    let rig = Rig::start("");
    set_up(&rig, rig.smpp.port(), "marketing", json!({})).await;
    rig.sms_template("marketing").await;
    let rules = json!({
        "receipts": {"form": "both", "early": true},
        "rules": [
            {"match": {"after": 5, "first": 1}, "do": "keep_and_close"},
            {"match": {"after": 10, "first": 1}, "do": "close"},
            {"match": {"after": 15, "first": 2}, "do": "keep_and_drop"},
            {"match": {"after": 20, "first": 1}, "do": {"status": 11}},
            {"match": {"after": 25, "first": 3}, "do": {"status": 88}},
            {"match": {"after": 35, "first": 1}, "do": "garbage"},
        ],
    });
    rig.control()
        .must("PUT", "/control/smpp", Some(&rules))
        .await;
    let mut client = rig.client();
    let ids = send(&mut client, "marketing", &people(60)).await;
    let mut states: HashMap<String, usize> = HashMap::new();
    for id in &ids {
        let ends = ["delivered", "undelivered", "unknown", "failed"];
        let delivery = settled(&mut client, id, &ends).await;
        let state = delivery["state"].as_str().unwrap().to_owned();
        *states.entry(state).or_default() += 1;
    }
    let summary = rig.accepted_by_vendor().await;
    assert_eq!(summary["doubled_count"], 0, "{summary} {states:?}");
    assert_eq!(states.get("failed"), Some(&1), "{states:?}");
    let delivered = states.get("delivered").copied().unwrap_or(0);
    assert!(delivered >= 30, "{states:?}");
    let accepted = usize::try_from(summary["accepted"].as_u64().unwrap()).unwrap();
    let unknown = states.get("unknown").copied().unwrap_or(0);
    assert!(accepted <= delivered + unknown, "{summary} {states:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_wait_for_a_server_that_was_killed() {
    let mut rig = Rig::start("");
    set_up(
        &rig,
        rig.smpp.port(),
        "notification",
        json!({"bind_mode": "pair"}),
    )
    .await;
    rig.sms_template("notification").await;
    let rules = json!({"receipts": {"delay_ms": 1_500}});
    rig.control()
        .must("PUT", "/control/smpp", Some(&rules))
        .await;
    let ids = send(&mut rig.client(), "notification", &people(10)).await;
    for id in &ids {
        settled(&mut rig.client(), id, &["sent", "delivered"]).await;
    }
    rig.kill();
    rig.restart();
    let mut client = rig.client();
    for id in &ids {
        settled(&mut client, id, &["delivered"]).await;
    }
    let summary = rig.accepted_by_vendor().await;
    assert_eq!(
        (&summary["accepted"], &summary["doubled_count"]),
        (&json!(10), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_the_accounts_fault() {
    let rig = Rig::start("");
    let rules = json!({"auth": {"system_id": "acme", "password": "another"}});
    rig.control()
        .must("PUT", "/control/smpp", Some(&rules))
        .await;
    set_up(&rig, rig.smpp.port(), "notification", json!({})).await;
    rig.sms_template("notification").await;
    let mut client = rig.client();
    let ids = send(&mut client, "notification", &people(1)).await;
    let path = format!("/v1/deliveries/{}", ids[0]);
    let story = until(&mut client, &path, |delivery| {
        let text = delivery.to_string();
        text.contains("ESME_RINVPASWD").then_some(text)
    })
    .await;
    assert!(story.contains("misconfigured"), "{story}");
    assert!(!story.contains("pa55word"), "{story}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_centre_of_anothers_making_takes_our_messages() {
    let Some(centre) = ForeignCentre::start() else {
        return;
    };
    let rig = Rig::start("");
    let settings = json!({"id_format": "hex", "receipt_id_format": "decimal"});
    set_up(&rig, centre.port, "notification", settings).await;
    rig.template(
        "short",
        "sms",
        "notification",
        json!({"text": "Your code is {{code}} @ [£5] {€}"}),
    )
    .await;
    let long = json!({"text": format!("{}{{{{code}}}}", "字".repeat(100))});
    rig.template("long", "sms", "notification", long).await;
    let mut client = rig.client();
    let one = [("+8613711112201".to_owned(), "A1".to_owned())];
    let mut ids = send(&mut client, "short", &one).await;
    ids.extend(send(&mut client, "long", &one).await);
    for id in &ids {
        settled(&mut client, id, &["delivered"]).await;
    }
    let words = centre.words();
    let taken: Vec<_> = words.iter().filter(|word| word["to"].is_string()).collect();
    assert_eq!(taken.len(), 3, "{words:?}");
    assert_eq!(taken[0]["text"], "Your code is A1 @ [£5] {€}");
    let head = |word: &Value| {
        (
            word["to"].clone(),
            word["ton"].clone(),
            word["from"].clone(),
        )
    };
    assert_eq!(
        head(taken[0]),
        (json!("8613711112201"), json!(1), json!("10690000"))
    );
    let parts: Vec<_> = taken[1..]
        .iter()
        .map(|word| {
            (
                word["esm_class"].clone(),
                word["registered_delivery"].clone(),
            )
        })
        .collect();
    assert_eq!(parts, [(json!(64), json!(2)), (json!(64), json!(1))]);
    let whole: String = taken[1..]
        .iter()
        .filter_map(|word| word["text"].as_str())
        .collect();
    assert_eq!(whole, format!("{}A1", "字".repeat(100)));
    assert!(
        words.contains(&json!({"person": 0})),
        "a message from a person is taken"
    );
    assert_eq!(
        words.iter().filter(|word| word["receipt"] == 0).count(),
        2,
        "{words:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_anothers_making_is_served_by_our_centre() {
    let rig = Rig::start("");
    let rules = json!({
        "auth": {"system_id": "acme", "password": "pa55word"}, "ids": "hex",
        "receipts": {"form": "both"},
    });
    rig.control()
        .must("PUT", "/control/smpp", Some(&rules))
        .await;
    let long = "字".repeat(150);
    let texts = ["hello @ [£5]", "你好", long.as_str()];
    let Some(parts) = send_with_foreign_client(rig.smpp.port(), &texts) else {
        return;
    };
    assert_eq!(parts, 5);
    let summary = rig.accepted_by_vendor().await;
    assert_eq!(summary["accepted"], 3, "{summary}");
    let progress = rig.control().get("/control/smpp/receipts").await;
    assert_eq!(
        (&progress["promised"], &progress["acknowledged"]),
        (&json!(5), &json!(5))
    );
}
