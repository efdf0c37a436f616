//! A disk that fills up and gets room again.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use austin_domain::State;
use austin_testkit::ledger_suite as sample;

use super::*;
use crate::ledger::disk::{Disk, RealDisk};

#[derive(Debug, Default)]
struct Filling {
    full: AtomicBool,
    free: AtomicU64,
}

impl Disk for Filling {
    fn write(&self, file: &File, data: &[u8], offset: u64) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            // The worst case: all of it is there, and still it failed.
            RealDisk.write(file, data, offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        RealDisk.write(file, data, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        RealDisk.sync(file)
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(self.free.load(Ordering::Relaxed))
    }
}

fn on(disk: &Arc<Filling>) -> Options {
    Options {
        disk: disk.clone(),
        low_water_bytes: 1000,
        ..options()
    }
}

#[tokio::test]
async fn a_failing_journal_refuses_loses_nothing_and_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(Filling::default());
    disk.free.store(1_000_000, Ordering::Relaxed);
    let ledger = open(root.path(), on(&disk));
    let id = sample::accept_one(&ledger).await;
    sample::begin(&ledger, id, 1).await;
    disk.full.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        let error = ledger
            .accept(vec![sample::message(&[9])], sample::at(1))
            .await;
        assert!(matches!(error, Err(Error::Refusing(_))), "{error:?}");
    }
    assert!(ledger.health().is_err());
    assert_eq!(
        sample::state(&ledger, id).await,
        State::Sending,
        "readers go on"
    );
    disk.full.store(false, Ordering::Relaxed);
    assert_eq!(
        sample::settle(&ledger, sample::sent(id, 1, "v")).await,
        Settled::Moved
    );
    ledger.health().unwrap();
    ledger.kill();
    let ledger = open(root.path(), on(&disk));
    assert_eq!(sample::state(&ledger, id).await, State::Sent);
    let refused = Filter {
        to: Some(sample::number(9)),
        limit: 9,
        ..Filter::default()
    };
    assert!(ledger.find(refused).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn below_the_low_water_mark_only_new_work_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(Filling::default());
    disk.free.store(1000, Ordering::Relaxed);
    let ledger = open(root.path(), on(&disk));
    let id = sample::accept_one(&ledger).await;
    disk.free.store(999, Ordering::Relaxed);
    let refused = ledger
        .accept(vec![sample::message(&[1])], sample::at(1))
        .await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("disk is nearly full"), "{error}");
    assert!(ledger.health().is_err());
    sample::begin(&ledger, id, 1).await;
    assert_eq!(
        sample::settle(&ledger, sample::sent(id, 1, "v")).await,
        Settled::Moved
    );
    disk.free.store(1000, Ordering::Relaxed);
    sample::accept_one(&ledger).await;
    ledger.health().unwrap();
}
