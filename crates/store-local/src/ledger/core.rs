//! What the writer, the readers and the upkeep share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use austin_ports::ledger::{Error, Result};
use parking_lot::Mutex;

use super::command::Command;
use super::index::Index;
use super::metrics::Metrics;
use super::op::Op;
use super::options::Options;
use super::queue::Queue;
use super::remembered;
use super::segments::Directory;
use crate::Vault;

/// Shared state.
#[derive(Debug)]
pub(crate) struct Core {
    /// The ledger's directory.
    pub(crate) dir: PathBuf,
    /// Settings.
    pub(crate) options: Options,
    /// The way to the writer.
    pub(crate) queue: Queue<Command>,
    /// The look-up index.
    pub(crate) index: Index,
    /// Where marked requests are.
    pub(crate) remembered: remembered::Index,
    /// The segments as last committed.
    pub(crate) directory: Directory,
    /// Opens and seals secrets.
    pub(crate) vault: Arc<Vault>,
    /// Counts.
    pub(crate) metrics: Metrics,
    /// Why no new work is taken, when that is so.
    pub(crate) refusing: Mutex<Option<String>>,
    /// The last frame that was answered.
    pub(crate) answered: AtomicU64,
    /// The last frame readers see.
    pub(crate) visible: AtomicU64,
    /// Tests: stop without finishing, as a killed process does.
    pub(crate) killed: AtomicBool,
}

impl Core {
    /// Where the journal is.
    pub(crate) fn journal_dir(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// Whether readers see every answered write.
    pub(crate) fn is_visible(&self) -> bool {
        let answered = self.answered.load(Ordering::Acquire);
        self.visible.load(Ordering::Acquire) >= answered
    }

    /// Ends when readers see every write answered so far.
    ///
    /// # Errors
    /// [`Error`] when the writer cannot show them.
    pub(crate) async fn barrier(&self) -> Result<()> {
        if self.is_visible() {
            return Ok(());
        }
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.queue.force(Command::Barrier(reply))?;
        answer.await.unwrap_or(Err(Error::Stopping))
    }

    /// Puts a marked request of a durable frame into the index.
    pub(crate) fn note_mark(&self, op: &Op) {
        if let Op::Remember(op) = op
            && let Some(place) = remembered::Place::of(op)
        {
            let since = op.now.minus(self.options.remember_for);
            self.remembered.add(place, since);
        }
    }

    /// Whether the process is to look killed.
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }
}
