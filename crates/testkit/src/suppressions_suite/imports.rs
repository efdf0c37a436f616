//! Files: received, read, counted, over, cut off.

use austin_domain::Channel;
use austin_domain::suppression::Reason;
use austin_ports::Suppressions;
use austin_ports::suppressions::{ImportBatch, ImportState, ImportTally, NewImport, RowFault};
use bytes::Bytes;

use super::{NOW, Open, TO, after, sms};
use crate::cases;
use crate::suite::Case;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        a_file_is_given_back_as_it_came,
        rows_are_taken_and_counted_together,
        posting_again_doubles_nothing,
        faults_are_kept_in_order_up_to_a_bound,
        an_end_removes_the_file,
        what_a_crash_cut_off_is_interrupted,
    ]
}

fn asked() -> NewImport {
    NewImport {
        channel: Some(None),
        reason: Reason::Manual,
        author: "app/shop".into(),
    }
}

async fn file(store: &dyn Suppressions, id: austin_domain::ImportId) -> String {
    let mut spool = store.read_import(id).await.unwrap();
    tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut spool, &mut text).unwrap();
        text
    })
    .await
    .unwrap()
}

fn fault(line: u64) -> RowFault {
    RowFault {
        line,
        column: "to".into(),
        code: "invalid_recipient".into(),
        detail: "too short".into(),
    }
}

async fn a_file_is_given_back_as_it_came(open: Open) {
    let store = open();
    let id = store.open_import(asked(), NOW).await.unwrap();
    let row = store.import(id).await.unwrap().unwrap();
    assert_eq!((row.state, row.bytes), (ImportState::Receiving, 0));
    assert_eq!(row.asked, asked());
    assert_eq!(file(&*store, id).await, "");
    for part in ["to\n", "+861", "3711112200\n"] {
        let part = Bytes::from_static(part.as_bytes());
        store.append_import(id, part).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(file(&*store, id).await, "to\n+8613711112200\n");
    }
    assert_eq!(store.import(id).await.unwrap().unwrap().bytes, 18);
    let other = austin_domain::ImportId::from_u64(id.as_u64() + 1_000);
    assert_eq!(store.import(other).await.unwrap(), None);
}

async fn rows_are_taken_and_counted_together(open: Open) {
    let store = open();
    let id = store.open_import(asked(), NOW).await.unwrap();
    let running = ImportState::Running;
    store.move_import(id, running, None, NOW).await.unwrap();
    let batch = ImportBatch {
        entries: vec![
            sms(TO, Reason::OptOut),
            sms("+8613711112201", Reason::OptOut),
            sms(TO, Reason::OptOut),
        ],
        rejected: 1,
        faults: vec![fault(4), fault(4)],
    };
    store.import_rows(id, batch, NOW).await.unwrap();
    let row = store.import(id).await.unwrap().unwrap();
    let tally = ImportTally {
        read: 4,
        taken: 2,
        unchanged: 1,
        rejected: 1,
    };
    assert_eq!((row.state, row.tally, row.ended_at), (running, tally, None));
    assert!(store.check(Channel::Sms, TO, NOW).is_some());
    let done = ImportState::Done;
    store.move_import(id, done, None, after(5)).await.unwrap();
    let row = store.import(id).await.unwrap().unwrap();
    assert_eq!((row.state, row.ended_at), (done, Some(after(5))));
    assert_eq!(
        store.import_faults(id, 10).await.unwrap(),
        [fault(4), fault(4)]
    );
}

async fn posting_again_doubles_nothing(open: Open) {
    let store = open();
    let rows = || ImportBatch {
        entries: (0..100)
            .map(|n| sms(&format!("+86137111{n:05}"), Reason::OptOut))
            .collect(),
        ..ImportBatch::default()
    };
    for (read, unchanged) in [(100, 0), (100, 100)] {
        let id = store.open_import(asked(), NOW).await.unwrap();
        store.import_rows(id, rows(), NOW).await.unwrap();
        let tally = store.import(id).await.unwrap().unwrap().tally;
        assert_eq!((tally.read, tally.unchanged), (read, unchanged));
        assert_eq!(store.size().entries, 100);
    }
}

async fn faults_are_kept_in_order_up_to_a_bound(open: Open) {
    let store = open();
    let id = store.open_import(asked(), NOW).await.unwrap();
    for part in 0..3 {
        let faults: Vec<_> = (0..400).map(|n| fault(part * 400 + n)).collect();
        let batch = ImportBatch {
            rejected: 400,
            faults,
            ..ImportBatch::default()
        };
        store.import_rows(id, batch, NOW).await.unwrap();
    }
    let kept = store.import_faults(id, 5_000).await.unwrap();
    let lines: Vec<u64> = kept.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, (0..1_000).collect::<Vec<_>>());
    assert_eq!(store.import_faults(id, 3).await.unwrap().len(), 3);
    let row = store.import(id).await.unwrap().unwrap();
    assert_eq!(row.tally.rejected, 1_200);
}

async fn an_end_removes_the_file(open: Open) {
    let store = open();
    let id = store.open_import(asked(), NOW).await.unwrap();
    let data = Bytes::from_static(b"to\n");
    store.append_import(id, data).await.unwrap();
    let failed = ImportState::Failed;
    store
        .move_import(id, failed, Some(fault(1)), NOW)
        .await
        .unwrap();
    let row = store.import(id).await.unwrap().unwrap();
    assert_eq!(
        (row.state, row.fault, row.bytes),
        (failed, Some(fault(1)), 3)
    );
    assert_eq!(file(&*store, id).await, "");
}

async fn what_a_crash_cut_off_is_interrupted(open: Open) {
    let store = open();
    let (mut open_ones, mut ended) = (Vec::new(), Vec::new());
    for state in [
        ImportState::Receiving,
        ImportState::Waiting,
        ImportState::Running,
        ImportState::Done,
    ] {
        let id = store.open_import(asked(), NOW).await.unwrap();
        let data = Bytes::from_static(b"to\n");
        store.append_import(id, data).await.unwrap();
        store.move_import(id, state, None, NOW).await.unwrap();
        let batch = ImportBatch {
            entries: vec![sms(TO, Reason::OptOut)],
            ..ImportBatch::default()
        };
        store.import_rows(id, batch, NOW).await.unwrap();
        if state.is_end() {
            ended.push(id);
        } else {
            open_ones.push(id);
        }
    }
    drop(store);
    let store = open();
    for id in open_ones {
        let row = store.import(id).await.unwrap().unwrap();
        assert_eq!((row.state, row.ended_at), (ImportState::Interrupted, None));
        assert_eq!(row.tally.read, 1);
        assert_eq!(file(&*store, id).await, "");
    }
    let row = store.import(ended[0]).await.unwrap().unwrap();
    assert_eq!(row.state, ImportState::Done);
    // What was taken is in force.
    assert!(store.check(Channel::Sms, TO, NOW).is_some());
}
