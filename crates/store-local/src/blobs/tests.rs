use austin_testkit::{blobs_suite, suite};
use tempfile::TempDir;

use super::*;

fn open(dir: &TempDir) -> LocalBlobs {
    let dir = Arc::new(DataDir::open(dir.path()).unwrap());
    LocalBlobs::open(dir, 100_000).unwrap()
}

/// The only kept file.
fn only_file(dir: &TempDir) -> PathBuf {
    let uploads = dir.path().join("uploads");
    let files: Vec<_> = std::fs::read_dir(uploads)
        .unwrap()
        .flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[tokio::test]
async fn keeps_the_contract_of_the_port() {
    suite::run(blobs_suite::cases(), || -> blobs_suite::Open {
        let dir = tempfile::tempdir().unwrap();
        Box::new(move || Arc::new(open(&dir)))
    })
    .await;
}

#[tokio::test]
async fn damaged_content_is_found_and_put_right_by_the_next_put() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = open(&dir);
    let name = blobs.put("content".into()).await.unwrap();
    let path = only_file(&dir);
    assert!(name.ends_with(path.file_name().unwrap().to_str().unwrap()));
    for damage in ["contenT", "conten", "", "content and more"] {
        std::fs::write(&path, damage).unwrap();
        let error = blobs.get(&name).await.unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
        assert_eq!(blobs.put("content".into()).await.unwrap(), name);
        assert_eq!(blobs.get(&name).await.unwrap().unwrap(), "content");
    }
}

#[tokio::test]
async fn reads_and_writes_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = open(&dir);
    let error = blobs.put(vec![0; 100_001].into()).await.unwrap_err();
    assert!(error.to_string().contains("100001 bytes"), "{error}");
    let name = blobs.put("small".into()).await.unwrap();
    std::fs::write(only_file(&dir), vec![0; 200_000]).unwrap();
    let error = blobs.get(&name).await.unwrap_err();
    assert!(
        error.to_string().contains("more than 100000 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn what_a_crash_left_half_written_goes_with_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let part = dir.path().join("uploads/parts/0");
    std::fs::write(&part, "half").unwrap();
    let blobs = open(&dir);
    assert!(!part.exists());
    blobs.put("whole".into()).await.unwrap();
    only_file(&dir);
}
