//! The embedded meter against the port's suite and against the contract's plain model.

mod model;

use std::sync::Arc;

use austin_testkit::meter_suite::{self, at, claim, id};
use austin_testkit::{MemoryMeter, suite};

use super::*;

fn fresh(node: u8) -> LocalMeter {
    LocalMeter::new([7; 32], node)
}

#[tokio::test]
async fn keeps_the_contract() {
    suite::run(meter_suite::cases(), || Arc::new(fresh(0)) as _).await;
}

/// No row is a near one.
#[tokio::test]
async fn keeps_the_contract_with_foreign_ids() {
    suite::run(meter_suite::cases(), || Arc::new(fresh(1)) as _).await;
}

#[tokio::test]
async fn the_plain_model_keeps_it_too() {
    suite::run(meter_suite::cases(), || {
        Arc::new(MemoryMeter::default()) as _
    })
    .await;
}

/// All that was needed for a night's held messages is given back.
#[tokio::test]
async fn memory_shrinks_after_forgetting() {
    let meter = fresh(0);
    let people: Vec<String> = (0..40_000).map(|n| format!("+86137{n:08}")).collect();
    let held = people.iter().enumerate().map(|(n, to)| {
        let mut claim = claim(at(n as i64 % 50_000), &[]);
        claim.to = to;
        (id(-50_000), claim)
    });
    let held: Vec<_> = held.collect();
    meter.restore(&held).await.unwrap();
    let full = meter.size();
    assert_eq!(full.keys, 40_000);
    assert_eq!(meter.forget(&|_| at(39_000)).await, Ok(39_000));
    assert_eq!(meter.forget(&|_| at(39_000)).await, Ok(0));
    let left = meter.size();
    assert_eq!(left.keys, 1000);
    let idle = fresh(0).size().bytes;
    assert!(left.bytes < idle + full.bytes / 4, "{left:?} of {full:?}");
}

#[test]
fn an_idle_meter_is_small() {
    assert!(fresh(0).size().bytes < 400_000);
}

#[test]
fn nothing_shows_the_key() {
    assert_eq!(
        format!("{:?}", fresh(0)).matches("7, 7").count(),
        0,
        "the key is 7s"
    );
}
