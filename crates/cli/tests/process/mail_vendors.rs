//! E-mail by API, from message to receipt: the adapters and the simulator each keep the vendor's
//! protocol by themselves, so that either judges the other.

use crate::rig::{Rig, until};
use serde_json::{Value, json};

const SECRET: &str = "test-secret-of-an-api";

struct Vendor {
    adapter: &'static str,
    path: &'static str,
    settings: Value,
    secrets: Value,
    credentials: Value,
    /// Whom it is sent to, and how that ends. SES does not tell a bad address from a bad request.
    people: &'static [(&'static str, &'static str)],
}

fn vendors() -> [Vendor; 2] {
    [
        Vendor {
            adapter: "sendgrid-email",
            path: "/sendgrid",
            settings: json!({"from": "shop@corp.example", "from_name": "商城"}),
            secrets: json!({ "api_key": SECRET }),
            credentials: json!({ "sendgrid_api_key": SECRET }),
            people: &[
                ("li@corp.example", "delivered"),
                ("bad@corp.example", "failed"),
                ("han@corp.example", "delivered"),
            ],
        },
        Vendor {
            adapter: "aws-ses-email",
            path: "/ses",
            settings: json!({"region": "us-east-1", "from": "shop@corp.example",
                "topic_arn": "arn:aws:sns:us-east-1:123456789012:simulator"}),
            secrets: json!({"access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET}),
            credentials: json!({"aws": {
                "access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET}}),
            people: &[
                ("li@corp.example", "delivered"),
                ("han@corp.example", "delivered"),
            ],
        },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_go_out_and_their_receipts_come_back() {
    let rig = Rig::start("");
    let content = json!({"subject": "{{code}}", "text": "已发货 {{code}}"});
    rig.template("shipped", "email", "notification", content)
        .await;
    for vendor in vendors() {
        let key = vendor.adapter;
        set_up(&rig, &vendor).await;
        rig.route("email", "notification", key).await;
        let to: Vec<&str> = vendor.people.iter().map(|(to, _)| *to).collect();
        let body = json!({"template": "shipped", "vars": {"code": key}, "to": to});
        let mut client = rig.client();
        let answer = client.must("POST", "/v1/messages", Some(&body)).await;
        let deliveries = answer["deliveries"].as_array().unwrap();
        for (delivery, (_, state)) in deliveries.iter().zip(vendor.people) {
            let path = format!("/v1/deliveries/{}", delivery["id"].as_str().unwrap());
            until(&mut client, &path, |delivery| {
                (delivery["state"] == *state).then_some(())
            })
            .await;
        }
    }
    let accepted = rig.accepted_by_vendor().await;
    assert_eq!(
        (&accepted["accepted"], &accepted["doubled_count"]),
        (&json!(4), &json!(0))
    );
}

async fn set_up(rig: &Rig, vendor: &Vendor) {
    let key = vendor.adapter;
    let mut settings = vendor.settings.clone();
    settings["endpoint"] = format!("http://{}/a/{key}{}", rig.vendor, vendor.path).into();
    let account = json!({
        "key": key, "channel": "email", "adapter": key, "enabled": true,
        "settings": settings, "secrets": vendor.secrets,
    });
    let made = rig
        .client()
        .must("POST", "/v1/accounts", Some(&account))
        .await;
    let address = made["receipt_url"].as_str().unwrap();
    let behaviour = json!({
        "rules": [{"match": {"to": {"prefix": "bad"}}, "do": {"reject": {"code": "bad_recipient"}}}],
        "credentials": vendor.credentials,
        "receipts": {"url": format!("http://{}{address}", rig.address)},
    });
    let path = format!("/control/behaviours/{key}");
    rig.control().must("PUT", &path, Some(&behaviour)).await;
}
