//! The vendors' own SDKs as judges of what we send: each signs our bytes as it would sign its own
//! and must come to our signature, writes the same plain fields as we do, and sends the same
//! message to the simulated vendor, which checks signatures and keeps the same record of both.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::rig::{Rig, until};

const ID: &str = "AKIDEXAMPLE0000000000000000000001";
const SECRET: &str = "SecretKeyExample0000000000000001";
const TO: &str = "+8613711112222";

/// One SDK and how the same account is told to us, to the vendor and to it.
struct Vendor {
    sdk: &'static str,
    adapter: &'static str,
    settings: Value,
    secrets: Value,
    credentials: Value,
    /// The plain fields of the message, by the vendor's names; `REFERENCE` stands for ours.
    call: Value,
    answer: &'static str,
}

fn tencent() -> Vendor {
    Vendor {
        sdk: "tencent",
        adapter: "tencent-sms",
        settings: json!({"sdk_app_id": "1400006666", "sign_name": "腾讯云", "template_id": "1110",
            "param_mode": "vars"}),
        secrets: json!({"secret_id": ID, "secret_key": SECRET}),
        credentials: json!({"tencent": {"secret_id": ID, "secret_key": SECRET}}),
        call: json!({"PhoneNumberSet": [TO], "SmsSdkAppId": "1400006666", "SignName": "腾讯云",
            "TemplateId": "1110", "TemplateParamSet": ["验证 4370&+=~*'"],
            "SessionContext": "REFERENCE"}),
        answer: "Ok",
    }
}

fn aliyun() -> Vendor {
    Vendor {
        sdk: "aliyun",
        adapter: "aliyun-sms",
        settings: json!({"sign_name": "阿里云", "template_code": "SMS_154950909"}),
        secrets: json!({"access_key_id": ID, "access_key_secret": SECRET}),
        credentials: json!({"aliyun": {"access_key_id": ID, "access_key_secret": SECRET}}),
        call: json!({"PhoneNumbers": "13711112222", "SignName": "阿里云",
            "TemplateCode": "SMS_154950909",
            "TemplateParam": "{\"code\":\"验证 4370&+=~*'\"}", "OutId": "REFERENCE"}),
        answer: "OK",
    }
}

fn volcengine() -> Vendor {
    Vendor {
        sdk: "volcengine",
        adapter: "volcengine-sms",
        settings: json!({"sms_account": "A1230000", "sign": "火山引擎", "template_id": "ST_1"}),
        secrets: json!({"access_key_id": ID, "secret_access_key": SECRET}),
        credentials: json!({"volcengine": {"access_key_id": ID, "secret_access_key": SECRET}}),
        call: json!({"SmsAccount": "A1230000", "Sign": "火山引擎", "TemplateID": "ST_1",
            "TemplateParam": "{\"code\":\"验证 4370&+=~*'\"}", "PhoneNumbers": "13711112222",
            "Tag": "REFERENCE"}),
        answer: "accepted",
    }
}

