//! Journal files: their names, and how they are made ready and used again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::ledger::disk::Disk;
use crate::ledger::fault::Fault;

/// The path of file `number`.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.log"))
}

/// The numbers of the files in use, in order.
pub(super) fn numbers(dir: &Path) -> Result<Vec<u64>, Fault> {
    let mut numbers: Vec<u64> = names(dir)?
        .iter()
        .filter_map(|name| name.strip_suffix(".log")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// An existing file and its size.
pub(super) fn open(path: &Path) -> Result<(File, u64), Fault> {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let sized = opened.and_then(|file| {
        let size = file.metadata()?.len();
        Ok((file, size))
    });
    sized.map_err(Fault::io(format!("cannot open {}", path.display())))
}

/// A file for `number` of at least `size` bytes: a free one, else a new one.
pub(super) fn claim(
    dir: &Path,
    disk: &dyn Disk,
    number: u64,
    size: u64,
) -> Result<(File, u64), Fault> {
    let target = path(dir, number);
    for spare in spares(dir)? {
        let (file, found) = open(&spare)?;
        if found < size {
            continue;
        }
        std::fs::rename(&spare, &target).map_err(Fault::io("cannot rename a journal file"))?;
        return Ok((file, found));
    }
    let beside = dir.join(NEW);
    let file = zeroed(&beside, disk, size)?;
    std::fs::rename(&beside, &target).map_err(Fault::io("cannot rename a journal file"))?;
    Ok((file, size))
}

/// Gives the file back for later use.
pub(super) fn free(dir: &Path, number: u64) -> Result<(), Fault> {
    let from = path(dir, number);
    let result = if spares(dir)?.len() >= MOST_SPARES {
        std::fs::remove_file(&from)
    } else {
        std::fs::rename(&from, dir.join(format!("{number:08}{SPARE}")))
    };
    result.map_err(Fault::io(format!("cannot free {}", from.display())))
}

/// Makes a file ready for later when there is none, so that no writer waits for it.
///
/// # Errors
/// Those of the file system.
pub(crate) fn make_spare(dir: &Path, disk: &dyn Disk, size: u64) -> Result<(), Fault> {
    if !spares(dir)?.is_empty() {
        return Ok(());
    }
    let beside = dir.join("spare.new");
    zeroed(&beside, disk, size)?;
    std::fs::rename(&beside, dir.join(format!("{:08}{SPARE}", 0)))
        .map_err(Fault::io("cannot rename a journal file"))
}

fn zeroed(path: &Path, disk: &dyn Disk, size: u64) -> Result<File, Fault> {
    let make = || -> io::Result<File> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        let zeros = vec![0; CHUNK];
        let mut at = 0;
        while at < size {
            let length = (size - at).min(CHUNK as u64);
            disk.write(
                &file,
                &zeros[..usize::try_from(length).unwrap_or(CHUNK)],
                at,
            )?;
            at += length;
        }
        disk.sync(&file)?;
        file.sync_all()?;
        Ok(file)
    };
    make().map_err(|error| {
        // A partly written file only takes the space that is missing.
        let _ = std::fs::remove_file(path);
        Fault::io(format!("cannot make {}", path.display()))(error)
    })
}

fn spares(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    Ok(names(dir)?
        .into_iter()
        .filter(|name| name.ends_with(SPARE))
        .map(|name| dir.join(name))
        .collect())
}

fn names(dir: &Path) -> Result<Vec<String>, Fault> {
    let listed = std::fs::read_dir(dir).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()
    });
    listed.map_err(Fault::io(format!("cannot list {}", dir.display())))
}

const CHUNK: usize = 1 << 20;
const SPARE: &str = ".spare";
const NEW: &str = "next.new";
const MOST_SPARES: usize = 4;
