//! What the simulator accepted: the count of every reference, and the particulars of the newest.
//!
//! Invariant: in full mode the count of a reference is never forgotten, cut or shared with another
//! reference (keys are 64-bit keyed hashes; two of ten million collide once in 400,000 runs).
//! Cost: 20–40 bytes a distinct reference, plus about 250 bytes for each of the newest
//! `ledger_details` messages.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::behaviour::CountBy;
use crate::clock::rfc3339;
use crate::crypto;
use crate::vendor::Vendor;

/// How much is remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing.
    Off,
    /// Totals per behaviour and second.
    Counts,
    /// Totals, a count per reference, particulars of the newest.
    #[default]
    Full,
}

/// One accepted message on its way into the ledger.
#[derive(Debug)]
pub(crate) struct Accepted<'a> {
    pub(crate) behaviour: &'a Arc<str>,
    pub(crate) vendor: Vendor,
    pub(crate) reference: &'a str,
    /// The reference belongs to a call with several recipients.
    pub(crate) shared: bool,
    pub(crate) to: &'a str,
    pub(crate) text: &'a str,
    pub(crate) at_ms: i64,
    pub(crate) count_by: CountBy,
}

/// Names one accepted message afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Never given twice, also not after a restart (Unix ms of the start × 2²² + sequence).
    pub(crate) number: u64,
    key: u64,
}

/// The whole ledger.
#[derive(Debug)]
pub(crate) struct Ledger {
    mode: Mode,
    first: u64,
    next: AtomicU64,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    details: usize,
    doubles_listed: AtomicU64,
    without_reference: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    /// Key → sequence of the first acceptance (upper 40 bits) and count (lower 24).
    counts: HashMap<u64, u64>,
    newest: VecDeque<Entry>,
    /// References accepted more than once: all are counted, the texts of the first are kept.
    doubled: HashMap<u64, Option<Texts>>,
    extra: u64,
}

/// Reference and recipient.
type Texts = (Box<str>, Box<str>);

#[derive(Debug)]
struct Entry {
    key: u64,
    number: u64,
    at_ms: i64,
    digest: [u8; 8],
    delivered: Option<bool>,
    vendor: Vendor,
    behaviour: Arc<str>,
    reference: Box<str>,
    to: Box<str>,
}

/// An accepted message as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    pub(crate) behaviour: String,
    pub(crate) vendor: Vendor,
    pub(crate) reference: String,
    pub(crate) to: String,
    pub(crate) at: String,
    pub(crate) number: u64,
    /// First eight bytes of the SHA-256 of the content.
    pub(crate) digest: String,
    pub(crate) status: Option<&'static str>,
}

/// What is known of one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) count: u64,
    /// Number of the first acceptance.
    pub(crate) number: u64,
    pub(crate) entries: Vec<Shown>,
}

/// A reference that was accepted more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubled {
    /// The caller's reference.
    pub reference: String,
    /// The recipient of its second acceptance.
    pub to: String,
    /// How often it was accepted.
    pub count: u64,
}

/// Totals of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How much is remembered.
    pub mode: Mode,
    /// Messages accepted (all modes but `off`).
    pub accepted: u64,
    /// Different references among them (full mode only).
    pub distinct_references: u64,
    /// Accepted without any reference; they cannot be counted as doubles.
    pub without_reference: u64,
    /// References accepted more than once.
    pub doubled_count: u64,
    /// Acceptances beyond the first of their reference.
    pub extra_count: u64,
    /// The first of them, most often accepted first.
    pub doubled: Vec<Doubled>,
    /// Accepted per behaviour.
    pub by_behaviour: std::collections::BTreeMap<String, u64>,
    /// Accepted per Unix second, of the last ten minutes.
    pub by_second: std::collections::BTreeMap<i64, u64>,
}

impl Ledger {
    pub(crate) fn new(mode: Mode, details: usize, started_ms: i64) -> Self {
        Self {
            mode,
            first: u64::try_from(started_ms).unwrap_or(0) << 22,
            next: AtomicU64::new(0),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            details: details / SHARDS,
            doubles_listed: AtomicU64::new(0),
            without_reference: AtomicU64::new(0),
        }
    }

    pub(crate) const fn mode(&self) -> Mode {
        self.mode
    }

    /// Writes an accepted message down.
    pub(crate) fn record(&self, accepted: &Accepted<'_>) -> Mark {
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        let number = self.first.wrapping_add(sequence);
        if self.mode != Mode::Full {
            return Mark { number, key: 0 };
        }
        let by_content = accepted.count_by == CountBy::Content;
        if accepted.reference.is_empty() && !by_content {
            self.without_reference.fetch_add(1, Ordering::Relaxed);
        }
        let key = match (by_content, accepted.shared) {
            (false, _) if accepted.reference.is_empty() => self.hasher.hash_one((3_u8, sequence)),
            (true, _) => self.hasher.hash_one((2_u8, accepted.to, accepted.text)),
            (false, true) => self.pair_key(accepted.reference, accepted.to),
            (false, false) => self.reference_key(accepted.reference),
        };
        let mut digest = [0; 8];
        digest.copy_from_slice(&crypto::sha256(accepted.text.as_bytes())[..8]);
        let entry = Entry {
            key,
            number,
            at_ms: accepted.at_ms,
            digest,
            delivered: None,
            vendor: accepted.vendor,
            behaviour: Arc::clone(accepted.behaviour),
            reference: accepted.reference.into(),
            to: accepted.to.into(),
        };
        let mut shard = self.shard(key).lock();
        if by_content || !accepted.reference.is_empty() {
            self.count(&mut shard, sequence, &entry);
        }
        if self.details > 0 {
            if shard.newest.len() >= self.details {
                shard.newest.pop_front();
            }
            shard.newest.push_back(entry);
        }
        Mark { number, key }
    }

