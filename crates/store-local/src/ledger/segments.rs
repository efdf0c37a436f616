//! All segments as the writer holds them, and the directory of them that readers see.
//!
//! Invariant: the segments are in the order of their ids, and every id belongs to the last
//! segment whose floor is below it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::fault::Fault;
use super::segment::{self, Head, Segment};

/// What readers know of a segment.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    /// Its number.
    pub(crate) number: u32,
    /// As last committed.
    pub(crate) head: Head,
    /// Why it cannot be used, when that is so.
    pub(crate) damage: Option<String>,
}

/// The segments as of the last commit, in order.
pub(crate) type Directory = Arc<ArcSwap<Vec<Info>>>;

/// The place of `id` in a directory.
pub(crate) fn locate(directory: &[Info], id: u64) -> Option<&Info> {
    let after = directory.partition_point(|info| info.head.floor < id);
    directory.get(after.checked_sub(1)?)
}

/// All segments.
#[derive(Debug)]
pub(crate) struct Segments {
    dir: PathBuf,
    all: Vec<Segment>,
    directory: Directory,
    clock: u64,
}

impl Segments {
    /// Opens all segments in `dir`.
    ///
    /// # Errors
    /// [`Fault`]; damaged segments are none.
    pub(crate) fn open(dir: &Path) -> Result<Self, Fault> {
        let mut segments = Self {
            dir: dir.to_owned(),
            all: Vec::new(),
            directory: Directory::default(),
            clock: 0,
        };
        let mut floor = 0;
        for number in segment::numbers(dir)? {
            let segment = Segment::open(dir, number, floor)?;
            floor = floor.max(segment.head.last);
            segments.all.push(segment);
            segments.close_idle();
        }
        segments.publish();
        Ok(segments)
    }

    /// What readers see.
    pub(crate) fn directory(&self) -> Directory {
        Arc::clone(&self.directory)
    }

    /// The place of the segment of `id`, for [`Segments::at`].
    pub(crate) fn place(&self, id: u64) -> Option<usize> {
        self.all
            .partition_point(|segment| segment.head.floor < id)
            .checked_sub(1)
    }

    /// The number of the segment of `id`.
    pub(crate) fn number_of(&self, id: u64) -> Option<u32> {
        Some(self.all.get(self.place(id)?)?.number)
    }

    /// The segment at a place.
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Segment> {
        self.clock += 1;
        let clock = self.clock;
        let segment = self.all.get_mut(place)?;
        segment.used = clock;
        Some(segment)
    }

    /// The segment at a place, if frame `sequence` still has to take effect in it.
    pub(crate) fn awaiting(&mut self, place: usize, sequence: u64) -> Option<&mut Segment> {
        self.at(place)
            .filter(|segment| segment.damage.is_none() && segment.head.applied < sequence)
    }

    /// The place of segment `number`; made with `floor` when there is none.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn ensure(&mut self, number: u32, floor: u64) -> Result<usize, Fault> {
        match self
            .all
            .binary_search_by_key(&number, |segment| segment.number)
        {
            Ok(place) => {
                self.all[place].set_floor(floor);
                Ok(place)
            }
            Err(place) => {
                let segment = Segment::create(&self.dir, number, floor)?;
                self.all.insert(place, segment);
                Ok(place)
            }
        }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.all.iter()
    }

    /// All of them.
    pub(crate) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Segment> {
        self.all.iter_mut()
    }

    /// The newest.
    pub(crate) fn newest(&self) -> Option<&Segment> {
        self.all.last()
    }

    /// Commits everything as the state after frame `sequence` and shows it to readers.
    ///
    /// # Errors
    /// [`Fault`], after setting aside a segment that turned out to be damaged.
    pub(crate) fn commit(&mut self, sequence: u64) -> Result<(), Fault> {
        for segment in &mut self.all {
            if let Err(fault) = segment.commit(sequence) {
                if fault.is_damage() {
                    segment.set_aside(&fault);
                }
                return Err(fault);
            }
        }
        self.close_idle();
        self.publish();
        Ok(())
    }

    /// Forgets everything that is not committed.
    pub(crate) fn rollback(&mut self) {
        for segment in &mut self.all {
            segment.rollback();
        }
    }

    /// Removes segments and their files.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn remove(&mut self, numbers: &[u32]) -> Result<(), Fault> {
        for segment in &mut self.all {
            if numbers.contains(&segment.number) {
                segment.rollback();
                segment.disconnect();
            }
        }
        self.all
            .retain(|segment| !numbers.contains(&segment.number));
        self.publish();
        for number in numbers {
            segment::unlink(&self.dir, *number)?;
        }
        Ok(())
    }

    /// Shows readers the current heads.
    pub(crate) fn publish(&self) {
        let infos = self.all.iter().map(|segment| Info {
            number: segment.number,
            head: segment.head,
            damage: segment.damage.clone(),
        });
        self.directory.store(Arc::new(infos.collect()));
    }

    fn close_idle(&mut self) {
        let open = |segment: &&mut Segment| segment.is_connected() && !segment.in_transaction;
        while self.all.iter_mut().filter(open).count() > MOST_CONNECTIONS {
            let idle = self.all.iter_mut().filter(open);
            if let Some(segment) = idle.min_by_key(|segment| segment.used) {
                segment.disconnect();
            }
        }
    }
}

const MOST_CONNECTIONS: usize = 8;
