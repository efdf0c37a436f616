//! The contract of the `Blobs` port, case by case.

use std::sync::Arc;

use austin_ports::Blobs;
use bytes::Bytes;

use crate::cases;
use crate::suite::Case;

/// Opens the same store again each time it is called, the one before having been dropped.
pub type Open = Box<dyn Fn() -> Arc<dyn Blobs> + Send + Sync>;

/// Every case. The store must take files of 100 kB.
pub fn cases() -> Vec<Case<Open>> {
    cases![
        content_comes_back_under_its_digest,
        the_same_content_has_one_name,
        content_survives_a_reopen,
        what_was_never_put_is_not_there,
        the_empty_file_is_a_file,
        many_may_put_at_once,
    ]
}

async fn content_comes_back_under_its_digest(open: Open) {
    let blobs = open();
    let name = blobs.put(Bytes::from_static(b"abc")).await.unwrap();
    // The digest of "abc" as `b3sum` prints it.
    let expected = "upl_6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
    assert_eq!(name, expected);
    assert_eq!(blobs.get(&name).await.unwrap().unwrap(), "abc");
    let large = Bytes::from(vec![7; 100_000]);
    let name = blobs.put(large.clone()).await.unwrap();
    assert_eq!(blobs.get(&name).await.unwrap(), Some(large));
}

async fn the_same_content_has_one_name(open: Open) {
    let blobs = open();
    let one = blobs.put("one".into()).await.unwrap();
    assert_eq!(blobs.put("one".into()).await.unwrap(), one);
    assert_ne!(blobs.put("two".into()).await.unwrap(), one);
}

async fn content_survives_a_reopen(open: Open) {
    let name = open().put("kept".into()).await.unwrap();
    assert_eq!(open().get(&name).await.unwrap().unwrap(), "kept");
}

async fn what_was_never_put_is_not_there(open: Open) {
    let blobs = open();
    let zeros = "0".repeat(64);
    let upper = blobs.put("x".into()).await.unwrap().to_uppercase();
    for name in [
        format!("upl_{zeros}"),
        zeros,
        "upl_".into(),
        "upl_../../../etc/passwd".into(),
        format!("upl_../{}", "0".repeat(61)),
        upper.replace("UPL_", "upl_"),
        String::new(),
    ] {
        assert_eq!(blobs.get(&name).await, Ok(None), "{name}");
    }
}

async fn the_empty_file_is_a_file(open: Open) {
    let blobs = open();
    let name = blobs.put(Bytes::new()).await.unwrap();
    assert_eq!(blobs.get(&name).await.unwrap(), Some(Bytes::new()));
}

async fn many_may_put_at_once(open: Open) {
    let blobs = open();
    let puts: Vec<_> = (0..32_u8)
        .map(|at| {
            let blobs = Arc::clone(&blobs);
            // Four contents, eight writers each.
            tokio::spawn(async move { blobs.put(vec![at % 4; 5000].into()).await })
        })
        .collect();
    for (at, put) in (0..32_u8).zip(puts) {
        let name = put.await.unwrap().unwrap();
        let content = blobs.get(&name).await.unwrap().unwrap();
        assert_eq!(content, vec![at % 4; 5000]);
    }
}
