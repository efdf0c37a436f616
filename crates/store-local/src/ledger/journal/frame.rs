//! The frames of a journal file.
//!
//! `length u32 ‖ crc32c u32 ‖ sequence u64 ‖ version u8 ‖ payload`, little endian. The length is
//! that of the payload, the checksum covers all after itself. A file begins with
//! `magic ‖ number u64 ‖ first sequence u64 ‖ after a gap u32 ‖ crc32c u32`.

/// Bytes before the payload.
pub(crate) const HEADER: usize = 17;
/// Bytes before the first frame.
pub(crate) const FILE_HEADER: usize = 32;
/// The version of the payload encoding this austin writes; it reads all up to it.
pub(crate) const VERSION: u8 = 2;
const MAGIC: [u8; 8] = *b"austinJ1";

/// A buffer to append a payload to before [`seal`].
pub(crate) fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER, 0);
}

/// Fills in the header of a buffer that holds header space and payload.
pub(crate) fn seal(buffer: &mut [u8], sequence: u64) {
    let length = u32::try_from(buffer.len() - HEADER).unwrap_or(u32::MAX);
    buffer[0..4].copy_from_slice(&length.to_le_bytes());
    buffer[8..16].copy_from_slice(&sequence.to_le_bytes());
    buffer[16] = VERSION;
    let sum = crc32c::crc32c(&buffer[8..]);
    buffer[4..8].copy_from_slice(&sum.to_le_bytes());
}

/// A valid frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Its number; they have no gaps.
    pub(crate) sequence: u64,
    /// The version of its payload.
    pub(crate) version: u8,
    /// What it holds.
    pub(crate) payload: &'a [u8],
}

/// The frame that begins with `data`, if a valid one does.
pub(crate) fn parse(data: &[u8]) -> Option<Frame<'_>> {
    let length = usize::try_from(u32_at(data, 0)?).ok()?;
    let sum = u32_at(data, 4)?;
    let sequence = u64_at(data, 8)?;
    let version = *data.get(16)?;
    if sequence == 0 || version == 0 {
        return None;
    }
    let checked = data.get(8..HEADER.checked_add(length)?)?;
    if crc32c::crc32c(checked) != sum {
        return None;
    }
    Some(Frame {
        sequence,
        version,
        payload: &data[HEADER..HEADER + length],
    })
}

/// The header of a journal file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    /// The file's number.
    pub(crate) number: u64,
    /// The number of its first frame.
    pub(crate) first: u64,
    /// Whether frame numbers were skipped on purpose before it.
    pub(crate) after_gap: bool,
}

impl FileHeader {
    /// Its bytes.
    pub(crate) fn to_bytes(self) -> [u8; FILE_HEADER] {
        let mut header = [0; FILE_HEADER];
        header[0..8].copy_from_slice(&MAGIC);
        header[8..16].copy_from_slice(&self.number.to_le_bytes());
        header[16..24].copy_from_slice(&self.first.to_le_bytes());
        header[24..28].copy_from_slice(&u32::from(self.after_gap).to_le_bytes());
        let sum = crc32c::crc32c(&header[..28]);
        header[28..32].copy_from_slice(&sum.to_le_bytes());
        header
    }

    /// The header that begins `data`, when it is whole.
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        let header = data.get(..FILE_HEADER)?;
        if header[..8] != MAGIC || u32_at(header, 28)? != crc32c::crc32c(&header[..28]) {
            return None;
        }
        Some(Self {
            number: u64_at(header, 8)?,
            first: u64_at(header, 16)?,
            after_gap: u32_at(header, 24)? != 0,
        })
    }
}

/// The offset of the first valid frame in `data` from `from` on whose number is above
/// `sequence`, at whatever place it begins.
pub(crate) fn find_above(data: &[u8], from: usize, sequence: u64) -> Option<usize> {
    let mut at = from;
    while at + HEADER <= data.len() {
        let page_end = (at + PAGE).min(data.len());
        if data[at..page_end].iter().all(|byte| *byte == 0) {
            // A frame that begins in its last bytes is found from there.
            at = (page_end.saturating_sub(HEADER - 1)).max(at + 1);
            continue;
        }
        let candidate = u64_at(data, at + 8).is_some_and(|found| {
            found > sequence
                && found - sequence < PLAUSIBLE_GAP
                && (1..=VERSION).contains(&data[at + 16])
        });
        if candidate && parse(&data[at..]).is_some() {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

const PAGE: usize = 4096;
const PLAUSIBLE_GAP: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(sequence: u64, payload: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::new();
        begin(&mut buffer);
        buffer.extend_from_slice(payload);
        seal(&mut buffer, sequence);
        buffer
    }

    #[test]
    fn a_frame_with_any_bit_turned_is_no_frame() {
        let good = framed(7, b"payload");
        let frame = parse(&good).unwrap();
        assert_eq!((frame.sequence, frame.payload), (7, &b"payload"[..]));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&bad), None, "bit {bit}");
        }
        for cut in 0..good.len() {
            assert_eq!(parse(&good[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn later_frames_are_found_behind_zeros_and_noise_and_older_ones_are_not() {
        for gap in [0, 1, 16, 17, 4095, 4096, 9000] {
            let mut data = vec![0xaa; 5];
            data.extend(vec![0; gap]);
            let place = data.len();
            data.extend(framed(9, b"later"));
            assert_eq!(find_above(&data, 0, 8), Some(place), "gap {gap}");
            assert_eq!(find_above(&data, 0, 9), None);
        }
    }

    #[test]
    fn file_headers_are_checked() {
        let header = FileHeader {
            number: 3,
            first: 41,
            after_gap: true,
        };
        assert_eq!(FileHeader::parse(&header.to_bytes()), Some(header));
        for bit in 0..FILE_HEADER * 8 {
            let mut bad = header.to_bytes();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FileHeader::parse(&bad), None, "bit {bit}");
        }
    }
}
