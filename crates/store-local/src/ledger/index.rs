//! The look-up index: from hashed keys to delivery ids, beside the segments.
//!
//! Derived and disposable: entries come from the journal's operations, wait in memory, and are
//! written as sorted runs to a file per segment by a thread of their own. Invariant: an entry is
//! in memory until it is in a committed run whose coverage names its frame; the journal keeps
//! every frame that is not covered. An entry may be superfluous or collide: whoever looks up
//! checks the row.

pub(crate) mod file;
pub(crate) mod key;
pub(crate) mod tail;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use austin_domain::{DeliveryId, Verdict};
use hashbrown::HashMap;
use parking_lot::RwLock;

use super::fault::Fault;
use super::op::Op;
use super::segment;
use tail::{Entry, Tail};

/// The index of all segments.
#[derive(Debug)]
pub(crate) struct Index {
    dir: PathBuf,
    parts: RwLock<HashMap<u32, Arc<Part>>>,
    /// How often entries moved from memory to a file.
    moved: AtomicU64,
    readers: file::Readers,
}

/// The index of one segment.
#[derive(Debug, Default)]
pub(crate) struct Part {
    memory: RwLock<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    tail: Tail,
    frozen: Vec<Arc<Frozen>>,
    covered: u64,
    /// Whether there is a file with runs.
    on_file: bool,
}

/// Entries on their way into a run.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// The entries.
    pub(crate) tail: Tail,
    /// The last frame whose entries they hold.
    pub(crate) upto: u64,
}

