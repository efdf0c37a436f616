//! Reading the journal from its beginning to its end.
//!
//! The end is the first place without a valid next frame. That is normal after a crash; it is
//! damage when valid frames with higher numbers lie behind it, for then acknowledged ones are
//! missing.

use std::path::Path;

use super::{Closed, files, frame};
use crate::ledger::fault::Fault;

/// What [`read`] found.
#[derive(Debug)]
pub(crate) struct Position {
    /// The number the next frame gets.
    pub(crate) next: u64,
    /// The highest file number there is.
    pub(super) last_file: u64,
    /// Full files.
    pub(super) closed: Vec<Closed>,
    /// The last file, and where its next frame goes.
    pub(super) open: Option<(u64, u64)>,
    /// Whether frame numbers were skipped.
    pub(super) gap: bool,
}

impl Position {
    /// Goes on above `sequence`, where the segments are ahead of the journal (which happens only
    /// when files were lost): in a new file.
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        if self.next <= sequence {
            if let Some((number, _)) = self.open.take() {
                self.closed.push(Closed {
                    number,
                    last: sequence,
                });
            }
            self.next = sequence + 1;
            self.gap = true;
        }
    }
}

/// Gives every frame of the journal in `dir` to `each`, in order.
///
/// # Errors
/// [`Fault::Damaged`] naming file and offset when frames are missing in the middle; what `each`
/// says; the file system's errors.
pub(crate) fn read(
    dir: &Path,
    mut each: impl FnMut(&frame::Frame<'_>) -> Result<(), Fault>,
) -> Result<Position, Fault> {
    let numbers = files::numbers(dir)?;
    let mut position = Position {
        next: 1,
        last_file: numbers.last().copied().unwrap_or(0),
        closed: Vec::new(),
        open: None,
        gap: false,
    };
    let mut end: Option<End> = None;
    for number in numbers {
        let path = files::path(dir, number);
        let data =
            std::fs::read(&path).map_err(Fault::io(format!("cannot read {}", path.display())))?;
        let header = frame::FileHeader::parse(&data).filter(|header| header.number == number);
        let Some(frame::FileHeader {
            first, after_gap, ..
        }) = header
        else {
            // Claimed for use by a crash, or damaged: the frames in it tell.
            if let Some(at) = frame::find_above(&data, 0, position.next.saturating_sub(1)) {
                return Err(damaged(&path, 0, at));
            }
            files::free(dir, number)?;
            continue;
        };
        if let Some(end) = &end {
            if first > position.next && !after_gap {
                return Err(Fault::Damaged(format!(
                    "{}: the journal breaks off at offset {} with frame {}, but the next file \
                     begins with frame {first}: acknowledged writes are missing; restore the file \
                     from a backup",
                    end.path,
                    end.offset,
                    position.next - 1,
                )));
            }
            position.closed.push(Closed {
                number: end.number,
                last: first - 1,
            });
        }
        position.next = first;
        let offset = walk(&data, &mut position.next, &mut each)?;
        end = Some(End {
            number,
            path: path.display().to_string(),
            offset,
        });
        if let Some(later) = frame::find_above(&data, offset, position.next.saturating_sub(1)) {
            return Err(damaged(&path, offset, later));
        }
    }
    position.open = end.map(|end| (end.number, end.offset as u64));
    Ok(position)
}

struct End {
    number: u64,
    path: String,
    offset: usize,
}

fn walk(
    data: &[u8],
    next: &mut u64,
    each: &mut impl FnMut(&frame::Frame<'_>) -> Result<(), Fault>,
) -> Result<usize, Fault> {
    let mut at = frame::FILE_HEADER;
    while let Some(found) = frame::parse(&data[at.min(data.len())..]) {
        if found.sequence != *next {
            break;
        }
        if found.version > frame::VERSION {
            return Err(Fault::Damaged(format!(
                "the journal has frames of version {}, and this austin knows {}: it was written \
                 by a newer austin; run that one",
                found.version,
                frame::VERSION
            )));
        }
        each(&found)?;
        *next += 1;
        at += frame::HEADER + found.payload.len();
    }
    Ok(at)
}

fn damaged(path: &Path, offset: usize, later: usize) -> Fault {
    Fault::Damaged(format!(
        "{}: damaged at offset {offset}: there is no valid frame, but there are later ones from \
         offset {later} on, so acknowledged writes are missing; restore the file from a backup",
        path.display()
    ))
}
