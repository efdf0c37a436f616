//! Templates as code, and who uses them: files in a folder, the server they are pushed to, and
//! counts that a kill does not touch.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::rig::{Rig, START, austin, until};

fn template(rig: &Rig, arguments: &[&str]) -> (i32, String) {
    let output: Output = austin()
        .arg("template")
        .args(arguments)
        .env("AUSTIN_URL", format!("http://{}", rig.address))
        .env("AUSTIN_KEY", &rig.key)
        .output()
        .expect("austin runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code().unwrap_or(-1), said)
}

fn examples() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/templates"
    ))
}

#[tokio::test]
async fn a_folder_is_pushed_pulled_and_pushed_again() {
    let rig = Rig::start("");
    let mut client = rig.client();
    let shipped = examples().to_str().unwrap();
    let (code, said) = template(&rig, &["check", shipped]);
    assert_eq!((code, said.contains("all sound")), (0, true), "{said}");
    let (code, said) = template(&rig, &["push", shipped, "--dry-run"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("order-shipped: new") && said.contains("2 templates to push"),
        "{said}"
    );
    assert_eq!(
        client.get("/v1/templates").await["items"],
        json!([]),
        "a dry run sends nothing"
    );
    let (code, said) = template(&rig, &["push", shipped, "--submit", "--reason", "first"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("order-shipped: enabled, version 1"), "{said}");
    let live = client.get("/v1/templates/order-shipped").await;
    assert_eq!(
        (&live["state"], &live["since"]["reason"]),
        (&json!("enabled"), &json!("first"))
    );
    let (code, said) = template(&rig, &["push", shipped, "--submit"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("0 templates pushed, 2 the same"), "{said}");

    // What is pulled says the same as what was pushed.
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("pulled");
    let dir_text = dir.to_str().unwrap();
    let (code, said) = template(&rig, &["pull", dir_text, "--team", "logistics"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 templates written"), "{said}");
    let (code, said) = template(&rig, &["push", dir_text]);
    assert_eq!((code, said.contains("2 the same")), (0, true), "{said}");

    // A changed word: shown, pushed as a draft that waits, and live when it is submitted.
    let path = dir.join("order-shipped.toml");
    let file = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, file.replace("已发货", "已经发货")).unwrap();
    let (code, said) = template(&rig, &["push", dir_text, "--dry-run"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("+您的订单{{order}}已经发货"), "{said}");
    let (code, said) = template(&rig, &["push", dir_text]);
    assert_eq!(
        (code, said.contains("1 template pushed")),
        (0, true),
        "{said}"
    );
    let shown = client.get("/v1/templates/order-shipped").await;
    assert_eq!(
        (&shown["version"], &shown["waiting"]["version"]),
        (&json!(1), &json!(2))
    );
    let (code, said) = template(&rig, &["push", dir_text, "--submit"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("order-shipped: enabled, version 2"), "{said}");
    // The folder says what the server says: pulling leaves it alone.
    let (code, said) = template(&rig, &["pull", dir_text]);
    assert_eq!(
        (code, said.contains("0 templates written, 2 the same")),
        (0, true),
        "{said}"
    );
}

#[tokio::test]
async fn what_is_wrong_in_a_folder_is_named_and_nothing_is_pushed() {
    let rig = Rig::start("");
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let (code, said) = template(&rig, &["check", dir]);
    assert_eq!(code, 2, "{said}");
    let sound = std::fs::read_to_string(examples().join("order-shipped.toml")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("order-shipped.toml", &sound);
    write("broken.toml", "name = ");
    write(
        "wrong.toml",
        &sound
            .replace("{{order}}", "{{ordre}}")
            .replace("owner =", "ower ="),
    );
    let (code, said) = template(&rig, &["push", dir]);
    assert_eq!(code, 1, "{said}");
    for words in [
        "broken.toml: ",
        "wrong.toml: /ower",
        "2 templates are wrong",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (code, said) = template(&rig, &["push", dir, "nobody"]);
    assert_eq!(
        (code, said.contains("there is no nobody.toml")),
        (1, true),
        "{said}"
    );
    assert_eq!(rig.client().get("/v1/templates").await["items"], json!([]));
    let (code, said) = template(&rig, &["push", dir, "order-shipped"]);
    assert_eq!(code, 0, "{said}");
    write(
        "order-shipped.toml",
        &sound.replace("\"notification\"", "\"marketing\""),
    );
    let (code, said) = template(&rig, &["push", dir, "order-shipped"]);
    assert_eq!((code, said.contains("for life")), (1, true), "{said}");
    let (code, said) = template(&rig, &["pull", dir, "nobody"]);
    assert_eq!(code, 3, "{said}");
}

#[tokio::test]
async fn uses_are_counted_exactly_over_kills() {
    let mut rig = Rig::start("");
    rig.account("vendor", "sms", json!({"receipts": null}))
        .await;
    rig.route("sms", "notification", "vendor").await;
    rig.sms_template("notification").await;
    let mut sent = 0;
    for round in 0u64..3 {
        let mut client = rig.client();
        for _ in 0..20 {
            let body = json!({
                "template": "notification", "vars": {"code": "1"},
                "to": ["+8613711112201", "+8613711112202"],
            });
            client.must("POST", "/v1/messages", Some(&body)).await;
            sent += 1;
        }
        if round == 1 {
            // An orderly end writes down what a kill leaves to be counted again.
            let server = rig.server.take().expect("a running server");
            server.signal("TERM").expect("asked to end");
            server.ended(START);
        } else {
            rig.kill();
        }
        rig.restart();
        let path = "/v1/templates/notification/callers";
        let told: Value = until(&mut rig.client(), path, |callers| {
            (callers["complete"] == true).then(|| callers.clone())
        })
        .await;
        let caller = &told["items"][0];
        assert_eq!(
            (&caller["app"], &caller["messages"], &caller["people"]),
            (&json!("admin"), &json!(sent), &json!(sent * 2)),
            "after kill {round}: {told:#}"
        );
    }
}
