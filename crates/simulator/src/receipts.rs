//! Receipts: which are promised, when they are due, and posting them until acknowledged.
//!
//! Invariant: every promised receipt ends in exactly one counter: `acknowledged`, `lost` (wished
//! by the behaviour), `overflowed` (too many waiting) or `gave_up` (never acknowledged), or is
//! still `waiting`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::behaviour::ReceiptPlan;
use crate::callback::{Callback, Post, Target};
use crate::clock::around_midnight;
use crate::ledger::{Ledger, Mark};
use crate::span::roll;
use crate::vendor::{self, Vendor};

mod post;

/// A later word about one accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) mark: Mark,
    pub(crate) vendor: Vendor,
    /// The vendor's id of the message; Aliyun and SendGrid give one to a whole call.
    pub(crate) id: u64,
    pub(crate) reference: Box<str>,
    pub(crate) to: Box<str>,
    pub(crate) segments: u32,
    pub(crate) accepted_ms: i64,
    pub(crate) done_ms: i64,
    pub(crate) delivered: bool,
    pub(crate) code: Arc<str>,
    /// A callback URL given with the call (YunPian), before the plan's.
    pub(crate) url: Option<Arc<str>>,
}

/// Where receipts ended.
#[derive(Debug, Default)]
struct Counters {
    promised: AtomicU64,
    acknowledged: AtomicU64,
    lost: AtomicU64,
    overflowed: AtomicU64,
    gave_up: AtomicU64,
    waiting: AtomicU64,
    posts: AtomicU64,
    refused_posts: AtomicU64,
}

/// The counters as shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    promised: u64,
    acknowledged: u64,
    lost: u64,
    overflowed: u64,
    gave_up: u64,
    waiting: u64,
    posts: u64,
    refused_posts: u64,
}

/// Sends the receipts of one behaviour.
#[derive(Debug)]
pub(crate) struct Courier {
    plan: ReceiptPlan,
    seed: u64,
    ledger: Arc<Ledger>,
    stop: CancellationToken,
    heap: Mutex<BinaryHeap<Reverse<Due>>>,
    /// Kept to be fetched, in the order they became due.
    shelf: Mutex<Vec<Receipt>>,
    targets: Mutex<HashMap<Arc<str>, Arc<Callback>>>,
    started: Instant,
    wake: Notify,
    posting: Arc<Semaphore>,
    retired: AtomicBool,
    waiting_most: u64,
    counters: Counters,
}

