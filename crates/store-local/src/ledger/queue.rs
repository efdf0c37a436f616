//! The bounded queue in front of the writer.
//!
//! Invariant: the rows waiting never exceed the capacity (one call that alone exceeds it counts
//! as the whole of it). Calls that bring new work are turned away when it is full; calls that
//! finish work wait for their turn.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use austin_ports::ledger::{Error, Result};
use parking_lot::{Condvar, Mutex};
use tokio::sync::Semaphore;

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    waiting: Mutex<VecDeque<(T, u32)>>,
    bell: Condvar,
    places: Semaphore,
    capacity: u32,
    closed: AtomicBool,
}

/// What the writer was woken by.
#[derive(Debug)]
pub(crate) enum Woken<T> {
    /// There is work; `u32` are the places to give back when it is done.
    Work(Vec<T>, u32),
    /// The time has come.
    Time,
    /// The queue is closed and empty.
    Closed,
}

impl<T> Queue<T> {
    /// A queue for `capacity` rows.
    pub(crate) fn new(capacity: u32) -> Self {
        Self {
            waiting: Mutex::default(),
            bell: Condvar::new(),
            places: Semaphore::new(capacity as usize),
            capacity,
            closed: AtomicBool::new(false),
        }
    }

    /// How many rows wait.
    pub(crate) fn depth(&self) -> usize {
        (self.capacity as usize).saturating_sub(self.places.available_permits())
    }

    /// Queues new work of `rows` rows, unless the queue is full.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Stopping`]
    pub(crate) fn offer(&self, item: T, rows: usize) -> Result<()> {
        let rows = self.weight(rows);
        match self.places.try_acquire_many(rows) {
            Ok(permit) => permit.forget(),
            Err(_) if self.is_closed() => return Err(Error::Stopping),
            Err(_) => {
                return Err(Error::Busy {
                    waiting: self.depth(),
                });
            }
        }
        self.push(item, rows)
    }

    /// Queues work of `rows` rows as soon as there is room.
    ///
    /// # Errors
    /// [`Error::Stopping`]
    pub(crate) async fn put(&self, item: T, rows: usize) -> Result<()> {
        let rows = self.weight(rows);
        let permit = self.places.acquire_many(rows).await;
        permit.map_err(|_| Error::Stopping)?.forget();
        self.push(item, rows)
    }

    /// Queues work past the limit: the writer's own upkeep and what only makes it commit.
    ///
    /// # Errors
    /// [`Error::Stopping`]
    pub(crate) fn force(&self, item: T) -> Result<()> {
        self.push(item, 0)
    }

    /// Waits for work until `deadline`, and takes what is there, up to about `most` rows.
    pub(crate) fn take(&self, deadline: Option<Instant>, most: u32) -> Woken<T> {
        let mut waiting = self.waiting.lock();
        while waiting.is_empty() {
            if self.is_closed() {
                return Woken::Closed;
            }
            match deadline {
                None => self.bell.wait(&mut waiting),
                Some(deadline) => {
                    if self.bell.wait_until(&mut waiting, deadline).timed_out()
                        && waiting.is_empty()
                    {
                        return Woken::Time;
                    }
                }
            }
        }
        let mut rows = 0;
        let mut taken = Vec::with_capacity(waiting.len());
        while rows < most
            && let Some((item, weight)) = waiting.pop_front()
        {
            rows += weight;
            taken.push(item);
        }
        Woken::Work(taken, rows)
    }

    /// Gives places back after work is done.
    pub(crate) fn done(&self, rows: u32) {
        self.places.add_permits(rows as usize);
    }

    /// Takes no more; what waits is still handed out.
    pub(crate) fn close(&self) {
        let _waiting = self.waiting.lock();
        self.closed.store(true, Ordering::Release);
        self.places.close();
        self.bell.notify_all();
    }

    /// Closes it and drops what waits: nobody will take it.
    pub(crate) fn abandon(&self) {
        self.close();
        let dropped = std::mem::take(&mut *self.waiting.lock());
        drop(dropped);
    }

    /// Whether it is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn push(&self, item: T, rows: u32) -> Result<()> {
        let mut waiting = self.waiting.lock();
        if self.is_closed() {
            return Err(Error::Stopping);
        }
        waiting.push_back((item, rows));
        // One consumer: it only sleeps on an empty queue.
        if waiting.len() == 1 {
            self.bell.notify_one();
        }
        Ok(())
    }

    fn weight(&self, rows: usize) -> u32 {
        u32::try_from(rows.max(1))
            .unwrap_or(u32::MAX)
            .min(self.capacity)
    }
}
