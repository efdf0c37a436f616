//! The server is killed in the middle of its work, again and again. Nothing that was accepted
//! may be missing, and nothing may be sent twice except where the class allows it and says so.

use std::time::Duration;

use crate::load::{Account, Load};
use crate::rig::{ALONE, Rig, START, austin};
use austin_ports::Entropy as _;
use austin_testkit::SeededEntropy;
use serde_json::json;

const CLASSES: [&str; 3] = ["marketing", "notification", "verification"];

/// The seed of this run: from `KILL_SEED` to repeat one, else new; printed either way.
fn dice() -> SeededEntropy {
    let seed = std::env::var("KILL_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| u64::from(std::process::id()) ^ now_millis());
    println!("KILL_SEED={seed}");
    SeededEntropy::new(seed)
}

fn now_millis() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

fn up_to(dice: &SeededEntropy, most: u64) -> u64 {
    u64::try_from(dice.next() % u128::from(most)).unwrap_or(0)
}

async fn three_lanes(rig: &Rig) {
    rig.account(
        "vendor",
        "sms",
        json!({"rules": [{"do": {"delay": {"ms": [0, 40]}}}]}),
    )
    .await;
    for class in CLASSES {
        rig.sms_template(class).await;
        rig.route("sms", class, "vendor").await;
    }
}

/// Load in `rounds` parts; the server dies somewhere in each.
async fn run(rig: &mut Rig, dice: &SeededEntropy, rounds: u64, per_round: u64) -> Account {
    three_lanes(rig).await;
    let load = Load::start(rig.address, &rig.key, &CLASSES, 6);
    for round in 0..rounds {
        load.release(per_round);
        // Somewhere in this round's part; a slow machine gets on after a while.
        let somewhere = round * per_round + up_to(dice, per_round);
        load.reached(somewhere, Duration::from_secs(8)).await;
        tokio::time::sleep(Duration::from_millis(up_to(dice, 120))).await;
        rig.kill();
        rig.restart();
        println!("killed {} times, {} accepted", round + 1, load.accepted());
    }
    load.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_sixteen_times_nothing_is_lost_and_nothing_silently_doubled() {
    let _alone = ALONE.lock().await;
    let dice = dice();
    let mut rig = Rig::start("");
    let account = run(&mut rig, &dice, 16, 3_400).await;
    assert!(account.deliveries() >= 50_000, "{}", account.deliveries());
    let states = account.settle_up(&rig).await;
    assert!(
        states.contains_key("unknown"),
        "no kill met a call in flight, so this run proves nothing: {states:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_segments_are_begun_and_sealed() {
    let _alone = ALONE.lock().await;
    let dice = dice();
    // A new segment every thousand deliveries: each kill falls near one being sealed.
    let mut rig = Rig::start("[store]\nsegment_deliveries = 1000\n");
    let account = run(&mut rig, &dice, 6, 2_500).await;
    account.settle_up(&rig).await;
    rig.kill();
    let doctor = austin()
        .args(["doctor", "--data"])
        .arg(rig.data())
        .output()
        .expect("doctor runs");
    let said = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_the_store_is_made_and_migrated() {
    let _alone = ALONE.lock().await;
    let dice = dice();
    let mut rig = Rig::start("");
    rig.kill();
    std::fs::remove_dir_all(rig.data()).expect("an empty start");
    for _ in 0..15 {
        let half_made = rig.spawn();
        tokio::time::sleep(Duration::from_millis(up_to(&dice, 400))).await;
        half_made.kill().expect("killed");
    }
    // Whichever start got so far as to make the first key may have died before showing it. A second
    // admin app would have to approve what the first one writes for marketing.
    let key = austin()
        .args(["key", "new", "--app", "admin", "--role", "admin", "--data"])
        .arg(rig.data())
        .output()
        .expect("key runs");
    assert!(
        key.status.success(),
        "{}",
        String::from_utf8_lossy(&key.stderr)
    );
    rig.key = String::from_utf8_lossy(&key.stdout).trim().to_owned();
    rig.restart();
    three_lanes(&rig).await;
    let load = Load::start(rig.address, &rig.key, &CLASSES, 2);
    load.release(300);
    load.finish().await.settle_up(&rig).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_finishes_calls_in_flight_and_keeps_the_rest() {
    let _alone = ALONE.lock().await;
    let mut rig = Rig::start("[engine]\nlane_calls = 4\n");
    rig.account(
        "vendor",
        "sms",
        json!({"rules": [{"do": {"delay": {"ms": 3000}}}]}),
    )
    .await;
    rig.sms_template("marketing").await;
    rig.route("sms", "marketing", "vendor").await;
    let load = Load::start(rig.address, &rig.key, &["marketing"], 2);
    load.release(1_200);
    // Each call lasts three seconds and four go on at a time: the stop meets them.
    rig.calls_answered_by_rule("vendor", 4).await;
    let server = rig.server.take().expect("a running server");
    server.signal("TERM").expect("signalled");
    let ended = server.ended(START);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
    let behaviour = json!({"rules": []});
    rig.control()
        .must("PUT", "/control/behaviours/vendor", Some(&behaviour))
        .await;
    rig.restart();
    let account = load.finish().await;
    let states = account.settle_up(&rig).await;
    assert_eq!(
        states.get("unknown"),
        None,
        "a graceful stop leaves no outcome unknown: {states:?}"
    );
}
