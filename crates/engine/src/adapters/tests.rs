use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use austin_adapter_api::hosted::BoxFuture;
use austin_adapter_api::{
    Account, Asking, Batch, Context, Descriptor, Hosted, Inbound, Question, Receipts, Refused,
    Reply, State, Step,
};
use austin_adapters::simulator::Simulator;
use austin_domain::Verdict;
use austin_domain::verdict::{Acceptance, Cause};
use austin_ports::catalog::AdapterMove;
use austin_testkit::builders::{self, NOW};
use serde_json::{Value, json};

use super::*;

/// Versions whose script is `broken` do not load.
struct Books {
    quarantined: Arc<AtomicBool>,
}

struct Book {
    descriptor: Descriptor,
    quarantined: Arc<AtomicBool>,
}

impl Hosted for Book {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn start<'a>(&'a self, _: &'a Account, _: &'a Batch, _: Context) -> BoxFuture<'a, Step> {
        Box::pin(async { Step::Done(Vec::new()) })
    }

    fn resume<'a>(
        &'a self,
        _: &'a Account,
        _: &'a Batch,
        _: State,
        _: Reply,
        _: Context,
    ) -> BoxFuture<'a, Step> {
        Box::pin(async { Step::Done(Vec::new()) })
    }

    fn receipts<'a>(
        &'a self,
        _: &'a Account,
        _: &'a Inbound,
        _: Context,
    ) -> BoxFuture<'a, Result<Receipts, Refused>> {
        Box::pin(async { Err(Refused::unsupported()) })
    }

    fn ask<'a>(&'a self, _: &'a Account, _: &'a Question, _: Context) -> BoxFuture<'a, Asking> {
        Box::pin(async { Asking::Done(austin_adapter_api::Answer::Unsupported) })
    }

    fn answer<'a>(
        &'a self,
        _: &'a Account,
        _: &'a Question,
        _: State,
        _: Reply,
        _: Context,
    ) -> BoxFuture<'a, Asking> {
        Box::pin(async { Asking::Done(austin_adapter_api::Answer::Unsupported) })
    }

    fn quarantined(&self) -> Option<String> {
        let stopped = self.quarantined.load(Ordering::Relaxed);
        stopped.then(|| "it never ends".into())
    }
}

impl Loader for Books {
    fn load<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<Speaker, Vec<LoadFault>>> {
        let result = match source.script.as_deref() {
            Some("broken") => Err(fault("/script", "syntax", "line 1: it is broken")),
            _ => {
                let simulator = Simulator::default();
                Ok(Speaker::Elsewhere(Arc::new(Book {
                    descriptor: Adapter::descriptor(&simulator).clone(),
                    quarantined: Arc::clone(&self.quarantined),
                })))
            }
        };
        Box::pin(async move { result })
    }
}

impl Examiner for Books {
    fn faults(&self, _: &Value) -> Vec<LoadFault> {
        Vec::new()
    }

    fn examine<'a>(
        &'a self,
        _: &'a Speaker,
        _: &'a Value,
    ) -> austin_ports::BoxFuture<'a, Examination> {
        Box::pin(async { Examination::default() })
    }
}

fn adapters() -> (Adapters, Arc<AtomicBool>) {
    let quarantined = Arc::new(AtomicBool::new(false));
    let books = || Books {
        quarantined: Arc::clone(&quarantined),
    };
    let workshop = Workshop {
        loader: Arc::new(books()),
        examiner: Arc::new(books()),
    };
    (Adapters::with_workshop([], workshop), quarantined)
}

/// `acme-sms` with a checked version for each script.
fn entry(scripts: &[&str]) -> AdapterEntry {
    let mut entry = AdapterEntry::new("acme-sms", NOW);
    for script in scripts {
        let version = entry.add(builders::adapter_version(script));
        go(
            &mut entry,
            AdapterMove::Check {
                version,
                passed: true,
            },
        );
    }
    entry
}

fn go(entry: &mut AdapterEntry, step: AdapterMove) {
    entry.make(&step, None, NOW).unwrap();
}

async fn sync(adapters: &Adapters, entry: &AdapterEntry, now: Timestamp) {
    let mut snapshot = Snapshot::default();
    snapshot
        .adapters
        .insert(entry.name.clone(), Arc::new(entry.clone()));
    adapters.sync(&snapshot, now).await;
}

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// Makes so many calls; how many each version spoke in.
fn calls(adapters: &Adapters, count: usize, now: Timestamp, fails: Option<u32>) -> [usize; 2] {
    let live = adapters.live();
    let voices = adapters.voices(&live, "acme-sms").unwrap();
    let usual = adapters.get("acme-sms").unwrap();
    let mut spoke = [0, 0];
    for _ in 0..count {
        let voice = voices.next(&usual, now);
        let version = voice.version().unwrap();
        spoke[usize::try_from(version).unwrap() - 1] += 1;
        let verdict = match Some(version) == fails {
            true => Verdict::Unknown(Cause::new("x", "y")),
            false => Verdict::Accepted(Acceptance::default()),
        };
        voice.record(&[verdict], now);
    }
    spoke
}

#[tokio::test]
async fn a_version_that_does_not_load_never_replaces_one_that_works() {
    let (adapters, _) = adapters();
    let mut entry = entry(&["good", "broken"]);
    go(&mut entry, AdapterMove::Activate { version: 1 });
    sync(&adapters, &entry, NOW).await;
    assert_eq!(adapters.in_place("acme-sms"), Some(1));
    go(&mut entry, AdapterMove::Activate { version: 2 });
    sync(&adapters, &entry, after(1)).await;
    assert_eq!(adapters.in_place("acme-sms"), Some(1), "what works stays");
    assert_eq!(calls(&adapters, 10, after(1), None), [10, 0]);
}

