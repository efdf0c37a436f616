//! What is left after power loss, copied files, lost and damaged files.

use std::path::PathBuf;

use austin_domain::{DeliveryId, State};
use austin_testkit::ledger_suite::{self as sample, at};

use super::*;

/// Work that leaves deliveries in several states, in several segments; what readers see of them.
async fn work(ledger: &dyn Ledger, rounds: u64) -> Vec<DeliveryId> {
    let mut ids = Vec::new();
    for round in 0..rounds {
        let accepted = ledger
            .accept(vec![sample::message(&[1, 2, 3])], at(round))
            .await
            .unwrap();
        let id = accepted[0].message.id;
        ids.extend((0..3).map(|place| id.delivery(place)));
        sample::begin(ledger, id.delivery(0), 1).await;
        sample::begin(ledger, id.delivery(1), 1).await;
        sample::settle(
            ledger,
            sample::sent(id.delivery(1), 1, &format!("v{round}")),
        )
        .await;
    }
    ids
}

async fn picture(ledger: &dyn Ledger, ids: &[DeliveryId]) -> Vec<String> {
    let mut seen = Vec::new();
    for id in ids {
        seen.push(format!("{:?}", ledger.evidence(*id).await.unwrap()));
    }
    seen
}

/// Copies what is kept. An error when a file went away meanwhile: such a copy is of no moment.
fn copy(from: &Path, to: &Path, keep: fn(&str) -> bool) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name), keep)?;
        } else if keep(&name) {
            std::fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// The files as a crash might leave them. The journal last: it may only be ahead of the files,
/// as it is on disk.
fn copy_under_load(live: &Path, killed: &Path) -> std::io::Result<()> {
    copy(live, killed, |name| {
        !name.ends_with(".log") && !name.ends_with("-shm")
    })?;
    copy(live, killed, |name| name.ends_with(".log"))
}

fn small() -> Options {
    Options {
        segment_deliveries: 9,
        journal_bytes: 1 << 20,
        ..options()
    }
}

fn ledger_file(dir: &Path, name: &str) -> PathBuf {
    dir.join(DIRECTORY).join(name)
}

/// Power loss may take everything SQLite has not checkpointed: the journal has it.
#[tokio::test]
async fn state_files_that_lost_their_last_commits_catch_up() {
    let root = tempfile::tempdir().unwrap();
    let (live, lost) = (root.path().join("live"), root.path().join("lost"));
    let ledger = open(&live, small());
    let ids = work(&ledger, 8).await;
    let wanted = picture(&ledger, &ids).await;
    ledger.kill();
    // Without any write-ahead log, and without the indexes.
    copy(&live, &lost, |name| {
        !name.ends_with("-wal") && !name.ends_with("-shm")
    })
    .unwrap();
    let ledger = open(&lost, small());
    assert_eq!(picture(&ledger, &ids).await, wanted);
    let found = ledger
        .find(Filter {
            vendor_id: Some("v3".into()),
            limit: 5,
            ..Filter::default()
        })
        .await
        .unwrap();
    assert_eq!(found.rows.len(), 1);
    ledger.health().unwrap();
}

/// Copies taken while work goes on are what a kill at that moment leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_is_missing_in_copies_taken_under_load() {
    let root = tempfile::tempdir().unwrap();
    let live = root.path().join("live");
    let ledger = Arc::new(open(&live, small()));
    let mut answered = Vec::new();
    for round in 0..6 {
        answered.extend(work(ledger.as_ref(), 3).await);
        let busy = tokio::spawn({
            let ledger = Arc::clone(&ledger);
            async move { work(ledger.as_ref(), 4).await }
        });
        let killed = root.path().join(format!("killed-{round}"));
        while let Err(error) = copy_under_load(&live, &killed) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
            std::fs::remove_dir_all(&killed).unwrap();
        }
        let copied = open(&killed, small());
        for id in &answered {
            let state = sample::state(&copied, *id).await;
            assert!(state != State::Unknown, "{id} is {state}");
        }
        drop(copied);
        answered.extend(busy.await.unwrap());
    }
}