#[derive(Debug, PartialEq, Eq)]
struct Due {
    at_ms: u64,
    order: u64,
    receipt: Receipt,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ms, self.order).cmp(&(other.at_ms, other.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

enum Next {
    Post(Vec<Receipt>),
    Wait(Option<u64>),
}

impl Courier {
    /// Starts the courier of a behaviour; it runs until stopped, or retired and empty.
    pub(crate) fn start(
        plan: ReceiptPlan,
        seed: u64,
        ledger: Arc<Ledger>,
        stop: CancellationToken,
        waiting_most: usize,
    ) -> Arc<Self> {
        let courier = Arc::new(Self {
            plan,
            seed,
            ledger,
            stop,
            heap: Mutex::default(),
            shelf: Mutex::default(),
            targets: Mutex::default(),
            started: Instant::now(),
            wake: Notify::new(),
            posting: Arc::new(Semaphore::new(CONCURRENT_POSTS)),
            retired: AtomicBool::new(false),
            waiting_most: waiting_most as u64,
            counters: Counters::default(),
        });
        tokio::spawn(Arc::clone(&courier).run());
        courier
    }

    /// Lets the courier end once nothing is waiting.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Promises receipts for what was just accepted; posts them before returning where the plan
    /// says `early`.
    pub(crate) async fn promise(self: &Arc<Self>, receipts: Vec<Receipt>) {
        let mut early = Vec::new();
        for receipt in receipts {
            let ordinal = self.counters.promised.fetch_add(1, Ordering::Relaxed);
            for (delay_ms, receipt) in self.decide(receipt, ordinal) {
                if self.plan.early {
                    early.push(receipt);
                } else {
                    self.schedule(delay_ms, ordinal, receipt);
                }
            }
        }
        if self.plan.early {
            self.waiting(early.len() as u64);
            for batch in post::batches(early, self.plan.batch) {
                if !self.try_post(&batch).await {
                    for receipt in batch {
                        self.push(self.now_ms() + self.plan.retry.first_ms, 0, receipt);
                    }
                }
            }
        }
        self.wake.notify_one();
    }

    /// Up to `limit` receipts that are to be fetched, from place `after` on, and whether more are.
    pub(crate) fn fetch(&self, after: usize, limit: usize) -> (Vec<Receipt>, bool) {
        let shelf = self.shelf.lock();
        let rest = shelf.get(after..).unwrap_or_default();
        (
            rest.iter().take(limit).cloned().collect(),
            rest.len() > limit,
        )
    }

    /// Takes up to `limit` receipts that are to be fetched off the shelf: a vendor without places
    /// hands each out once.
    pub(crate) fn take(&self, limit: usize) -> Vec<Receipt> {
        let mut shelf = self.shelf.lock();
        let count = limit.min(shelf.len());
        shelf.drain(..count).collect()
    }

    pub(crate) fn progress(&self) -> Progress {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let c = &self.counters;
        Progress {
            promised: get(&c.promised),
            acknowledged: get(&c.acknowledged),
            lost: get(&c.lost),
            overflowed: get(&c.overflowed),
            gave_up: get(&c.gave_up),
            waiting: get(&c.waiting),
            posts: get(&c.posts),
            refused_posts: get(&c.refused_posts),
        }
    }

    /// What becomes of one receipt: nothing, one, or two posts, each with its delay.
    fn decide(&self, mut receipt: Receipt, ordinal: u64) -> Vec<(u64, Receipt)> {
        let draw = |stream| roll(self.seed, stream, ordinal);
        if draw(LOSE) < self.plan.lose {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        }
        let delay_ms = self.plan.delay_ms.at(draw(DELAY));
        receipt.done_ms = receipt.accepted_ms + i64::try_from(delay_ms).unwrap_or(0);
        if self.plan.across_midnight {
            (receipt.accepted_ms, receipt.done_ms) = around_midnight(receipt.accepted_ms);
        }
        if let Some(fail) = &self.plan.fail
            && draw(FAIL) < fail.share
        {
            receipt.delivered = false;
            receipt.code = fail.code.as_str().into();
        }
        let mut posts = vec![(delay_ms, receipt.clone())];
        if draw(DUPLICATE) < self.plan.duplicate {
            posts.push((delay_ms + AGAIN_MS, receipt.clone()));
        }
        if draw(CONTRADICT) < self.plan.contradict {
            receipt.delivered = !receipt.delivered;
            receipt.code = if receipt.delivered {
                "DELIVRD"
            } else {
                "UNDELIV"
            }
            .into();
            posts.push((delay_ms + AGAIN_MS, receipt));
        }
        posts
    }

    fn schedule(&self, delay_ms: u64, ordinal: u64, receipt: Receipt) {
        if self.counters.waiting.load(Ordering::Relaxed) >= self.waiting_most {
            self.counters.overflowed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.waiting(1);
        let due = self.now_ms() + delay_ms;
        match self.plan.reorder_ms {
            0 => self.push(due, ordinal, receipt),
            // Mirrored inside its window: what is due first in it comes last.
            window => self.push(
                due - due % window + 2 * window - due % window,
                u64::MAX - ordinal,
                receipt,
            ),
        }
    }

    fn push(&self, at_ms: u64, order: u64, receipt: Receipt) {
        self.heap.lock().push(Reverse(Due {
            at_ms,
            order,
            receipt,
        }));
    }

    fn waiting(&self, more: u64) {
        self.counters.waiting.fetch_add(more, Ordering::Relaxed);
    }

    async fn run(self: Arc<Self>) {
        loop {
            let pause = match self.next() {
                Next::Post(receipts) => {
                    for batch in post::batches(receipts, self.plan.batch) {
                        let slots = Arc::clone(&self.posting);
                        let Ok(permit) = slots.acquire_owned().await else {
                            return;
                        };
                        let courier = Arc::clone(&self);
                        tokio::spawn(async move {
                            courier.deliver(batch).await;
                            drop(permit);
                        });
                    }
                    continue;
                }
                Next::Wait(None) if self.retired.load(Ordering::Acquire) => return,
                Next::Wait(pause) => pause.map_or(Duration::MAX, Duration::from_millis),
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    fn next(&self) -> Next {
        let now = self.now_ms();
        let mut heap = self.heap.lock();
        let mut due = Vec::new();
        while due.len() < self.plan.batch * CONCURRENT_POSTS {
            match heap.peek() {
                Some(Reverse(first)) if first.at_ms <= now => {
                    due.extend(heap.pop().map(|Reverse(first)| first.receipt));
                }
                Some(Reverse(first)) if due.is_empty() => {
                    return Next::Wait(Some(first.at_ms - now));
                }
                None if due.is_empty() => return Next::Wait(None),
                _ => break,
            }
        }
        Next::Post(due)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

async fn sleep(pause: Duration) {
    if pause == Duration::MAX {
        std::future::pending().await
    } else {
        tokio::time::sleep(pause).await;
    }
}

/// Posts at the same time; with more, order would hardly be kept at all.
const CONCURRENT_POSTS: usize = 4;
/// How much later the second receipt of a pair comes.
const AGAIN_MS: u64 = 20;

const LOSE: u64 = 101;
const DELAY: u64 = 102;
const FAIL: u64 = 103;
const DUPLICATE: u64 = 104;
const CONTRADICT: u64 = 105;
