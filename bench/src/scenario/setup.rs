//! A running austin with one template, and the vendor it may send through.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::client::Connection;
use crate::process::Server;

/// A running austin on fresh files.
pub(crate) struct Austin {
    pub(crate) server: Server,
    pub(crate) key: String,
    pub(crate) data: TempDir,
}

/// The key of the template that is sent.
pub(crate) const TEMPLATE: &str = "order-shipped";

impl Austin {
    /// Starts austin on an empty data directory and makes the template.
    pub(crate) async fn start(program: &Path) -> Result<Self> {
        let data = tempfile::Builder::new().prefix("austin-bench-").tempdir()?;
        let key = key(program, data.path()).await?;
        let server = serve(program, data.path()).await?;
        let austin = Self { server, key, data };
        let mut connection = austin.connect().await?;
        let template = json!({
            "key": TEMPLATE, "name": "Order shipped", "channel": "sms", "class": "notification",
            "team": "logistics", "owner": "li@corp.example", "contact": "li@corp.example",
            "business": "orders",
            // The same few people over and over: what is measured is the way, not the guards.
            "policies": {"dedup": "off"},
            "content": {"text": "您的订单{{order}}已发货,请留意查收。"},
            "variables": {"order": {"type": "string", "required": true, "max_length": 40, "example": "A1"}},
        });
        connection
            .call("POST", "/v1/templates", &austin.key, Some(&template))
            .await?;
        let enable = format!("/v1/templates/{TEMPLATE}/enable");
        connection
            .call("POST", &enable, &austin.key, Some(&json!({})))
            .await?;
        Ok(austin)
    }

    /// A connection to its API.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        Connection::open(self.server.addr).await
    }

    /// Lets it send through the vendor, at most `recipients` a call.
    pub(crate) async fn route_to(&self, sink: &Server, recipients: usize) -> Result<()> {
        self.account("sink", sink.addr, recipients).await?;
        self.route(&["sink"]).await
    }

    /// An account with a vendor at `addr`, at most `recipients` a call.
    pub(crate) async fn account(
        &self,
        key: &str,
        addr: SocketAddr,
        recipients: usize,
    ) -> Result<()> {
        self.account_of("simulator", key, addr, recipients).await
    }

    /// The same, spoken for by another adapter.
    pub(crate) async fn account_of(
        &self,
        adapter: &str,
        key: &str,
        addr: SocketAddr,
        recipients: usize,
    ) -> Result<()> {
        let account = json!({
            "key": key, "channel": "sms", "adapter": adapter,
            "settings": {"endpoint": format!("http://{addr}")},
            "limits": {"recipients_per_call": recipients}, "enabled": true,
        });
        let mut connection = self.connect().await?;
        connection
            .call("POST", "/v1/accounts", &self.key, Some(&account))
            .await?;
        Ok(())
    }

    /// Shares the traffic evenly among these accounts.
    pub(crate) async fn route(&self, accounts: &[&str]) -> Result<()> {
        let shares: Vec<_> = accounts
            .iter()
            .map(|account| json!({"account": account, "weight": 1}))
            .collect();
        let (route, path) = (json!({"accounts": shares}), "/v1/routes/sms/notification");
        let mut connection = self.connect().await?;
        connection
            .call("PUT", path, &self.key, Some(&route))
            .await?;
        Ok(())
    }

    /// Deliveries that wait or are with the vendor.
    pub(crate) async fn open(&self) -> Result<u64> {
        let mut connection = self.connect().await?;
        let lanes = connection.call("GET", "/v1/lanes", &self.key, None).await?;
        let lanes = lanes["items"]
            .as_array()
            .context("no lanes in the answer")?;
        let count =
            |name: &str| -> u64 { lanes.iter().filter_map(|lane| lane[name].as_u64()).sum() };
        Ok(count("waiting") + count("in_flight") + count("later"))
    }

    /// Waits until nothing is open.
    pub(crate) async fn drained(&self, within: Duration) -> Result<()> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let open = self.open().await?;
            if open == 0 {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                bail!("{open} deliveries are still open after {within:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Starts austin on a data directory.
pub(crate) async fn serve(program: &Path, data: &Path) -> Result<Server> {
    let data = data.to_str().context("the path is not UTF-8")?;
    Server::start(
        program,
        &["serve", "--data", data, "--listen", "127.0.0.1:0"],
    )
    .await
}

async fn key(program: &Path, data: &Path) -> Result<String> {
    let output = tokio::process::Command::new(program)
        .args(["key", "new", "--app", "bench", "--role", "admin", "--data"])
        .arg(data)
        .output()
        .await?;
    if !output.status.success() {
        bail!("key new: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Starts this program in another role.
pub(crate) async fn this(role: &str) -> Result<Server> {
    Server::start(&std::env::current_exe()?, &[role]).await
}
