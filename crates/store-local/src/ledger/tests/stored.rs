//! A data directory as version 1 stored it: segments, parked receipts, index, and journal frames
//! that no file has seen yet.

use std::collections::BTreeMap;
use std::path::PathBuf;

use austin_domain::{DeliveryId, MessageId, Reason, State};
use austin_ports::ledger::ReceiptFate;
use austin_testkit::builders::NOW;
use austin_testkit::ledger_suite::{self as sample, at};

use super::*;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ledger-v1")
}

fn small() -> Options {
    Options {
        journal_bytes: 4096,
        segment_deliveries: 3,
        ..options()
    }
}

fn first() -> MessageId {
    // The first id of this moment on node 0.
    MessageId::first_at(NOW)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, kind) = (entry.file_name(), entry.file_type().unwrap());
        let text = name.to_string_lossy();
        if kind.is_dir() {
            copy(&entry.path(), &to.join(name));
        } else if !text.ends_with("-wal") && !text.ends_with("-shm") && !text.ends_with(".spare") {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// What every version has in its segments: a code being sent, one sent and delivered, one that
/// waits for its third attempt, an early receipt.
async fn checkpointed(ledger: &dyn Ledger) {
    let mut given = sample::message(&[1, 2, 3]);
    given.deliveries[0].secret_vars = Some(BTreeMap::from([("code".into(), "491822".into())]));
    let id = sample::accept(ledger, given).await.message.id;
    assert_eq!(id, first());
    sample::begin(ledger, id.delivery(0), 1).await;
    sample::begin(ledger, id.delivery(1), 1).await;
    sample::settle(ledger, sample::sent(id.delivery(1), 1, "v1")).await;
    let delivered = sample::receipt("v1", State::Delivered);
    ledger.receipts(vec![delivered], at(31)).await.unwrap();
    for attempt in 1..=2 {
        sample::begin(ledger, id.delivery(2), attempt).await;
        sample::settle(ledger, sample::again(id.delivery(2), attempt, Some(at(60)))).await;
    }
    let early = sample::receipt("v9", State::Delivered);
    ledger.receipts(vec![early], at(32)).await.unwrap();
}

/// What is in the journal only: one of each operation.
async fn journalled(ledger: &dyn Ledger) {
    let id = sample::accept(ledger, sample::message(&[4, 5]))
        .await
        .message
        .id;
    sample::begin(ledger, id.delivery(0), 1).await;
    sample::settle(ledger, sample::sent(id.delivery(0), 1, "v9")).await;
    let recall = Change {
        delivery: id.delivery(1),
        from: None,
        to: State::Recalled,
        due_at: None,
        reason: Reason::new("recalled", "its sender took it back"),
    };
    assert_eq!(ledger.change(vec![recall], at(40)).await, Ok(vec![true]));
    let unknown = sample::receipt("v10", State::Undelivered);
    ledger.receipts(vec![unknown], at(41)).await.unwrap();
}

/// Run by hand to store what the newest version makes; an existing fixture never changes.
#[tokio::test]
#[ignore = "writes the fixture: cargo test -p austin-store-local writes_the_fixture -- --ignored"]
async fn writes_the_fixture() {
    assert!(!fixture().exists(), "a released fixture stays as it is");
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), small());
    checkpointed(&ledger).await;
    ledger.close();
    let ledger = open(dir.path(), small());
    journalled(&ledger).await;
    ledger.kill();
    copy(&dir.path().join(DIRECTORY), &fixture().join(DIRECTORY));
}

#[tokio::test]
async fn version_1_opens_with_everything_in_it() {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture(), dir.path());
    let ledger = open(dir.path(), small());
    let (one, two) = (first(), MessageId::from_u64(first().as_u64() + 4));
    for (id, state, attempts, receipts, events) in [
        (one.delivery(0), State::Sending, 0, 0, 0),
        (one.delivery(1), State::Delivered, 1, 1, 0),
        (one.delivery(2), State::Queued, 2, 0, 0),
        (two.delivery(0), State::Delivered, 1, 1, 0),
        (two.delivery(1), State::Recalled, 0, 0, 1),
    ] {
        let known = sample::evidence(&ledger, id).await;
        let counts = (
            known.attempts.len(),
            known.receipts.len(),
            known.events.len(),
        );
        assert_eq!(
            (known.delivery.state, counts),
            (state, (attempts, receipts, events)),
            "{id}"
        );
    }
    let interrupted = ledger.recover().await.unwrap().interrupted;
    assert_eq!(interrupted[0].item.vars["code"], "491822");
    let parked = ledger.parked(9).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].receipt.key.as_deref(), Some("v10"));
    let repeated = sample::receipt("v1", State::Delivered);
    let fates = ledger.receipts(vec![repeated], at(90)).await;
    assert_eq!(fates, Ok(vec![ReceiptFate::Repeated(one.delivery(1))]));
    let found = ledger
        .find(Filter {
            to: Some(sample::number(4)),
            limit: 9,
            ..Filter::default()
        })
        .await
        .unwrap();
    assert_eq!(found.rows[0].id, two.delivery(0));
    assert!(sample::accept_one(&ledger).await > DeliveryId::from_u64(two.delivery(1).as_u64()));
    ledger.health().unwrap();
}
