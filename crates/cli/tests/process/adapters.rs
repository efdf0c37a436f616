//! Adapters that are uploaded while the server works: swapped under load, tried, taken back,
//! refused, and hostile.

use std::time::Duration;

use crate::load::Load;
use crate::rig::{ALONE, Rig, austin, until};
use austin_domain::Timestamp;
use austin_ports::Clock as _;
use austin_ports::clock::SystemClock;
use serde_json::{Value, json};

const LANE: &str = "notification";

/// A script that speaks the simulator's protocol to the behaviour of its account with `marker`
/// behind its name, which the vendor's ledger shows; `before` runs first in every send.
fn script(marker: &str, before: &str) -> String {
    let script = r#"
export function start(account, batch, context) {
  BEFORE
  const messages = batch.items.map(item => ({
    reference: item.reference, to: item.to, text: item.text, vars: {},
  }));
  return {call: {
    method: "POST",
    url: account.settings.endpoint + "MARKER/sim/send",
    headers: {"content-type": "application/json"},
    body: JSON.stringify({account: account.key, class: batch.class, messages}),
  }};
}
export function resume(account, batch, state, reply, context) {
  if (reply.kind !== "http" || reply.status !== 200) return {all: host.verdict(reply)};
  const results = host.parseJson(reply.body).results;
  return {done: batch.items.map(item => {
    const result = results.find(one => one.reference === item.reference);
    if (!result) return {verdict: "unknown", code: "missing"};
    if (result.code === "ok") return {verdict: "accepted", vendor_id: result.id};
    return {verdict: "elsewhere", code: result.code};
  })};
}
"#;
    script.replace("MARKER", marker).replace("BEFORE", before)
}

fn upload(marker: &str, script: &str) -> Value {
    json!({
        "definition": {
            "descriptor": {
                "title": "Acme", "channels": ["sms"],
                "documentation": "https://acme.example/docs",
                "settings": [{"name": "endpoint", "kind": "url", "required": true,
                    "help": "Where it is."}],
                "batching": {"max_recipients": 20},
            },
            "hosts": [],
        },
        "script": script,
        "examples": {
            "account": {"settings": {"endpoint": "http://vendor.example/a"}, "secrets": {}},
            "examples": [{
                "name": "a send",
                "send": {"items": [{"to": "+8613711112201", "text": "hello"}]},
                "steps": [{"expect": {"call": {
                    "url": format!("http://vendor.example/a{marker}/sim/send"),
                }}}],
            }],
        },
        "reason": "tests",
    })
}

/// Uploads and checks a version; its number.
async fn push(rig: &Rig, name: &str, marker: &str, before: &str) -> u64 {
    let mut client = rig.client();
    let path = format!("/v1/adapters/{name}");
    let made = client
        .must("PUT", &path, Some(&upload(marker, &script(marker, before))))
        .await;
    let version = made["version"].as_u64().expect("a number");
    assert_eq!(made["state"], "draft", "{made:#}");
    let body = json!({ "version": version });
    let check = client
        .must("POST", &format!("{path}/check"), Some(&body))
        .await;
    assert_eq!(check["passed"], true, "{check:#}");
    version
}

async fn activate(rig: &Rig, name: &str, version: u64) {
    let body = json!({"version": version, "reason": "tests"});
    let path = format!("/v1/adapters/{name}/activate");
    let adapter = rig.client().must("POST", &path, Some(&body)).await;
    assert_eq!(adapter["uploaded"]["active"], version, "{adapter:#}");
}

/// An account of an uploaded adapter, and all of a lane through it.
async fn account(rig: &Rig, key: &str, adapter: &str, class: &str) {
    for marker in ["", "-v2"] {
        let path = format!("/control/behaviours/{key}{marker}");
        let behaviour = json!({"rules": []});
        rig.control().must("PUT", &path, Some(&behaviour)).await;
    }
    let account = json!({
        "key": key, "channel": "sms", "adapter": adapter, "enabled": true,
        "settings": {"endpoint": format!("http://{}/a/{key}", rig.vendor)},
    });
    let mut client = rig.client();
    client.must("POST", "/v1/accounts", Some(&account)).await;
    rig.sms_template(class).await;
    rig.route("sms", class, key).await;
}

/// A server that sends through version 1 of `acme`.
async fn rig() -> Rig {
    let rig = Rig::start("");
    let version = push(&rig, "acme", "", "").await;
    activate(&rig, "acme", version).await;
    account(&rig, "acme-1", "acme", LANE).await;
    rig
}