fn twilio(server: SocketAddr) -> Vendor {
    let callback = format!("http://{server}/v1/receipts/twilio");
    Vendor {
        sdk: "twilio",
        adapter: "twilio-sms",
        settings: json!({"account_sid": ID, "from": "+15005550006", "status_callback": callback}),
        secrets: json!({"auth_token": SECRET}),
        credentials: json!({"twilio": {"account_sid": ID, "auth_token": SECRET}}),
        call: json!({"to": TO, "from": "+15005550006", "body": "Your code is 验证 4370&+=~*'.",
            "status_callback": format!("{callback}?reference=REFERENCE")}),
        answer: "queued",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_of_tencent_agrees() {
    let Some(python) = python() else { return };
    let rig = Rig::start("");
    let vendor = tencent();
    sent(&rig, &vendor)
        .await
        .judged(&python, &rig, &vendor)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_of_aliyun_agrees() {
    let Some(python) = python() else { return };
    let rig = Rig::start("");
    let vendor = aliyun();
    sent(&rig, &vendor)
        .await
        .judged(&python, &rig, &vendor)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_of_volcengine_agrees() {
    let Some(python) = python() else { return };
    let rig = Rig::start("");
    let vendor = volcengine();
    sent(&rig, &vendor)
        .await
        .judged(&python, &rig, &vendor)
        .await;
}

/// Twilio's SDK also judges receipts: it accepts the simulated vendor's, and we accept its.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_of_twilio_agrees() {
    let Some(python) = python() else { return };
    let rig = Rig::start("");
    let vendor = twilio(rig.address);
    let ours = sent(&rig, &vendor).await;
    let path = format!("/v1/deliveries/{}", ours.delivery);
    until(&mut rig.client(), &path, |shown| {
        (shown["state"] == "delivered").then_some(())
    })
    .await;
    let judged = ours.judged(&python, &rig, &vendor).await;
    assert_eq!(judged["path"], ours.request["path"]);
    assert_eq!(judged["receipt_is_genuine"], true);
    assert_eq!(judged["forgery_is_genuine"], false);
    assert_eq!(judged["told"], json!([200, 401]));
}

/// The interpreter that has the SDKs; `None` where they are not installed and nobody insists.
///
/// # Panics
/// When they are missing although `REQUIRE_SERVICES=1`.
fn python() -> Option<PathBuf> {
    let me = std::env::current_exe().unwrap();
    let found = me
        .ancestors()
        .map(|folder| folder.join("python-tools/bin/python3"))
        .find(|python| python.exists());
    if found.is_none() {
        let required = std::env::var("REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "no vendor SDKs: scripts/python_tools.sh");
        println!("passed over: the vendors' SDKs are not installed (`make test` installs them)");
    }
    found
}

/// A message of ours as it went over the wire.
struct Sent {
    delivery: String,
    request: Value,
}

/// Sends one message by our adapter through a relay that keeps it, to the simulated vendor, which
/// checks the credentials.
async fn sent(rig: &Rig, vendor: &Vendor) -> Sent {
    let behaviour = json!({
        "credentials": vendor.credentials,
        "receipts": {"url": format!("http://{}/unused", rig.vendor), "token": SECRET,
            "retry": {"attempts": 1}},
    });
    let control = "/control/behaviours/default";
    rig.control().must("PUT", control, Some(&behaviour)).await;
    let (endpoint, request) = relay(rig.vendor).await;
    let mut settings = vendor.settings.clone();
    settings["endpoint"] = format!("http://{endpoint}").into();
    let account = json!({
        "key": vendor.sdk, "channel": "sms", "adapter": vendor.adapter, "enabled": true,
        "settings": settings, "secrets": vendor.secrets,
    });
    let mut client = rig.client();
    client.must("POST", "/v1/accounts", Some(&account)).await;
    rig.sms_template("verification").await;
    rig.route("sms", "verification", vendor.sdk).await;
    let body = json!({"template": "verification", "to": [TO],
        "vars": {"code": "验证 4370&+=~*'"}});
    let answer = client.must("POST", "/v1/messages", Some(&body)).await;
    let delivery = answer["deliveries"][0]["id"].as_str().unwrap().to_owned();
    until(
        &mut client,
        &format!("/v1/deliveries/{delivery}"),
        |shown| {
            let state = shown["state"].as_str()?;
            assert!(!matches!(state, "failed" | "unknown"), "{shown:#}");
            matches!(state, "sent" | "delivered" | "undelivered").then_some(())
        },
    )
    .await;
    let request = request.await.unwrap();
    Sent { delivery, request }
}

impl Sent {
    /// What the SDK makes of it: the same signature, the same fields, and the same record at the
    /// vendor.
    async fn judged(&self, python: &Path, rig: &Rig, vendor: &Vendor) -> Value {
        let call = vendor.call.to_string().replace("REFERENCE", &self.delivery);
        let call: Value = serde_json::from_str(&call).unwrap();
        let asked = json!({"sdk": vendor.sdk, "id": ID, "secret": SECRET, "call": call,
            "vendor": rig.vendor.to_string(), "request": self.request});
        let judged = judge(python, &asked);
        let authorization = &self.request["headers"]["authorization"];
        assert_eq!(&judged["authorization"], authorization);
        assert_eq!(judged["fields"], judged["ours"]);
        assert_eq!(judged["answer"], vendor.answer);
        let path = format!("/control/ledger?reference={}", self.delivery);
        let known = rig.control().get(&path).await;
        assert_eq!(known["count"], 2, "ours and the SDK's: {known:#}");
        let entries = known["entries"].as_array().unwrap();
        for field in ["vendor", "to", "digest", "reference"] {
            assert_eq!(entries[0][field], entries[1][field], "{known:#}");
        }
        judged
    }
}

/// Runs the SDK on one case, without whatever proxy the environment names.
fn judge(python: &Path, asked: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/sdk_judge.py");
    let mut child = Command::new(python)
        .arg(script)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(asked.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Passes bytes on to `to` and keeps the first request.
async fn relay(to: SocketAddr) -> (SocketAddr, oneshot::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, request) = oneshot::channel();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let (bytes, request) = read(&mut near).await;
        let mut far = TcpStream::connect(to).await.unwrap();
        far.write_all(&bytes).await.unwrap();
        sender.send(request).unwrap();
        // Its end is the server's.
        drop(copy_bidirectional(&mut near, &mut far).await);
    });
    (address, request)
}

/// One request with a `Content-Length`: its bytes, and its parts with lower-case header names.
async fn read(stream: &mut TcpStream) -> (Vec<u8>, Value) {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
            let mut lines = head.lines();
            let path = lines.next().unwrap().split(' ').nth(1).unwrap();
            let headers: Map<String, Value> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.into()))
                .collect();
            let length: usize = headers["content-length"].as_str().unwrap().parse().unwrap();
            if bytes.len() >= at + 4 + length {
                let body = String::from_utf8(bytes[at + 4..].to_vec()).unwrap();
                let request = json!({"path": path, "headers": headers, "body": body});
                return (bytes, request);
            }
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "cut short");
    }
}