    fn count(&self, shard: &mut Shard, sequence: u64, entry: &Entry) {
        let fresh = sequence << COUNT_BITS;
        let packed = shard.counts.entry(entry.key).or_insert(fresh);
        if *packed & COUNT_MASK < COUNT_MASK {
            *packed += 1;
        }
        if *packed & COUNT_MASK > 1 {
            shard.extra += 1;
            shard.doubled.entry(entry.key).or_insert_with(|| {
                let listed = self.doubles_listed.fetch_add(1, Ordering::Relaxed) < DOUBLES_KEPT;
                listed.then(|| (entry.reference.clone(), entry.to.clone()))
            });
        }
    }

    /// Notes what the receipt of a message says, where its particulars are still kept.
    pub(crate) fn note_receipt(&self, mark: Mark, delivered: bool) {
        if self.mode != Mode::Full {
            return;
        }
        let mut shard = self.shard(mark.key).lock();
        if let Some(entry) = shard
            .newest
            .iter_mut()
            .rev()
            .find(|entry| entry.number == mark.number)
        {
            entry.delivered = Some(delivered);
        }
    }

    /// What is known of a reference; with `to` also where the reference belongs to a whole call.
    pub(crate) fn known(&self, reference: &str, to: Option<&str>) -> Option<Known> {
        let pair = to.map(|to| self.pair_key(reference, to));
        [Some(self.reference_key(reference)), pair]
            .into_iter()
            .flatten()
            .find_map(|key| {
                let shard = self.shard(key).lock();
                let packed = *shard.counts.get(&key)?;
                let entries = shard.newest.iter().filter(|entry| entry.key == key);
                Some(Known {
                    count: packed & COUNT_MASK,
                    number: self.first.wrapping_add(packed >> COUNT_BITS),
                    entries: entries.map(Entry::shown).collect(),
                })
            })
    }

    /// The entry of that number, where its particulars are still kept.
    pub(crate) fn numbered(&self, number: u64) -> Option<Shown> {
        self.shards.iter().find_map(|shard| {
            let shard = shard.lock();
            let found = shard.newest.iter().rev().find(|e| e.number == number);
            found.map(Entry::shown)
        })
    }

    /// The newest entries, oldest first.
    pub(crate) fn newest(&self, limit: usize) -> Vec<Shown> {
        let mut all: Vec<Shown> = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            all.extend(shard.newest.iter().rev().take(limit).map(Entry::shown));
        }
        all.sort_unstable_by_key(|entry| entry.number);
        all.split_off(all.len().saturating_sub(limit))
    }

    /// Totals, with at most `listed` doubled references; the caller adds what behaviours count.
    pub(crate) fn summary(&self, listed: usize) -> Summary {
        let mut summary = Summary {
            mode: self.mode,
            accepted: 0,
            distinct_references: 0,
            without_reference: self.without_reference.load(Ordering::Relaxed),
            doubled_count: 0,
            extra_count: 0,
            doubled: Vec::new(),
            by_behaviour: Default::default(),
            by_second: Default::default(),
        };
        for shard in &self.shards {
            let shard = shard.lock();
            summary.distinct_references += shard.counts.len() as u64;
            summary.doubled_count += shard.doubled.len() as u64;
            summary.extra_count += shard.extra;
            for (key, texts) in &shard.doubled {
                if let Some((reference, to)) = texts {
                    summary.doubled.push(Doubled {
                        reference: reference.to_string(),
                        to: to.to_string(),
                        count: shard
                            .counts
                            .get(key)
                            .map_or(0, |packed| packed & COUNT_MASK),
                    });
                }
            }
        }
        summary
            .doubled
            .sort_by(|a, b| b.count.cmp(&a.count).then(a.reference.cmp(&b.reference)));
        summary.doubled.truncate(listed);
        summary
    }

    /// Forgets everything but the numbers already given.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock() = Shard::default();
        }
        self.doubles_listed.store(0, Ordering::Relaxed);
        self.without_reference.store(0, Ordering::Relaxed);
    }

    fn reference_key(&self, reference: &str) -> u64 {
        self.hasher.hash_one((0_u8, reference))
    }

    fn pair_key(&self, reference: &str, to: &str) -> u64 {
        self.hasher.hash_one((1_u8, reference, to))
    }

    fn shard(&self, key: u64) -> &Mutex<Shard> {
        // The upper bits: the map inside uses the lower ones of its own hash.
        &self.shards[(key >> 58) as usize]
    }
}

impl Entry {
    fn shown(&self) -> Shown {
        Shown {
            behaviour: self.behaviour.to_string(),
            vendor: self.vendor,
            reference: self.reference.to_string(),
            to: self.to.to_string(),
            at: rfc3339(self.at_ms),
            number: self.number,
            digest: crypto::hex(&self.digest),
            status: self.delivered.map(|delivered| {
                if delivered {
                    "delivered"
                } else {
                    "undelivered"
                }
            }),
        }
    }
}

const SHARDS: usize = 64;
const COUNT_BITS: u32 = 24;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const DOUBLES_KEPT: u64 = 10_000;

#[cfg(test)]
mod tests;
