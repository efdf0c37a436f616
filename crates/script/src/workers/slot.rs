//! A place for one worker: starts it, feeds it, reads its answers, ends it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::process::Process;
use super::{Job, Shared};
use crate::frames::{self, Done, Failure, FailureKind, Said};

/// Calls a worker has at a time: enough to keep the pipe busy, few enough to give back.
const WINDOW: usize = 64;
/// Workers that may die under a call before it is given up.
const MOST_DEATHS: u8 = 2;

/// A place for one worker.
#[derive(Default)]
pub(super) struct Slot {
    running: AtomicBool,
    wake: Notify,
    load: AtomicUsize,
    process_id: AtomicU32,
}

impl Slot {
    /// Calls it is busy with.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        Some(self.process_id.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Wakes its task, which is started with the first call.
    pub(super) fn call(slot: &Arc<Self>, shared: &Arc<Shared>, in_ward: bool) {
        if !slot.running.swap(true, Ordering::AcqRel) {
            let task = Task {
                slot: Arc::clone(slot),
                shared: Arc::clone(shared),
                in_ward,
            };
            tokio::spawn(task.run());
        }
        slot.wake.notify_one();
    }
}

/// The task of a slot; it ends when the pool is closed.
struct Task {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
    in_ward: bool,
}

/// Marks a slot as free when its task ends, however it ends.
struct Running<'a>(&'a Slot);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.process_id.store(0, Ordering::Relaxed);
        self.0.running.store(false, Ordering::Release);
    }
}

/// Why a worker is stopped.
enum Stop {
    /// Its first call is not answered in time.
    Deadline,
    /// It went away, or speaks garbage.
    Died,
    /// A version hit a limit while others of its calls wait: the rest is sorted anew.
    Sort,
    /// The pool is gone.
    Finished,
}

impl Task {
    async fn run(self) {
        let slot = Arc::clone(&self.slot);
        let _running = Running(&slot);
        loop {
            self.slot.wake.notified().await;
            if self.shared.is_closed() {
                return;
            }
            let shared = &self.shared;
            while let Some(job) = Shared::next(shared, self.in_ward) {
                match Process::start(&shared.command, &shared.options) {
                    Ok(process) => {
                        Shared::again(shared, std::iter::once(job), self.in_ward);
                        let mut worker = Worker::new(&self, process);
                        let stop = worker.serve().await;
                        if matches!(stop, Stop::Finished) {
                            return;
                        }
                        worker.end(shared, stop).await;
                    }
                    Err(error) => job.answer(Err(Failure::new(
                        FailureKind::NoWorker,
                        format!("a script worker cannot be started: {error}"),
                    ))),
                }
            }
        }
    }
}

/// A worker at work.
struct Worker<'a> {
    task: &'a Task,
    process: Process,
    /// In the order they were written; the first is the one it is busy with.
    pending: VecDeque<(u64, Job)>,
    next_id: u64,
    outgoing: Vec<u8>,
    written: usize,
    incoming: Vec<u8>,
    /// Whether it said that it is ready.
    ready: bool,
    /// When it is stopped, unless an answer comes.
    deadline: Option<Instant>,
}

impl<'a> Worker<'a> {
    fn new(task: &'a Task, process: Process) -> Self {
        let id = process.id().unwrap_or(0);
        task.slot.process_id.store(id, Ordering::Relaxed);
        Self {
            task,
            process,
            pending: VecDeque::new(),
            next_id: 0,
            outgoing: Vec::new(),
            written: 0,
            incoming: Vec::with_capacity(64 * 1024),
            ready: false,
            deadline: None,
        }
    }

