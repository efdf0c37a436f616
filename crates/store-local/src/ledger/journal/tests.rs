use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::ledger::disk::RealDisk;

/// A disk that breaks after some more writes.
#[derive(Debug)]
struct Breaking(AtomicU64);

impl Disk for Breaking {
    fn write(&self, file: &File, data: &[u8], offset: u64) -> io::Result<()> {
        let left = self
            .0
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if left.is_err() {
            // Half of it, as a full disk does.
            RealDisk.write(file, &data[..data.len() / 2], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        RealDisk.write(file, data, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        RealDisk.sync(file)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(dir)
    }
}

fn contents(dir: &Path) -> Result<Vec<(u64, Vec<u8>)>, Fault> {
    let mut frames = Vec::new();
    read(dir, |frame| {
        frames.push((frame.sequence, frame.payload.to_vec()));
        Ok(())
    })?;
    Ok(frames)
}

fn resume(dir: &Path, disk: Arc<dyn Disk>) -> Journal {
    let position = read(dir, |_| Ok(())).unwrap();
    Journal::resume(dir, disk, (Sync::Full, FILE), position).unwrap()
}

fn append(journal: &mut Journal, payload: &[u8]) -> Result<bool, Fault> {
    let mut buffer = Vec::new();
    frame::begin(&mut buffer);
    buffer.extend_from_slice(payload);
    journal.append(&mut buffer)
}

fn payload(number: u64) -> Vec<u8> {
    vec![u8::try_from(number % 251).unwrap(); 40 + usize::try_from(number % 60).unwrap()]
}

#[test]
fn frames_go_over_many_files_which_are_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = resume(dir.path(), Arc::new(RealDisk));
    let mut first = 1;
    for number in 1..=200u64 {
        append(&mut journal, &payload(number)).unwrap();
        if number % 30 == 0 {
            journal.release(number - 10).unwrap();
        }
        if number % 50 == 0 {
            journal = resume(dir.path(), Arc::new(RealDisk));
        }
        let frames = contents(dir.path()).unwrap();
        first = first.max(frames[0].0);
        assert!(
            first <= number.saturating_sub(9).max(1),
            "a needed frame is gone"
        );
        for (place, (sequence, found)) in (frames[0].0..).zip(&frames) {
            assert_eq!((*sequence, found), (place, &payload(place)));
        }
        assert_eq!(frames.last().unwrap().0, number);
    }
    let files = std::fs::read_dir(dir.path()).unwrap().count();
    assert!(files < 20, "{files} files: none was used again");
}

#[test]
fn a_frame_longer_than_a_file_gets_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = resume(dir.path(), Arc::new(RealDisk));
    let long = vec![7; 3 * usize::try_from(FILE).unwrap()];
    append(&mut journal, b"short").unwrap();
    append(&mut journal, &long).unwrap();
    append(&mut journal, b"short").unwrap();
    let frames = contents(dir.path()).unwrap();
    assert_eq!(frames.len(), 3);
    assert_eq!(frames[1].1, long);
}

#[test]
fn a_failed_append_leaves_nothing_and_the_next_one_takes_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Breaking(AtomicU64::new(1000)));
    let mut journal = resume(dir.path(), disk.clone());
    append(&mut journal, b"one").unwrap();
    disk.0.store(0, Ordering::Relaxed);
    assert!(append(&mut journal, b"lost").is_err());
    assert!(append(&mut journal, b"lost").is_err());
    assert!(journal.heal().is_err());
    disk.0.store(1000, Ordering::Relaxed);
    append(&mut journal, b"two").unwrap();
    assert_eq!(
        contents(dir.path()).unwrap(),
        [(1, b"one".to_vec()), (2, b"two".to_vec())]
    );
}

/// Whatever a crash leaves of the last frame, the ones before it are there and it is gone.
#[test]
fn a_torn_last_frame_is_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = resume(dir.path(), Arc::new(RealDisk));
    for number in 1..=3 {
        append(&mut journal, &payload(number)).unwrap();
    }
    let end = journal.current.as_ref().unwrap().offset;
    let start = end - (frame::HEADER + payload(3).len()) as u64;
    let path = files::path(dir.path(), 1);
    let whole = std::fs::read(&path).unwrap();
    for cut in start..end {
        for fill in [0u8, 0xff] {
            let mut torn = whole.clone();
            let cut = usize::try_from(cut).unwrap();
            let end = usize::try_from(end).unwrap();
            // As it was before, or anything.
            let changed = torn[cut..end].iter().any(|byte| *byte != fill);
            torn[cut..end].fill(fill);
            std::fs::write(&path, &torn).unwrap();
            let frames = contents(dir.path()).unwrap();
            assert_eq!(frames.len(), if changed { 2 } else { 3 }, "cut at {cut}");
            let mut journal = resume(dir.path(), Arc::new(RealDisk));
            append(&mut journal, b"after").unwrap();
            let last = contents(dir.path()).unwrap().pop().unwrap();
            assert_eq!(last.1, b"after");
        }
        // A file that ends there.
        std::fs::write(&path, &whole[..usize::try_from(cut).unwrap()]).unwrap();
        assert_eq!(contents(dir.path()).unwrap().len(), 2);
    }
}

#[test]
fn damage_before_valid_frames_is_refused_with_file_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = resume(dir.path(), Arc::new(RealDisk));
    for number in 1..=40 {
        append(&mut journal, &payload(number)).unwrap();
    }
    let first = files::path(dir.path(), 1);
    let whole = std::fs::read(&first).unwrap();
    let second = frame::FILE_HEADER + frame::HEADER + payload(1).len();
    for place in [second, second + 5, second + 30] {
        let mut bad = whole.clone();
        bad[place] ^= 1;
        std::fs::write(&first, &bad).unwrap();
        let error = contents(dir.path()).unwrap_err().to_string();
        assert!(error.contains("00000001.log"), "{error}");
        assert!(error.contains(&format!("offset {second}")), "{error}");
    }
    // The end of a file that is not the last.
    let mut bad = whole.clone();
    let end = bad.iter().rposition(|byte| *byte != 0).unwrap();
    bad[end] ^= 1;
    std::fs::write(&first, &bad).unwrap();
    let error = contents(dir.path()).unwrap_err().to_string();
    assert!(error.contains("acknowledged writes are missing"), "{error}");
    std::fs::remove_file(&first).unwrap();
    assert!(
        contents(dir.path()).is_ok(),
        "released files are not missed"
    );
}

const FILE: u64 = 1024;
