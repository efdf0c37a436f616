//! Rows of a CSV file, in whichever encoding and with whichever separator spreadsheets write it.
//!
//! Memory is bounded: the file is read in pieces, and a row that does not end is refused.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use austin_domain::suppression::Source;
use austin_ports::suppressions::{ImportBatch, NewImport, NewSuppression, RowFault, Spool};
use encoding_rs::{Decoder, DecoderResult, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::fields::{self, Ground, Written};

/// The columns that a file may have.
const COLUMNS: [&str; 5] = ["to", "channel", "reason", "until", "note"];
/// Most bytes of one row.
const LONGEST_ROW: usize = 1 << 20;
const PIECE: usize = 16 * 1024;

/// The rows of one file.
pub(super) struct Rows {
    reader: csv::Reader<Bounded>,
    record: csv::StringRecord,
    /// Bytes read since the last row ended.
    since: Arc<AtomicUsize>,
    /// For each of [`COLUMNS`], where it stands.
    places: [Option<usize>; COLUMNS.len()],
    width: usize,
    /// Where lines end with CR LF, the reader counts a line one row too late, from the second row.
    shift: u64,
}

impl Rows {
    /// Reads the first row, which names the columns. `probe` and `content` are the same file.
    ///
    /// # Errors
    /// What makes it no file of suppressions.
    pub(super) fn open(probe: Spool, content: Spool) -> Result<Self, RowFault> {
        let encoding = encoding(probe)?;
        let mut content = BufReader::new(Decoded::new(content, encoding));
        let start = content.fill_buf().map_err(|error| unreadable(1, &error))?;
        let first = start
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let (delimiter, shift) = (delimiter(first), u64::from(first.ends_with(b"\r")));
        let since = Arc::new(AtomicUsize::new(0));
        let bounded = Bounded {
            inner: content,
            since: Arc::clone(&since),
        };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(bounded);
        let mut rows = Self {
            reader,
            record: csv::StringRecord::new(),
            since,
            places: [None; COLUMNS.len()],
            width: 0,
            shift: 0,
        };
        if rows.step()?.is_none() {
            return Err(fault(1, "", "empty", "the file has no rows"));
        }
        rows.name_columns()?;
        rows.shift = shift;
        Ok(rows)
    }

    /// The next rows, at most `most`; empty at the end.
    ///
    /// # Errors
    /// What keeps the rest from being read.
    pub(super) fn next(
        &mut self,
        most: usize,
        asked: &NewImport,
        ground: &Ground<'_>,
    ) -> Result<ImportBatch, RowFault> {
        let mut batch = ImportBatch::default();
        while batch.entries.len() + usize::try_from(batch.rejected).unwrap_or(most) < most {
            let Some(line) = self.step()? else {
                break;
            };
            match self.entry(line, asked, ground) {
                Ok(entry) => batch.entries.push(entry),
                Err(faults) => {
                    batch.rejected += 1;
                    batch.faults.extend(faults);
                }
            }
        }
        Ok(batch)
    }

    /// Reads a row; the line it begins at, `None` at the end.
    fn step(&mut self) -> Result<Option<u64>, RowFault> {
        let line = self.reader.position().line();
        let read = self.reader.read_record(&mut self.record);
        let more = read.map_err(|error| unreadable(line, &error))?;
        self.since.store(0, Ordering::Relaxed);
        let line = self.record.position().map_or(line, csv::Position::line);
        Ok(more.then_some(line + self.shift))
    }

    fn name_columns(&mut self) -> Result<(), RowFault> {
        self.width = self.record.len();
        for (at, name) in self.record.iter().enumerate() {
            let name = name
                .trim()
                .trim_start_matches('\u{feff}')
                .to_ascii_lowercase();
            let known = COLUMNS.iter().position(|known| *known == name);
            let Some(known) = known else {
                // What is no name may be an address: it is not repeated.
                let is_name = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '-' | ' ');
                let shown = Some(name.as_str()).filter(|name| name.chars().all(is_name));
                let detail = format!(
                    "column {} has no known name; the first row names the columns: {}",
                    at + 1,
                    COLUMNS.join(", ")
                );
                return Err(fault(1, shown.unwrap_or(""), "unknown_column", detail));
            };
            if self.places[known].replace(at).is_some() {
                let name = COLUMNS[known];
                return Err(fault(1, name, "duplicate_column", "stands there twice"));
            }
        }
        match self.places[0] {
            Some(_) => Ok(()),
            None => Err(fault(1, "to", "required", "the file has no column to")),
        }
    }

    fn entry(
        &self,
        line: u64,
        asked: &NewImport,
        ground: &Ground<'_>,
    ) -> Result<NewSuppression, Vec<RowFault>> {
        if self.record.len() > self.width {
            let detail = "has more cells than the first row has columns";
            return Err(vec![fault(line, "", "too_many_columns", detail)]);
        }
        let cell = |column: usize| {
            let text = self.record.get(self.places[column]?)?.trim();
            Some(text).filter(|text| !text.is_empty())
        };
        let written = Written {
            to: cell(0).unwrap_or_default(),
            channel: cell(1),
            reason: cell(2),
            until: cell(3),
            note: cell(4),
        };
        let checked = fields::check(written, ground).map_err(|faults| {
            let faults = faults.into_iter();
            let faults = faults.map(|(column, code, detail)| fault(line, column, code, detail));
            faults.collect::<Vec<_>>()
        })?;
        Ok(NewSuppression {
            channel: checked.channel,
            to: checked.to,
            reason: checked.reason,
            until: checked.until,
            source: Source::Import,
            cause: None,
            note: checked.note,
            author: asked.author.clone(),
        })
    }
}