    /// Feeds the worker and reads it until it is to be stopped.
    async fn serve(&mut self) -> Stop {
        self.deadline = Some(Instant::now() + self.task.shared.options.start_deadline);
        loop {
            if let Err(stop) = self.take() {
                return stop;
            }
            let deadline = self.deadline;
            let slot = &self.task.slot;
            tokio::select! {
                biased;
                read = self.process.output.read_buf(&mut self.incoming) => match read {
                    Ok(0) | Err(_) => return Stop::Died,
                    Ok(_) => {
                        if let Err(stop) = self.read() {
                            return stop;
                        }
                    }
                },
                written = self.process.input.write(&self.outgoing[self.written..]),
                    if self.written < self.outgoing.len() => match written {
                    Ok(0) | Err(_) => return self.last_words().await,
                    Ok(written) => self.wrote(written),
                },
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    return if self.ready { Stop::Deadline } else { Stop::Died };
                }
                () = slot.wake.notified() => {}
            }
        }
    }

    /// The worker takes no more: answers that it gave before may still stand in the pipe.
    async fn last_words(&mut self) -> Stop {
        while let Ok(1..) = self.process.output.read_buf(&mut self.incoming).await {
            if let Err(stop) = self.read() {
                return stop;
            }
        }
        Stop::Died
    }

    fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written == self.outgoing.len() {
            self.outgoing.clear();
            self.written = 0;
        }
    }

    /// Takes jobs from the queue as far as the window goes.
    fn take(&mut self) -> Result<(), Stop> {
        let shared = &self.task.shared;
        if shared.is_closed() {
            return Err(Stop::Finished);
        }
        while self.pending.len() < WINDOW {
            let Some(job) = Shared::next(shared, self.task.in_ward) else {
                break;
            };
            let before = self.outgoing.len();
            if self
                .process
                .tell(self.next_id, &job, &mut self.outgoing)
                .is_err()
            {
                self.outgoing.truncate(before);
                job.answer(Err(Failure::new(
                    FailureKind::Output,
                    "the call is too large for a script worker",
                )));
                continue;
            }
            if self.pending.is_empty() && self.ready {
                self.deadline = Some(Instant::now() + shared.options.hard_deadline);
            }
            self.pending.push_back((self.next_id, job));
            self.next_id += 1;
        }
        self.task
            .slot
            .load
            .store(self.pending.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Reads the frames that are there.
    fn read(&mut self) -> Result<(), Stop> {
        let shared = Arc::clone(&self.task.shared);
        let mut used = 0;
        let mut outcome = Ok(());
        loop {
            match frames::first(&self.incoming[used..]) {
                Ok(Some((said, length))) => {
                    used += length;
                    outcome = self.heard(&shared, said);
                    if outcome.is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(frames::Garbage) => {
                    outcome = Err(Stop::Died);
                    break;
                }
            }
        }
        self.incoming.drain(..used);
        outcome
    }

    fn heard(&mut self, shared: &Arc<Shared>, said: Said) -> Result<(), Stop> {
        match said {
            Said::Hello if !self.ready => self.ready = true,
            Said::Hello => return Err(Stop::Died),
            Said::Done(done) => self.done(shared, done)?,
        }
        self.deadline =
            (!self.pending.is_empty()).then(|| Instant::now() + shared.options.hard_deadline);
        Ok(())
    }

    fn done(&mut self, shared: &Arc<Shared>, done: Done) -> Result<(), Stop> {
        // Only the first pending call can be answered: anything else is not our worker's voice.
        let Some((_, job)) = self.pending.pop_front_if(|(id, _)| *id == done.id) else {
            return Err(Stop::Died);
        };
        let version = Arc::clone(&job.version);
        let limit = match &done.outcome {
            Err(failure) if failure.kind.is_limit() => Some(failure.clone()),
            Ok(_) | Err(_) => None,
        };
        let Some(failure) = limit else {
            job.answer(done.outcome);
            return Ok(());
        };
        let options = &shared.options;
        version.strike(&failure, options.strikes, options.strike_memory);
        job.answer(done.outcome);
        let more = self
            .pending
            .iter()
            .any(|(_, job)| job.version.id == version.id);
        if more { Err(Stop::Sort) } else { Ok(()) }
    }

    /// Ends the worker and sorts what it had.
    async fn end(self, shared: &Arc<Shared>, stop: Stop) {
        let options = &shared.options;
        let mut pending: VecDeque<Job> = self.pending.into_iter().map(|(_, job)| job).collect();
        self.process.kill().await;
        self.task.slot.process_id.store(0, Ordering::Relaxed);
        self.task.slot.load.store(0, Ordering::Relaxed);
        if !self.ready {
            // The machine's fault, not a script's.
            for job in pending {
                job.answer(Err(Failure::new(
                    FailureKind::NoWorker,
                    "a script worker ended before it was ready",
                )));
            }
            return;
        }
        match stop {
            Stop::Deadline => {
                if let Some(job) = pending.pop_front() {
                    let failure = Failure::new(
                        FailureKind::Killed,
                        format!("not done after {:?}", options.hard_deadline),
                    );
                    job.version
                        .strike(&failure, options.strikes, options.strike_memory);
                    job.answer(Err(failure));
                }
            }
            Stop::Died => {
                if let Some(mut job) = pending.pop_front() {
                    job.deaths += 1;
                    if job.deaths < MOST_DEATHS {
                        // It need not have been its doing: once more, where it harms no other.
                        Shared::put(shared, job, true);
                    } else {
                        let failure =
                            Failure::new(FailureKind::Died, "the script worker died twice");
                        job.version
                            .strike(&failure, options.strikes, options.strike_memory);
                        job.answer(Err(failure));
                    }
                }
            }
            Stop::Sort | Stop::Finished => {}
        }
        Shared::again(shared, pending.into_iter(), self.task.in_ward);
    }
}
