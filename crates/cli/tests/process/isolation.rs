//! One vendor hangs; verification codes through another go on as if nothing had happened.
//!
//! Time is measured by pairs of windows: the quiet one and the disturbed one follow each other,
//! so that a busy machine slows both. The medians of several pairs are compared, and below a
//! floor of half a second nothing is concluded: a starved lane would wait for the hanging calls,
//! each of which lasts ten seconds, so the floor hides nothing that matters.

use std::time::{Duration, Instant};

use crate::rig::{ALONE, Rig, until};
use austin_testkit::Client;
use serde_json::json;

const WINDOWS: usize = 5;
const CODES: usize = 40;
const FLOOR: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_vendor_does_not_delay_another_lane() {
    let _alone = ALONE.lock().await;
    // Few calls at a time, so that hanging ones take every place of their lane.
    let rig = Rig::start("[engine]\nlane_calls = 16\n");
    rig.account("quick", "sms", json!({})).await;
    rig.account("stuck", "sms", json!({"rules": [{"do": {"hang": {}}}]}))
        .await;
    for (class, account) in [("verification", "quick"), ("marketing", "stuck")] {
        rig.sms_template(class).await;
        rig.route("sms", class, account).await;
    }
    let mut client = rig.client();
    window(&mut client, 0).await;
    let quiet = median(&mut client, 1).await;
    flood(&rig).await;
    let disturbed = median(&mut client, 100).await;
    println!("p99 of a verification code: quiet {quiet:?}, beside a hanging vendor {disturbed:?}");
    assert!(
        disturbed <= FLOOR.max(2 * quiet),
        "quiet {quiet:?}, beside a hanging vendor {disturbed:?}"
    );
}

/// Fills the marketing lane until all its calls hang and thousands wait behind them.
async fn flood(rig: &Rig) {
    let mut client = rig.client();
    for crowd in 0..20 {
        let to: Vec<String> = (0..500)
            .map(|person| format!("+86136{:08}", crowd * 500 + person))
            .collect();
        let body = json!({"template": "marketing", "to": to, "vars": {"code": "sale"}});
        client.must("POST", "/v1/messages", Some(&body)).await;
    }
    rig.calls_answered_by_rule("stuck", 16).await;
    until(&mut client, "/v1/lanes", |lanes| {
        lanes["items"].as_array()?.iter().find(|lane| {
            lane["channel"] == "sms"
                && lane["class"] == "marketing"
                && lane["waiting"].as_u64() >= Some(1_000)
        })?;
        Some(())
    })
    .await;
}

/// The median of the p99 of several windows.
async fn median(client: &mut Client, first: usize) -> Duration {
    let mut windows = Vec::new();
    for number in 0..WINDOWS {
        windows.push(window(client, first + number).await);
    }
    windows.sort();
    windows[WINDOWS / 2]
}

/// The p99 of codes from the request until the vendor has taken it.
async fn window(client: &mut Client, number: usize) -> Duration {
    let mut took = Vec::new();
    for code in 0..CODES {
        let to = format!("+86137{:08}", number * CODES + code);
        let body = json!({"template": "verification", "to": [to], "vars": {"code": "1234"}});
        let began = Instant::now();
        let answer = client.must("POST", "/v1/messages", Some(&body)).await;
        let id = answer["deliveries"][0]["id"].as_str().unwrap_or_default();
        let path = format!("/v1/deliveries/{id}");
        loop {
            let state = client.get(&path).await["state"].clone();
            if state == "sent" || state == "delivered" {
                break;
            }
            assert!(began.elapsed() < crate::rig::START, "{id} stayed {state}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        took.push(began.elapsed());
    }
    took.sort();
    took[CODES * 99 / 100]
}
