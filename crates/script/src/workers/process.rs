//! A worker process: started with nothing but its pipes, gone when dropped.

use std::collections::{HashMap, HashSet};
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Weak};

use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{Job, Options, Version, WorkerCommand};
use crate::frames::{self, Call, Garbage, Told};

/// Versions a worker knows, above which those that are gone are looked for.
const FORGET_ABOVE: usize = 32;

/// A running worker.
pub(super) struct Process {
    child: Child,
    pub(super) input: ChildStdin,
    pub(super) output: ChildStdout,
    known: HashMap<u64, Known>,
}

/// What a worker knows of a version.
struct Known {
    version: Weak<Version>,
    accounts: HashSet<u32>,
}

impl Process {
    pub(super) fn start(command: &WorkerCommand, options: &Options) -> io::Result<Self> {
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .args(options.limits.arguments())
            .env_clear()
            .env("TZ", "UTC")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()?;
        let missing = || io::Error::other("the worker has no pipes");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        Ok(Self {
            child,
            input,
            output,
            known: HashMap::new(),
        })
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it and waits until it is gone.
    pub(super) async fn kill(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a script worker could not be killed");
        }
    }

    /// Writes a job into `out`, after what the worker must know for it.
    pub(super) fn tell(&mut self, id: u64, job: &Job, out: &mut Vec<u8>) -> Result<(), Garbage> {
        self.introduce(&job.version, out)?;
        if let Some(account) = &job.account
            && let Some(known) = self.known.get_mut(&job.version.id)
            && known.accounts.insert(account.slot)
        {
            let told = Told::Account {
                version: job.version.id,
                slot: account.slot,
                json: account.json.clone(),
            };
            frames::append(&told, out)?;
        }
        let call = Call {
            id,
            version: job.version.id,
            function: job.function,
            account: job.account.as_ref().map(|account| account.slot),
            arguments: job.arguments.clone(),
        };
        frames::append(&Told::Call(call), out)
    }

    fn introduce(&mut self, version: &Arc<Version>, out: &mut Vec<u8>) -> Result<(), Garbage> {
        if self.known.contains_key(&version.id) {
            return Ok(());
        }
        if self.known.len() >= FORGET_ABOVE {
            let gone: Vec<u64> = self
                .known
                .iter()
                .filter(|(_, known)| known.version.strong_count() == 0)
                .map(|(id, _)| *id)
                .collect();
            for version in gone {
                self.known.remove(&version);
                frames::append(&Told::Forget { version }, out)?;
            }
        }
        let told = Told::Script {
            version: version.id,
            source: version.source.clone(),
        };
        frames::append(&told, out)?;
        self.known.insert(
            version.id,
            Known {
                version: Arc::downgrade(version),
                accounts: HashSet::new(),
            },
        );
        Ok(())
    }
}