impl Index {
    /// The index of the segments in `dir`, which may have no files yet.
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            parts: RwLock::default(),
            moved: AtomicU64::new(0),
            readers: file::Readers::default(),
        }
    }

    /// States up to which frame the file of a segment is complete.
    pub(crate) fn set_covered(&self, number: u32, covered: u64) {
        let part = self.part(number);
        let mut memory = part.memory.write();
        memory.covered = covered;
        memory.on_file = true;
    }

    /// Adds the entries of an operation of frame `sequence`; `segment` says where an id is.
    pub(crate) fn add(&self, op: &Op, sequence: u64, segment: impl Fn(u64) -> Option<u32>) {
        match op {
            Op::Accept(op) => {
                let part = self.part(op.segment);
                let mut memory = part.memory.write();
                if memory.covered >= sequence {
                    return;
                }
                for message in &op.messages {
                    let id = message.id.as_u64();
                    if let Some(reference) = &message.reference {
                        memory
                            .tail
                            .push(Entry::new(key::message_reference(reference), id));
                    }
                    for (place, delivery) in (0u32..).zip(&message.deliveries) {
                        let id = message.id.delivery(place).as_u64();
                        memory.tail.push(Entry::new(key::address(&delivery.to), id));
                        if let Some(reference) = &delivery.reference {
                            memory.tail.push(Entry::new(key::reference(reference), id));
                        }
                    }
                }
            }
            Op::Settle {
                calls, settlements, ..
            } => {
                for settlement in settlements {
                    let Verdict::Accepted(acceptance) = &settlement.verdict else {
                        continue;
                    };
                    let call = settlement.call.and_then(|at| calls.get(at as usize));
                    let vendor = acceptance.vendor_id.as_ref().map(|id| key::vendor(id));
                    let keyed = call.into_iter().flat_map(|call| {
                        let keys = acceptance.receipt_keys();
                        keys.map(|text| key::receipt(call.account, text))
                    });
                    let id = settlement.delivery.as_u64();
                    if let Some(number) = segment(id) {
                        self.push(number, sequence, id, vendor.into_iter().chain(keyed));
                    }
                }
            }
            Op::Begin { .. }
            | Op::Change { .. }
            | Op::Receive { .. }
            | Op::Wipe { .. }
            | Op::Park { .. }
            | Op::Unpark { .. }
            | Op::Remember(_) => {}
            Op::Retire { segments, .. } => self.forget(segments),
        }
    }

    /// How often entries have moved from memory to a file. What was added after a look-up is
    /// still in memory while this has not changed.
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Acquire)
    }

    /// The ids with `key` below `below` in one segment, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`Fault`] of the index file.
    pub(crate) fn look_up(
        &self,
        number: u32,
        key: i64,
        below: u64,
        limit: usize,
    ) -> Result<Vec<u64>, Fault> {
        // Memory first: entries only ever move from there to the file.
        let mut ids = self.look_up_memory(number, key, below, limit);
        let part = self.parts.read().get(&number).cloned();
        if part.is_some_and(|part| part.memory.read().on_file) {
            let path = segment::index_path(&self.dir, number);
            self.readers.look_up(&path, (key, below, limit), &mut ids)?;
        }
        Ok(newest(ids, limit))
    }

    /// Like [`Index::look_up`], for what is still in memory.
    pub(crate) fn look_up_memory(
        &self,
        number: u32,
        key: i64,
        below: u64,
        limit: usize,
    ) -> Vec<u64> {
        let mut ids = Vec::new();
        let part = self.parts.read().get(&number).cloned();
        if let Some(part) = part {
            let memory = part.memory.read();
            memory.tail.look_up(key, below, &mut ids);
            for frozen in &memory.frozen {
                frozen.tail.look_up(key, below, &mut ids);
            }
        }
        newest(ids, limit)
    }

    /// Sets the entries of segments aside for writing, where there are at least `least`. `upto`
    /// is the last frame whose entries are in. The numbers of the segments concerned.
    pub(crate) fn freeze(&self, least: usize, upto: u64) -> Vec<u32> {
        let mut numbers = Vec::new();
        for (number, part) in self.parts.read().iter() {
            let mut memory = part.memory.write();
            if memory.tail.len() >= least.max(1) {
                let tail = std::mem::take(&mut memory.tail);
                memory.frozen.push(Arc::new(Frozen { tail, upto }));
                numbers.push(*number);
            }
        }
        numbers
    }

    /// Writes what is set aside for a segment.
    ///
    /// # Errors
    /// [`Fault`]; the entries stay in memory.
    pub(crate) fn write(&self, number: u32) -> Result<(), Fault> {
        let part = self.part(number);
        loop {
            let Some(frozen) = part.memory.read().frozen.first().cloned() else {
                return Ok(());
            };
            let mut file = file::IndexFile::open(&segment::index_path(&self.dir, number))?;
            file.add_run(&frozen.tail.to_sorted(), frozen.upto)?;
            // Counted before they leave, so that nobody misses them between the two.
            self.moved.fetch_add(1, Ordering::AcqRel);
            let mut memory = part.memory.write();
            memory.on_file = true;
            memory.frozen.remove(0);
        }
    }

    /// Whether nothing of a segment is in memory only.
    pub(crate) fn is_written(&self, number: u32) -> bool {
        let part = self.part(number);
        let memory = part.memory.read();
        memory.frozen.is_empty()
    }

    /// Drops segments.
    pub(crate) fn forget(&self, numbers: &[u32]) {
        let mut parts = self.parts.write();
        for number in numbers {
            parts.remove(number);
            self.readers
                .forget(&segment::index_path(&self.dir, *number));
        }
    }

    /// Drops what is in memory of a segment whose file was built anew up to frame `covered`.
    pub(crate) fn rebuilt(&self, number: u32, covered: u64) {
        let part = self.part(number);
        *part.memory.write() = Memory {
            covered,
            on_file: true,
            ..Memory::default()
        };
        self.readers.forget(&segment::index_path(&self.dir, number));
    }

    fn push(&self, number: u32, sequence: u64, id: u64, keys: impl Iterator<Item = i64>) {
        let part = self.part(number);
        let mut memory = part.memory.write();
        if memory.covered < sequence {
            for key in keys {
                memory.tail.push(Entry::new(key, id));
            }
        }
    }

    fn part(&self, number: u32) -> Arc<Part> {
        if let Some(part) = self.parts.read().get(&number) {
            return Arc::clone(part);
        }
        Arc::clone(self.parts.write().entry(number).or_default())
    }
}

/// The entries a delivery's row and attempts give, for building an index anew.
pub(crate) fn attempt_keys(account: austin_domain::AccountId, verdict: &Verdict) -> Vec<i64> {
    let Verdict::Accepted(acceptance) = verdict else {
        return Vec::new();
    };
    let vendor = acceptance.vendor_id.as_ref().map(|id| key::vendor(id));
    let keyed = acceptance.receipt_keys();
    let keyed = keyed.map(|text| key::receipt(account, text));
    vendor.into_iter().chain(keyed).collect()
}

fn newest(mut ids: Vec<u64>, limit: usize) -> Vec<u64> {
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.dedup();
    ids.truncate(limit);
    ids
}

/// Ids of deliveries.
pub(crate) fn deliveries(ids: Vec<u64>) -> impl Iterator<Item = DeliveryId> {
    ids.into_iter().map(DeliveryId::from_u64)
}
