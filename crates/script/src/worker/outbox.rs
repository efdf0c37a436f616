//! The way out: a thread writes whatever is there, so that an answer leaves even while the next
//! call hangs, and many answers leave in one write while the pipe is busy.

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
}

impl Outbox {
    /// Starts the thread.
    pub(super) fn start(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Vec::new()),
            some: Condvar::new(),
        });
        let outbox = Self(Arc::clone(&shared));
        let parent = rustix::process::getppid();
        std::thread::Builder::new()
            .name("outbox".into())
            .stack_size(128 * 1024)
            .spawn(move || {
                let mut batch = Vec::new();
                loop {
                    shared.next(&mut batch, parent);
                    // The parent is gone: nobody wants what is still running.
                    if output
                        .write_all(&batch)
                        .and_then(|()| output.flush())
                        .is_err()
                    {
                        std::process::exit(1);
                    }
                    batch.clear();
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
}

impl Shared {
    /// Waits for something and takes it all. Leaves the process when it lost its parent: a
    /// script in an endless native loop would otherwise stay for ever.
    fn next(&self, batch: &mut Vec<u8>, parent: Option<rustix::process::Pid>) {
        let mut waiting = self.waiting.lock();
        while waiting.is_empty() {
            let late = self.some.wait_for(&mut waiting, ORPHAN_CHECK).timed_out();
            if late && rustix::process::getppid() != parent {
                std::process::exit(1);
            }
        }
        std::mem::swap(&mut *waiting, batch);
    }
}
