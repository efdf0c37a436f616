//! The worker processes, seen from the parent.
//!
//! Calls wait in one queue; each worker takes a window of them, answers in order, and is killed
//! when its first call is not answered within the hard deadline. A call is pure and has sent
//! nothing, so the innocent calls of a killed worker simply run again elsewhere. A version that
//! hit a limit or took a worker down is kept to a worker of its own kind (the ward), and after
//! enough strikes it is not called any more.

mod process;
mod slot;
mod version;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

pub(crate) use version::{KnownAccount, Version};

use crate::frames::{Failure, FailureKind, Function};
use crate::worker::Limits;
use slot::Slot;

/// How to start a worker: a program that calls [`crate::worker::run`] on its standard input and
/// output with the limits of its last four arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments before the limits.
    pub arguments: Vec<OsString>,
}

/// How workers are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Workers for versions of good repute; one more is started for the others when needed.
    pub workers: usize,
    /// What one call may use.
    pub limits: Limits,
    /// Longest time to the answer of the call a worker is busy with, before it is killed.
    pub hard_deadline: Duration,
    /// Longest time until a started worker is ready.
    pub start_deadline: Duration,
    /// Limit hits and kills after which a version is quarantined.
    pub strikes: usize,
    /// How long a strike counts.
    pub strike_memory: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 2,
            limits: Limits::default(),
            hard_deadline: Duration::from_secs(1),
            start_deadline: Duration::from_secs(10),
            strikes: 3,
            strike_memory: Duration::from_mins(10),
        }
    }
}

/// The worker processes. They start with the first call and end when this is dropped.
#[derive(Clone)]
pub struct Workers(Arc<Handle>);

/// Ends the workers when the last user is gone.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        for slot in &self.0.slots {
            slot.wake();
        }
    }
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers")
            .field("command", &self.0.0.command)
            .field("options", &self.0.0.options)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Shared {
    command: WorkerCommand,
    options: Options,
    closed: AtomicBool,
    next_version: AtomicU64,
    /// For versions of good repute, served by all slots but the last.
    open: Mutex<VecDeque<Job>>,
    /// For the others, served by the last slot.
    ward: Mutex<VecDeque<Job>>,
    slots: Vec<Arc<Slot>>,
}

/// A call on its way.
pub(crate) struct Job {
    version: Arc<Version>,
    function: Function,
    account: Option<Arc<KnownAccount>>,
    arguments: Vec<String>,
    /// Workers that died while it ran.
    deaths: u8,
    answer: oneshot::Sender<Result<String, Failure>>,
}

impl Job {
    fn answer(self, outcome: Result<String, Failure>) {
        // Whoever asked may have gone: nobody is left to tell.
        let _ = self.answer.send(outcome);
    }
}

impl Workers {
    /// Workers to be started by `command`.
    pub fn new(command: WorkerCommand, options: Options) -> Self {
        let slots = (0..=options.workers.max(1))
            .map(|_| Arc::new(Slot::default()))
            .collect();
        Self(Arc::new(Handle(Arc::new(Shared {
            command,
            options,
            closed: AtomicBool::new(false),
            next_version: AtomicU64::new(1),
            open: Mutex::default(),
            ward: Mutex::default(),
            slots,
        }))))
    }

    /// Process ids of the workers that run now, for tests and diagnosis.
    pub fn process_ids(&self) -> Vec<u32> {
        self.0
            .0
            .slots
            .iter()
            .filter_map(|slot| slot.process_id())
            .collect()
    }

    /// A version of a script; nothing runs yet.
    pub(crate) fn version(&self, name: &str, number: u32, source: &str) -> Arc<Version> {
        let id = self.0.0.next_version.fetch_add(1, Ordering::Relaxed);
        Arc::new(Version::new(id, name, number, source))
    }

    /// Evaluates a version; the names of what it exports.
    ///
    /// # Errors
    /// What is wrong with the script.
    pub(crate) async fn load(&self, version: &Arc<Version>) -> Result<Vec<String>, Failure> {
        // It has not shown yet that it can be trusted beside others.
        let json = self
            .run(version, Function::Load, None, Vec::new(), true)
            .await?;
        serde_json::from_str(&json)
            .map_err(|error| Failure::new(FailureKind::Shape, error.to_string()))
    }

    /// Calls a function of a version.
    ///
    /// # Errors
    /// Why there is no result.
    pub(crate) async fn call(
        &self,
        version: &Arc<Version>,
        function: Function,
        account: Arc<KnownAccount>,
        arguments: Vec<String>,
    ) -> Result<String, Failure> {
        self.run(version, function, Some(account), arguments, false)
            .await
    }

    async fn run(
        &self,
        version: &Arc<Version>,
        function: Function,
        account: Option<Arc<KnownAccount>>,
        arguments: Vec<String>,
        in_ward: bool,
    ) -> Result<String, Failure> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            version: Arc::clone(version),
            function,
            account,
            arguments,
            deaths: 0,
            answer,
        };
        Shared::put(&self.0.0, job, in_ward);
        answered.await.unwrap_or_else(|_| {
            Err(Failure::new(
                FailureKind::NoWorker,
                "the workers were stopped",
            ))
        })
    }

    /// Why a version is not called any more.
    pub(crate) fn quarantined(&self, version: &Version) -> Option<String> {
        version.quarantined()
    }
}

impl Shared {
    /// Queues a job and wakes whoever is to run it.
    fn put(this: &Arc<Self>, job: Job, in_ward: bool) {
        if job.version.quarantined().is_some() {
            return job.answer(Err(quarantined()));
        }
        if in_ward || job.version.is_suspect(this.options.strike_memory) {
            this.ward.lock().push_back(job);
            if let Some(slot) = this.slots.last() {
                Slot::call(slot, this, true);
            }
            return;
        }
        this.open.lock().push_back(job);
        let (_ward, open) = match this.slots.split_last() {
            Some(split) => split,
            None => return,
        };
        if let Some(slot) = open.iter().min_by_key(|slot| slot.load()) {
            Slot::call(slot, this, false);
        }
    }

    /// The next job for a slot. What has come under suspicion since it was queued goes to the
    /// ward; what was quarantined is answered.
    fn next(this: &Arc<Self>, in_ward: bool) -> Option<Job> {
        loop {
            let queue = if in_ward { &this.ward } else { &this.open };
            let job = queue.lock().pop_front()?;
            if job.answer.is_closed() {
                continue;
            }
            let suspect = job.version.is_suspect(this.options.strike_memory);
            if job.version.quarantined().is_some() || (suspect && !in_ward) {
                Self::put(this, job, false);
                continue;
            }
            return Some(job);
        }
    }

    /// Queues jobs again, in front, after the worker that had them was stopped.
    fn again(this: &Arc<Self>, jobs: impl DoubleEndedIterator<Item = Job>, in_ward: bool) {
        let queue = if in_ward { &this.ward } else { &this.open };
        let mut queue = queue.lock();
        for job in jobs.rev() {
            queue.push_front(job);
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

fn quarantined() -> Failure {
    Failure::new(
        FailureKind::Quarantined,
        "this version was stopped too often and is not called any more",
    )
}
