//! The port's conformance suite.

use austin_testkit::ledger_suite::{self, Backend, Restart};
use austin_testkit::suite;
use tempfile::TempDir;

use super::*;

struct Local {
    dir: TempDir,
    options: Options,
    ledger: LocalLedger,
}

impl Restart for Local {
    fn ledger(&self) -> &dyn Ledger {
        &self.ledger
    }

    fn restart(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.ledger.kill();
            self.ledger = open(self.dir.path(), self.options.clone());
        })
    }
}

fn fresh(options: Options) -> Backend {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), options.clone());
    Box::new(Local {
        dir,
        options,
        ledger,
    })
}

#[tokio::test]
async fn keeps_the_contract() {
    suite::run(ledger_suite::cases(), || fresh(options())).await;
}

/// Every message in a segment of its own, every few rows written out.
#[tokio::test]
async fn keeps_the_contract_over_many_segments() {
    let options = Options {
        segment_deliveries: 1,
        run_entries: 1,
        lag_rows: 1,
        ..options()
    };
    suite::run(ledger_suite::cases(), || fresh(options.clone())).await;
}
