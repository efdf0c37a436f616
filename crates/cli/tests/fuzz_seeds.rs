//! The fuzz targets' properties on a stable compiler: the committed seeds, each cut short at
//! every place and with bits turned over.

#![expect(clippy::expect_used, reason = "a failed expectation fails the test")]

#[path = "../../../fuzz/properties.rs"]
mod properties;

use std::path::Path;

/// Most inputs made of one seed.
const MOST: usize = 600;

fn try_all(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let mut tried = 0;
    for entry in std::fs::read_dir(&folder).expect("seeds are committed") {
        let seed = std::fs::read(entry.expect("readable").path()).expect("readable");
        property(&seed);
        let step = (2 * seed.len() / MOST).max(1);
        for place in (0..seed.len()).step_by(step) {
            property(&seed[..place]);
            let mut turned = seed.clone();
            turned[place] ^= 1 << (place % 8);
            property(&turned);
        }
        tried += 1;
    }
    assert!(tried >= 4, "{} has {tried} seeds", folder.display());
}

#[test]
fn adapter_replies() {
    try_all("adapter_reply", properties::adapter_reply);
}

#[test]
fn receipts() {
    try_all("receipt", properties::receipt);
}

#[test]
fn smpp_units() {
    try_all("smpp_unit", properties::smpp_unit);
}

#[test]
fn templates() {
    try_all("template", properties::template);
}

#[test]
fn contents() {
    try_all("content", properties::content);
}

#[test]
fn calendars() {
    try_all("calendar", properties::calendar);
}
