//! The program as a person or a script meets it: help, exit codes, the demo, the doctor.

use std::process::{Command, Output};

use crate::rig::{Rig, START, austin};
use austin_testkit::Process;
use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    austin().args(arguments).output().expect("austin runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_every_command_and_exit_code() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for word in [
        "serve",
        "demo",
        "simulator",
        "send",
        "deliveries",
        "adapter",
        "template",
        "key",
        "doctor",
        "bench",
        "openapi",
        "config",
        "Exit codes:",
        "4  the data directory is in use",
    ] {
        assert!(help.contains(word), "{word:?} is not in:\n{help}");
    }
    for command in [
        "serve",
        "demo",
        "simulator",
        "send",
        "deliveries",
        "template",
        "bench",
        "doctor",
    ] {
        let help = text(&run(&[command, "--help"]).stdout);
        assert!(
            help.contains("Example"),
            "{command} shows no example:\n{help}"
        );
    }
}

#[test]
fn wrong_usage_ends_with_2_and_an_unreachable_server_with_3() {
    assert_eq!(run(&["serve"]).status.code(), Some(2));
    assert_eq!(run(&["nonsense"]).status.code(), Some(2));
    let url = format!("http://127.0.0.1:{}", crate::rig::free_port());
    let output = run(&["deliveries", "--url", &url, "--key", "k"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("cannot reach 127.0.0.1"));
}

#[test]
fn a_wrong_configuration_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("austin.toml");
    std::fs::write(&file, "[wire]\nallow_private_target = true\n").unwrap();
    let output = austin()
        .args(["serve", "--data"])
        .arg(folder.path().join("data"))
        .arg("--config")
        .arg(&file)
        .env("AUSTIN_LOG__FORMAT", "xml")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("did you mean wire.allow_private_targets?"),
        "{said}"
    );
    assert!(said.contains("AUSTIN_LOG__FORMAT"), "{said}");
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