fn fault(line: u64, column: &str, code: &str, detail: impl Into<String>) -> RowFault {
    RowFault {
        line,
        column: column.chars().take(40).collect(),
        code: code.to_owned(),
        detail: detail.into(),
    }
}

fn unreadable(line: u64, error: &dyn std::fmt::Display) -> RowFault {
    fault(line, "", "unreadable", error.to_string())
}

/// The encoding of a file: by its mark, else UTF-8 when all of it is, else GB18030 (which GBK and
/// GB2312 are part of) when all of it is.
fn encoding(mut file: Spool) -> Result<&'static Encoding, RowFault> {
    let mut piece = vec![0; PIECE];
    let mut scratch = vec![0; PIECE * 4];
    let mut decoders: Vec<(&'static Encoding, Decoder)> = [UTF_8, GB18030]
        .into_iter()
        .map(|encoding| (encoding, encoding.new_decoder_without_bom_handling()))
        .collect();
    let mut first = true;
    loop {
        let read = fill(&mut file, &mut piece).map_err(|error| unreadable(1, &error))?;
        let (read, last) = (&piece[..read], read < PIECE);
        if first && let Some((marked, _)) = Encoding::for_bom(read) {
            let known = [UTF_8, UTF_16LE, UTF_16BE];
            return known
                .into_iter()
                .find(|known| *known == marked)
                .ok_or_else(unknown);
        }
        first = false;
        decoders.retain_mut(|(_, decoder)| takes(decoder, read, &mut scratch, last));
        match decoders.as_slice() {
            [] => return Err(unknown()),
            [(encoding, _), ..] if last => return Ok(encoding),
            _ => {}
        }
    }
}

fn unknown() -> RowFault {
    let detail = "the file is neither UTF-8 nor GB18030 nor UTF-16; save it as \"CSV UTF-8\"";
    fault(1, "", "unknown_encoding", detail)
}

/// Whether all of `piece` is in the decoder's encoding.
fn takes(decoder: &mut Decoder, mut piece: &[u8], scratch: &mut [u8], last: bool) -> bool {
    loop {
        let (result, read, _) = decoder.decode_to_utf8_without_replacement(piece, scratch, last);
        piece = &piece[read..];
        match result {
            DecoderResult::InputEmpty => return true,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => return false,
        }
    }
}

/// Reads until `piece` is full or the file ends.
fn fill(file: &mut Spool, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match file.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What separates cells, by the first line of a file.
fn delimiter(line: &[u8]) -> u8 {
    let count = |wanted: u8| line.iter().filter(|byte| **byte == wanted).count();
    let best = [b',', b';', b'\t']
        .into_iter()
        .rev()
        .max_by_key(|byte| count(*byte));
    best.filter(|byte| count(*byte) > 0).unwrap_or(b',')
}

/// A file as UTF-8.
struct Decoded {
    file: Spool,
    decoder: Decoder,
    raw: Box<[u8]>,
    start: usize,
    end: usize,
    at_end: bool,
    done: bool,
}

impl Decoded {
    fn new(file: Spool, encoding: &'static Encoding) -> Self {
        Self {
            file,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; PIECE].into(),
            start: 0,
            end: 0,
            at_end: false,
            done: false,
        }
    }
}

impl Read for Decoded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.done {
            if self.start == self.end && !self.at_end {
                self.end = fill(&mut self.file, &mut self.raw)?;
                self.start = 0;
                self.at_end = self.end < self.raw.len();
            }
            let piece = &self.raw[self.start..self.end];
            let (result, read, written, _) = self.decoder.decode_to_utf8(piece, into, self.at_end);
            self.start += read;
            self.done = self.at_end && result == encoding_rs::CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

/// Stops at a row that does not end, as after a quote that nobody closed.
struct Bounded {
    inner: BufReader<Decoded>,
    since: Arc<AtomicUsize>,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        if self.since.fetch_add(read, Ordering::Relaxed) + read > LONGEST_ROW {
            let why = format!("a row has more than {LONGEST_ROW} bytes; is a quote not closed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
