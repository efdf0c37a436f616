//! The command journal: the durable redo log in front of the segments.
//!
//! Invariant: a frame is acknowledged only once it and all before it are on the disk (as
//! [`Sync`] asks), and frames have consecutive numbers over all files. A file is written with
//! zeros before its first use and taken again once nothing in it is needed: appending never
//! changes a file's size, which is what makes syncing cheap.

mod files;
pub(crate) mod frame;
mod scan;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use files::make_spare;
pub(crate) use scan::{Position, read};

use super::disk::Disk;
use super::fault::Fault;
use super::options::Sync;

/// Where new frames go.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    sync: Sync,
    file_bytes: u64,
    current: Option<Current>,
    next: u64,
    last_file: u64,
    closed: Vec<Closed>,
    broken: bool,
    gap: bool,
}

#[derive(Debug)]
struct Current {
    file: File,
    number: u64,
    size: u64,
    offset: u64,
}

/// A full file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    number: u64,
    last: u64,
}

impl Journal {
    /// Goes on after what [`read`] found.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn resume(
        dir: &Path,
        disk: Arc<dyn Disk>,
        (sync, file_bytes): (Sync, u64),
        position: Position,
    ) -> Result<Self, Fault> {
        let mut journal = Self {
            dir: dir.to_owned(),
            disk,
            sync,
            file_bytes,
            current: None,
            next: position.next,
            last_file: position.last_file,
            closed: position.closed,
            broken: false,
            gap: position.gap,
        };
        if let Some((number, offset)) = position.open {
            let path = files::path(dir, number);
            let (file, size) = files::open(&path)?;
            journal.current = Some(Current {
                file,
                number,
                size,
                offset,
            });
            // What a crash left behind the last frame is never mistaken for a frame.
            journal.broken = true;
            journal.heal()?;
        }
        Ok(journal)
    }

    /// The number the next frame gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// How many files are in use.
    pub(crate) fn files(&self) -> usize {
        self.closed.len() + usize::from(self.current.is_some())
    }

    /// Writes the frame in `buffer` (see [`frame::begin`]) and makes it durable. `true` when a
    /// new file was begun for it.
    ///
    /// # Errors
    /// Those of the file system. The frame is then not part of the journal, and none can be
    /// appended before [`Journal::heal`] succeeded.
    pub(crate) fn append(&mut self, buffer: &mut [u8]) -> Result<bool, Fault> {
        if self.broken {
            self.heal()?;
        }
        let needed = buffer.len() as u64;
        let fits = |current: &Current| current.offset + needed <= current.size;
        let switched = !self.current.as_ref().is_some_and(fits);
        if switched {
            self.switch(needed)?;
        }
        frame::seal(buffer, self.next);
        let Some(current) = self.current.as_mut() else {
            return Err(Fault::Damaged("the journal has no file".into()));
        };
        let written = self
            .disk
            .write(&current.file, buffer, current.offset)
            .and_then(|()| match self.sync {
                Sync::Full => self.disk.sync(&current.file),
                Sync::Normal => Ok(()),
            });
        if let Err(error) = written {
            self.broken = true;
            return Err(Fault::io("cannot write the journal")(error));
        }
        current.offset += needed;
        self.next += 1;
        Ok(switched)
    }

    /// Takes back what a failed append or a crash left behind the last frame.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn heal(&mut self) -> Result<(), Fault> {
        if let Some(current) = self.current.as_ref().filter(|_| self.broken) {
            let left = current.size.saturating_sub(current.offset);
            let blank = vec![0; usize::try_from(left).unwrap_or(0).min(frame::HEADER)];
            self.disk
                .write(&current.file, &blank, current.offset)
                .and_then(|()| self.disk.sync(&current.file))
                .map_err(Fault::io("cannot write the journal"))?;
        }
        self.broken = false;
        Ok(())
    }

    /// Frees the files all of whose frames are numbered up to `durable`.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn release(&mut self, durable: u64) -> Result<(), Fault> {
        while let Some(closed) = self.closed.first().filter(|file| file.last <= durable) {
            files::free(&self.dir, closed.number)?;
            self.closed.remove(0);
        }
        Ok(())
    }

    fn switch(&mut self, needed: u64) -> Result<(), Fault> {
        let number = self.last_file + 1;
        let size = self
            .file_bytes
            .max(needed.saturating_add(frame::FILE_HEADER as u64));
        let (file, size) = files::claim(&self.dir, self.disk.as_ref(), number, size)?;
        let header = frame::FileHeader {
            number,
            first: self.next,
            after_gap: self.gap,
        };
        // The first frame's place is blanked too: a used file may hold anything there.
        let mut start = header.to_bytes().to_vec();
        start.resize(frame::FILE_HEADER + frame::HEADER, 0);
        self.disk
            .write(&file, &start, 0)
            .and_then(|()| self.disk.sync(&file))
            .map_err(Fault::io("cannot begin a journal file"))?;
        crate::durable::sync_dir(&self.dir)
            .map_err(Fault::io("cannot sync the journal directory"))?;
        self.last_file = number;
        self.gap = false;
        if let Some(full) = self.current.replace(Current {
            file,
            number,
            size,
            offset: frame::FILE_HEADER as u64,
        }) {
            self.closed.push(Closed {
                number: full.number,
                last: self.next - 1,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
