//! Files that are either wholly there or not at all, whenever the power goes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Puts a file with `content` and `mode` at `path`, replacing what is there: written beside it
/// as `beside` (same file system), synced, renamed, and the directory synced.
///
/// # Errors
/// Those of the file system; `path` is then as it was.
pub fn replace(path: &Path, beside: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let written = write_synced(beside, content, mode).and_then(|()| std::fs::rename(beside, path));
    if let Err(error) = written {
        // What is left over is rewritten or removed by the next start.
        let _ = std::fs::remove_file(beside);
        return Err(error);
    }
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a directory durable.
///
/// # Errors
/// Those of the file system.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn write_synced(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    // A file left over by a crash may have another mode: start anew.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn replaces_whole_files_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let (path, beside) = (dir.path().join("a"), dir.path().join("a.new"));
        std::fs::write(&beside, "left over by a crash").unwrap();
        replace(&path, &beside, b"one", 0o600).unwrap();
        replace(&path, &beside, b"2", 0o600).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"2");
        assert!(!beside.exists());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_failed_replacement_keeps_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("occupied");
        std::fs::create_dir(&path).unwrap();
        let beside = dir.path().join("beside");
        assert!(replace(&path, &beside, b"x", 0o600).is_err());
        assert!(path.is_dir() && !beside.exists());
    }
}