#[test]
fn the_demo_shows_both_timelines_and_what_to_do_next() {
    let demo = Process::start(austin().args(["demo", "--listen", "127.0.0.1:0"])).unwrap();
    demo.listening(START);
    let said = demo.output();
    assert_eq!(
        said.matches("  delivered").count(),
        4,
        "two headings, two timelines:\n{said}"
    );
    for word in ["A first SMS", "A first e-mail", "accepted", "sent", "/docs"] {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    // The command it prints works as it stands.
    let at = said.find("curl -s").expect("a command to paste");
    let command = said[at..].split("\n\n").next().unwrap();
    let pasted = Command::new("sh").args(["-c", command]).output().unwrap();
    let answer: Value = serde_json::from_slice(&pasted.stdout)
        .unwrap_or_else(|_| panic!("{command}\n{}", text(&pasted.stdout)));
    assert_eq!(answer["accepted"], 1, "{answer:#}");
    demo.signal("INT").unwrap();
    let ended = demo.ended(START);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_has_one_name_under_austin() {
    let rig = Rig::start("");
    rig.client().get("/v1/lanes").await;
    let metrics = rig.client().get("/metrics").await;
    let metrics = metrics.as_str().unwrap();
    let mut names: Vec<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|rest| rest.split(' ').next())
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "each once: {names:?}");
    for name in &names {
        let rest = name.strip_prefix("austin_");
        assert!(
            rest.is_some_and(|rest| !rest.starts_with("austin_")),
            "{name}"
        );
    }
    for wanted in [
        "http_requests",
        "ledger_commit_seconds",
        "delivery_path_faults",
        "vendor_connections_open",
    ] {
        assert!(
            names.contains(&format!("austin_{wanted}").as_str()),
            "{wanted}: {names:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_per_data_directory() {
    let mut rig = Rig::start("");
    let second = austin()
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(rig.data())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(4), "{}", text(&second.stderr));
    let key = austin()
        .args(["key", "new", "--app", "shop", "--role", "sender", "--data"])
        .arg(rig.data())
        .output()
        .unwrap();
    assert_eq!(key.status.code(), Some(4));
    assert!(
        text(&key.stderr).contains("POST /v1/apps/shop/keys"),
        "{}",
        text(&key.stderr)
    );
    rig.kill();
    let key = austin()
        .args(["key", "new", "--app", "shop", "--role", "sender", "--data"])
        .arg(rig.data())
        .output()
        .unwrap();
    assert_eq!(key.status.code(), Some(0), "{}", text(&key.stderr));
    assert_eq!(text(&key.stdout).lines().count(), 1, "the key stands alone");
    rig.key = text(&key.stdout).trim().to_owned();
    rig.restart();
    let shown = rig.client().get("/v1/deliveries").await;
    assert_eq!(shown["items"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn send_and_deliveries_speak_to_people_and_to_scripts() {
    let rig = Rig::start("");
    rig.account("vendor", "sms", serde_json::json!({})).await;
    rig.sms_template("verification").await;
    rig.route("sms", "verification", "vendor").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    let mut people = "to,ref,code\n".to_owned();
    for person in 0..1_200 {
        people.push_str(&format!("+86137{person:08},row-{person},{person}\n"));
    }
    people.push_str("not a phone,row-bad,1\n");
    std::fs::write(&file, people).unwrap();
    let url = format!("http://{}", rig.address);
    let client = |arguments: &[&str]| {
        austin()
            .args(arguments)
            .env("AUSTIN_URL", &url)
            .env("AUSTIN_KEY", &rig.key)
            .output()
            .unwrap()
    };
    let sent = client(&[
        "send",
        "verification",
        "--vars-file",
        file.to_str().unwrap(),
    ]);
    assert_eq!(
        sent.status.code(),
        Some(3),
        "one was refused: {}",
        text(&sent.stdout)
    );
    assert!(
        text(&sent.stdout).contains("1200 accepted, 1 refused"),
        "{}",
        text(&sent.stdout)
    );
    assert!(text(&sent.stderr).contains("recipient 1201: invalid_recipient"));

    let listed = client(&["deliveries", "--ref", "row-7", "--json"]);
    let row: Value = serde_json::from_slice(&listed.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&listed.stdout), text(&listed.stderr)));
    assert_eq!(row["ref"], "row-7");
    let one = client(&["deliveries", row["id"].as_str().unwrap()]);
    assert!(
        text(&one.stdout).contains("accepted"),
        "{}",
        text(&one.stdout)
    );
    let many = client(&["deliveries", "--limit", "300", "--json"]);
    assert_eq!(text(&many.stdout).lines().count(), 300);

    let bench = client(&[
        "bench",
        "--template",
        "verification",
        "--var",
        "code=1",
        "--connections",
        "2",
        "--recipients",
        "3",
        "--duration",
        "1",
        "--json",
    ]);
    let figures: Value = serde_json::from_slice(&bench.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&bench.stdout), text(&bench.stderr)));
    assert!(figures["deliveries"].as_u64() >= Some(3), "{figures}");
    assert_eq!(figures["refused"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_what_is_broken_and_only_that() {
    let mut rig = Rig::start("");
    let doctor = |rig: &Rig| {
        austin()
            .args(["doctor", "--json", "--data"])
            .arg(rig.data())
            .output()
            .unwrap()
    };
    let running = doctor(&rig);
    assert_eq!(running.status.code(), Some(0), "{}", text(&running.stdout));
    rig.kill();
    let sound = doctor(&rig);
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound.stdout));
    std::fs::write(rig.data().join("control.db"), vec![b'x'; 8_192]).unwrap();
    // After a kill the log beside it still holds every page, and would heal it.
    std::fs::remove_file(rig.data().join("control.db-wal")).unwrap();
    let broken = doctor(&rig);
    assert_eq!(broken.status.code(), Some(1), "{}", text(&broken.stdout));
    let worst: Value = serde_json::from_str(text(&broken.stdout).lines().next().unwrap()).unwrap();
    assert_eq!(worst["severity"], "fault");
    assert_eq!(worst["subject"], "control.db");
    assert_ne!(worst["advice"], "");
    let nowhere = run(&["doctor", "--data", "no-such-folder"]);
    assert_eq!(nowhere.status.code(), Some(1));
}
