//! The data directory: who may use it, and which format it has.
//!
//! Invariant: at most one process at a time holds a [`DataDir`] of a directory, and nothing in
//! the directory is written without one. The lock is the kernel's (`flock`): it goes with the
//! process, however that ends.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::durable;

/// The exclusive use of a data directory, until dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // Holds the lock.
    _lock: File,
}

impl DataDir {
    /// Takes the directory for this process. Makes it (for the owner only) when it does not
    /// exist.
    ///
    /// # Errors
    /// [`Error`], with words for whoever started austin.
    pub fn open(path: &Path) -> Result<Self, Error> {
        make(path)?;
        let lock = take_lock(path)?;
        check_format(path)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The process that uses `dir`, if any; its id is unknown for the instant between taking the
/// lock and writing the id down.
///
/// # Errors
/// Those of the file system, other than that there is no such directory or lock.
pub fn holder(dir: &Path) -> io::Result<Option<Holder>> {
    let mut file = match File::open(dir.join(LOCK_FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(Holder {
            pid: read_pid(&mut file),
        })),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The process that uses a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, where it is known.
    pub pid: Option<u32>,
}

fn make(path: &Path) -> Result<(), Error> {
    let dir = || path.display().to_string();
    match std::fs::metadata(path) {
        Ok(found) if !found.is_dir() => return Err(Error::NotADirectory { dir: dir() }),
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("cannot look at", path, &error)),
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Error::io("cannot make the directory", path, &error))?;
    // Best effort: a parent we may not read (but could write) cannot be synced.
    let _ = path.parent().map(durable::sync_dir);
    Ok(())
}

fn take_lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::NotWritable {
                    dir: dir.display().to_string(),
                    error: error.to_string(),
                }
            }
            _ => Error::io("cannot open", &path, &error),
        })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::InUse {
                dir: dir.display().to_string(),
                holder: read_pid(&mut file).map_or(String::new(), |pid| format!(" (pid {pid})")),
            });
        }
        Err(TryLockError::Error(error)) => return Err(Error::io("cannot lock", &path, &error)),
    }
    write_pid(&mut file).map_err(|error| Error::io("cannot write", &path, &error))?;
    Ok(file)
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn check_format(dir: &Path) -> Result<(), Error> {
    let path = dir.join(FORMAT_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return first_format(dir, &path),
        Err(error) => return Err(Error::io("cannot read", &path, &error)),
    };
    let bad = |detail: &str| Error::BadFormat {
        file: path.display().to_string(),
        detail: detail.to_owned(),
    };
    match text.trim().parse::<u32>() {
        Ok(FORMAT) => Ok(()),
        Ok(found) if found > FORMAT => Err(Error::Newer {
            dir: dir.display().to_string(),
            found,
        }),
        Ok(_) => Err(bad("no austin ever wrote this format number")),
        Err(_) => Err(bad("it does not hold a number")),
    }
}

fn first_format(dir: &Path, path: &Path) -> Result<(), Error> {
    // FORMAT is written before any data, so data without it has lost it.
    if dir.join("control.db").exists() {
        return Err(Error::BadFormat {
            file: path.display().to_string(),
            detail: "it is missing although there is data".into(),
        });
    }
    let text = format!("{FORMAT}\n");
    durable::replace(path, &dir.join("FORMAT.new"), text.as_bytes(), 0o600)
        .map_err(|error| Error::io("cannot write", path, &error))
}

/// Why a data directory cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another process uses it.
    #[error("another austin{holder} uses {dir}; stop it first, or give this one another directory")]
    InUse {
        /// The directory.
        dir: String,
        /// ` (pid 123)`, or empty.
        holder: String,
    },
    /// The path is that of a file.
    #[error("{dir} is a file, not a directory; austin keeps its data in a directory of its own")]
    NotADirectory {
        /// The path.
        dir: String,
    },
    /// This user may not write there.
    #[error(
        "austin may not write in {dir}: {error}; give the directory to the user austin runs as"
    )]
    NotWritable {
        /// The directory.
        dir: String,
        /// What the operating system said.
        error: String,
    },
    /// A later austin wrote it.
    #[error(
        "{dir} has data format {found}, and this austin knows formats up to {FORMAT}: it was \
         written by a newer austin; run that one, or restore a backup"
    )]
    Newer {
        /// The directory.
        dir: String,
        /// Its format.
        found: u32,
    },
    /// The format file makes no sense.
    #[error("{file} is damaged: {detail}; restore it from a backup (format {FORMAT} is current)")]
    BadFormat {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// Something else went wrong.
    #[error("{what}: {error}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the operating system said.
        error: String,
    },
}

impl Error {
    fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::Io {
            what: format!("{what} {}", path.display()),
            error: error.to_string(),
        }
    }
}

/// The format of the data directory as a whole; its databases carry their own versions.
pub const FORMAT: u32 = 1;
const FORMAT_FILE: &str = "FORMAT";
const LOCK_FILE: &str = "lock";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_fresh_directory_is_made_for_the_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let dir = DataDir::open(&path).unwrap();
        assert_eq!(dir.path(), path);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(std::fs::read_to_string(path.join("FORMAT")).unwrap(), "1\n");
    }

    #[test]
    fn only_one_holds_it_and_the_other_learns_who() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(holder(root.path()).unwrap(), None);
        let first = DataDir::open(root.path()).unwrap();
        let me = std::process::id();
        // Locks belong to open files, so a second open in one process collides as well.
        let error = DataDir::open(root.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("another austin (pid {me}) uses")),
            "{error}"
        );
        assert_eq!(holder(root.path()).unwrap(), Some(Holder { pid: Some(me) }));
        drop(first);
        assert_eq!(holder(root.path()).unwrap(), None);
        DataDir::open(root.path()).unwrap();
    }

    #[test]
    fn a_file_is_no_data_directory() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(matches!(error, Error::NotADirectory { .. }), "{error}");
        let error = DataDir::open(&path.join("below")).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }

    #[test]
    fn formats_from_the_future_and_damaged_ones_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let format = root.path().join("FORMAT");
        let open = |text: &str| {
            std::fs::write(&format, text).unwrap();
            DataDir::open(root.path()).unwrap_err().to_string()
        };
        let error = open("2\n");
        assert!(error.contains("written by a newer austin"), "{error}");
        assert!(open("").contains("damaged"));
        assert!(open("0").contains("damaged"));
        std::fs::remove_file(&format).unwrap();
        std::fs::write(root.path().join("control.db"), "x").unwrap();
        let error = DataDir::open(root.path()).unwrap_err().to_string();
        assert!(error.contains("missing although there is data"), "{error}");
    }

    #[test]
    fn a_directory_we_may_not_write_is_named_as_such() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ro");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o500)).unwrap();
        if File::create(path.join("probe")).is_ok() {
            // The superuser may write anywhere: nothing to see here.
            return;
        }
        let error = DataDir::open(&path).unwrap_err();
        assert!(matches!(error, Error::NotWritable { .. }), "{error}");
    }
}