#[tokio::test]
async fn a_damaged_segment_is_set_aside_and_the_others_work() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path(), small());
    let ids = work(&ledger, 9).await;
    drop(ledger);
    let path = ledger_file(root.path(), "seg-000002.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..4096].fill(0xee);
    std::fs::write(&path, bytes).unwrap();
    let findings = check(root.path());
    assert!(findings.iter().any(|finding| {
        finding.severity == crate::Severity::Fault && finding.subject.contains("seg-000002.db")
    }));
    let ledger = open(root.path(), small());
    let health = ledger.health().unwrap_err().to_string();
    assert!(health.contains("seg-000002.db"), "{health}");
    let error = ledger.evidence(ids[12]).await.unwrap_err();
    assert!(matches!(error, Error::Damaged(_)), "{error}");
    assert_eq!(sample::state(&ledger, ids[1]).await, State::Sent);
    assert_eq!(
        sample::state(&ledger, *ids.last().unwrap()).await,
        State::Accepted
    );
    sample::accept_one(&ledger).await;
    assert_eq!(
        ledger.begin(vec![sample::start(ids[14], 1)], at(50)).await,
        Ok(vec![false])
    );
}

#[tokio::test]
async fn a_damaged_journal_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path(), small());
    work(&ledger, 4).await;
    ledger.kill();
    let path = ledger_file(root.path(), "journal/00000001.log");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = try_open(root.path(), small()).unwrap_err().to_string();
    assert!(
        error.contains("00000001.log") && error.contains("offset 32"),
        "{error}"
    );
}

#[tokio::test]
async fn a_lost_or_damaged_index_is_built_anew() {
    let root = tempfile::tempdir().unwrap();
    let options = Options {
        run_entries: 2,
        lag_rows: 1,
        ..small()
    };
    let ledger = open(root.path(), options.clone());
    work(&ledger, 9).await;
    drop(ledger);
    std::fs::remove_file(ledger_file(root.path(), "seg-000001.idx.db")).unwrap();
    std::fs::write(ledger_file(root.path(), "seg-000002.idx.db"), [7; 9000]).unwrap();
    let ledger = open(root.path(), options);
    for round in 0..9 {
        let by_vendor = Filter {
            vendor_id: Some(format!("v{round}")),
            limit: 5,
            ..Filter::default()
        };
        assert_eq!(
            ledger.find(by_vendor).await.unwrap().rows.len(),
            1,
            "v{round}"
        );
    }
}

#[tokio::test]
async fn sealed_segments_take_late_outcomes_and_go_when_they_are_old() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path(), small());
    let ids = work(&ledger, 9).await;
    drop(ledger);
    let ledger = open(root.path(), small());
    let before = ledger.recover().await.unwrap();
    assert_eq!((before.interrupted.len(), before.ready[0].count), (9, 9));
    for id in ids.chunks(3).take(6) {
        assert_eq!(
            sample::settle(&ledger, sample::sent(id[0], 1, "late")).await,
            Settled::Moved
        );
        sample::begin(&ledger, id[2], 1).await;
        sample::settle(&ledger, sample::sent(id[2], 1, "later")).await;
    }
    let after = ledger.recover().await.unwrap();
    assert_eq!((after.interrupted.len(), after.ready[0].count), (3, 3));
    assert_eq!(ledger.retain(at(1000)).await, Ok(18));
    assert!(!ledger_file(root.path(), "seg-000001.db").exists());
    assert!(ledger.evidence(ids[0]).await.unwrap().is_none());
    assert_eq!(sample::state(&ledger, ids[18]).await, State::Sending);
    drop(ledger);
    let ledger = open(root.path(), small());
    assert!(ledger.evidence(ids[0]).await.unwrap().is_none());
    ledger.health().unwrap();
}
