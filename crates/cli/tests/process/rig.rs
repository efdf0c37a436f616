//! What the process tests share: the real binary on real files, with a simulated vendor that is
//! a process of its own, so that it survives what happens to the server.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use austin_testkit::{Client, Process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a start may take on a busy machine.
pub(crate) const START: Duration = Duration::from_secs(60);

/// The secret of simulated accounts.
pub(crate) const TOKEN: &str = "test-token";

/// Held by tests that load the machine or measure time. A runner with a process for each test
/// sets them apart itself.
pub(crate) static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The binary under test, without settings of whoever runs the tests.
pub(crate) fn austin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_austin"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AUSTIN_") {
            command.env_remove(name);
        }
    }
    command
}

/// A port nobody listens on now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// A simulated vendor, a data directory, and at times a server.
pub(crate) struct Rig {
    /// Where the vendor is.
    pub(crate) vendor: SocketAddr,
    /// Where the vendor's SMPP centre is.
    pub(crate) smpp: SocketAddr,
    /// Where the server is; the same after every start.
    pub(crate) address: SocketAddr,
    /// The admin key.
    pub(crate) key: String,
    /// The running server.
    pub(crate) server: Option<Process>,
    folder: TempDir,
    _simulator: Process,
}

impl Rig {
    /// A vendor and a first start with `config` besides what a test needs.
    pub(crate) fn start(config: &str) -> Self {
        let any = "127.0.0.1:0";
        let simulator =
            Process::start(austin().args(["simulator", "--listen", any, "--smpp", any]))
                .expect("the simulator starts");
        let smpp = simulator.wait_for(START, |line| {
            line.strip_prefix("SMPP centre on smpp://")?.parse().ok()
        });
        let vendor = simulator.listening(START);
        let folder = tempfile::tempdir().unwrap();
        let text =
            format!("[wire]\nallow_private_targets = true\n[log]\nlevel = \"warn\"\n{config}");
        std::fs::write(folder.path().join("austin.toml"), text).unwrap();
        let mut rig = Self {
            vendor,
            smpp,
            address: ([127, 0, 0, 1], free_port()).into(),
            key: String::new(),
            server: None,
            folder,
            _simulator: simulator,
        };
        let server = rig.spawn();
        rig.key = server.wait_for(START, |line| {
            Some(
                line.split_once("admin key (shown only this once): ")?
                    .1
                    .to_owned(),
            )
        });
        rig.address = server.listening(START);
        rig.server = Some(server);
        rig
    }

    /// Where the data is.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A process that will be the server; nobody waited for it yet.
    pub(crate) fn spawn(&self) -> Process {
        Process::start(
            austin()
                .args(["serve", "--data"])
                .arg(self.data())
                .arg("--config")
                .arg(self.folder.path().join("austin.toml"))
                .args(["--listen", &self.address.to_string()]),
        )
        .expect("the server starts")
    }

    /// Starts the server again and waits until it is ready.
    pub(crate) fn restart(&mut self) {
        let server = self.spawn();
        self.address = server.listening(START);
        self.server = Some(server);
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let server = self.server.take().expect("a running server");
        server.kill().expect("killed");
    }

    /// A client with the admin key.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address, self.key.clone())
    }

    /// A client of the vendor's control.
    pub(crate) fn control(&self) -> Client {
        Client::new(self.vendor, None)
    }

    /// An account with the simulated vendor, whose behaviour has its name. `behaviour` may hold
    /// all but receipts, which come to this server.
    pub(crate) async fn account(&self, key: &str, channel: &str, behaviour: Value) {
        self.behaviour(key, behaviour).await;
        let account = json!({
            "key": key, "channel": channel, "adapter": "simulator", "enabled": true,
            "settings": {"endpoint": format!("http://{}/a/{key}", self.vendor)},
            "secrets": {"token": TOKEN},
            "limits": {"recipients_per_call": 50},
        });
        self.client()
            .must("POST", "/v1/accounts", Some(&account))
            .await;
    }

    /// How the vendor treats an account from now on; as for
    /// [`Rig::account`]; `"receipts": null` for none.
    pub(crate) async fn behaviour(&self, key: &str, mut behaviour: Value) {
        if behaviour.get("receipts").is_none() {
            behaviour["receipts"] = json!({
                "url": format!("http://{}/v1/receipts/{key}", self.address),
                "token": TOKEN, "delay_ms": [0, 100],
                "retry": {"attempts": 200, "first_ms": 50, "most_ms": 500},
            });
        }
        let path = format!("/control/behaviours/{key}");
        self.control().must("PUT", &path, Some(&behaviour)).await;
    }

    /// Other limits for a simulated SMS account.
    pub(crate) async fn limit(&self, key: &str, limits: Value) {
        let account = json!({
            "key": key, "channel": "sms", "adapter": "simulator", "enabled": true,
            "settings": {"endpoint": format!("http://{}/a/{key}", self.vendor)},
            "limits": limits,
        });
        let path = format!("/v1/accounts/{key}");
        self.client().must("PUT", &path, Some(&account)).await;
    }

    /// Sends everything of this lane through one account.
    pub(crate) async fn route(&self, channel: &str, class: &str, account: &str) {
        let body = json!({"accounts": [{"account": account, "weight": 1}]});
        let path = format!("/v1/routes/{channel}/{class}");
        self.client().must("PUT", &path, Some(&body)).await;
    }

    /// A published template named after its class, with one required variable `code`.
    pub(crate) async fn sms_template(&self, class: &str) {
        let content = json!({"text": "Your code is {{code}}."});
        self.template(class, "sms", class, content).await;
    }

    /// A published template with one required variable `code`.
    pub(crate) async fn template(&self, key: &str, channel: &str, class: &str, content: Value) {
        let body = json!({
            "key": key, "name": key, "channel": channel, "class": class,
            "team": "test", "owner": "li@corp.example", "contact": "li@corp.example",
            "business": "test", "content": content,
            // Tests say the same to the same people again and again, at night too.
            "policies": {"dedup": "off", "quiet_hours": "none"},
            "variables": {"code": {"type": "string", "required": true, "max_length": 40,
                "example": "1234"}},
        });
        let mut client = self.client();
        client.must("POST", "/v1/templates", Some(&body)).await;
        let submit = format!("/v1/templates/{key}/submit");
        client.must("POST", &submit, Some(&json!({}))).await;
    }

    /// Waits until the only rule of a behaviour has met so many vendor calls.
    pub(crate) async fn calls_answered_by_rule(&self, behaviour: &str, count: u64) {
        let path = format!("/control/behaviours/{behaviour}");
        until(&mut self.control(), &path, |shown| {
            (shown["fired"][0].as_u64() >= Some(count)).then_some(())
        })
        .await;
    }

    /// Totals of the vendor's own ledger.
    pub(crate) async fn accepted_by_vendor(&self) -> Value {
        self.control()
            .get("/control/ledger/summary?limit=10000")
            .await
    }
}

/// Asks until `wanted` finds what it looks for in the answer.
///
/// # Panics
/// After a minute, with the last answer.
pub(crate) async fn until<T>(
    client: &mut Client,
    path: &str,
    wanted: impl Fn(&Value) -> Option<T>,
) -> T {
    let end = tokio::time::Instant::now() + START;
    loop {
        let answer = client.get(path).await;
        if let Some(found) = wanted(&answer) {
            return found;
        }
        assert!(
            tokio::time::Instant::now() < end,
            "{path} stayed {answer:#}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
