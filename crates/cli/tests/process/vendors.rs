//! Several vendors: one fails for a minute, one takes messages and cuts the connection, one allows so
//! much a second. What the vendors saw decides, not what austin says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::load::Load;
use crate::rig::{ALONE, Rig, until};

/// Messages to the vendor per second, by its own clock, and what of them it accepted.
pub(crate) type Seconds = BTreeMap<i64, (u64, u64)>;

pub(crate) async fn seconds(rig: &Rig, behaviour: &str) -> Seconds {
    let path = format!("/control/rates?limit=600&behaviour={behaviour}");
    let shown = rig.control().get(&path).await;
    shown["rates"][behaviour]
        .as_array()
        .map(|rates| {
            rates
                .iter()
                .filter_map(|second| {
                    let count = |name: &str| second[name].as_u64();
                    let at = second["second"].as_i64()?;
                    Some((at, (count("messages")?, count("accepted")?)))
                })
                .collect()
        })
        .unwrap_or_default()
}

/// Messages and acceptances in `[from, to)`, in Unix seconds.
pub(crate) fn between(seconds: &Seconds, from: i64, to: i64) -> (u64, u64) {
    seconds
        .range(from..to)
        .fold((0, 0), |sum, (_, one)| (sum.0 + one.0, sum.1 + one.1))
}

pub(crate) fn unix_now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map(|since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        .unwrap_or_default()
}

pub(crate) async fn shares(rig: &Rig, class: &str, accounts: &[(&str, u32)]) {
    let accounts: Vec<Value> = accounts
        .iter()
        .map(|(account, weight)| json!({"account": account, "weight": weight}))
        .collect();
    let path = format!("/v1/routes/sms/{class}");
    let body = json!({"accounts": accounts});
    rig.client().must("PUT", &path, Some(&body)).await;
}

/// Releases `per_second` deliveries a second for `seconds`.
pub(crate) async fn paced(load: &Load, per_second: u64, seconds: u64) {
    let begin = Instant::now();
    let step = Duration::from_millis(20);
    let steps = seconds * 50;
    for turn in 0..steps {
        load.release(per_second / 50);
        let next = begin + step * u32::try_from(turn + 1).unwrap_or(u32::MAX);
        tokio::time::sleep_until(next).await;
    }
}

/// Vendor A answers 500 for a minute. From the second second on B has the traffic and A sees
/// probes; half a minute after A is well again the shares are as configured; nobody is lost and
/// nobody gets anything twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_answers_500_is_left_alone_until_it_is_well() {
    let _alone = ALONE.lock().await;
    let rig = Rig::start("");
    rig.account("a", "sms", json!({})).await;
    rig.account("b", "sms", json!({})).await;
    rig.sms_template("notification").await;
    shares(&rig, "notification", &[("a", 70), ("b", 30)]).await;
    let load = Load::of_crowds(rig.address, &rig.key, &["notification"], 4, 10);
    paced(&load, RATE, 5).await;
    let fails = json!({"rules": [{"do": {"status": {"status": 500}}}]});
    rig.behaviour("a", fails).await;
    let sick_from = unix_now();
    paced(&load, RATE, 60).await;
    rig.behaviour("a", json!({})).await;
    let well_from = unix_now();
    paced(&load, RATE, 30).await;
    let back_from = unix_now();
    paced(&load, RATE, 12).await;
    let back_to = unix_now();
    let account = load.finish().await;
    let states = account.settle_up(&rig).await;

    let (a, b) = (seconds(&rig, "a").await, seconds(&rig, "b").await);
    let (at_a, taken_by_a) = between(&a, sick_from + 2, well_from);
    let (_, taken_by_b) = between(&b, sick_from + 2, well_from);
    println!("while A was sick: {at_a} messages reached it, B took {taken_by_b}");
    assert_eq!(taken_by_a, 0, "A took messages while it answered 500");
    assert!(taken_by_b > RATE * 50, "B took {taken_by_b} in a minute");
    assert!(
        at_a * 1000 <= taken_by_b,
        "{at_a} messages went to A while B took {taken_by_b}"
    );
    let (_, by_a) = between(&a, back_from + 1, back_to);
    let (_, by_b) = between(&b, back_from + 1, back_to);
    let share = per_mille(by_a, by_a + by_b);
    println!("half a minute after its recovery A has {share} of 1000");
    assert!(
        (680..=720).contains(&share),
        "A has {share} per mille, not 700 ± 20"
    );
    for (state, count) in &states {
        let fine = matches!(state.as_str(), "sent" | "delivered");
        assert!(fine, "{count} deliveries are {state}");
    }
    let history = rig.client().get("/v1/accounts/a/health").await;
    let changes = history["changes"].to_string();
    for action in ["breaker_opened", "breaker_closed"] {
        assert!(changes.contains(action), "{action} is not in {history:#}");
    }
}

pub(crate) fn per_mille(part: u64, whole: u64) -> u64 {
    part * 1000 / whole.max(1)
}