#[tokio::test]
async fn at_a_start_a_broken_version_keeps_only_its_own_accounts_from_being_used() {
    let (adapters, _) = adapters();
    let mut broken = entry(&["broken"]);
    go(&mut broken, AdapterMove::Activate { version: 1 });
    let mut other = entry(&["good"]);
    other.name = "other".into();
    go(&mut other, AdapterMove::Activate { version: 1 });
    let mut snapshot = Snapshot::default();
    for entry in [broken, other] {
        snapshot
            .adapters
            .insert(entry.name.clone(), Arc::new(entry));
    }
    adapters.sync(&snapshot, NOW).await;
    assert_eq!(adapters.in_place("other"), Some(1));
    assert!(adapters.get("acme-sms").is_none());
    let why = adapters.fault("acme-sms").unwrap();
    assert!(
        why.contains("does not load") && why.contains("line 1"),
        "{why}"
    );
}

#[tokio::test]
async fn a_canary_has_its_share_and_goes_when_it_does_worse() {
    let (adapters, _) = adapters();
    let mut entry = entry(&["one", "two"]);
    go(&mut entry, AdapterMove::Activate { version: 1 });
    let canary = AdapterMove::Canary {
        version: 2,
        percent: 10,
        promote_after: Some(Duration::from_secs(60)),
    };
    go(&mut entry, canary);
    sync(&adapters, &entry, NOW).await;
    assert_eq!(calls(&adapters, 500, NOW, None), [450, 50]);
    let review = |now| {
        let live = adapters.live();
        keeper::review(&live["acme-sms"], now)
    };
    assert_eq!(
        review(after(59)),
        None,
        "it does as well; its time is not over"
    );
    let found = review(after(60)).unwrap();
    assert_eq!(found.step, AdapterMove::Activate { version: 2 });
    // Syncing again changes nothing, counts nothing twice.
    let before = adapters.live();
    sync_same(&adapters, &before).await;
    calls(&adapters, 500, NOW, Some(2));
    let found = review(after(60)).unwrap();
    assert_eq!(found.step, AdapterMove::Rollback { of: Some(2) });
    assert!(found.note.contains("50.0 %"), "{}", found.note);
    assert_eq!(found.figures["new"]["errors"], json!(50));
}

async fn sync_same(adapters: &Adapters, before: &Arc<Live>) {
    let mut snapshot = Snapshot::default();
    for (name, live) in before.iter() {
        snapshot
            .adapters
            .insert(name.clone(), Arc::clone(live.entry()));
    }
    adapters.sync(&snapshot, NOW).await;
    assert!(Arc::ptr_eq(before, &adapters.live()));
}

#[tokio::test]
async fn a_version_that_took_over_at_once_is_compared_with_what_was_before() {
    let (adapters, _) = adapters();
    let mut entry = entry(&["one", "two"]);
    go(&mut entry, AdapterMove::Activate { version: 1 });
    sync(&adapters, &entry, NOW).await;
    calls(&adapters, 100, NOW, None);
    go(&mut entry, AdapterMove::Activate { version: 2 });
    sync(&adapters, &entry, after(10)).await;
    assert_eq!(calls(&adapters, 40, after(10), Some(2)), [0, 40]);
    let live = adapters.live();
    let found = keeper::review(&live["acme-sms"], after(11)).unwrap();
    assert_eq!(found.step, AdapterMove::Rollback { of: Some(2) });
    assert_eq!(keeper::review(&live["acme-sms"], after(700)), None);
}

#[tokio::test]
async fn a_quarantined_version_is_found_once() {
    let (adapters, quarantined) = adapters();
    let mut entry = entry(&["one"]);
    go(&mut entry, AdapterMove::Activate { version: 1 });
    sync(&adapters, &entry, NOW).await;
    let live = adapters.live();
    assert_eq!(keeper::review(&live["acme-sms"], NOW), None);
    quarantined.store(true, Ordering::Relaxed);
    let found = keeper::review(&live["acme-sms"], NOW).unwrap();
    assert_eq!(found.step, AdapterMove::Quarantine { version: 1 });
    assert_eq!(found.note, "it never ends");
    entry.make(&found.step, Some(found.note), NOW).unwrap();
    sync(&adapters, &entry, NOW).await;
    let live = adapters.live();
    assert_eq!(keeper::review(&live["acme-sms"], NOW), None);
    let why = adapters.fault("acme-sms").unwrap();
    assert!(why.contains("quarantined: it never ends"), "{why}");
}

#[tokio::test]
async fn calls_under_way_keep_their_version_and_are_counted() {
    let (adapters, _) = adapters();
    let mut entry = entry(&["one", "two", "three"]);
    go(&mut entry, AdapterMove::Activate { version: 1 });
    sync(&adapters, &entry, NOW).await;
    let live = adapters.live();
    let voices = adapters.voices(&live, "acme-sms").unwrap();
    let usual = adapters.get("acme-sms").unwrap();
    let voice = voices.next(&usual, NOW);
    for version in [2, 3] {
        go(&mut entry, AdapterMove::Activate { version });
        sync(&adapters, &entry, NOW).await;
    }
    assert_eq!(adapters.under_way("acme-sms", 1), 1);
    assert_eq!(adapters.tally("acme-sms", 1, NOW).unwrap().calls, 0);
    drop(voice);
    // It ended without a word: it failed.
    assert_eq!(adapters.tally("acme-sms", 1, NOW).unwrap().errors, 1);
    sync(&adapters, &entry, NOW).await;
    assert!(adapters.tally("acme-sms", 1, NOW).is_none(), "let go of");
}
