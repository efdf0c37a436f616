//! SMPP spoken by others: a centre made with the npm package `smpp`, a client made with the
//! Python package `smpplib`, each installed into a directory of its own.

use std::path::Path;
use std::process::{Command, Output};

use austin_testkit::Process;
use serde_json::Value;
use tempfile::TempDir;

use crate::rig::START;

/// A centre that is not ours.
pub(crate) struct ForeignCentre {
    /// Where it listens.
    pub(crate) port: u16,
    process: Process,
    _folder: TempDir,
}

impl ForeignCentre {
    /// Starts it; `None` where it cannot be installed and nobody insists.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let installed = run(Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
            .arg(folder.path())
            .arg("smpp@0.5.1"));
        if !had("the npm package smpp", installed) {
            return None;
        }
        let script = folder.path().join("centre.js");
        std::fs::write(&script, include_str!("smpp_centre.js")).unwrap();
        let process = Process::start(Command::new("node").arg(&script)).expect("node starts");
        let port = process.wait_for(START, |line| {
            let word: Value = serde_json::from_str(line).ok()?;
            u16::try_from(word["port"].as_u64()?).ok()
        });
        Some(Self {
            port,
            process,
            _folder: folder,
        })
    }

    /// What it said so far.
    pub(crate) fn words(&self) -> Vec<Value> {
        let output = self.process.output();
        let words = output.lines();
        words
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

/// Sends texts to the centre at `port` with a client that is not ours, and waits for a receipt of
/// each part. How many parts it sent; `None` where it cannot be installed and nobody insists.
pub(crate) fn send_with_foreign_client(port: u16, texts: &[&str]) -> Option<u64> {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("bin/python");
    let made = run(Command::new("python3")
        .args(["-m", "venv"])
        .arg(folder.path()));
    let installed = made.and_then(|_| {
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "smpplib==2.2.4"]))
    });
    if !had("the Python package smpplib", installed) {
        return None;
    }
    Some(sent_by(&python, folder.path(), port, texts))
}

fn sent_by(python: &Path, folder: &Path, port: u16, texts: &[&str]) -> u64 {
    let script = folder.join("client.py");
    std::fs::write(&script, include_str!("smpp_client.py")).unwrap();
    let output = run(Command::new(python)
        .arg(script)
        .arg(port.to_string())
        .args(texts))
    .unwrap_or_else(|why| panic!("{why}"));
    let words = String::from_utf8_lossy(&output.stdout);
    let parts = words.trim().strip_prefix("parts ").expect("a count");
    parts.parse().unwrap()
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output);
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Whether something is there; its absence fails where `REQUIRE_SERVICES=1`.
fn had(what: &str, installed: Result<Output, String>) -> bool {
    let Err(why) = installed else {
        return true;
    };
    let required = std::env::var("REQUIRE_SERVICES").is_ok_and(|value| value == "1");
    assert!(!required, "{what} cannot be installed: {why}");
    println!("passed over: {what} cannot be installed: {why}");
    false
}