/// A takes every message and cuts the connection instead of answering: nobody gets marketing
/// twice, a code is sent again by B while it is valid, and its timeline says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_vendor_may_have_taken_follows_the_policy_of_its_class() {
    let rig = Rig::start("");
    // Without receipts: one would tell that the vendor has it after all, and end the doubt.
    let cuts = json!({"rules": [{"do": {"cut": {"when": "after"}}}], "receipts": null});
    rig.account("well", "sms", json!({})).await;
    for class in ["marketing", "verification"] {
        // Each class has a vendor of its own, so that none rests because of the other's faults.
        rig.account(class, "sms", cuts.clone()).await;
        rig.sms_template(class).await;
        shares(&rig, class, &[(class, 1), ("well", 0)]).await;
    }
    let mut client = rig.client();
    let mut ids = Vec::new();
    for (class, prefix) in [("marketing", "+86137"), ("verification", "+86138")] {
        for person in 0..4 {
            let to = format!("{prefix}{person:08}");
            let body = json!({"template": class, "to": [to], "vars": {"code": "1234"}});
            let answer = client.must("POST", "/v1/messages", Some(&body)).await;
            let id = answer["deliveries"][0]["id"].as_str().unwrap().to_owned();
            ids.push((class, id));
        }
    }
    for (class, id) in ids {
        let path = format!("/v1/deliveries/{id}");
        let delivery = until(&mut client, &path, |shown| {
            let state = shown["state"].as_str()?;
            (!matches!(state, "accepted" | "queued" | "sending")).then(|| shown.clone())
        })
        .await;
        let path = format!("/control/ledger?reference={id}");
        let copies = rig.control().get(&path).await["count"].clone();
        match class {
            "marketing" => assert_eq!(copies, 1, "{delivery:#}"),
            _ => {
                let attempts = delivery["attempts"].as_array().unwrap();
                let last = attempts.last().unwrap();
                let ends = (&attempts[0]["verdict"], &last["verdict"]);
                assert_eq!(
                    ends,
                    (&json!("unknown"), &json!("accepted")),
                    "{delivery:#}"
                );
                assert_eq!(last["account"], "well", "{delivery:#}");
                assert_eq!(copies, json!(attempts.len()), "{delivery:#}");
                let why = delivery["timeline"].to_string();
                assert!(why.contains("it was sent again"), "{delivery:#}");
            }
        }
    }
}

/// 300 a second: the vendor sees that, no more and hardly less, for half a minute; codes pass
/// 200,000 marketing messages that wait at the same account.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_kept_and_codes_pass_what_waits() {
    let _alone = ALONE.lock().await;
    let rig = Rig::start("");
    rig.account("slow", "sms", json!({})).await;
    let limits = json!({"per_second": 300, "recipients_per_call": 1});
    rig.limit("slow", limits).await;
    for class in ["marketing", "verification"] {
        rig.sms_template(class).await;
        rig.route("sms", class, "slow").await;
    }
    let mut client = rig.client();
    for crowd in 0..200 {
        let to: Vec<String> = (0..1_000)
            .map(|person| format!("+86136{:08}", crowd * 1_000 + person))
            .collect();
        let body = json!({"template": "marketing", "to": to, "vars": {"code": "sale"}});
        client.must("POST", "/v1/messages", Some(&body)).await;
    }
    let from = unix_now() + 1;
    let mut took = Vec::new();
    let begin = Instant::now();
    for code in 0u32.. {
        if begin.elapsed() >= Duration::from_secs(33) {
            break;
        }
        let to = format!("+86137{code:08}");
        let body = json!({"template": "verification", "to": [to], "vars": {"code": "1234"}});
        let sent = Instant::now();
        let answer = client.must("POST", "/v1/messages", Some(&body)).await;
        let id = answer["deliveries"][0]["id"].as_str().unwrap().to_owned();
        until(&mut client, &format!("/v1/deliveries/{id}"), |shown| {
            matches!(shown["state"].as_str()?, "sent" | "delivered").then_some(())
        })
        .await;
        took.push(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let seen = seconds(&rig, "slow").await;
    let (messages, _) = between(&seen, from, from + 30);
    took.sort();
    let p99 = took[took.len() * 99 / 100];
    let each: Vec<u64> = seen.range(from..from + 30).map(|(_, one)| one.0).collect();
    println!(
        "{messages} in 30 s, by second {each:?}; {} codes, p99 {p99:?}",
        took.len()
    );
    assert!(
        (8_730..=9_270).contains(&messages),
        "{messages} in 30 s, not 9000 ± 3 %"
    );
    assert!(p99 < Duration::from_secs(1), "p99 of a code is {p99:?}");
    let lanes = client.get("/v1/lanes").await.to_string();
    assert!(lanes.contains("limited by slow: 300/s"), "{lanes}");
}

/// Deliveries a second.
const RATE: u64 = 500;
