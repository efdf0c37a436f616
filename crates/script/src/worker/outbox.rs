//! The way out. Who has no further call to run writes by itself what is there; otherwise a thread
//! does, so that an answer leaves even while the next call hangs. Many answers leave in one write.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::frames::{self, Said};

/// How often an idle worker looks whether its parent is still there.
const ORPHAN_CHECK: Duration = Duration::from_secs(2);

/// Answers on their way.
#[derive(Clone)]
pub(super) struct Outbox(Arc<Shared>);

struct Shared {
    waiting: Mutex<Vec<u8>>,
    some: Condvar,
    /// Held from taking what waits until it is written: answers leave in the order of the calls.
    output: Mutex<Box<dyn Write + Send>>,
}

impl Outbox {
    /// Starts the thread.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Vec::new()),
            some: Condvar::new(),
            output: Mutex::new(Box::new(output)),
        });
        let outbox = Self(Arc::clone(&shared));
        let parent = rustix::process::getppid();
        std::thread::Builder::new()
            .name("outbox".into())
            .stack_size(128 * 1024)
            .spawn(move || {
                loop {
                    shared.wait(parent);
                    // The parent is gone: nobody wants what is still running.
                    if shared.write(None).is_err() {
                        std::process::exit(1);
                    }
                }
            })?;
        Ok(outbox)
    }

    /// Hands a message to the thread.
    pub(super) fn put(&self, said: &Said) -> io::Result<()> {
        frames::append(said, &mut self.0.waiting.lock()).map_err(super::garbage)?;
        self.0.some.notify_one();
        Ok(())
    }

    /// Writes a message and whatever still waits.
    pub(super) fn put_last(&self, said: &Said) -> io::Result<()> {
        self.0.write(Some(said))
    }
}

impl Shared {
    /// Writes what waits, and `last` behind it.
    fn write(&self, last: Option<&Said>) -> io::Result<()> {
        let mut output = self.output.lock();
        let mut batch = std::mem::take(&mut *self.waiting.lock());
        if let Some(said) = last {
            frames::append(said, &mut batch).map_err(super::garbage)?;
        }
        output.write_all(&batch)?;
        output.flush()
    }

    /// Waits for something to write. Leaves the process when it lost its parent: a script in an
    /// endless native loop would otherwise stay for ever.
    fn wait(&self, parent: Option<rustix::process::Pid>) {
        let mut waiting = self.waiting.lock();
        while waiting.is_empty() {
            let late = self.some.wait_for(&mut waiting, ORPHAN_CHECK).timed_out();
            if late && rustix::process::getppid() != parent {
                std::process::exit(1);
            }
        }
    }
}
