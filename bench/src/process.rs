//! Child processes: started on a free port, measured by the kernel's own accounting.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
}

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_bytes: u64,
}

impl Server {
    /// Starts `program` and waits for the line that says where it listens.
    pub(crate) async fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .env("AUSTIN_WIRE__ALLOW_PRIVATE_TARGETS", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let announce = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(addr) = line.split("http://").nth(1) {
                    let addr = addr.split(['/', ' ']).next().unwrap_or_default();
                    return Ok(addr.parse::<SocketAddr>()?);
                }
            }
            bail!(
                "{} ended without saying where it listens",
                program.display()
            )
        };
        let addr = tokio::time::timeout(Duration::from_secs(60), announce)
            .await
            .context("it did not say where it listens within 60 s")??;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, addr })
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let pid = self.child.id().context("the server has ended")?;
        usage(pid)
    }

    /// Kills it as a crash would.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

/// Processor time and memory of a process and its children, from `/proc`.
pub(crate) fn usage(pid: u32) -> Result<Usage> {
    let mut whole = own_usage(pid)?;
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    for thread in threads.flatten() {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            // A child may end between the two looks.
            if let Ok(usage) = own_usage(child) {
                whole.cpu += usage.cpu;
                whole.resident_bytes += usage.resident_bytes;
            }
        }
    }
    Ok(whole)
}

fn own_usage(pid: u32) -> Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Fields after the command name, which may hold spaces (proc(5)): utime is the 12th, stime
    // the 13th of them; in ticks of 1/100 s.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .context("bad stat line")?
        .1
        .split_whitespace()
        .collect();
    let ticks = |index: usize| -> Result<u64> {
        Ok(fields.get(index).context("short stat line")?.parse()?)
    };
    let cpu = Duration::from_millis((ticks(11)? + ticks(12)?) * 10);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .context("no VmRSS")?
        .parse::<u64>()?;
    Ok(Usage {
        cpu,
        resident_bytes: resident * 1024,
    })
}

/// Processor time and wall time since some moment.
pub(crate) struct Meter {
    from: Usage,
    at: Instant,
}

impl Meter {
    pub(crate) fn start(server: &Server) -> Result<Self> {
        Ok(Self {
            from: server.usage()?,
            at: Instant::now(),
        })
    }

    pub(crate) fn stop(&self, server: &Server) -> Result<(Duration, Duration)> {
        Ok((
            server.usage()?.cpu.saturating_sub(self.from.cpu),
            self.at.elapsed(),
        ))
    }
}