/// About so many messages a second, for so many quarters of a second.
async fn steadily(load: &Load, per_second: u64, quarters: u64) {
    for _ in 0..quarters {
        load.release(per_second / 4);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Whom the vendor took a delivery from: the name of the account and the version's marker.
async fn taken_from(rig: &Rig, id: &str) -> Value {
    let path = format!("/control/ledger?reference={id}");
    rig.control().get(&path).await["entries"][0]["behaviour"].clone()
}

async fn send_one(rig: &Rig, class: &str, to: &str, code: &str) -> String {
    let body = json!({"template": class, "to": [to], "vars": {"code": code}});
    let answer = rig.client().must("POST", "/v1/messages", Some(&body)).await;
    answer["deliveries"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

async fn sent(rig: &Rig, id: &str) -> Value {
    until(
        &mut rig.client(),
        &format!("/v1/deliveries/{id}"),
        |delivery| {
            let state = delivery["state"].as_str()?;
            matches!(state, "sent" | "delivered").then(|| delivery.clone())
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_swapped_under_load_without_an_error_or_a_double() {
    let _alone = ALONE.lock().await;
    let rig = rig().await;
    let load = Load::start(rig.address, &rig.key, &[LANE], 4);
    steadily(&load, 800, 8).await;
    let version = push(&rig, "acme", "-v2", "").await;
    steadily(&load, 800, 4).await;
    activate(&rig, "acme", version).await;
    let swapped = SystemClock.now();
    // Accepted after the answer, so sent after it: by the new version.
    let first = send_one(&rig, LANE, "+8613711112201", "after").await;
    steadily(&load, 800, 8).await;
    let last = send_one(&rig, LANE, "+8613711112202", "after").await;
    let states = load.finish().await.settle_up(&rig).await;
    assert_eq!(states.keys().collect::<Vec<_>>(), ["sent"], "{states:?}");
    for id in [first, last] {
        let delivery = sent(&rig, &id).await;
        let attempts = delivery["attempts"].as_array().map(Vec::len);
        assert_eq!(attempts, Some(1), "{delivery:#}");
        assert_eq!(taken_from(&rig, &id).await, "acme-1-v2");
    }
    // All of the last ones, and none of the former version a second after the answer.
    let ledger = rig.control().get("/control/ledger?limit=1000").await;
    let entries = ledger["entries"].as_array().expect("entries");
    assert!(entries.len() > 100, "{}", entries.len());
    let late = Timestamp::plus(swapped, Duration::from_secs(1));
    for entry in entries {
        let at: Timestamp = entry["at"]
            .as_str()
            .unwrap_or_default()
            .parse()
            .expect("an instant");
        assert!(at < late || entry["behaviour"] == "acme-1-v2", "{entry}");
    }
    let adapter = rig.client().get("/v1/adapters/acme").await;
    for version in adapter["uploaded"]["versions"]
        .as_array()
        .expect("versions")
    {
        assert!(version["recent"]["calls"].as_u64() > Some(0), "{version:#}");
        assert_eq!(version["recent"]["errors"], 0, "{version:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_that_fails_goes_by_itself_and_nothing_is_lost() {
    let _alone = ALONE.lock().await;
    let rig = rig().await;
    // Its example is fine; what it sends is not.
    let broken = "if (batch.items[0].text !== 'hello') \
                  return {all: {verdict: 'misconfigured', code: 'bad_version', detail: 'broken'}};";
    let version = push(&rig, "acme", "-v2", broken).await;
    let body = json!({"version": version, "percent": 20, "promote_after": "10m"});
    let mut client = rig.client();
    client
        .must("POST", "/v1/adapters/acme/canary", Some(&body))
        .await;
    let load = Load::start(rig.address, &rig.key, &[LANE], 4);
    let (adapter, ()) = tokio::join!(
        async {
            until(&mut client, "/v1/adapters/acme", |adapter| {
                let uploaded = &adapter["uploaded"];
                (uploaded["canary"].is_null()).then(|| uploaded.clone())
            })
            .await
        },
        steadily(&load, 600, 24),
    );
    assert_eq!(adapter["active"], 1, "{adapter:#}");
    let newest = &adapter["versions"][0];
    assert_eq!(newest["state"], "retired", "{newest:#}");
    let note = newest["note"].as_str().unwrap_or_default();
    assert!(
        note.contains("100.0 %") && note.contains("version 1"),
        "{note}"
    );
    let states = load.finish().await.settle_up(&rig).await;
    assert_eq!(states.keys().collect::<Vec<_>>(), ["sent"], "{states:?}");
    let audit = rig
        .client()
        .get("/v1/audit?subject=adapter/acme&limit=1")
        .await;
    let entry = &audit["items"][0];
    assert_eq!(
        (&entry["action"], &entry["author"]),
        (&json!("rollback"), &json!("austin"))
    );
    assert!(entry.to_string().contains("figures"), "{entry:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_upload_is_refused_and_the_version_in_use_works_on_also_after_a_kill() {
    let mut rig = rig().await;
    let mut client = rig.client();
    let body = upload("", "export function start( {");
    let refused = client
        .call("PUT", "/v1/adapters/acme", Some(&body))
        .await
        .unwrap();
    assert_eq!(refused.status.as_u16(), 422, "{:#}", refused.json);
    assert_eq!(
        refused.json["errors"][0]["pointer"], "/script",
        "{:#}",
        refused.json
    );
    let mut body = upload("-v2", &script("-v2", ""));
    body["examples"]["examples"][0]["steps"][0]["expect"]["call"]["url"] =
        json!("http://other.example");
    let made = client.must("PUT", "/v1/adapters/acme", Some(&body)).await;
    let version = json!({"version": made["version"]});
    let check = client
        .must("POST", "/v1/adapters/acme/check", Some(&version))
        .await;
    assert_eq!(
        (&check["passed"], &check["state"]),
        (&json!(false), &json!("draft")),
        "{check:#}"
    );
    let refused = client
        .call("POST", "/v1/adapters/acme/activate", Some(&version))
        .await
        .unwrap();
    assert_eq!(refused.status.as_u16(), 409, "{:#}", refused.json);
    let id = send_one(&rig, LANE, "+8613711112203", "1").await;
    sent(&rig, &id).await;
    rig.kill();
    rig.restart();
    let id = send_one(&rig, LANE, "+8613711112204", "1").await;
    sent(&rig, &id).await;
    assert_eq!(taken_from(&rig, &id).await, "acme-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_script_is_quarantined_and_disturbs_nobody() {
    let _alone = ALONE.lock().await;
    let rig = rig().await;
    let endless = "if (batch.items[0].text !== 'hello') for (;;) {}";
    let version = push(&rig, "hostile", "", endless).await;
    activate(&rig, "hostile", version).await;
    account(&rig, "hostile-1", "hostile", "marketing").await;
    for person in 0..20 {
        send_one(&rig, "marketing", &format!("+86136000000{person:02}"), "x").await;
    }
    for person in 0..20 {
        let id = send_one(&rig, LANE, &format!("+86137000000{person:02}"), "x").await;
        sent(&rig, &id).await;
    }
    let adapter = until(&mut rig.client(), "/v1/adapters/hostile", |adapter| {
        let uploaded = &adapter["uploaded"];
        (uploaded["versions"][0]["state"] == "quarantined").then(|| uploaded.clone())
    })
    .await;
    let fault = adapter["fault"].as_str().unwrap_or_default();
    assert!(fault.contains("quarantined"), "{adapter:#}");
    let account = rig
        .client()
        .get("/v1/audit?subject=account/hostile-1&limit=1")
        .await;
    assert_eq!(
        account["items"][0]["action"], "adapter_quarantined",
        "{account:#}"
    );
    let id = send_one(&rig, LANE, "+8613711112205", "x").await;
    sent(&rig, &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_begun_checked_pushed_and_pulled_by_the_program() {
    let rig = Rig::start("");
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let ran = austin()
            .current_dir(folder.path())
            .env("AUSTIN_URL", format!("http://{}", rig.address))
            .env("AUSTIN_KEY", &rig.key)
            .arg("adapter")
            .args(arguments)
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        (
            ran.status.code(),
            said + &String::from_utf8_lossy(&ran.stderr),
        )
    };
    let good = |arguments: &[&str]| {
        let (code, said) = run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    };
    good(&["new", "acme-form"]);
    assert!(good(&["check", "acme-form"]).contains("all as recorded"));
    good(&["new", "acme-sms", "--script"]);
    assert!(good(&["check", "acme-sms"]).contains("4 examples, all as recorded"));
    let said = good(&["push", "acme-sms", "--activate", "--reason", "first"]);
    assert!(said.contains("version 1 is in use"), "{said}");
    let listed = good(&["list"]);
    let line = listed.lines().find(|line| line.starts_with("acme-sms "));
    assert!(
        line.is_some_and(|line| line.ends_with("version 1")),
        "{listed}"
    );
    good(&["pull", "acme-sms", "copy"]);
    for file in ["script.js", "definition.json", "examples.json"] {
        let read = |dir: &str| std::fs::read_to_string(folder.path().join(dir).join(file)).unwrap();
        let (pushed, pulled) = (read("acme-sms"), read("copy"));
        match file {
            "script.js" => assert_eq!(pulled, pushed),
            _ => {
                let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
                assert_eq!(json(&pulled), json(&pushed), "{file}");
            }
        }
    }
    let script = folder.path().join("acme-sms/script.js");
    let broken = std::fs::read_to_string(&script).unwrap();
    std::fs::write(&script, broken.replace("bad_recipient", "elsewhere")).unwrap();
    let (code, said) = run(&["check", "acme-sms"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("two recipients, one refused") && said.contains("/steps/1/"),
        "{said}"
    );
    let (code, said) = run(&["push", "acme-sms", "--canary", "10"]);
    assert_eq!(code, Some(1), "{said}");
    let (code, said) = run(&["rollback", "acme-sms"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("no former version"), "{said}");
}
