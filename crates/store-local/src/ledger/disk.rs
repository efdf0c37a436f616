//! The few calls to the file system whose failure the journal must survive, as a seam.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What the journal asks of the disk. Tests make it fail.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Writes all of `data` at `offset`.
    ///
    /// # Errors
    /// Those of the file system; any part may have been written.
    fn write(&self, file: &File, data: &[u8], offset: u64) -> io::Result<()>;

    /// Makes what was written durable.
    ///
    /// # Errors
    /// Those of the file system; nothing is known of what was written since the last success.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Bytes that may still be written to the file system of `dir`.
    ///
    /// # Errors
    /// Those of the file system.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// The disk of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn write(&self, file: &File, data: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(data, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
